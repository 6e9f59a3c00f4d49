//! Edits that cannot be understood: refused, explained, and the last good value put back.

use crate::world::World;
use crate::{following, follows};
use oms::metadata::{
    ComponentType, DesiredStatus, ProjectStatus, Step, StepName, StepStatus, TaskStatus,
};
use serde_json::Value;

/// What an operator mistypes: table, column, what stands there then, and which row. (The `status` of
/// a component at work is left out: its next report may be quicker than the Coordinator.)
const SLIPS: &[(&str, &str, &str, &str)] = &[
    (
        "oms_step",
        "step_status",
        "'MONITORNG'",
        "step_name = 'INCR_TRANSFER'",
    ),
    (
        "oms_step",
        "step_status",
        "'monitoring'",
        "step_name = 'INCR_TRANSFER'",
    ),
    (
        "oms_step",
        "step_status",
        "'MONITORING'",
        "step_name = 'FULL_TRANSFER'",
    ),
    (
        "oms_step",
        "step_info",
        "'{\"component\":'",
        "step_name = 'TRANSFER_INCR_LOG_PULL'",
    ),
    (
        "oms_step",
        "step_info",
        "'[]'",
        "step_name = 'FULL_VERIFIER'",
    ),
    (
        "oms_step",
        "extra_info",
        "'none'",
        "step_name = 'INCR_TRANSFER'",
    ),
    ("oms_step", "progress", "400", "step_name = 'INCR_TRANSFER'"),
    (
        "oms_step",
        "step_name",
        "'FULL'",
        "step_name = 'FULL_TRANSFER'",
    ),
    ("oms_project", "project_status", "'RUNING'", "1 = 1"),
    ("oms_project", "alarm_level", "'LOUD'", "1 = 1"),
    ("oms_project", "project_type", "'MOVE'", "1 = 1"),
    ("oms_project", "config", "'{\"options\"'", "1 = 1"),
    ("oms_project", "config", "'{\"optoins\":{}}'", "1 = 1"),
    ("oms_project", "extra_info", "'{'", "1 = 1"),
    (
        "oms_component",
        "desired_status",
        "'RUNING'",
        "component_type = 'STORE'",
    ),
    (
        "oms_component",
        "component_type",
        "'STOR'",
        "component_type = 'STORE'",
    ),
    (
        "oms_component",
        "status",
        "'DONE'",
        "component_type = 'FULL_IMPORT'",
    ),
    (
        "oms_component",
        "config",
        "'{'",
        "component_type = 'FULL_VERIFICATION'",
    ),
    (
        "oms_component",
        "checkpoint",
        "'here'",
        "component_type = 'STORE'",
    ),
    (
        "oms_component",
        "error",
        "'none'",
        "component_type = 'STORE'",
    ),
];

/// The cells that must be as they were.
async fn cells(world: &World) -> Value {
    let steps: Vec<Value> = world.steps().await.iter().map(step_cells).collect();
    let project = world.the_project().await;
    let components: Vec<Value> = world
        .components()
        .await
        .iter()
        .map(|c| {
            serde_json::json!([
                c.id,
                c.kind,
                c.status,
                c.desired_status,
                c.config,
                c.error,
                c.epoch
            ])
        })
        .collect();
    let project = [
        project.status.to_string().into(),
        project.kind.to_string().into(),
        project.alarm_level.to_string().into(),
        project.config,
    ];
    serde_json::json!([steps, project, components])
}

fn step_cells(step: &Step) -> Value {
    serde_json::json!([step.name, step.status, step.progress, step.step_info])
}

pub async fn is_refused_and_the_last_good_value_put_back(url: &str) {
    let world = following(url).await;
    let before = cells(&world).await;
    let begun = world.stage.begun.lock().clone();
    for (table, column, value, of) in SLIPS {
        let key = match *table {
            "oms_project" => "id",
            _ => "project_id",
        };
        world
            .sql(&format!(
                "UPDATE {table} SET {column} = {value} WHERE {key} = :project AND {of}"
            ))
            .await;
        let what = format!("{table}.{column} = {value} put back");
        let extra = async || world.metadata.projects().get(&world.project).await;
        let refused = |extra: &Result<oms::metadata::Project, _>| {
            let extra = extra.as_ref().map(|p| p.extra_info["refused"].clone());
            extra.is_ok_and(|r| {
                let message = r["message"].as_str().unwrap_or_default();
                r["table"] == *table
                    && r["column"] == *column
                    && message.contains(value.trim_matches('\'').trim_end_matches(['}', '"']))
            })
        };
        let told = world.until(&what, extra, refused).await;
        assert!(told.is_ok());
        let now = async || cells(&world).await;
        world.until(&what, now, |now| *now == before).await;
    }
    follows(&world).await;
    assert_eq!(*world.stage.begun.lock(), begun, "nothing was started anew");
    let incr = world.step(StepName::IncrTransfer).await;
    assert_eq!(incr.extra_info["refused"]["column"], "progress");
    assert_eq!(incr.extra_info["refused"]["putBack"], "100");

    // a task: where its step is done, it is done
    world
        .sql("UPDATE oms_task SET task_status = 'PENDIN' WHERE task_name = 'shop' AND task_group IN \
             (SELECT id FROM oms_step WHERE project_id = :project AND step_name = 'STRUCT_TRANSFER')")
        .await;
    let tasks = async || world.tasks(StepName::StructTransfer).await;
    let good = |tasks: &Vec<oms::metadata::Task>| {
        tasks.len() == 3 && tasks.iter().all(|t| t.status == TaskStatus::Finished)
    };
    world.until("a task put back", tasks, good).await;
    world.end().await;
}

/// A slip in the row of a project that was never started must not start it.
pub async fn a_new_project_stays_new(url: &str) {
    let mut world = World::new(url, 0).await;
    world.start().await;
    world
        .sql("UPDATE oms_project SET project_status = 'RUNING' WHERE id = :project")
        .await;
    let look = async || world.metadata.projects().get(&world.project).await;
    let good = |project: &Result<oms::metadata::Project, _>| {
        project.as_ref().is_ok_and(|project| {
            let refused = &project.extra_info["refused"];
            project.status == ProjectStatus::Init && refused["value"] == "RUNING"
        })
    };
    let project = world.until("a project in INIT", look, good).await;
    assert!(project.is_ok());
    assert_eq!(world.begun(ComponentType::Precheck), 0);
    world.end().await;
}

/// A project of an earlier version, whose journal knows nothing of it.
pub async fn what_is_not_known_waits_for_a_person(url: &str) {
    let mut world = following(url).await;
    world.stop().await;
    let forget =
        "DELETE FROM oms_event WHERE project_id = :project AND event_type LIKE 'project.%'";
    world.sql(forget).await;
    world
        .sql("UPDATE oms_project SET project_status = 'RUNING' WHERE id = :project")
        .await;
    world.start().await;
    let view = format!(
        "SELECT error_code FROM oms_v_projects WHERE project_id = '{}'",
        world.project
    );
    let look = async || {
        use sea_orm::{ConnectionTrait, Statement};
        let backend = world.raw.get_database_backend();
        let statement = Statement::from_string(backend, view.as_str());
        let row = world.raw.query_one_raw(statement).await;
        let row = row.expect("the view").expect("a row");
        row.try_get::<Option<String>>("", "error_code")
            .expect("text")
    };
    let said = |code: &Option<String>| code.as_deref() == Some("MDB-0002");
    world.until("an explanation", look, said).await;
    world.recipe("project-go-on", None).await;
    follows(&world).await;
    world.until("no explanation", look, Option::is_none).await;
    world.end().await;
}

pub async fn edits_while_the_server_is_down(url: &str) {
    let mut world = following(url).await;
    world
        .recipe("step-hold", Some(StepName::IncrTransfer))
        .await;
    let held = async || world.working(ComponentType::IncrSync);
    world.until("a step that is held", held, |n| *n == 0).await;
    world.stop().await;

    // legal and not, all at once
    let store = world.step(StepName::TransferIncrLogPull).await.step_info;
    world.recipe("log-pull-anew", None).await;
    for sql in [
        "UPDATE oms_step SET step_status = 'SUSPENDED' WHERE project_id = :project AND step_name = 'INCR_TRANSFER'",
        "UPDATE oms_project SET project_status = 'RUN', alarm_level = 'HIGH', config = '{' WHERE id = :project",
        "UPDATE oms_component SET desired_status = 'PAUSE' WHERE project_id = :project AND component_type = 'INCR_SYNC'",
    ] {
        world.sql(sql).await;
    }
    world.start().await;
    let pull = async || {
        (
            world.step(StepName::TransferIncrLogPull).await,
            world.working(ComponentType::Store),
        )
    };
    let anew = |(step, works): &(Step, u32)| {
        step.status == StepStatus::Finished && step.step_info != store && *works == 1
    };
    world.until("a new Store", pull, anew).await;
    let project = world.the_project().await;
    assert_eq!(project.status, ProjectStatus::Running);
    assert_eq!(
        project.alarm_level.to_string(),
        "HIGH",
        "a legal edit stays"
    );
    assert!(project.config["options"].is_object());
    // the last good value was a person's, and the journal had it
    let incr = world.step(StepName::IncrTransfer).await;
    assert_eq!(incr.status, StepStatus::Suspend);
    let component = world.component_of(&incr).await.expect("kept");
    assert_eq!(component.desired_status, DesiredStatus::Paused);
    world
        .recipe("step-go-on", Some(StepName::IncrTransfer))
        .await;
    follows(&world).await;

    // a paused project is found paused
    world.recipe("project-pause", None).await;
    let store = async || world.working(ComponentType::Store);
    world.until("a paused project", store, |n| *n == 0).await;
    world.stop().await;
    world.recipe("project-go-on", None).await;
    world.start().await;
    follows(&world).await;
    world.end().await;
}
