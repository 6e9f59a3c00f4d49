//! O&M tasks and their sub-tasks.

use oms::metadata::{
    Metadata, NewOmTask, NewTask, OmTask, OmTaskFilter, OmTaskStatus, OmTaskType, Task, TaskStatus,
    TaskUpdate, Written, now,
};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::json;

use super::{good, project};

async fn task(meta: &Metadata, project: &str) -> OmTask {
    let new = NewOmTask {
        project_id: project.to_owned(),
        kind: OmTaskType::UpdateIncrSync,
        name: "a node".to_owned(),
        owner: None,
        task_info: json!({ "components": ["c_1", "c_2"] }),
    };
    meta.om_tasks().create(new).await.expect("an O&M task")
}

/// A sub-task about a component, in a state.
async fn sub(
    meta: &Metadata,
    task: &OmTask,
    component: &str,
    kind: &str,
    status: TaskStatus,
) -> Task {
    let new = NewTask {
        id: None,
        group: task.id.clone(),
        kind: kind.to_owned(),
        name: component.to_owned(),
        max_retry_count: None,
        task_info: json!({}),
    };
    let made = meta.tasks().upsert(new).await.expect("a sub-task");
    let set = meta.tasks().set_status(&made.id, status, None, None, 1);
    assert!(set.await.expect("a write").applied());
    made
}

/// A task that failed, whose sub-tasks are in these states.
async fn failed(meta: &Metadata, project: &str, subs: &[(&str, &str, TaskStatus)]) -> OmTask {
    let made = task(meta, project).await;
    for (component, kind, status) in subs {
        sub(meta, &made, component, kind, *status).await;
    }
    let set = meta
        .om_tasks()
        .set_status(&made.id, OmTaskStatus::Failed, 1);
    assert!(set.await.expect("a write").applied());
    made
}

pub async fn a_claim_fences_the_old_coordinator(meta: &Metadata) {
    let (mine, other) = (project(meta).await, project(meta).await);
    let (of_mine, of_several) = (task(meta, &mine.id).await, task(meta, "").await);
    let of_other = task(meta, &other.id).await;
    let mut subs = Vec::new();
    for task in [&of_mine, &of_several, &of_other] {
        subs.push(sub(meta, task, "c_1", "PAUSE_COMPONENT", TaskStatus::Running).await);
    }
    let claim = meta.projects().claim(&mine.id, 9).await;
    assert!(claim.expect("a claim").applied());
    let fenced = Written::Fenced { found: 9 };
    for (task, sub, wanted) in [
        (&of_mine, &subs[0], fenced.clone()),
        (&of_several, &subs[1], fenced),
        (&of_other, &subs[2], Written::Applied),
    ] {
        let ended = TaskUpdate {
            status: Some(TaskStatus::Finished),
            ..TaskUpdate::default()
        };
        let written = meta.tasks().update(&sub.id, ended, 8).await;
        assert_eq!(written.expect("a write"), wanted, "{}", task.project_id);
        let successful = OmTaskStatus::Successful;
        let written = meta.om_tasks().set_status(&task.id, successful, 8).await;
        assert_eq!(written.expect("a write"), wanted, "{}", task.project_id);
        let ended = meta.om_tasks().set_status(&task.id, successful, 9).await;
        assert!(ended.expect("a write").applied());
    }
}

/// A task that failed is looked at again only where a sub-task may run: else each look would read all
/// that ever failed.
pub async fn what_nothing_can_be_done_about_is_not_open(meta: &Metadata) {
    use TaskStatus::{Failed, Finished, Pending};
    let id = project(meta).await.id;
    let open = async |task: &OmTask| {
        let found = meta.om_tasks().open().await.expect("a list");
        found.iter().flatten().any(|t| t.id == task.id)
    };
    let (first, second) = ("PAUSE_COMPONENT", "AWAIT_PAUSED");
    let behind = failed(
        meta,
        &id,
        &[("c_1", first, Failed), ("c_1", second, Pending)],
    )
    .await;
    assert!(!open(&behind).await, "it waits for the one that failed");
    let beside = failed(
        meta,
        &id,
        &[("c_1", first, Failed), ("c_2", first, Pending)],
    )
    .await;
    assert!(open(&beside).await, "another component's may run");
    let again = failed(
        meta,
        &id,
        &[("c_1", first, Finished), ("c_1", second, Pending)],
    )
    .await;
    assert!(open(&again).await, "a person set it to run again");

    let subs = good(meta.tasks().list(&again.id).await.expect("sub-tasks"));
    let waiting = subs.iter().find(|s| s.status == Pending).expect("one");
    for _ in 0..=waiting.max_retry_count {
        let counted = meta.tasks().increment_retry(&waiting.id, 1).await;
        counted.expect("a count");
    }
    assert!(!open(&again).await, "its retries are used up");
    let reset = meta.tasks().reset(&waiting.id, 1).await;
    assert!(reset.expect("a write").applied());
    assert!(open(&again).await);
    // the tests after this one have them at their end
    for task in [beside, again] {
        let set = meta
            .om_tasks()
            .set_status(&task.id, OmTaskStatus::Successful, 1);
        assert!(set.await.expect("a write").applied());
    }
}

pub async fn old_ones_about_several_projects_go(meta: &Metadata, raw: &DatabaseConnection) {
    use TaskStatus::{Failed, Finished};
    let id = project(meta).await.id;
    let parts = [
        ("c_1", "UPDATE_CONFIG", Failed),
        ("c_2", "UPDATE_CONFIG", Finished),
    ];
    let mut tasks = Vec::new();
    for project in ["", "", &id] {
        tasks.push(failed(meta, project, &parts).await);
    }
    // one that is not at its end, however old
    tasks.push(task(meta, "").await);
    sub(meta, &tasks[3], "c_1", "UPDATE_CONFIG", TaskStatus::Running).await;
    for task in [&tasks[0], &tasks[2], &tasks[3]] {
        let edit = format!(
            "UPDATE oms_om_task SET finish_time = '2020-01-01 00:00:00.001' WHERE id = '{}'",
            task.id
        );
        raw.execute_unprepared(&edit).await.expect("an edit");
    }
    let day = chrono::TimeDelta::days(1);
    meta.om_tasks().forget(now() - day).await.expect("a delete");
    let filter = OmTaskFilter::default();
    let (listed, _) = meta
        .om_tasks()
        .list(&filter, 0, 1000)
        .await
        .expect("a list");
    let listed = good(listed);
    let kept: Vec<bool> = tasks
        .iter()
        .map(|task| listed.iter().any(|found| found.id == task.id))
        .collect();
    assert_eq!(kept, [false, true, true, true]);
    for (task, subs) in tasks.iter().zip([0, 2, 2, 1]) {
        let left = meta.tasks().list(&task.id).await.expect("sub-tasks");
        assert_eq!(left.len(), subs, "{}", task.id);
    }
    let ended = meta
        .om_tasks()
        .set_status(&tasks[3].id, OmTaskStatus::Successful, 1);
    assert!(ended.await.expect("a write").applied());
}
