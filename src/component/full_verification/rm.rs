//! Results and differences in `rm`: `oms_verify_result` and `oms_verify_diff`.

use super::outcome::{Counts, DiffKind, Difference, ResultType, TableOutcome};
use super::ports::{TablePair, VerifyLog};
use crate::error::Result;
use crate::metadata::{
    DiffType, Metadata, NewDiff, NewVerify, StateText, VerifyKey, VerifyResultType, VerifyStatus,
    VerifyUpdate,
};
use crate::model::table::TableName;
use futures::future::BoxFuture;
use serde_json::{Value, json};

/// Keeps one run's results in `rm`.
pub struct RmVerifyLog {
    metadata: Metadata,
    project: String,
    sub_id: i32,
    epoch: i64,
}

impl RmVerifyLog {
    /// The run `sub_id` of a project; `epoch` is the assignment's.
    pub fn new(metadata: Metadata, project: String, sub_id: i32, epoch: i64) -> Self {
        Self {
            metadata,
            project,
            sub_id,
            epoch,
        }
    }

    fn key(&self, table: &TableName) -> VerifyKey {
        VerifyKey {
            project_id: self.project.clone(),
            sub_id: self.sub_id,
            source_schema: table.schema.clone(),
            source_table: table.name.clone(),
        }
    }

    async fn update(&self, table: &TableName, update: VerifyUpdate) -> Result<()> {
        let key = self.key(table);
        let written = self
            .metadata
            .verify()
            .update(&key, update, self.epoch)
            .await?;
        Ok(written.require("oms_verify_result", key.to_string(), self.epoch)?)
    }
}

impl VerifyLog for RmVerifyLog {
    fn finished(&self) -> BoxFuture<'_, Result<Vec<TableOutcome>>> {
        Box::pin(async move {
            let rows = self
                .metadata
                .verify()
                .list(&self.project, self.sub_id, 0, 0)
                .await?;
            Ok(rows
                .into_iter()
                .flatten()
                .filter(|row| row.status == VerifyStatus::Finished)
                .filter_map(|row| {
                    serde_json::from_value::<TableOutcome>(row.extra_info.get("outcome")?.clone())
                        .ok()
                })
                .filter(|outcome| outcome.result != ResultType::RuntimeException)
                .collect())
        })
    }

    fn begin<'a>(&'a self, pair: &'a TablePair) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let key = self.key(&pair.source.name);
            let new = NewVerify {
                key: key.clone(),
                dest_schema: pair.target.schema.clone(),
                dest_table: pair.target.name.clone(),
            };
            self.metadata.verify().begin(new, self.epoch).await?;
            self.metadata.verify().forget_diffs(&key).await?;
            Ok(())
        })
    }

    fn progress<'a>(
        &'a self,
        source: &'a TableName,
        counts: Counts,
        estimate: u64,
    ) -> BoxFuture<'a, Result<()>> {
        let percent = (counts.source_rows * 100)
            .checked_div(estimate)
            .unwrap_or(0)
            .min(99);
        let update = VerifyUpdate {
            progress: Some(percent as i32),
            ..counted(&counts)
        };
        Box::pin(self.update(source, update))
    }

    fn differences<'a>(
        &'a self,
        source: &'a TableName,
        differences: &'a [Difference],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let key = self.key(source);
            let diffs = differences.iter().map(new_diff).collect();
            let written = self
                .metadata
                .verify()
                .add_diffs(&key, diffs, self.epoch)
                .await?;
            Ok(written.require("oms_verify_diff", key.to_string(), self.epoch)?)
        })
    }

    fn corrected<'a>(
        &'a self,
        source: &'a TableName,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let key = self.key(source);
            Ok(self
                .metadata
                .verify()
                .mark_corrected_rows(&key, ids)
                .await?)
        })
    }

    fn finish<'a>(&'a self, outcome: &'a TableOutcome) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let failed = outcome.result == ResultType::RuntimeException;
            let update = VerifyUpdate {
                status: Some(if failed {
                    VerifyStatus::Error
                } else {
                    VerifyStatus::Finished
                }),
                result_type: VerifyResultType::from_text(outcome.result.name()),
                result_desc: Some(outcome.message.clone()),
                progress: Some(100),
                message: Some(
                    outcome
                        .error
                        .as_ref()
                        .map_or_else(String::new, |e| format!("{}: {}", e.code, e.message)),
                ),
                extra_info: Some(json!({
                    "outcome": outcome,
                    "corrected": outcome.counts.corrected,
                })),
                ..counted(&outcome.counts)
            };
            self.update(&outcome.source, update).await
        })
    }
}

fn counted(counts: &Counts) -> VerifyUpdate {
    let n = |n: u64| Some(i64::try_from(n).unwrap_or(i64::MAX));
    VerifyUpdate {
        source_only_count: n(counts.source_only),
        dest_only_count: n(counts.dest_only),
        mismatched_count: n(counts.mismatched),
        consistent_count: n(counts.consistent),
        ..VerifyUpdate::default()
    }
}

fn new_diff(difference: &Difference) -> NewDiff {
    NewDiff {
        key_hash: Some(difference.id.clone()),
        kind: match difference.kind {
            DiffKind::MasterOnly => DiffType::MasterOnly,
            DiffKind::ImageOnly => DiffType::ImageOnly,
            DiffKind::Mismatched => DiffType::Mismatched,
        },
        unique_keys: serde_json::to_value(&difference.key).unwrap_or(Value::Null),
        details: serde_json::to_value(&difference.details).unwrap_or(Value::Null),
        correction_sql: difference.correction_sql.clone(),
    }
}
