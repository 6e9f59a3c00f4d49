//! What an operator mends with SQL in the rm database, word for word: each recipe of this folder is run
//! against a Coordinator and a Supervisor at work, with SQLite, MySQL, OceanBase and PostgreSQL as the
//! rm database.

#[path = "../harness/mod.rs"]
mod harness;
mod nonsense;
mod projects;
mod steps;
mod tasks;
mod toys;
mod world;

use harness::{Kind, Options, Postgres, Server};
use oms::metadata::{ComponentType, Step, StepName, StepStatus};
use std::path::Path;
use world::World;

async fn suite(url: &str) {
    tasks::set_to_pending_runs_again(url).await;
    tasks::is_retried_by_itself_while_it_may(url).await;
    tasks::skipped_lets_the_step_go_on(url).await;
    steps::store_and_incr_sync_are_made_anew(url).await;
    steps::held_by_hand_stays_held(url).await;
    steps::failed_goes_on_with_what_it_has(url).await;
    projects::paused_and_let_go_on(url).await;
    projects::failed_goes_on(url).await;
    projects::legal_edits_stay(url).await;
    nonsense::is_refused_and_the_last_good_value_put_back(url).await;
    nonsense::a_new_project_stays_new(url).await;
    nonsense::what_is_not_known_waits_for_a_person(url).await;
    nonsense::edits_while_the_server_is_down(url).await;
}

#[test]
fn on_sqlite() {
    oms::actor::system::run(async {
        let dir = tempfile::tempdir().expect("a folder");
        suite(&dir.path().join("rm.db").to_string_lossy()).await;
    })
    .expect("a runtime");
}

fn on(kind: Kind) {
    oms::actor::system::run(async {
        let server = Server::start(kind, Options::default()).await;
        suite(&format!("{}/oms_rm", server.url())).await;
    })
    .expect("a runtime");
}

#[test]
fn on_mysql() {
    on(Kind::MySql);
}

#[test]
fn on_oceanbase() {
    on(Kind::OceanBase);
}

#[test]
fn on_postgresql() {
    oms::actor::system::run(async {
        let server = Postgres::start(&[]).await;
        suite(&format!("{}/oms_rm", server.url())).await;
    })
    .expect("a runtime");
}

/// A project that has copied and verified, and follows.
async fn following(url: &str) -> World {
    let world = World::running(url, 0).await;
    follows(&world).await;
    world
}

/// Waits until everything is done, and Store and Incr-Sync work.
async fn follows(world: &World) {
    let look = async || {
        let works = [ComponentType::Store, ComponentType::IncrSync].map(|kind| world.working(kind));
        (world.steps().await, works)
    };
    let done = |s: &Step| match s.name {
        StepName::IncrTransfer => s.status == StepStatus::Monitoring,
        _ => s.status == StepStatus::Finished,
    };
    let good = |(steps, works): &(Vec<Step>, [u32; 2])| {
        steps.len() == 7 && steps.iter().all(done) && *works == [1, 1]
    };
    world.until("a project that follows", look, good).await;
}

#[test]
fn every_recipe_is_documented_and_says_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/rm.md")).expect("the page");
    let folder = std::fs::read_dir(root.join("tests/recipes")).expect("the folder");
    let mut recipes = 0;
    for entry in folder {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "sql") {
            recipes += 1;
            let name = path.file_name().expect("a name").to_string_lossy();
            assert!(page.contains(&format!("`{name}`")), "{name} in docs/rm.md");
            let text = std::fs::read_to_string(&path).expect("a recipe");
            for head in ["-- ", "\n-- :project", "\n-- before:", "\n-- after:"] {
                assert!(text.contains(head), "{name}: {head:?}");
            }
        }
    }
    assert!(recipes >= 10, "{recipes}");
}
