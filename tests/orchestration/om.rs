//! O&M tasks: what they wait for, and what people do to their rows in the same moment.

use oms::actor::system;
use oms::coordinator::{Operation, Reconciler};
use oms::metadata::{
    ComponentStatus, ComponentType, NewOmTask, OmTask, OmTaskStatus, OmTaskType, Task, TaskStatus,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};

use crate::{PROJECT, World, rounds};

/// A project that follows, and its Incr-Sync.
pub async fn following(world: &mut World) -> (Reconciler, oms::supervisor::Node, String) {
    let (reconciler, mut node) = world.life([0, 0, 0]).await;
    assert!(rounds(&reconciler, &mut node, 2000).await);
    let config = json!({
        "filter": { "include": ["a.*"], "exclude": [] }, "data_dir": "d",
    });
    let projects = world.metadata.projects();
    let written = projects.set_config(PROJECT, &config, world.epoch).await;
    assert!(written.expect("written").applied());
    let rows = reconciler.rows(PROJECT).await.expect("rows");
    let sync = rows
        .components
        .iter()
        .find(|c| c.kind == ComponentType::IncrSync);
    let sync = sync.expect("a component").id.clone();
    (reconciler, node, sync)
}

fn operation(kind: OmTaskType, component: &str, settings: Value) -> Operation {
    Operation {
        kind,
        components: vec![component.to_owned()],
        step: None,
        name: component.to_owned(),
        owner: None,
        settings,
        restarts: false,
    }
}

async fn operate(reconciler: &Reconciler, operation: Operation) -> String {
    let number = reconciler.operate(operation).await.expect("a task");
    format!("om_{number}")
}

impl World {
    async fn om_task(&self, id: &str) -> OmTask {
        self.metadata.om_tasks().get(id).await.expect("a task")
    }

    async fn subs(&self, id: &str) -> Vec<Task> {
        let subs = self.metadata.tasks().list(id).await.expect("listed");
        subs.into_iter().flatten().collect()
    }
}

async fn edit(raw: &DatabaseConnection, sql: &str) {
    raw.execute_unprepared(sql).await.expect(sql);
}

/// A process that was away for long has not waited meanwhile.
#[test]
fn patience_begins_with_the_leader() {
    system::run(async {
        let mut world = World::new(5).await;
        let (reconciler, mut node, sync) = following(&mut world).await;
        let pause = operation(OmTaskType::PauseComponent, &sync, json!({}));
        let id = operate(&reconciler, pause).await;
        let mut looks = 0;
        while !world
            .subs(&id)
            .await
            .iter()
            .any(|s| s.kind == "AWAIT_PAUSED" && s.status == TaskStatus::Running)
        {
            looks += 1;
            assert!(looks < 100, "nothing waits: {:?}", world.subs(&id).await);
            reconciler.operations().await.expect("looked");
        }
        // the process ends before its work was told to pause, and begins anew after a long time
        node.stop_all().await;
        let raw = world.raw().await;
        let long_ago = format!(
            "UPDATE oms_task SET gmt_modified = '2020-01-01 00:00:00.001' WHERE task_group = '{id}'"
        );
        edit(&raw, &long_ago).await;
        let (reconciler, mut node) = world.life([0, 0, 0]).await;
        reconciler.operations().await.expect("looked");
        let task = world.om_task(&id).await;
        assert_eq!(
            task.status,
            OmTaskStatus::InProgress,
            "{:?}",
            world.subs(&id).await
        );
        for _ in 0..500 {
            reconciler.reconcile(PROJECT).await.expect("reconciled");
            node.supervise().await.expect("supervised");
            reconciler.operations().await.expect("looked");
        }
        let task = world.om_task(&id).await;
        assert_eq!(
            task.status,
            OmTaskStatus::Successful,
            "{:?}",
            world.subs(&id).await
        );
        let component = world.metadata.components().get(&sync).await.expect("a row");
        assert_eq!(component.status, ComponentStatus::Paused);
        node.stop_all().await;
    })
    .expect("a runtime");
}

/// What was done to components of several projects is not kept for ever.
#[test]
fn old_tasks_about_several_projects_are_deleted() {
    system::run(async {
        let mut world = World::new(8).await;
        let raw = world.raw().await;
        let mut tasks = Vec::new();
        for days in [29, 31] {
            let new = NewOmTask {
                project_id: String::new(),
                kind: OmTaskType::UpdateIncrSync,
                name: "n".to_owned(),
                owner: None,
                task_info: json!({ "components": [] }),
            };
            let made = world.metadata.om_tasks().create(new).await.expect("made");
            edit(
                &raw,
                &format!(
                    "UPDATE oms_om_task SET task_status = 'SUCCESSFUL', finish_time = \
                     strftime('%Y-%m-%d %H:%M:%f', 'now', '-{days} days') WHERE id = '{}'",
                    made.id
                ),
            )
            .await;
            tasks.push(made.id);
        }
        // a new leader does it at its first look
        let (reconciler, mut node) = world.life([0, 0, 0]).await;
        reconciler.operations().await.expect("looked");
        let kept = async |id: &str| world.metadata.om_tasks().get(id).await.is_ok();
        assert!(kept(&tasks[0]).await);
        assert!(!kept(&tasks[1]).await);
        node.stop_all().await;
    })
    .expect("a runtime");
}

/// What cannot be understood and cannot be put back is said once, not at every look.
#[test]
fn a_task_that_cannot_be_understood_is_written_once() {
    system::run(async {
        let mut world = World::new(6).await;
        let (reconciler, mut node, sync) = following(&mut world).await;
        let pause = operation(OmTaskType::PauseComponent, &sync, json!({}));
        let id = operate(&reconciler, pause).await;
        let raw = world.raw().await;
        edit(&raw, &format!("UPDATE oms_om_task SET task_info = '{{' WHERE id = '{id}'")).await;
        // a sub-task that may run keeps a task open that failed
        edit(
            &raw,
            &format!(
                "INSERT INTO oms_task (id, task_group, task_type, task_name, task_status, retry_count, \
                 max_retry_count, task_info, extra_info, epoch, gmt_created, gmt_modified) SELECT \
                 't_1', id, 'PAUSE_COMPONENT', task_name, 'PENDING', 0, 3, '{{}}', '{{}}', 0, \
                 gmt_created, gmt_modified FROM oms_om_task WHERE id = '{id}'"
            ),
        )
        .await;
        assert!(reconciler.operations().await.expect("looked"), "it is said");
        let open = world.metadata.om_tasks().open().await.expect("a list");
        assert!(open.iter().any(|row| row.is_err()), "{open:?}");
        let version = async || {
            let backend = raw.get_database_backend();
            let ask = Statement::from_string(backend, "PRAGMA data_version");
            let row = raw.query_one_raw(ask).await.expect("asked").expect("a row");
            row.try_get_by_index::<i64>(0).expect("a number")
        };
        let before = version().await;
        for _ in 0..5 {
            assert!(!reconciler.operations().await.expect("looked"));
        }
        assert_eq!(version().await, before, "something was written");
        // put right by a person, it is a task again
        let info = json!({ "components": [sync] });
        edit(
            &raw,
            &format!("UPDATE oms_om_task SET task_info = '{info}', extra_info = '{{}}' WHERE id = '{id}'"),
        )
        .await;
        assert!(reconciler.operations().await.expect("looked"));
        assert_ne!(world.subs(&id).await[0].status, TaskStatus::Pending);
        node.stop_all().await;
    })
    .expect("a runtime");
}

/// A person sets a sub-task back, or mistypes, while it is being done: it is done as they say, and the
/// task does not end over it.
#[test]
fn an_edit_in_the_same_moment_is_not_lost() {
    for (told, value) in [("PENDING", "PENDING"), ("nonsense", "NONSENSE")] {
        system::run(async move {
            let mut world = World::new(7).await;
            let (reconciler, mut node, sync) = following(&mut world).await;
            let settings = json!({ "incr_sync.throttle_rps": 7 });
            let update = operation(OmTaskType::UpdateIncrSync, &sync, settings);
            let id = operate(&reconciler, update).await;
            let raw = world.raw().await;
            // the first time that it begins, it is edited before it can end
            edit(
                &raw,
                &format!(
                    "CREATE TRIGGER person AFTER UPDATE OF task_status ON oms_task WHEN \
                     NEW.task_group = '{id}' AND NEW.task_status = 'RUNNING' AND NEW.retry_count = 0 \
                     BEGIN UPDATE oms_task SET task_status = '{value}', retry_count = 1 WHERE id = NEW.id; \
                     END"
                ),
            )
            .await;
            reconciler.operations().await.expect("looked");
            let task = world.om_task(&id).await;
            assert_ne!(task.status, OmTaskStatus::Successful, "{told}");
            for _ in 0..5 {
                reconciler.operations().await.expect("looked");
            }
            let (task, subs) = (world.om_task(&id).await, world.subs(&id).await);
            match value {
                "PENDING" => {
                    assert_eq!(task.status, OmTaskStatus::Successful, "{subs:?}");
                    assert_eq!((subs[0].status, subs[0].retry_count), (TaskStatus::Finished, 1));
                }
                _ => {
                    assert_eq!(task.status, OmTaskStatus::Failed, "{subs:?}");
                    assert_eq!(task.extra_info["refused"]["value"], value);
                }
            }
            node.stop_all().await;
        })
        .expect("a runtime");
    }
}
