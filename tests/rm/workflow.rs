//! Projects, steps, tasks, components, and what they share.

use std::time::Duration;

use oms::metadata::{
    ComponentStatus, ComponentType, DataSourceType, DataSourceUpdate, DesiredStatus, Leased,
    MetaErrorKind, Metadata, NewComponent, NewDataSource, NewEvent, NewProject, NewTask,
    ProjectFilter, ProjectStatus, ProjectType, Report, StepName, StepStatus, StepUpdate,
    TaskStatus, Written, new_id, now,
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

    for count in 1..=4 {
        let counted = meta
            .tasks()
            .increment_retry(&orders.id, 4)
            .await
            .expect("a count");
        assert_eq!(counted, count);
    }
    let error = meta
        .tasks()
        .increment_retry(&orders.id, 3)
        .await
        .expect_err("an old epoch");
    assert_eq!(error.kind(), MetaErrorKind::Fenced);
    assert!(
        !meta
            .tasks()
            .get(&orders.id)
            .await
            .expect("a task")
            .may_retry()
    );
    assert!(
        meta.tasks()
            .reset(&orders.id, 4)
            .await
            .expect("a write")
            .applied()
    );
    let reset = meta.tasks().get(&orders.id).await.expect("a task");
    assert_eq!((reset.status, reset.retry_count), (TaskStatus::Pending, 0));
    assert!(reset.may_retry());

    let listed = good(meta.tasks().list(&group).await.expect("tasks"));
    assert_eq!(listed.len(), 4);
    assert_eq!(
        meta.tasks()
            .delete_group(&group, 3)
            .await
            .expect("a delete"),
        3
    );
    assert_eq!(
        good(meta.tasks().list(&group).await.expect("tasks")),
        [reset]
    );
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

pub async fn components(meta: &Metadata) {
    let project = project(meta).await;
    let number = meta.components().next_sequence().await.expect("a number");
    assert_eq!(
        meta.components().next_sequence().await.expect("a number"),
        number + 1
    );
    let id = format!("127.0.0.1-7100:MYSQL_{}_e_x-1-0:{number:010}", project.id);
    let new = NewComponent {
        id: id.clone(),
        project_id: project.id.clone(),
        step_id: "s_x".to_owned(),
        kind: ComponentType::Store,
        desired_status: DesiredStatus::Running,
        node: project.id.clone(),
        config: json!({"port": 7100}),
        checkpoint: json!({}),
    };
    let made = meta
        .components()
        .create(new.clone())
        .await
        .expect("a component");
    assert_eq!((made.status, made.epoch), (ComponentStatus::Init, 0));

    let coordinator = 5;
    assert!(
        meta.projects()
            .claim(&project.id, coordinator)
            .await
            .expect("a claim")
            .applied()
    );
    let one = meta
        .components()
        .bump_epoch(&id, None, coordinator)
        .await
        .expect("an epoch");
    let two = meta
        .components()
        .bump_epoch(&id, Some("b"), coordinator)
        .await
        .expect("an epoch");
    assert_eq!((one, two), (1, 2));
    let report = Report {
        status: Some(ComponentStatus::Running),
        attempt: Some(1),
        checkpoint: Some(json!({"file": "binlog.000003"})),
        error: Some(Some(json!({"code": "BIN-0001"}))),
        ..Report::default()
    };
    let dead = meta
        .components()
        .report(&id, one, report.clone())
        .await
        .expect("a report");
    assert_eq!(dead, Written::Fenced { found: 2 });
    assert!(
        meta.components()
            .report(&id, two, report)
            .await
            .expect("a report")
            .applied()
    );
    let over = Report {
        error: Some(None),
        ..Report::default()
    };
    let found = meta.components().get(&id).await.expect("a component");
    assert_eq!((found.node.as_str(), found.attempt), ("b", 1));
    assert!(found.error.is_some() && found.latest_heartbeat.is_some());
    assert!(
        meta.components()
            .report(&id, two, over)
            .await
            .expect("a report")
            .applied()
    );
    assert_eq!(
        meta.components()
            .create(new)
            .await
            .expect("the same again")
            .error,
        None
    );

    let stop = DesiredStatus::Stopped;
    let late = meta
        .components()
        .set_desired(&id, stop, 4)
        .await
        .expect("a write");
    assert_eq!(late, Written::Fenced { found: coordinator });
    let error = meta
        .components()
        .bump_epoch(&id, None, 4)
        .await
        .expect_err("an old epoch");
    assert_eq!(error.kind(), MetaErrorKind::Fenced);
    let nobody = meta
        .components()
        .set_desired("nobody", stop, 5)
        .await
        .expect("a write");
    assert_eq!(nobody, Written::NotFound);
    assert!(
        meta.components()
            .set_desired(&id, stop, 5)
            .await
            .expect("a write")
            .applied()
    );
    let listed = good(
        meta.components()
            .list(&project.id)
            .await
            .expect("components"),
    );
    assert_eq!(listed[0].desired_status, stop);
    assert_eq!(
        meta.components()
            .list_by_node(&project.id)
            .await
            .expect("a list")
            .len(),
        0
    );
    assert!(!meta.components().delete(&id, 1).await.expect("a delete"));
    assert!(meta.components().delete(&id, 2).await.expect("a delete"));
}

pub async fn datasources_and_parameters(meta: &Metadata) {
    let sources = meta.datasources();
    let new = NewDataSource {
        id: None,
        name: "shop".to_owned(),
        kind: DataSourceType::Mysql,
        host: format!("{}.example", new_id("h")),
        port: 3306,
        username: "app".to_owned(),
        password_cipher: "cipher".to_owned(),
        options: json!({"tls": false}),
    };
    let made = sources.create(new.clone()).await.expect("a data source");
    assert_eq!(
        sources.create(new.clone()).await.expect("the same again"),
        made
    );
    let other = NewDataSource {
        username: "App".to_owned(),
        ..new.clone()
    };
    assert_ne!(
        sources.create(other).await.expect("another").id,
        made.id,
        "case counts"
    );
    let update = DataSourceUpdate {
        version: Some("9.7.0".to_owned()),
        password_cipher: Some("newer".to_owned()),
        ..DataSourceUpdate::default()
    };
    sources
        .update(&made.id, update.clone())
        .await
        .expect("a write");
    let found = sources
        .find_by_endpoint(new.kind, &new.host, 3306, "app")
        .await;
    let found = found
        .expect("a look")
        .expect("it is there")
        .expect("a good row");
    assert_eq!(
        (found.version.as_str(), found.password_cipher.as_str()),
        ("9.7.0", "newer")
    );
    assert!(
        !format!("{found:?}").contains("newer"),
        "no secret in a debug print"
    );
    let error = sources
        .update("e_nobody", update)
        .await
        .expect_err("no data source");
    assert_eq!(error.kind(), MetaErrorKind::NotFound);

    let name = new_id("test.config.");
    assert_eq!(meta.configs().get(&name).await.expect("a look"), None);
    for value in [json!({"enable": true}), json!(5)] {
        meta.configs().set(&name, &value).await.expect("a write");
        assert_eq!(
            meta.configs().get(&name).await.expect("a look"),
            Some(value)
        );
    }
    assert_eq!(
        good(meta.configs().list(&name).await.expect("a list")),
        [(name, json!(5))]
    );
}

pub async fn journal(meta: &Metadata) {
    let subject = new_id("s_");
    let event = |event_no, epoch| NewEvent {
        project_id: "np_x".to_owned(),
        subject: subject.clone(),
        event_no,
        kind: "STEP_STARTED".to_owned(),
        epoch,
        detail: json!({"n": 1}),
    };
    assert_eq!(
        meta.events()
            .append(event(None, 1))
            .await
            .expect("an entry"),
        1
    );
    assert_eq!(
        meta.events()
            .append(event(None, 2))
            .await
            .expect("an entry"),
        2
    );
    assert_eq!(
        meta.events()
            .append(event(Some(2), 2))
            .await
            .expect("the same again"),
        2
    );
    let error = meta
        .events()
        .append(event(None, 1))
        .await
        .expect_err("an old epoch");
    assert_eq!(error.kind(), MetaErrorKind::Fenced);
    let listed = good(meta.events().list(&subject).await.expect("the journal"));
    let numbers: Vec<_> = listed.iter().map(|e| (e.event_no, e.epoch)).collect();
    assert_eq!(numbers, [(1, 1), (2, 2)]);
    assert_eq!(
        meta.events()
            .list_project("np_x", 1)
            .await
            .expect("the journal")
            .len(),
        1
    );
}

pub async fn leases(meta: &Metadata) {
    let name = new_id("lease.");
    let ttl = Duration::from_secs(60);
    let leases = meta.leases();
    let acquired = |epoch| Leased::Acquired { epoch };
    assert_eq!(
        leases.acquire(&name, "a", ttl).await.expect("a lease"),
        acquired(1)
    );
    match leases.acquire(&name, "b", ttl).await.expect("an answer") {
        Leased::Held {
            holder, remaining, ..
        } => {
            assert_eq!(holder, "a");
            assert!(
                remaining > Duration::from_secs(30) && remaining <= ttl,
                "{remaining:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    let short = Duration::from_millis(50);
    assert!(
        leases
            .renew(&name, "a", 1, short)
            .await
            .expect("a write")
            .applied()
    );
    tokio::time::sleep(short * 2).await;
    assert_eq!(
        leases.acquire(&name, "b", ttl).await.expect("a lease"),
        acquired(2)
    );
    let late = leases.renew(&name, "a", 1, ttl).await.expect("a write");
    assert_eq!(late, Written::Fenced { found: 2 });
    assert!(
        leases
            .release(&name, "b", 2)
            .await
            .expect("a write")
            .applied()
    );
    assert_eq!(
        leases.acquire(&name, "c", ttl).await.expect("a lease"),
        acquired(3)
    );
    assert_eq!(
        leases.acquire(&name, "c", ttl).await.expect("a lease"),
        acquired(4)
    );
    let nobody = leases
        .release(&new_id("lease."), "c", 4)
        .await
        .expect("a write");
    assert_eq!(nobody, Written::NotFound);
}
