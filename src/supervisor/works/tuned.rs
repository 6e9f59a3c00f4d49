//! A work whose throttle follows the project's configuration while it runs: an operator, or the API,
//! changes `throttle_rps` and `throttle_iops` in `oms_project.config`, and within a second that is what
//! counts. So does the number of a copy's workers, up to the number that it began with, whether it is
//! the project's own or that of its speed mode.

use super::Parts;
use crate::actor::work::{Context, Finish, Work};
use crate::component::throttle::{Rates, Throttle};
use crate::error::Result;
use crate::model::options::Options;
use crate::model::project::ProjectConfig;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which of a project's settings a component's throttle goes by: rates, and workers at the same time
/// (0: not while it runs).
pub type Pick = fn(&Options) -> (Rates, usize);

/// Full-Import's.
pub fn of_full_import(options: &Options) -> (Rates, usize) {
    let rates = Rates {
        rows: options.full_import.throttle_rps,
        bytes: options.full_import.throttle_iops,
    };
    (rates, options.full_import.workers)
}

/// Incr-Sync's.
pub fn of_incr_sync(options: &Options) -> (Rates, usize) {
    let rates = Rates {
        rows: options.incr_sync.throttle_rps,
        bytes: options.incr_sync.throttle_iops,
    };
    (rates, 0)
}

/// A work and its throttle.
pub struct Tuned {
    pub(super) work: Box<dyn Work>,
    pub(super) throttle: Arc<Throttle>,
    pub(super) parts: Parts,
    pub(super) pick: Pick,
}

impl Work for Tuned {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let Self {
                work,
                throttle,
                parts,
                pick,
            } = *self;
            let mut work = work.run(context);
            loop {
                tokio::select! {
                    end = &mut work => return end,
                    () = tokio::time::sleep(LOOK_EVERY) => follow(&parts, &throttle, pick).await,
                }
            }
        })
    }
}

/// Reads the settings again. What cannot be read or understood changes nothing: the Coordinator says
/// so where people look.
async fn follow(parts: &Parts, throttle: &Throttle, pick: Pick) {
    let project = parts.metadata.projects().get(&parts.assignment.project.0);
    let Ok(project) = project.await else {
        return;
    };
    match ProjectConfig::from_json(&project.config) {
        Ok(mut config) => {
            if let Ok(speeds) = parts.metadata.speeds().await {
                speeds.apply(&mut config.options);
                let (rates, width) = pick(&config.options);
                throttle.set(rates);
                throttle.set_width(width);
            }
        }
        Err(error) => {
            tracing::warn!(project_id = %project.id, %error, "the project's configuration cannot be read");
        }
    }
}
