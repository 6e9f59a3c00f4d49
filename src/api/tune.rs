//! `UpdateProjectConfig`: what of a project's settings may be changed after it was made.

use super::create::Transfer;
use super::life::no_sub_project;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Outcome};
use crate::error::{Error, Kind};
use crate::metadata::ProjectStatus;
use schemars::JsonSchema;
use serde::Deserialize;

/// Parameters of `UpdateProjectConfig`; what is not given stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UpdateProjectConfig {
    /// The project.
    id: String,
    /// Settings of the copy.
    #[serde(default)]
    full_transfer_config: Transfer,
    /// Settings of incremental synchronization.
    #[serde(default)]
    incr_transfer_config: Transfer,
}

/// `UpdateProjectConfig`. Throttles and speed modes are taken over within two seconds, whatever runs; the
/// rest counts from the components' next start, so it is taken only where nothing runs.
pub async fn update(call: &Call<'_>, wanted: UpdateProjectConfig) -> Outcome {
    let api = call.api;
    wanted.full_transfer_config.check_mode()?;
    let _one = api.life.lock().await;
    let project = api.metadata.projects().get(&wanted.id).await?;
    no_sub_project(&project, "change")?;
    let at_its_end = matches!(
        project.status,
        ProjectStatus::Finished
            | ProjectStatus::Releasing
            | ProjectStatus::Released
            | ProjectStatus::Deleted
    );
    let at_rest = matches!(
        project.status,
        ProjectStatus::Init | ProjectStatus::Suspend | ProjectStatus::Failed
    );
    let (full, incr) = (&wanted.full_transfer_config, &wanted.incr_transfer_config);
    let refused = |why: String, remedy: &'static str| {
        Error::new(Kind::StateInvalid, format!("project {}", project.id))
            .detail(why)
            .remedy(remedy)
    };
    if at_its_end {
        let why = format!("its settings have no use while it is {}", project.status);
        return Err(refused(why, "Make a new project."));
    }
    if !at_rest && (full.is_structural() || incr.is_structural()) {
        let why = format!(
            "only throttles and speed modes can be changed while it is {}",
            project.status
        );
        return Err(refused(why, "Pause it first (StopProject)."));
    }
    api.reconciler.claim(&project.id).await?;
    api.reconciler
        .configure(&project.id, |config| {
            full.apply_full(&mut config.options);
            incr.apply_incr(&mut config.options);
            let checked = config.options.check();
            checked.map_err(|why| invalid("the configuration", why))
        })
        .await?;
    api.changed();
    Ok(Answer::nothing())
}
