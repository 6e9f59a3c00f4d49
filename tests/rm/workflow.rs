//! Projects, steps and tasks.

use oms::metadata::{
    MetaErrorKind, Metadata, NewProject, NewTask, ProjectFilter, ProjectStatus, ProjectType,
    StepName, StepStatus, StepUpdate, TaskStatus, Written, new_id, now,
};
use serde_json::json;

use super::{first_steps, good, project};

pub async fn projects(meta: &Metadata) {
    let projects = meta.projects();
    let first = project(meta).await;
    assert_eq!(first.status, ProjectStatus::Init);
    assert_eq!(first.config, json!({"include": ["shop.*"]}));

    let again = NewProject {
        id: first.id.clone(),
        name: first.name.clone(),
        kind: ProjectType::Sync,
        source_id: String::new(),
        target_id: String::new(),
        config: json!({}),
        alarm_level: first.alarm_level,
    };
    let same = projects
        .create(again.clone())
        .await
        .expect("the same again");
    assert_eq!(same, first, "an insert that is repeated changes nothing");

    let namesake = NewProject {
        id: new_id("np_"),
        ..again
    };
    let error = projects
        .create(namesake.clone())
        .await
        .expect_err("a name that is taken");
    assert_eq!(error.kind(), MetaErrorKind::Conflict);

    let failed = json!({"errorCode": "SRC-0001"});
    let set = projects.set_status(&first.id, ProjectStatus::Running, Some(failed.clone()), 7);
    assert_eq!(set.await.expect("a write"), Written::Applied);
    let late = projects.set_status(&first.id, ProjectStatus::Failed, None, 6);
    assert_eq!(late.await.expect("a write"), Written::Fenced { found: 7 });
    let nobody = projects.set_config("np_nobody", &json!({}), 7).await;
    assert_eq!(nobody.expect("a write"), Written::NotFound);
    let found = projects.get(&first.id).await.expect("a project");
    assert_eq!((found.status, found.epoch), (ProjectStatus::Running, 7));
    assert_eq!(found.extra_info, failed);

    let mut filter = ProjectFilter {
        search: Some(first.id.clone()),
        ..ProjectFilter::default()
    };
    assert_eq!(good(projects.list(&filter).await.expect("a list")), [found]);
    let deleted = projects
        .set_status(&first.id, ProjectStatus::Deleted, None, 7)
        .await;
    assert!(deleted.expect("a write").applied());
    assert!(projects.list(&filter).await.expect("a list").is_empty());
    filter.statuses = vec![ProjectStatus::Deleted];
    assert_eq!(projects.list(&filter).await.expect("a list").len(), 1);
    projects
        .create(namesake)
        .await
        .expect("the name of a deleted project is free");
    let error = projects.get("np_nobody").await.expect_err("no project");
    assert_eq!(error.kind(), MetaErrorKind::NotFound);
}

pub async fn steps(meta: &Metadata) {
    let project = project(meta).await;
    let made = good(
        meta.steps()
            .create_all(&project.id, first_steps())
            .await
            .expect("steps"),
    );
    let again = good(
        meta.steps()
            .create_all(&project.id, first_steps())
            .await
            .expect("steps"),
    );
    assert_eq!(made, again, "an insert that is repeated changes nothing");
    let names: Vec<_> = made.iter().map(|step| (step.order, step.name)).collect();
    let expected = [
        (1, StepName::TransferPrecheck),
        (2, StepName::StructTransfer),
        (3, StepName::TransferIncrLogPull),
    ];
    assert_eq!(names, expected);

    let id = &made[0].id;
    let time = now();
    let update = StepUpdate {
        only_if: Some(StepStatus::Init),
        status: Some(StepStatus::Running),
        progress: Some(250),
        step_info: Some(json!({"components": ["c"]})),
        start_time: Some(time),
        finish_time: Some(time),
        ..StepUpdate::default()
    };
    let first = meta
        .steps()
        .update(id, update.clone(), 3)
        .await
        .expect("a write");
    assert_eq!(first, Written::Applied);
    let second = meta.steps().update(id, update, 3).await.expect("a write");
    assert_eq!(
        second,
        Written::Changed {
            found: "RUNNING".to_owned()
        }
    );
    let late = meta
        .steps()
        .update(id, StepUpdate::default(), 2)
        .await
        .expect("a write");
    assert_eq!(late, Written::Fenced { found: 3 });
    // The same values again: a row that is matched is a row that is written.
    let clear = StepUpdate {
        clear_finish_time: true,
        ..StepUpdate::default()
    };
    for _ in 0..2 {
        let written = meta
            .steps()
            .update(id, clear.clone(), 3)
            .await
            .expect("a write");
        assert_eq!(written, Written::Applied);
    }
    let step = meta.steps().get(id).await.expect("a step");
    assert_eq!(
        (step.status, step.progress, step.epoch),
        (StepStatus::Running, 100, 3)
    );
    assert_eq!((step.start_time, step.finish_time), (Some(time), None));
    assert_eq!(step.step_info, json!({"components": ["c"]}));
    let other = good(meta.steps().list(&project.id).await.expect("steps"));
    assert_eq!(other[1], made[1], "the other steps are as they were");
}

pub async fn tasks(meta: &Metadata) {
    let group = new_id("s_");
    let task = |kind: &str, name: &str| NewTask {
        id: None,
        group: group.clone(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        max_retry_count: None,
        task_info: json!({"object": name}),
    };
    let orders = meta
        .tasks()
        .upsert(task("TABLE", "shop.orders"))
        .await
        .expect("a task");
    let other_case = meta
        .tasks()
        .upsert(task("TABLE", "shop.Orders"))
        .await
        .expect("a task");
    assert_ne!(orders.id, other_case.id, "case counts");
    let long = "x".repeat(500);
    meta.tasks()
        .upsert(task("VIEW", &long))
        .await
        .expect("a task with a long name");
    meta.tasks()
        .upsert(task("TABLE", "läden.bücher"))
        .await
        .expect("a task");

    let failed = json!({"errorCode": "INC-0001"});
    let set = meta
        .tasks()
        .set_status(&orders.id, TaskStatus::Failed, None, Some(failed), 4);
    assert!(set.await.expect("a write").applied());
    let again = meta
        .tasks()
        .upsert(task("TABLE", "shop.orders"))
        .await
        .expect("a task");
    assert_eq!(again.status, TaskStatus::Failed, "an upsert does not reset");
    assert_eq!(
        (again.max_retry_count, again.task_info),
        (3, json!({"object": "shop.orders"}))
    );

    a_task_is_tried_again(meta, &orders.id).await;
    let listed = good(meta.tasks().list(&group).await.expect("tasks"));
    assert_eq!(listed.len(), 4);
    let gone = meta.tasks().delete_group(&group, 3).await;
    assert_eq!(gone.expect("a delete"), 3, "what a newer epoch wrote stays");
    let left = good(meta.tasks().list(&group).await.expect("tasks"));
    assert_eq!(left.len(), 1);
}

async fn a_task_is_tried_again(meta: &Metadata, id: &str) {
    for count in 1..=4 {
        let counted = meta.tasks().increment_retry(id, 4).await.expect("a count");
        assert_eq!(counted, count);
    }
    let error = meta
        .tasks()
        .increment_retry(id, 3)
        .await
        .expect_err("an old epoch");
    assert_eq!(error.kind(), MetaErrorKind::Fenced);
    assert!(!meta.tasks().get(id).await.expect("a task").may_retry());
    assert!(meta.tasks().reset(id, 4).await.expect("a write").applied());
    let reset = meta.tasks().get(id).await.expect("a task");
    assert_eq!((reset.status, reset.retry_count), (TaskStatus::Pending, 0));
    assert!(reset.may_retry());
}

pub async fn claim_fences_the_old_coordinator(meta: &Metadata) {
    let project = project(meta).await;
    let steps = good(
        meta.steps()
            .create_all(&project.id, first_steps())
            .await
            .expect("steps"),
    );
    let task = NewTask {
        id: None,
        group: steps[1].id.clone(),
        kind: "TABLE".to_owned(),
        name: "shop.orders".to_owned(),
        max_retry_count: Some(1),
        task_info: json!({}),
    };
    let task = meta.tasks().upsert(task).await.expect("a task");
    assert!(
        meta.projects()
            .claim(&project.id, 9)
            .await
            .expect("a claim")
            .applied()
    );
    let fenced = Written::Fenced { found: 9 };
    let status = meta
        .projects()
        .set_status(&project.id, ProjectStatus::Failed, None, 8);
    assert_eq!(status.await.expect("a write"), fenced);
    let step = meta.steps().update(&steps[0].id, StepUpdate::default(), 8);
    assert_eq!(step.await.expect("a write"), fenced);
    let task = meta
        .tasks()
        .set_status(&task.id, TaskStatus::Failed, None, None, 8);
    assert_eq!(task.await.expect("a write"), fenced);
    assert_eq!(
        meta.projects()
            .claim(&project.id, 8)
            .await
            .expect("a claim"),
        fenced
    );
}
