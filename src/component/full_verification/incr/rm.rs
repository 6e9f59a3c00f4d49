//! Results of the Incr-Verification in `rm`: rows of `oms_verify_result` and `oms_verify_diff` with
//! `sub_id` 0; the runs of a full verification have numbers from 1.

use super::ports::{IncrLog, Open, Standing};
use crate::component::full_verification::outcome::{DiffKind, Difference};
use crate::component::full_verification::plan::Key;
use crate::component::full_verification::ports::VerifyLog;
use crate::component::full_verification::rm::RmVerifyLog;
use crate::error::Result;
use crate::metadata::{
    DiffFilter, DiffType, Metadata, NewVerify, VerifyKey, VerifyResultType, VerifyUpdate,
};
use crate::model::row::Row;
use crate::model::table::TableName;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The `sub_id` of the Incr-Verification.
pub const SUB_ID: i32 = 0;

/// Keeps the results in `rm`.
pub struct RmIncrLog {
    metadata: Metadata,
    project: String,
    epoch: i64,
    inner: RmVerifyLog,
    begun: Mutex<HashSet<TableName>>,
}

impl RmIncrLog {
    /// Of this project; `epoch` is the assignment's.
    pub fn new(metadata: Metadata, project: String, epoch: i64) -> Self {
        Self {
            inner: RmVerifyLog::new(metadata.clone(), project.clone(), SUB_ID, epoch),
            metadata,
            project,
            epoch,
            begun: Mutex::default(),
        }
    }

    fn key(&self, table: &TableName) -> VerifyKey {
        VerifyKey {
            project_id: self.project.clone(),
            sub_id: SUB_ID,
            source_schema: table.schema.clone(),
            source_table: table.name.clone(),
        }
    }

    /// Makes a table's row once.
    async fn begin(&self, table: &TableName) -> Result<()> {
        if self.begun.lock().contains(table) {
            return Ok(());
        }
        let new = NewVerify {
            key: self.key(table),
            dest_schema: table.schema.clone(),
            dest_table: table.name.clone(),
        };
        self.metadata.verify().begin(new, self.epoch).await?;
        self.begun.lock().insert(table.clone());
        Ok(())
    }
}

impl IncrLog for RmIncrLog {
    fn restore(&self) -> BoxFuture<'_, Result<Vec<(TableName, Standing)>>> {
        Box::pin(async move {
            let verify = self.metadata.verify();
            let mut tables: BTreeMap<TableName, Standing> = BTreeMap::new();
            let mut keys: HashMap<String, Key> = HashMap::new();
            for row in verify.list(&self.project, SUB_ID, 0, 0).await? {
                // a row that a person broke is written anew
                let Ok(row) = row else { continue };
                let figure = |key: &str| {
                    row.extra_info
                        .get(key)
                        .and_then(serde_json::Value::as_u64)
                        .unwrap_or(0)
                };
                let kept: Kept = row
                    .extra_info
                    .get("open")
                    .and_then(|open| serde_json::from_value(open.clone()).ok())
                    .unwrap_or_default();
                for (id, hex) in kept.keys {
                    if let Some(bytes) = from_hex(&hex) {
                        keys.insert(id, Row(bytes.into()));
                    }
                }
                let standing = Standing {
                    key_columns: kept.columns,
                    checked: figure("checked"),
                    unlisted: figure("unlisted"),
                    unchecked: figure("unchecked"),
                    message: row.message.clone(),
                    ..Standing::default()
                };
                let name = TableName::new(row.key.source_schema, row.key.source_table);
                tables.insert(name, standing);
            }
            let filter = DiffFilter {
                sub_id: SUB_ID,
                ..DiffFilter::default()
            };
            for diff in verify.list_diffs(&self.project, &filter).await? {
                let Ok(diff) = diff else { continue };
                if diff.corrected {
                    continue;
                }
                let kind = match diff.kind {
                    DiffType::MasterOnly => DiffKind::MasterOnly,
                    DiffType::ImageOnly => DiffKind::ImageOnly,
                    DiffType::Mismatched => DiffKind::Mismatched,
                };
                let name = TableName::new(diff.key.source_schema, diff.key.source_table);
                let standing = tables.entry(name).or_default();
                let key = keys.remove(&diff.key_hash);
                standing.open.insert(diff.key_hash, Open { kind, key });
            }
            Ok(tables.into_iter().collect())
        })
    }

    fn standing<'a>(
        &'a self,
        table: &'a TableName,
        standing: &'a Standing,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.begin(table).await?;
            let key = self.key(table);
            let written = self
                .metadata
                .verify()
                .update(&key, update(standing), self.epoch)
                .await?;
            Ok(written.require("oms_verify_result", key.to_string(), self.epoch)?)
        })
    }

    fn differences<'a>(
        &'a self,
        table: &'a TableName,
        differences: &'a [Difference],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.begin(table).await?;
            self.inner.differences(table, differences).await
        })
    }

    fn corrected<'a>(
        &'a self,
        table: &'a TableName,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<()>> {
        self.inner.corrected(table, ids)
    }
}

/// Rows whose keys are kept at most; others are looked at again when they change.
const KEPT_KEYS: usize = 1000;

/// The keys of rows that are different, so that they can be looked at again.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    columns: Vec<String>,
    /// By the row's id: the key, cells one behind the other, in hexadecimal digits.
    keys: BTreeMap<String, String>,
}

fn kept(standing: &Standing) -> Kept {
    let hex = |key: &Key| key.0.iter().map(|b| format!("{b:02x}")).collect();
    let known = standing.open.iter();
    Kept {
        columns: standing.key_columns.clone(),
        keys: known
            .filter_map(|(id, open)| Some((id.clone(), hex(open.key.as_ref()?))))
            .take(KEPT_KEYS)
            .collect(),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let pairs = digits?;
    let byte = |pair: &[u32]| u8::try_from(pair.first()? * 16 + pair.get(1)?).ok();
    pairs.chunks(2).map(byte).collect()
}

fn update(standing: &Standing) -> VerifyUpdate {
    let n = |n: u64| Some(i64::try_from(n).unwrap_or(i64::MAX));
    let differences = standing.open.len() as u64 + standing.unlisted;
    let result = match (differences, standing.unlisted) {
        (0, _) => VerifyResultType::Consistent,
        (_, 0) => VerifyResultType::Inconsistent,
        _ => VerifyResultType::MismatchLimit,
    };
    let mut text = format!("{} changed rows looked at and right", standing.checked);
    if differences > 0 {
        text.push_str(&format!("; {differences} different"));
    }
    if standing.unchecked > 0 {
        text.push_str(&format!("; {} changes not verified", standing.unchecked));
    }
    VerifyUpdate {
        result_type: Some(result),
        result_desc: Some(text),
        source_only_count: n(standing.count(DiffKind::MasterOnly)),
        dest_only_count: n(standing.count(DiffKind::ImageOnly)),
        mismatched_count: n(standing.count(DiffKind::Mismatched) + standing.unlisted),
        consistent_count: n(standing.checked),
        message: Some(standing.message.clone()),
        extra_info: Some(json!({
            "checked": standing.checked,
            "unlisted": standing.unlisted,
            "unchecked": standing.unchecked,
            "open": kept(standing),
        })),
        ..VerifyUpdate::default()
    }
}
