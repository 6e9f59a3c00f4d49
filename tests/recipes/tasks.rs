//! Tasks that are run again, and tasks that are gone without.

use crate::world::World;
use crate::{follows, toys::OBJECTS};
use oms::error::Kind;
use oms::metadata::{ProjectStatus, StepName, StepStatus, Task, TaskStatus};

const STEP: StepName = StepName::StructTransfer;

/// A project whose schema step failed over `orders`.
async fn failed(url: &str, why: Kind) -> World {
    let mut world = World::new(url, 0).await;
    let broken = world.stage.broken.lock().insert("orders".to_owned(), why);
    assert!(broken.is_none());
    world.begin().await;
    let look = async || (world.the_project().await.status, world.tasks(STEP).await);
    let good = |seen: &(ProjectStatus, Vec<Task>)| seen.0 == ProjectStatus::Failed;
    world.until("a failed project", look, good).await;
    world
}

async fn task(world: &World, name: &str) -> Task {
    let tasks = world.tasks(STEP).await;
    let found = tasks.into_iter().find(|t| t.name == name);
    found.unwrap_or_else(|| panic!("no task {name}"))
}

fn tries(world: &World, name: &str) -> u32 {
    world.stage.tries.lock().get(name).copied().unwrap_or(0)
}

pub async fn set_to_pending_runs_again(url: &str) {
    let world = failed(url, Kind::StatementFailed).await;
    let orders = task(&world, "orders").await;
    assert_eq!(orders.status, TaskStatus::Failed);
    assert_eq!(orders.extra_info["errorCode"], Kind::StatementFailed.code());
    assert_eq!(
        world.step(STEP).await.extra_info["failedTasks"][0],
        orders.id
    );

    // above max_retry_count nothing runs: two looks of the scheduler make no difference
    world.stage.broken.lock().clear();
    let used_up = "UPDATE oms_task SET task_status = 'PENDING', retry_count = 4 WHERE task_name = 'orders' \
         AND task_group IN (SELECT id FROM oms_step WHERE project_id = :project)";
    world.sql(used_up).await;
    let before = world.the_project().await;
    let marked = "UPDATE oms_project SET alarm_level = 'MEDIUM' WHERE id = :project";
    world.sql(marked).await;
    let row = async || world.metadata.events().list(&world.project).await;
    let seen = |events: &Result<Vec<_>, _>| {
        let events = events.as_ref().map(Vec::as_slice).unwrap_or_default();
        let last = events.iter().rev().flatten().next();
        last.is_some_and(|e: &oms::metadata::Event| e.detail["alarm_level"] == "MEDIUM")
    };
    let looked = world.until("a look after the edit", row, seen).await;
    assert!(looked.is_ok());
    assert_eq!(world.the_project().await.status, before.status);
    assert_eq!(tries(&world, "orders"), 1);
    world
        .sql(
            "UPDATE oms_task SET task_status = 'FAILED' WHERE task_name = 'orders' \
             AND task_group IN (SELECT id FROM oms_step WHERE project_id = :project)",
        )
        .await;

    world.recipe("task-again", Some(STEP)).await;
    follows(&world).await;
    assert_eq!(task(&world, "orders").await.status, TaskStatus::Finished);
    assert_eq!(tries(&world, "orders"), 2);
    for done in OBJECTS.iter().filter(|o| **o != "orders") {
        assert_eq!(tries(&world, done), 1, "{done} is not run again");
    }

    // a task of a step that is done
    world
        .sql("UPDATE oms_task SET task_status = 'PENDING', retry_count = 0 WHERE task_name = 'shop' \
             AND task_type = 'CREATE_DATABASE' AND task_group IN \
             (SELECT id FROM oms_step WHERE project_id = :project AND step_name = 'STRUCT_TRANSFER')")
        .await;
    let again = async || (tries(&world, "shop"), task(&world, "shop").await);
    let good = |(tries, task): &(u32, Task)| *tries == 2 && task.status == TaskStatus::Finished;
    world.until("a finished task run again", again, good).await;
    follows(&world).await;
    world.end().await;
}

pub async fn is_retried_by_itself_while_it_may(url: &str) {
    let mut world = World::new(url, 0).await;
    let why = Kind::ServerBusy;
    world.stage.broken.lock().insert("orders".to_owned(), why);
    world.begin().await;
    let look = async || tries(&world, "orders");
    world.until("a second try", look, |tries| *tries >= 2).await;
    let project = world.the_project().await.status;
    assert_eq!(project, ProjectStatus::Running, "it has not failed yet");
    world
        .sql(
            "UPDATE oms_task SET max_retry_count = 0 WHERE task_name = 'orders' AND task_group IN \
             (SELECT id FROM oms_step WHERE project_id = :project)",
        )
        .await;
    let look = async || (world.the_project().await.status, world.tasks(STEP).await);
    let good = |seen: &(ProjectStatus, Vec<Task>)| seen.0 == ProjectStatus::Failed;
    world.until("retries that are used up", look, good).await;
    world.stage.broken.lock().clear();
    world.recipe("task-again", Some(STEP)).await;
    follows(&world).await;
    world.end().await;
}

pub async fn skipped_lets_the_step_go_on(url: &str) {
    let world = failed(url, Kind::StatementFailed).await;
    world.recipe("task-skip", Some(STEP)).await;
    let look = async || world.step(STEP).await;
    let good = |step: &oms::metadata::Step| step.status == StepStatus::Finished;
    world.until("a step without the object", look, good).await;
    assert_eq!(task(&world, "orders").await.status, TaskStatus::Skipped);
    assert_eq!(tries(&world, "orders"), 1);
    world.end().await;
}
