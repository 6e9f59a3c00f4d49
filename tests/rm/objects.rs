//! Changes of projects' objects: records, sub-projects, and what is kept of tables.

use oms::metadata::{
    AlarmLevel, ComponentStatus, ComponentType, DesiredStatus, MetaErrorKind, Metadata,
    ModifyStatus, ModifyType, ModifyUpdate, NewComponent, NewModifyRecord, NewProject, NewSlice,
    NewStep, NewTask, Project, ProjectFilter, ProjectType, Report, StepName, TableKey, Written,
    new_id,
};
use serde_json::json;

use super::{good, project};

/// A sub-project of a project.
async fn child(meta: &Metadata, parent: &Project) -> Project {
    let id = new_id("np_");
    let new = NewProject {
        name: format!("{}+{id}", parent.id),
        id,
        kind: ProjectType::Migration,
        source_id: "e_source".to_owned(),
        target_id: "e_target".to_owned(),
        config: json!({}),
        alarm_level: AlarmLevel::Low,
    };
    let made = meta.projects().create_child(new, parent).await;
    made.expect("a sub-project")
}

pub async fn records(meta: &Metadata) {
    let parent = project(meta).await;
    let child = child(meta, &parent).await;
    assert_eq!(child.parent.as_ref(), Some(&parent.id));
    assert_eq!(child.owner, parent.owner);
    let listed = async |filter: ProjectFilter| {
        let found = meta.projects().list(&filter).await.expect("a list");
        let ids: Vec<String> = good(found).into_iter().map(|p| p.id).collect();
        (ids.contains(&parent.id), ids.contains(&child.id))
    };
    let children = ProjectFilter {
        children: true,
        ..ProjectFilter::default()
    };
    let of_parent = ProjectFilter {
        parent: Some(parent.id.clone()),
        ..ProjectFilter::default()
    };
    assert_eq!(listed(ProjectFilter::default()).await, (true, false));
    assert_eq!(listed(children).await, (true, true));
    assert_eq!(listed(of_parent).await, (false, true));

    let records = meta.modify_records();
    let new = NewModifyRecord {
        id: new_id("mr_"),
        project_id: parent.id.clone(),
        sub_project_id: Some(child.id.clone()),
        kind: ModifyType::IncreaseObject,
        status: ModifyStatus::Pending,
        tables: vec![("a".to_owned(), "T.1".to_owned())],
    };
    let made = records.create(new.clone()).await.expect("a record");
    assert_eq!(made.tables, new.tables);
    assert_eq!(records.create(new).await.expect("as it is"), made);
    let open = records.open(Some(&parent.id)).await.expect("a list");
    assert_eq!(good(open), std::slice::from_ref(&made));
    let set = async |only_if, status, epoch| {
        let update = ModifyUpdate {
            only_if,
            status: Some(status),
            info: Some(json!({ "attempt": epoch })),
            extra_info: None,
        };
        records
            .update(&made.id, update, epoch)
            .await
            .expect("asked")
    };
    let pending = Some(ModifyStatus::Pending);
    assert_eq!(
        set(pending, ModifyStatus::Modifying, 5).await,
        Written::Applied
    );
    let changed = set(pending, ModifyStatus::Cancel, 5).await;
    assert!(matches!(changed, Written::Changed { .. }), "{changed:?}");
    let fenced = set(None, ModifyStatus::Running, 4).await;
    assert_eq!(fenced, Written::Fenced { found: 5 });
    assert_eq!(set(None, ModifyStatus::Success, 5).await, Written::Applied);
    let found = records.get(&made.id).await.expect("a record");
    assert_eq!(
        (found.status, &found.info["attempt"]),
        (ModifyStatus::Success, &json!(5))
    );
    let open = records.open(Some(&parent.id)).await.expect("a list");
    assert!(open.is_empty());
    let all = records.list(&parent.id, 0, 0).await.expect("a list");
    assert_eq!(good(all), [found]);
    meta.projects().purge(&parent.id).await.expect("purged");
    let gone = records.get(&made.id).await.expect_err("gone");
    assert_eq!(gone.kind(), MetaErrorKind::NotFound);
}

/// Makes what a copy keeps of a table.
async fn copied(meta: &Metadata, project: &str, step: &str, table: &str) {
    let key = TableKey {
        project_id: project.to_owned(),
        schema: "a".to_owned(),
        table: table.to_owned(),
    };
    let slices = vec![NewSlice::whole(7)];
    meta.slices()
        .insert_many(&key, slices, 3)
        .await
        .expect("slices");
    for (kind, name) in [
        ("FULL_TRANSFER_TABLE", format!("a.{table}")),
        ("CREATE_INDEX", format!("a.{table}.i")),
    ] {
        let new = NewTask {
            id: None,
            group: step.to_owned(),
            kind: kind.to_owned(),
            name,
            max_retry_count: None,
            task_info: json!({}),
        };
        meta.tasks().upsert(new).await.expect("a task");
    }
}

/// The tables of which there are slices, and the names of the step's tasks.
async fn kept(meta: &Metadata, project: &str, step: &str) -> (Vec<String>, Vec<String>) {
    let slices = meta
        .slices()
        .first_of_tables(project)
        .await
        .expect("slices");
    let tables = good(slices).into_iter().map(|s| s.key.table.table);
    let tasks = meta.tasks().list(step).await.expect("tasks");
    let mut names: Vec<String> = good(tasks).into_iter().map(|t| t.name).collect();
    names.sort();
    (tables.collect(), names)
}

pub async fn tables_are_handed_over_and_forgotten(meta: &Metadata) {
    let parent = project(meta).await;
    let child = child(meta, &parent).await;
    let mut steps = Vec::new();
    for project in [&parent, &child] {
        let new = NewStep {
            id: None,
            order: 1,
            name: StepName::FullTransfer,
            interactive: false,
        };
        let steps_of = meta.steps();
        steps_of
            .create_all(&project.id, vec![new])
            .await
            .expect("a step");
        let made = good(steps_of.list(&project.id).await.expect("steps"));
        let made = made.into_iter().find(|s| s.name == StepName::FullTransfer);
        steps.push(made.expect("it").id);
    }
    let [ours, theirs] = steps.as_slice() else {
        panic!("two");
    };
    copied(meta, &parent.id, ours, "old").await;
    // a table whose name begins with another one's, and a dot
    copied(meta, &parent.id, ours, "old.x").await;
    copied(meta, &child.id, theirs, "new").await;
    let new = [("a".to_owned(), "new".to_owned())];
    for _ in 0..2 {
        let moved = meta.projects().move_objects(&child.id, &parent.id, &new);
        moved.await.expect("handed over");
        let (tables, tasks) = kept(meta, &parent.id, ours).await;
        assert_eq!(tables, ["new", "old", "old.x"]);
        assert_eq!(
            tasks,
            [
                "a.new",
                "a.new.i",
                "a.old",
                "a.old.i",
                "a.old.x",
                "a.old.x.i"
            ]
        );
        assert_eq!(kept(meta, &child.id, theirs).await, (vec![], vec![]));
    }
    let gone = [
        ("a".to_owned(), "new".to_owned()),
        ("a".to_owned(), "old".to_owned()),
    ];
    for _ in 0..2 {
        let forgotten = meta.projects().forget_objects(&parent.id, &gone).await;
        forgotten.expect("forgotten");
        let (tables, tasks) = kept(meta, &parent.id, ours).await;
        assert_eq!(tables, ["old.x"]);
        // its copy stays, whatever else a name could mean
        assert!(tasks.contains(&"a.old.x".to_owned()), "{tasks:?}");
        assert!(!tasks.contains(&"a.old".to_owned()), "{tasks:?}");
    }
}

/// Whoever waits for a component to rest sees when it is taken to be started.
pub async fn one_that_is_started_does_not_look_at_rest(meta: &Metadata) {
    let project = project(meta).await;
    let number = meta.components().next_sequence().await.expect("a number");
    let components = meta.components();
    let new = NewComponent {
        id: format!("n-1:x:{number:010}"),
        project_id: project.id.clone(),
        step_id: "s_x".to_owned(),
        kind: ComponentType::IncrSync,
        desired_status: DesiredStatus::Running,
        node: "n".to_owned(),
        config: json!({}),
        checkpoint: json!({}),
    };
    let id = components.create(new).await.expect("a component").id;
    assert_eq!(
        components.take_to_run(&id, "n", 5).await.expect("taken"),
        Some(1)
    );
    let rests = Report {
        status: Some(ComponentStatus::Paused),
        ..Report::default()
    };
    assert_eq!(
        components.report(&id, 1, rests).await.expect("told"),
        Written::Applied
    );
    let wanted = DesiredStatus::Paused;
    assert_eq!(
        components.set_desired(&id, wanted, 5).await.expect("told"),
        Written::Applied
    );
    // it shall not run: nobody starts it
    assert_eq!(
        components.take_to_run(&id, "n", 5).await.expect("asked"),
        None
    );
    let row = components.get(&id).await.expect("a component");
    assert_eq!((row.status, row.epoch), (ComponentStatus::Paused, 1));
    let wanted = DesiredStatus::Running;
    assert_eq!(
        components.set_desired(&id, wanted, 5).await.expect("told"),
        Written::Applied
    );
    assert_eq!(
        components.take_to_run(&id, "n", 5).await.expect("taken"),
        Some(2)
    );
    let row = components.get(&id).await.expect("a component");
    assert_eq!(row.status, ComponentStatus::Init);
}
