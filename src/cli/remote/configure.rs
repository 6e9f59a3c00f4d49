//! `oms project configure`, `labels`, `metric` and `corrections` at a server.

use super::client::Client;
use super::columns::{self, Column};
use super::project_args::{Configure, Metric};
use super::{act, find, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use crate::error::{Error, Kind};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The API gives curves of an hour at least.
const HOUR: u64 = 3600;

/// Changes settings of a project; only what is given.
pub async fn configure(client: &Client, wanted: Configure, output: Output) -> Outcome {
    let mut full = json!({});
    let mut incr = json!({});
    let mut any = false;
    for (group, key, value) in [
        (0, "throttleRps", wanted.full_rps.map(Value::from)),
        (0, "throttleIOPS", wanted.full_iops.map(Value::from)),
        (0, "readWorkerNum", wanted.full_workers.map(Value::from)),
        (
            0,
            "fullTransferSpeedMode",
            wanted.speed.map(|mode| mode.name().into()),
        ),
        (
            0,
            "fullVerifySpeedMode",
            wanted.verify_speed.map(|mode| mode.name().into()),
        ),
        (1, "throttleRps", wanted.incr_rps.map(Value::from)),
        (1, "throttleIOPS", wanted.incr_iops.map(Value::from)),
        (
            1,
            "incrSyncConcurrency",
            wanted.incr_concurrency.map(Value::from),
        ),
        (
            1,
            "storeLogKeptHour",
            wanted.log_kept_hours.map(Value::from),
        ),
    ] {
        if let Some(value) = value {
            any = true;
            let config = if group == 0 { &mut full } else { &mut incr };
            config[key] = value;
        }
    }
    if !any {
        return Err(Error::new(Kind::ConfigInvalid, "oms project configure")
            .detail("no setting is given")
            .remedy("`oms project configure --help` lists them.")
            .into());
    }
    let id = find::project(client, &wanted.id).await?;
    let done = format!("project {id} has these settings from now on");
    let body = json!({ "id": id, "fullTransferConfig": full, "incrTransferConfig": incr });
    act(client, output, "UpdateProjectConfig", body, &done).await
}

/// Gives a project these labels and no others.
pub async fn labels(client: &Client, id: &str, labels: &[String], output: Output) -> Outcome {
    let id = find::project(client, id).await?;
    let mut ids = Vec::new();
    for label in labels {
        ids.push(find::label(client, label).await?);
    }
    let done = format!("project {id} has {} label(s)", ids.len());
    let body = json!({ "id": id, "labelIds": ids });
    act(client, output, "UpdateProjectLabels", body, &done).await
}

const POINTS: &[Column] = &[("TIME (UTC)", "time"), ("VALUE", "value")];

/// Shows what a step did over time.
pub async fn metric(client: &Client, wanted: Metric, output: Output) -> Outcome {
    let id = find::project(client, &wanted.id).await?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let end = now.as_secs();
    let begin = end.saturating_sub(wanted.minutes.saturating_mul(60).max(HOUR));
    let mut body = json!({
        "projectId": id, "stepName": wanted.step.to_uppercase(),
        "metricType": wanted.metric.to_uppercase(),
        "aggregator": if wanted.average { "AVG" } else { "NONE" },
        "beginTimestamp": begin, "endTimestamp": end,
    });
    if let Some(points) = wanted.points {
        body["maxPointNum"] = points.into();
    }
    let data = client.call("DescribeProjectStepMetric", body).await?.data;
    tell(output, &data, curve)
}

fn curve(data: &Value) -> String {
    let metrics = data["metrics"].as_array().into_iter().flatten();
    let mut points = Vec::new();
    for metric in metrics {
        points.extend(metric["dataPoints"].as_array().cloned().unwrap_or_default());
    }
    for point in &mut points {
        let at = point["timestamp"].as_i64().unwrap_or_default();
        let at = chrono::DateTime::from_timestamp(at, 0).unwrap_or_default();
        point["time"] = at.format("%Y-%m-%dT%H:%M:%S").to_string().into();
    }
    columns::rows(&points, POINTS)
}

/// Lists the statements that make a table's rows equal.
pub async fn corrections(client: &Client, id: &str, table: &str, output: Output) -> Outcome {
    let (schema, table) = table.split_once('.').ok_or_else(|| {
        Error::new(Kind::ConfigInvalid, format!("table '{table}'"))
            .detail("it is not of the form database.table")
    })?;
    let id = find::project(client, id).await?;
    let body = json!({ "projectId": id, "schema": schema, "table": table });
    let action = "ListFullVerifyCorrectionsResult";
    let all = Value::Array(client.pages(action, body).await?);
    tell(output, &all, |all| {
        let lines = all.as_array().into_iter().flatten();
        // statements are for a database: as they are
        let lines: Vec<_> = lines.filter_map(Value::as_str).collect();
        lines.join("\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_a_table() {
        let data = json!({ "metrics": [{ "dataPoints": [{ "timestamp": 60, "value": 1.5 }] }] });
        let shown = curve(&data);
        assert!(
            shown.contains("1970-01-01T00:01:00") && shown.contains("1.5"),
            "{shown}"
        );
    }
}
