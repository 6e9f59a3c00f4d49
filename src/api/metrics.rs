//! `DescribeProjectStepMetric` (reference 5.7): what a step did over time, from samples in rm.

use super::registry::Call;
use super::request::invalid;
use super::{Answer, Outcome};
use crate::error::Result;
use crate::metadata::{Sample, StepName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The shortest window, seconds.
const WINDOW_MIN: i64 = 3600;
/// Points where nothing is said, and at most.
const POINTS: usize = 84;
const POINTS_MAX: usize = 10_000;
/// Samples further apart have a gap between them, over which nothing is known, milliseconds.
const GAP_MS: i64 = 60_000;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum MetricType {
    /// Rows each second.
    Rps,
    /// Bytes each second.
    Iops,
    /// How far the target is behind the source, seconds.
    Delay,
    /// Rows of the source compared each second.
    FullVerifySourceRps,
    /// Rows of the target compared each second.
    FullVerifyDestRps,
}

/// What becomes of several samples between two points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Aggregator {
    /// Their average.
    Avg,
    /// The last one of them.
    #[default]
    None,
}

/// Parameters of `DescribeProjectStepMetric`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StepMetric {
    /// The project.
    project_id: String,
    /// FULL_TRANSFER, INCR_TRANSFER, FULL_VERIFIER or REVERSE_INCR_TRANSFER.
    step_name: StepName,
    metric_type: MetricType,
    #[serde(default)]
    aggregator: Aggregator,
    /// Unix seconds.
    #[schemars(range(min = 0, max = 4_102_444_800_i64))]
    begin_timestamp: i64,
    /// Unix seconds; an hour later at least, and not in the future.
    #[schemars(range(min = 0, max = 4_102_444_800_i64))]
    end_timestamp: i64,
    /// 84 unless told.
    #[schemars(range(min = 1, max = 10_000))]
    max_point_num: Option<usize>,
}

/// What a step did over time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Curve {
    /// What is usual.
    reference_value: Option<f64>,
    metrics: Vec<Metric>,
    aggregator: Aggregator,
}

/// One line of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Metric {
    name: MetricType,
    tags: BTreeMap<String, String>,
    data_points: Vec<Point>,
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
struct Point {
    /// Unix seconds.
    timestamp: i64,
    value: f64,
}

/// `DescribeProjectStepMetric`.
pub async fn describe(call: &Call<'_>, wanted: StepMetric) -> Outcome {
    check(&wanted)?;
    let metadata = &call.api.metadata;
    let project = metadata.projects().get(&wanted.project_id).await?;
    let (from, to) = (wanted.begin_timestamp * 1000, wanted.end_timestamp * 1000);
    let samples = metadata
        .samples()
        .list(&project.id, wanted.step_name, from, to)
        .await?;
    let points = wanted.max_point_num.unwrap_or(POINTS);
    let mut metrics = Vec::new();
    if !samples.is_empty() {
        metrics.push(Metric {
            name: wanted.metric_type,
            tags: BTreeMap::from([("projectId".to_owned(), project.id)]),
            data_points: thin(
                &values(&samples, wanted.metric_type),
                (from, to),
                points,
                wanted.aggregator,
            ),
        });
    }
    Answer::of(Curve {
        reference_value: reference(wanted.metric_type),
        metrics,
        aggregator: wanted.aggregator,
    })
}

fn check(wanted: &StepMetric) -> Result<()> {
    use MetricType as M;
    let known: &[M] = match wanted.step_name {
        StepName::FullTransfer => &[M::Rps, M::Iops],
        StepName::IncrTransfer | StepName::ReverseIncrTransfer => &[M::Delay, M::Rps, M::Iops],
        StepName::FullVerifier => &[M::FullVerifySourceRps, M::FullVerifyDestRps],
        other => {
            let why = format!("{other} has no metrics");
            return Err(invalid("stepName", why));
        }
    };
    if !known.contains(&wanted.metric_type) {
        let why = format!("{} has {known:?}", wanted.step_name);
        return Err(invalid("metricType", why));
    }
    if wanted.end_timestamp - wanted.begin_timestamp < WINDOW_MIN {
        let why = format!("the window must be {WINDOW_MIN} s or more");
        return Err(invalid("endTimestamp", why));
    }
    if wanted.end_timestamp > chrono::Utc::now().timestamp() {
        return Err(invalid("endTimestamp", "it is in the future"));
    }
    if wanted.begin_timestamp < 0 {
        return Err(invalid("beginTimestamp", "it is in front of 1970"));
    }
    match wanted.max_point_num {
        Some(points) if points == 0 || points > POINTS_MAX => {
            let why = format!("it must be 1 to {POINTS_MAX}");
            Err(invalid("maxPointNum", why))
        }
        _ => Ok(()),
    }
}

/// What OMS draws its charts against (reference 1.8).
fn reference(metric: MetricType) -> Option<f64> {
    match metric {
        MetricType::Rps => Some(8000.0),
        MetricType::Iops => Some(8_388_608.0),
        MetricType::FullVerifySourceRps | MetricType::FullVerifyDestRps => Some(2000.0),
        MetricType::Delay => None,
    }
}

/// Values at milliseconds.
fn values(samples: &[Sample], metric: MetricType) -> Vec<(i64, f64)> {
    if metric == MetricType::Delay {
        let delay = |s: &Sample| Some((s.at_ms, s.lag_ms? as f64 / 1000.0));
        return samples.iter().filter_map(delay).collect();
    }
    let amount = |s: &Sample| match metric {
        MetricType::Iops => s.bytes,
        _ => s.done,
    };
    let rate = |pair: &[Sample]| {
        let span = pair[1].at_ms - pair[0].at_ms;
        let grown = amount(&pair[1]) - amount(&pair[0]);
        // a new work began with 0, or nobody looked for a while
        let whole = span > 0 && span <= GAP_MS && grown >= 0;
        whole.then(|| (pair[1].at_ms, grown as f64 * 1000.0 / span as f64))
    };
    samples.windows(2).filter_map(rate).collect()
}

/// At most so many points over a window of milliseconds.
fn thin(
    values: &[(i64, f64)],
    (from, to): (i64, i64),
    points: usize,
    aggregator: Aggregator,
) -> Vec<Point> {
    let width = ((to - from).max(1) as u64).div_ceil(points as u64).max(1) as i64;
    let mut out = Vec::new();
    for bucket in values.chunk_by(|a, b| (a.0 - from) / width == (b.0 - from) / width) {
        let Some((at, last)) = bucket.last() else {
            continue;
        };
        let value = match aggregator {
            Aggregator::None => *last,
            Aggregator::Avg => bucket.iter().map(|(_, v)| v).sum::<f64>() / bucket.len() as f64,
        };
        out.push(Point {
            timestamp: at / 1000,
            value,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(at_ms: i64, done: i64) -> Sample {
        Sample {
            project_id: "np_1".to_owned(),
            step: StepName::FullTransfer,
            at_ms,
            done,
            bytes: done * 10,
            lag_ms: Some(at_ms / 10),
        }
    }

    #[test]
    fn rates_are_between_samples_of_one_work() {
        let samples = [
            sample(0, 0),
            sample(10_000, 500),
            // a new work
            sample(20_000, 100),
            sample(30_000, 200),
            // nobody looked
            sample(200_000, 900),
        ];
        let rows = [(10_000, 50.0), (30_000, 10.0)];
        assert_eq!(values(&samples, MetricType::Rps), rows);
        let bytes = [(10_000, 500.0), (30_000, 100.0)];
        assert_eq!(values(&samples, MetricType::Iops), bytes);
        assert_eq!(values(&samples, MetricType::Delay)[1], (10_000, 1.0));
    }

    proptest! {
        #[test]
        fn never_more_points_than_wanted(
            at in proptest::collection::btree_set(0_i64..4_000_000, 0..200), points in 1_usize..100, avg in any::<bool>()
        ) {
            let values: Vec<_> = at.iter().map(|at| (*at, *at as f64)).collect();
            let aggregator = if avg { Aggregator::Avg } else { Aggregator::None };
            let thinned = thin(&values, (0, 4_000_000), points, aggregator);
            prop_assert!(thinned.len() <= points);
            prop_assert_eq!(thinned.is_empty(), values.is_empty());
            prop_assert!(thinned.is_sorted_by(|a, b| a.timestamp <= b.timestamp));
        }
    }
}
