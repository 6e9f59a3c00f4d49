//! The rows of a project's steps.

use crate::error::Result;
use crate::metadata::{Metadata, NewStep, StepName};
use crate::model::project::ProjectConfig;
use crate::workflow::steps::migration;

/// Makes the steps of a migration. Idempotent: a crash behind the project's row is mended by the next
/// call.
pub async fn make_steps(metadata: &Metadata, project: &str, config: &ProjectConfig) -> Result<()> {
    metadata
        .steps()
        .create_all(project, steps_of(config))
        .await?;
    Ok(())
}

/// The steps of a migration.
pub fn steps_of(config: &ProjectConfig) -> Vec<NewStep> {
    let incr_verifier = config.options.incr_verification.enabled;
    migration(&config.stages, incr_verifier)
        .into_iter()
        .zip(1..)
        .map(|(name, order)| NewStep {
            id: None,
            order,
            name,
            interactive: name == StepName::TransferAppSwitch,
        })
        .collect()
}
