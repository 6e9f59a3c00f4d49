//! What `oms migrate` says at its end: one screen for people, or one JSON document.

use super::progress::{count, size, span};
use super::run::End;
use crate::cli::table;
use crate::component::full_verification::INCR_SUB_ID;
use crate::coordinator::Rows;
use crate::error::Result;
use crate::metadata::{Metadata, StepName, TaskStatus, VerifyResult, VerifyResultType};
use serde::Serialize;
use std::path::Path;

/// The figures of a run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// `VERIFIED`, `FAILED` or `INTERRUPTED`.
    pub result: &'static str,
    /// The project's id.
    pub project_id: String,
    /// The project's name.
    pub project_name: String,
    /// Databases, tables and views that were converted.
    pub objects_converted: usize,
    /// Objects whose conversion failed.
    pub objects_failed: usize,
    /// Rows copied by the full migration.
    pub rows_copied: u64,
    /// Bytes copied.
    pub bytes_copied: u64,
    /// Time of the full migration, seconds.
    pub full_seconds: f64,
    /// Rows copied per second.
    pub rows_per_second: f64,
    /// Changes that this run applied.
    pub changes_applied: u64,
    /// Lag at the end, milliseconds.
    pub lag_ms: Option<u64>,
    /// Tables that were compared.
    pub tables_compared: usize,
    /// Tables that are consistent.
    pub tables_consistent: usize,
    /// Tables that could not be compared to their end.
    pub tables_unproved: usize,
    /// Differences found.
    pub differences: i64,
    /// Differences that were corrected at the target.
    pub corrected: u64,
    /// What the incremental verification found, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incr_verification: Option<IncrSummary>,
    /// The error of the step that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<serde_json::Value>,
    /// Where rm is.
    pub rm: String,
    /// Folder of the verification's files.
    pub data_dir: String,
    /// The steps.
    pub steps: Vec<StepSummary>,
}

/// The figures of the incremental verification, of all runs.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncrSummary {
    /// Changed rows that were looked at and are right.
    pub checked: u64,
    /// Changes that could not be verified.
    pub unchecked: u64,
    /// Rows that are different.
    pub differences: i64,
}

impl IncrSummary {
    async fn gather(metadata: &Metadata, rows: &Rows) -> Result<Option<Self>> {
        if !rows.steps.iter().any(|s| s.name == StepName::IncrVerifier) {
            return Ok(None);
        }
        let found = metadata
            .verify()
            .list(&rows.project.id, INCR_SUB_ID, 0, 0)
            .await?;
        let mut sum = Self::default();
        for row in found.into_iter().flatten() {
            let figure = |key: &str| row.extra_info.get(key).and_then(serde_json::Value::as_u64);
            sum.checked += figure("checked").unwrap_or(0);
            sum.unchecked += figure("unchecked").unwrap_or(0);
            sum.differences += row.differences();
        }
        Ok(Some(sum))
    }
}

/// A step in the summary.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepSummary {
    /// Number.
    pub order: i32,
    /// Name.
    pub name: StepName,
    /// State.
    pub status: crate::metadata::StepStatus,
    /// Percent.
    pub progress: i32,
    /// How long it took, seconds.
    pub seconds: Option<f64>,
}

/// Gathers the figures from `rm`.
pub async fn gather(
    metadata: &Metadata,
    rows: &Rows,
    end: End,
    data_dir: &Path,
) -> Result<Summary> {
    let step = |name: StepName| rows.steps.iter().find(|s| s.name == name);
    let figure = |name: StepName, key: &str| {
        step(name)
            .and_then(|s| rows.component_of(s))
            .and_then(|c| c.progress.get(key))
            .and_then(serde_json::Value::as_u64)
    };
    let mut converted = 0;
    let mut failed = 0;
    if let Some(schema) = step(StepName::StructTransfer) {
        for task in metadata
            .tasks()
            .list(&schema.id)
            .await?
            .into_iter()
            .flatten()
        {
            match task.status {
                TaskStatus::Finished => converted += 1,
                TaskStatus::Failed => failed += 1,
                _ => {}
            }
        }
    }
    let counts = metadata.slices().counts(&rows.project.id).await?;
    let copied = u64::try_from(counts.copied_rows).unwrap_or(0);
    let bytes = u64::try_from(counts.copied_bytes).unwrap_or(0);
    let full_seconds = step(StepName::FullTransfer)
        .and_then(seconds_of)
        .unwrap_or(0.0);
    let results = results(metadata, rows).await?;
    let proved = |r: &&VerifyResult| {
        matches!(
            r.result_type,
            VerifyResultType::Consistent | VerifyResultType::BothEmpty
        )
    };
    let differs = |r: &&VerifyResult| r.differences() > 0;
    let error = (end == End::Failed).then(|| rows.project.extra_info.clone());
    Ok(Summary {
        result: match end {
            End::Verified => "VERIFIED",
            End::Failed => "FAILED",
            End::Interrupted => "INTERRUPTED",
        },
        project_id: rows.project.id.clone(),
        project_name: rows.project.name.clone(),
        objects_converted: converted,
        objects_failed: failed,
        rows_copied: copied,
        bytes_copied: bytes,
        full_seconds,
        rows_per_second: if full_seconds > 0.0 {
            copied as f64 / full_seconds
        } else {
            0.0
        },
        changes_applied: figure(StepName::IncrTransfer, "done").unwrap_or(0),
        lag_ms: figure(StepName::IncrTransfer, "lag_ms"),
        tables_compared: results.len(),
        tables_consistent: results.iter().filter(proved).count(),
        tables_unproved: results.iter().filter(|r| !proved(r) && !differs(r)).count(),
        differences: results.iter().map(VerifyResult::differences).sum(),
        corrected: results
            .iter()
            .filter_map(|r| {
                r.extra_info
                    .get("corrected")
                    .and_then(serde_json::Value::as_u64)
            })
            .sum(),
        incr_verification: IncrSummary::gather(metadata, rows).await?,
        error,
        rm: metadata.place().to_owned(),
        data_dir: data_dir.display().to_string(),
        steps: rows
            .steps
            .iter()
            .map(|s| StepSummary {
                order: s.order,
                name: s.name,
                status: s.status,
                progress: s.progress,
                seconds: seconds_of(s),
            })
            .collect(),
    })
}

fn seconds_of(step: &crate::metadata::Step) -> Option<f64> {
    let (start, finish) = (step.start_time?, step.finish_time?);
    Some((finish - start).num_milliseconds().max(0) as f64 / 1000.0)
}

/// The results of the project's last verification.
pub async fn results(metadata: &Metadata, rows: &Rows) -> Result<Vec<VerifyResult>> {
    let Some(sub_id) = metadata.verify().last_sub_id(&rows.project.id).await? else {
        return Ok(Vec::new());
    };
    let found = metadata
        .verify()
        .list(&rows.project.id, sub_id, 0, 0)
        .await?;
    Ok(found.into_iter().flatten().collect())
}

impl Summary {
    /// Differences of any kind.
    pub fn any_differences(&self) -> bool {
        let incr = self.incr_verification.as_ref();
        self.differences > 0 || incr.is_some_and(|i| i.differences > 0)
    }

    /// One screen for people.
    pub fn text(&self) -> String {
        let mut t = table::plain();
        let lag = self
            .lag_ms
            .map_or_else(|| "unknown".to_owned(), |ms| span(ms as f64 / 1000.0));
        t.add_row([
            "Project",
            &format!("{}  {}", self.project_id, self.project_name),
        ]);
        t.add_row([
            "Objects converted",
            &match self.objects_failed {
                0 => count(self.objects_converted as u64),
                failed => format!("{} ({failed} failed)", self.objects_converted),
            },
        ]);
        t.add_row([
            "Rows copied",
            &format!(
                "{} ({}) in {}, {} rows/s",
                count(self.rows_copied),
                size(self.bytes_copied),
                span(self.full_seconds),
                count(self.rows_per_second as u64)
            ),
        ]);
        t.add_row(["Changes applied (this run)", &count(self.changes_applied)]);
        t.add_row(["Lag at the end", &lag]);
        t.add_row([
            "Tables compared",
            &format!(
                "{} ({} consistent)",
                self.tables_compared, self.tables_consistent
            ),
        ]);
        let mut differences = match self.tables_compared {
            // nothing is said of what was not compared
            0 => "not compared yet".to_owned(),
            _ => count(u64::try_from(self.differences).unwrap_or(0)),
        };
        if self.corrected > 0 {
            differences.push_str(&format!(
                " ({} corrected at the target)",
                count(self.corrected)
            ));
        }
        t.add_row(["Differences found", &differences]);
        if let Some(incr) = &self.incr_verification {
            let mut text = format!("{} right", count(incr.checked));
            if incr.unchecked > 0 {
                text.push_str(&format!(", {} not verified", count(incr.unchecked)));
            }
            let different = count(u64::try_from(incr.differences).unwrap_or(0));
            t.add_row([
                "Changed rows looked at",
                &format!("{text}, {different} different"),
            ]);
        }
        let mut out = t.to_string();
        if self.tables_unproved > 0 {
            out.push_str(&format!(
                "\n{} tables are not proved equal: oms project verify-result {} --rm {}",
                self.tables_unproved, self.project_id, self.rm
            ));
        }
        if self
            .incr_verification
            .as_ref()
            .is_some_and(|i| i.differences > 0)
        {
            out.push_str(&format!(
                "\nWhat the incremental verification found: oms project verify-result {} --incr --rm {}",
                self.project_id, self.rm
            ));
        }
        if self.differences > 0 {
            out.push_str(&format!(
                "\nThe differences: oms project verify-result {} --rm {}\nCorrection SQL: {}/verify; --correct applies it.",
                self.project_id, self.rm, self.data_dir
            ));
        }
        out.push_str(&format!(
            "\n\nLook at rm yourself ({}):\n  SELECT step_order, step_name, step_status, progress, step_info FROM oms_step WHERE project_id = '{}' ORDER BY step_order;\n  SELECT t.task_type, t.task_name, t.task_status FROM oms_task t JOIN oms_step s ON t.task_group = s.id WHERE s.project_id = '{}';",
            self.rm, self.project_id, self.project_id
        ));
        out
    }
}
