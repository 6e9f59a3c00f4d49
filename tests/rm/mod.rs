//! One suite for the rm database, run on each kind of database that can hold it.
//!
//! It can be run again on the same database: every test makes its own project.

mod check;
mod copy;
mod edits;
mod load;
mod objects;
mod om;
pub mod postgres;
mod runtime;
mod schema;
mod users;
mod verify;
mod views;
mod workflow;

use oms::metadata::{
    AlarmLevel, Metadata, NewProject, NewStep, Project, ProjectType, Row, StepName, new_id,
};
use sea_orm::{Database, DatabaseConnection, sqlx::mysql::MySqlConnectOptions};
use serde_json::json;

/// Runs every test of the rm database at `url`; panics at the first that fails.
pub async fn suite(url: &str) {
    let meta = Metadata::open(url).await.expect("the rm database opens");
    schema::migrates_twice_and_at_once(url, &meta).await;
    schema::a_wrong_password_is_refused(url).await;
    let raw = raw(url).await;
    schema::entities_and_tables_agree(&raw).await;
    workflow::projects(&meta).await;
    workflow::steps(&meta).await;
    workflow::tasks(&meta).await;
    workflow::claim_fences_the_old_coordinator(&meta).await;
    runtime::components(&meta).await;
    runtime::datasources_and_parameters(&meta).await;
    runtime::journal(&meta).await;
    runtime::leases(&meta).await;
    users::accounts(&meta).await;
    users::departments(&meta).await;
    users::tokens(&meta).await;
    users::ownership(&meta).await;
    users::audit(&meta).await;
    check::begins_as_a_whole(&meta).await;
    copy::slices(&meta).await;
    copy::slices_of_a_dead_component_go_on(&meta).await;
    copy::long_values_fit(&meta).await;
    objects::records(&meta).await;
    objects::tables_are_handed_over_and_forgotten(&meta).await;
    objects::one_that_is_started_does_not_look_at_rest(&meta).await;
    om::a_claim_fences_the_old_coordinator(&meta).await;
    om::what_nothing_can_be_done_about_is_not_open(&meta).await;
    om::old_ones_about_several_projects_go(&meta, &raw).await;
    verify::results(&meta).await;
    verify::differences(&meta).await;
    edits::repairs_by_hand_are_seen(&meta, &raw).await;
    edits::nonsense_is_a_value(&meta, &raw).await;
    edits::unreadable_cells_are_values(&meta, &raw).await;
    edits::times_are_readable(&meta, &raw).await;
    edits::a_value_is_put_back_only_over_the_nonsense(&meta, &raw).await;
    edits::a_number_is_put_back(&meta, &raw).await;
    views::projects(&meta, &raw).await;
    views::components(&meta, &raw).await;
    load::many_tasks_at_once(&meta).await;
    load::one_of_many_gets_it(&meta).await;
    raw.close().await.expect("the raw connection closes");
    meta.close().await.expect("the rm database closes");
}

/// A connection as an operator has it, for edits by hand.
async fn raw(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(if url.contains("://") {
        url.to_owned()
    } else {
        format!("sqlite://{url}")
    });
    options
        .max_connections(1)
        .sqlx_logging(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .map_sqlx_mysql_opts(|mysql: MySqlConnectOptions| {
            mysql
                .collation("utf8mb4_general_ci")
                .statement_cache_capacity(8)
                .pipes_as_concat(false)
                .no_engine_substitution(false)
        });
    Database::connect(options)
        .await
        .expect("a second connection opens")
}

/// A project of its own for one test.
async fn project(meta: &Metadata) -> Project {
    let id = new_id("np_");
    meta.projects()
        .create(NewProject {
            name: format!("project of {id}"),
            id,
            kind: ProjectType::Migration,
            source_id: "e_source".to_owned(),
            target_id: "e_target".to_owned(),
            config: json!({"include": ["shop.*"]}),
            alarm_level: AlarmLevel::Low,
        })
        .await
        .expect("a project is made")
}

/// The first steps of a migration.
fn first_steps() -> Vec<NewStep> {
    let names = [
        StepName::TransferPrecheck,
        StepName::StructTransfer,
        StepName::TransferIncrLogPull,
    ];
    let step = |(order, name)| NewStep {
        id: None,
        order,
        name,
        interactive: false,
    };
    (1..).zip(names).map(step).collect()
}

/// All rows, which must be good.
fn good<T: std::fmt::Debug>(rows: Vec<Row<T>>) -> Vec<T> {
    rows.into_iter()
        .map(|row| row.expect("a good row"))
        .collect()
}
