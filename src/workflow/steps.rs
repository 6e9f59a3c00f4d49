//! The steps of a project: their order, and what works for each.

use crate::model::project::{Stages, WayBack};
use entity::{ComponentType, StepName};

/// The steps of a migration that does this, in their order. `incr_verifier` says that what is applied
/// is verified all the time as well.
pub fn migration(stages: &Stages, incr_verifier: bool) -> Vec<StepName> {
    let chosen = [
        (StepName::TransferPrecheck, true),
        (StepName::StructTransfer, stages.structure),
        (StepName::TransferIncrLogPull, stages.incr),
        (StepName::FullTransfer, stages.full),
        (StepName::IndexTransfer, stages.structure),
        (StepName::IncrTransfer, stages.incr),
        (StepName::IncrVerifier, stages.incr && incr_verifier),
        (
            StepName::ReverseIncrTransfer,
            stages.way_back == WayBack::ActiveActive,
        ),
        (StepName::FullVerifier, stages.full_verify),
        (
            StepName::TransferAppSwitch,
            stages.way_back == WayBack::Switchover,
        ),
        (
            StepName::ReverseIncrTransfer,
            stages.way_back == WayBack::Switchover,
        ),
    ];
    let chosen = chosen.into_iter().filter(|(_, chosen)| *chosen);
    chosen.map(|(step, _)| step).collect()
}

/// How a step is known to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Its component finishes.
    Finishes,
    /// Its component is ready; the step is FINISHED and the component goes on.
    IsReady,
    /// Its component is ready; the step is MONITORING and the component goes on.
    Follows,
}

/// The component of a step, and when the step is done. None for steps that no component does.
pub fn component_of(step: StepName) -> Option<(ComponentType, Goal)> {
    match step {
        StepName::TransferPrecheck => Some((ComponentType::Precheck, Goal::Finishes)),
        StepName::StructTransfer => Some((ComponentType::StructTransfer, Goal::Finishes)),
        StepName::TransferIncrLogPull => Some((ComponentType::Store, Goal::IsReady)),
        StepName::FullTransfer => Some((ComponentType::FullImport, Goal::Finishes)),
        StepName::IndexTransfer => Some((ComponentType::IndexTransfer, Goal::Finishes)),
        StepName::IncrTransfer => Some((ComponentType::IncrSync, Goal::Follows)),
        StepName::IncrVerifier => Some((ComponentType::IncrVerification, Goal::Follows)),
        StepName::FullVerifier => Some((ComponentType::FullVerification, Goal::Finishes)),
        StepName::TransferAppSwitch => Some((ComponentType::AppSwitch, Goal::Finishes)),
        StepName::ReverseIncrTransfer => Some((ComponentType::IncrSync, Goal::Follows)),
        StepName::TransferPrepare => None,
    }
}

/// What the step does, in words for people.
pub fn description(step: StepName) -> &'static str {
    match step {
        StepName::TransferPrecheck => "Pre-check",
        StepName::TransferPrepare => "Preparation",
        StepName::StructTransfer => "Schema migration",
        StepName::TransferIncrLogPull => "Incremental log pull",
        StepName::FullTransfer => "Full migration",
        StepName::IndexTransfer => "Indexes and foreign keys",
        StepName::IncrTransfer => "Incremental synchronization",
        StepName::IncrVerifier => "Incremental verification",
        StepName::FullVerifier => "Full verification",
        StepName::TransferAppSwitch => "Forward switchover",
        StepName::ReverseIncrTransfer => "Reverse incremental synchronization",
    }
}
