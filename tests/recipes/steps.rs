//! Steps that are made anew, held, and let go on.

use crate::world::World;
use crate::{following, follows};
use oms::metadata::{
    Component, ComponentStatus, ComponentType, ProjectStatus, Step, StepName, StepStatus,
};

const PULL: StepName = StepName::TransferIncrLogPull;
const INCR: StepName = StepName::IncrTransfer;

/// Word for word: the log pull first, which ends FINISHED, then the incremental step, MONITORING.
pub async fn store_and_incr_sync_are_made_anew(url: &str) {
    let world = following(url).await;
    // the Store is gone, and Incr-Sync with it
    for kind in [ComponentType::Store, ComponentType::IncrSync] {
        world.stage.failing.lock().insert(kind);
    }
    let look = async || {
        let (pull, incr) = (component(&world, PULL).await, component(&world, INCR).await);
        (world.the_project().await.status, [pull.status, incr.status])
    };
    let failed = |seen: &(ProjectStatus, [ComponentStatus; 2])| {
        *seen == (ProjectStatus::Failed, [ComponentStatus::Exception; 2])
    };
    world
        .until("Store and Incr-Sync that failed", look, failed)
        .await;
    world.stage.failing.lock().clear();

    for (recipe, name, wanted) in [
        ("log-pull-anew", PULL, StepStatus::Finished),
        ("incr-sync-anew", INCR, StepStatus::Monitoring),
    ] {
        let before = world.step(name).await.step_info["component"].clone();
        world.recipe(recipe, None).await;
        let look = async || world.step(name).await;
        let anew = |step: &Step| {
            let component = &step.step_info["component"];
            step.status == wanted && component.is_string() && *component != before
        };
        world.until(recipe, look, anew).await;
        let old = world.components().await;
        let old = old.into_iter().find(|c| c.id == before).expect("kept");
        assert_eq!(old.status, ComponentStatus::Stopped);
    }
    follows(&world).await;
    assert_eq!(world.the_project().await.status, ProjectStatus::Running);

    // the same at a project that works: one of each works at the end
    world.recipe("log-pull-anew", None).await;
    world.recipe("incr-sync-anew", None).await;
    let begun = async || world.begun(ComponentType::IncrSync);
    world.until("a new Incr-Sync", begun, |n| *n >= 3).await;
    follows(&world).await;
    world.end().await;
}

async fn component(world: &World, step: StepName) -> Component {
    let step = world.step(step).await;
    let component = world.component_of(&step).await;
    component.unwrap_or_else(|| panic!("{} has no component", step.name))
}

async fn is_held(world: &World) {
    let look = async || (world.step(INCR).await, component(world, INCR).await.status);
    let held = |(step, component): &(Step, ComponentStatus)| {
        step.status == StepStatus::Suspend && *component == ComponentStatus::Paused
    };
    world.until("a step that is held", look, held).await;
    assert_eq!(world.working(ComponentType::IncrSync), 0);
}

pub async fn held_by_hand_stays_held(url: &str) {
    let mut world = following(url).await;
    world.recipe("step-hold", Some(INCR)).await;
    is_held(&world).await;
    assert_eq!(world.working(ComponentType::Store), 1, "the Store goes on");
    assert_eq!(world.the_project().await.status, ProjectStatus::Running);

    // the project is paused and goes on, the server ends and begins: the step is held all the same
    world.recipe("project-pause", None).await;
    let store = async || world.working(ComponentType::Store);
    world.until("a paused project", store, |n| *n == 0).await;
    world.recipe("project-go-on", None).await;
    world
        .until("a project that goes on", store, |n| *n == 1)
        .await;
    is_held(&world).await;
    world.stop().await;
    world.start().await;
    let store = async || world.working(ComponentType::Store);
    world
        .until("a server that goes on", store, |n| *n == 1)
        .await;
    is_held(&world).await;

    world.recipe("step-go-on", Some(INCR)).await;
    follows(&world).await;
    world.end().await;
}

pub async fn failed_goes_on_with_what_it_has(url: &str) {
    let world = following(url).await;
    let sync = ComponentType::IncrSync;
    let before = component(&world, INCR).await.id;
    world.stage.failing.lock().insert(sync);
    let look = async || world.the_project().await.status;
    let failed = |status: &ProjectStatus| *status == ProjectStatus::Failed;
    world.until("a failed project", look, failed).await;
    world.stage.failing.lock().clear();
    world.recipe("step-go-on", Some(INCR)).await;
    follows(&world).await;
    assert_eq!(component(&world, INCR).await.id, before);

    // one that is done: its component runs once more
    let verified = world.begun(ComponentType::FullVerification);
    world
        .recipe("step-go-on", Some(StepName::FullVerifier))
        .await;
    let begun = async || world.begun(ComponentType::FullVerification);
    let more = |n: &u32| *n == verified + 1;
    world.until("a verification once more", begun, more).await;
    follows(&world).await;
    world.end().await;
}
