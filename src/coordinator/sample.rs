//! Samples what the steps of projects have done, for `DescribeProjectStepMetric`.

use super::act::Reconciler;
use super::view::Rows;
use crate::metadata::{ComponentStatus, Sample, StepName};
use crate::model::params::StepMetrics;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A day in milliseconds.
const DAY_MS: i64 = 24 * 3600 * 1000;
/// How often the parameter is read.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often old ones are deleted.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// When a leader sampled last.
#[derive(Debug, Clone, Default)]
pub(super) struct Sampler {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    looked: Option<Instant>,
    parameter: StepMetrics,
    sampled: Option<Instant>,
    forgot: Option<Instant>,
}

impl Sampler {
    /// Samples these projects, if it is time. A failure costs a point of a curve, no more.
    pub async fn look(
        &self,
        reconciler: &Reconciler,
        projects: &[String],
        glance: &HashMap<String, Rows>,
    ) {
        let metadata = &reconciler.metadata;
        let look = is_time(&mut self.state.lock().looked, LOOK_EVERY);
        if look {
            match metadata.parameter().await {
                Ok(parameter) => self.state.lock().parameter = parameter,
                Err(error) => tracing::warn!(%error, "how often steps are sampled"),
            }
        }
        let (sample, forget, kept_ms) = {
            let mut state = self.state.lock();
            let every = Duration::from_secs(state.parameter.sample_seconds.into());
            (
                is_time(&mut state.sampled, every),
                is_time(&mut state.forgot, FORGET_EVERY),
                i64::from(state.parameter.keep_days) * DAY_MS,
            )
        };
        let mut taken = Vec::new();
        if sample {
            for project in projects {
                match glance.get(project) {
                    Some(rows) => taken.extend(samples(rows)),
                    None => {
                        let rows = reconciler.rows(project).await;
                        taken.extend(rows.iter().flat_map(samples));
                    }
                }
            }
        }
        let kept = match taken.is_empty() {
            true => Ok(()),
            false => metadata.samples().add(taken).await,
        };
        let forgot = match forget {
            true => metadata.samples().forget(now_ms() - kept_ms).await,
            false => Ok(()),
        };
        if let Err(error) = kept.and(forgot) {
            tracing::warn!(%error, "samples of steps");
        }
    }
}

/// Whether it is time again; if so, the next time is counted from now.
pub(super) fn is_time(last: &mut Option<Instant>, every: Duration) -> bool {
    let is_time = last.is_none_or(|at| at.elapsed() >= every);
    if is_time {
        *last = Some(Instant::now());
    }
    is_time
}

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// What the steps of a project have done by now: those whose component runs.
fn samples(rows: &Rows) -> Vec<Sample> {
    let mut out = Vec::new();
    for step in &rows.steps {
        let sampled = matches!(
            step.name,
            StepName::FullTransfer
                | StepName::IncrTransfer
                | StepName::FullVerifier
                | StepName::ReverseIncrTransfer
        );
        let component = rows.component_of(step);
        let running = component.filter(|c| sampled && c.status == ComponentStatus::Running);
        let Some(component) = running else { continue };
        let figure = |key: &str| component.progress.get(key).and_then(Value::as_i64);
        out.push(Sample {
            project_id: rows.project.id.clone(),
            step: step.name,
            at_ms: now_ms(),
            done: figure("done").unwrap_or(0),
            bytes: figure("bytes").unwrap_or(0),
            lag_ms: figure("lag_ms"),
        });
    }
    out
}
