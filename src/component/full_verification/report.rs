//! From keys that are different to differences: the rows are read once more, named, and written to
//! the files and the log, some at a time.

use super::files::Files;
use super::outcome::{ColumnDifference, DiffKind, DiffValue, Difference, KeyValue};
use super::plan::{Key, Plan, Side};
use super::ports::VerifyLog;
use super::sides::{Pair, fetch};
use super::statement::{delete, insert, update};
use crate::datasource::mysql::compare::is_text_only;
use crate::error::{Error, Kind, Result};
use crate::model::row::{Cell, Row};
use crate::model::table::ColumnType;
use sha2::{Digest, Sha256};

/// Longer values are given by their size and digest in the list of differences; the correction
/// SQL always has the whole value.
const SHOWN_BYTES: usize = 64 << 10;
/// Differences that are handed on at once.
const BULK: usize = 100;
/// Bytes of text that are handed on at once.
const BULK_BYTES: usize = 1 << 20;

/// Stands in the correction SQL for a row that no statement can correct.
const NOT_WRITABLE: &str =
    "-- a row differs in generated columns only: correct their definition at the target";

/// A key that is different, with the rows that stand for it now.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What is wrong.
    pub kind: DiffKind,
    /// The key that was looked at.
    pub key: Key,
    /// The source's row.
    pub source: Option<Row>,
    /// The target's row.
    pub target: Option<Row>,
}

/// Reads both sides' rows of some keys and says what is wrong with each; a key that became equal
/// is left out.
pub async fn findings(plan: &Plan, pair: &mut Pair, keys: &[Key]) -> Result<Vec<Finding>> {
    let asked: Vec<&Key> = keys.iter().collect();
    let mut rows: Vec<(Option<Row>, Option<Row>)> = vec![(None, None); keys.len()];
    fetch(
        &mut pair.source,
        plan,
        Side::Source,
        &asked,
        false,
        |at, row| rows[at].0 = Some(row),
    )
    .await?;
    fetch(
        &mut pair.target,
        plan,
        Side::Target,
        &asked,
        false,
        |at, row| rows[at].1 = Some(row),
    )
    .await?;
    let mut out = Vec::new();
    for (key, (source, target)) in keys.iter().zip(rows) {
        let source = owned(plan, pair, Side::Source, key, source).await?;
        let target = owned(plan, pair, Side::Target, key, target).await?;
        let kind = match (&source, &target) {
            (None, None) => continue,
            (Some(s), Some(t)) if plan.rows_equal(s, t) => continue,
            (Some(_), Some(_)) => DiffKind::Mismatched,
            (Some(_), None) => DiffKind::MasterOnly,
            (None, Some(_)) => DiffKind::ImageOnly,
        };
        out.push(Finding {
            kind,
            key: key.clone(),
            source,
            target,
        });
    }
    Ok(out)
}

/// A row that a side holds for a key, unless the row's own key has other bytes and it belongs to
/// another row of the other side.
///
/// Rows of text keys are brought together by the target's collation: a source row finds the target
/// row that is taken for the same, and a target row that has a source row of exactly its own bytes
/// belongs to that one.
async fn owned(
    plan: &Plan,
    pair: &mut Pair,
    side: Side,
    key: &Key,
    row: Option<Row>,
) -> Result<Option<Row>> {
    let Some(row) = row else { return Ok(None) };
    let own = plan.key_of(&row);
    let (own_id, key_id) = (plan.key_id(&own), plan.key_id(key));
    if own_id == key_id {
        return Ok(Some(row));
    }
    let other = match side {
        Side::Source => Side::Target,
        Side::Target => Side::Source,
    };
    let mut partner = None;
    fetch(pair.side(other), plan, other, &[&own], true, |_, found| {
        partner = Some(plan.key_id(&found));
    })
    .await?;
    let ours = match side {
        Side::Source => partner.as_ref() == Some(&key_id),
        Side::Target => partner.as_ref() != Some(&own_id),
    };
    Ok(ours.then_some(row))
}

/// The statement that corrects a finding at the target; None where nothing can be written.
pub fn correction(plan: &Plan, finding: &Finding) -> Option<String> {
    match (&finding.source, &finding.target) {
        (Some(source), None) => Some(insert(plan, source)),
        (None, Some(target)) => Some(delete(plan, &plan.key_of(target))),
        (Some(source), Some(target)) => {
            let columns = plan.differing(source, target);
            update(plan, &plan.key_of(target), source, &columns)
        }
        (None, None) => None,
    }
}

/// The finding as it is kept.
pub fn difference(plan: &Plan, finding: &Finding) -> Difference {
    let key_row = finding.source.as_ref().or(finding.target.as_ref());
    let columns: Vec<usize> = match (&finding.source, &finding.target) {
        (Some(s), Some(t)) => plan.differing(s, t),
        _ => (0..plan.columns.len()).collect(),
    };
    let value = |row: &Option<Row>, at: usize| {
        let cell = row.as_ref()?.cell(at)?;
        Some(shown(plan, at, cell))
    };
    Difference {
        id: id_of(plan, finding),
        kind: finding.kind,
        key: plan
            .key
            .iter()
            .map(|&at| KeyValue {
                column_name: plan.columns[at].name.clone(),
                column_value: key_row
                    .and_then(|row| row.cell(at))
                    .map_or(DiffValue::Null, |cell| shown(plan, at, cell)),
            })
            .collect(),
        details: columns
            .into_iter()
            .map(|at| ColumnDifference {
                column_name: plan.columns[at].name.clone(),
                source_value: value(&finding.source, at),
                dest_value: value(&finding.target, at),
            })
            .collect(),
        rows: 1,
        correction_sql: String::new(),
    }
}

/// What tells a finding from the others of its table.
pub fn id_of(plan: &Plan, finding: &Finding) -> String {
    let (side, row) = match (&finding.source, &finding.target) {
        (Some(row), _) => (Side::Source, row),
        (None, Some(row)) => (Side::Target, row),
        (None, None) => return id_of_key(plan, &finding.key),
    };
    if plan.key.is_empty() {
        return format!("{:032x}", plan.image(side, row));
    }
    id_of_key(plan, &plan.key_of(row))
}

/// The id of a difference in the row with this key.
pub fn id_of_key(plan: &Plan, key: &Key) -> String {
    hex(&Sha256::digest(plan.key_id(key))[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A value for people.
fn shown(plan: &Plan, column: usize, cell: Cell<'_>) -> DiffValue {
    let Cell::Value(value) = cell else {
        return DiffValue::Null;
    };
    if value.len() > SHOWN_BYTES {
        return DiffValue::Large {
            bytes: value.len() as u64,
            sha256: hex(&Sha256::digest(value)),
        };
    }
    let ty = &plan.columns[column].ty;
    if let ColumnType::Bit(_) = ty {
        return DiffValue::Text(format!("0x{}", hex(value)));
    }
    match std::str::from_utf8(value) {
        Ok(text) if !ty.is_binary() || is_text_only(ty) => DiffValue::Text(text.to_owned()),
        _ => DiffValue::Text(format!("0x{}", hex(value))),
    }
}

/// Hands differences on: to the files and to the log.
pub struct Reporter<'a> {
    plan: &'a Plan,
    files: &'a Files,
    log: &'a dyn VerifyLog,
    waiting: Vec<Difference>,
    waiting_bytes: usize,
    diff: String,
    sql: String,
}

impl<'a> Reporter<'a> {
    /// A reporter for one table.
    pub fn new(plan: &'a Plan, files: &'a Files, log: &'a dyn VerifyLog) -> Self {
        Self {
            plan,
            files,
            log,
            waiting: Vec::new(),
            waiting_bytes: 0,
            diff: String::new(),
            sql: String::new(),
        }
    }

    /// Adds a difference and the statement that corrects it, to be run so many times.
    pub async fn add(
        &mut self,
        mut difference: Difference,
        sql: Option<&str>,
        times: u64,
    ) -> Result<()> {
        let line = serde_json::to_string(&difference)
            .map_err(|e| Error::new(Kind::Internal, "writing a difference as JSON").caused_by(e))?;
        self.diff.push_str(&line);
        self.diff.push('\n');
        let sql = sql.unwrap_or(NOT_WRITABLE);
        difference.correction_sql = match sql.len() {
            0..=SHOWN_BYTES => sql.to_owned(),
            bytes => format!("-- {bytes} bytes, too long to be shown: see the .sql file"),
        };
        for _ in 0..times {
            self.sql.push_str(sql);
            self.sql.push_str(";\n");
            if self.diff.len() + self.sql.len() >= BULK_BYTES {
                self.flush_files().await?;
            }
        }
        self.waiting_bytes += line.len() + difference.correction_sql.len();
        self.waiting.push(difference);
        if self.waiting.len() >= BULK || self.waiting_bytes >= BULK_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Hands on what waits.
    pub async fn flush(&mut self) -> Result<()> {
        self.flush_files().await?;
        if !self.waiting.is_empty() {
            self.log
                .differences(&self.plan.source, &self.waiting)
                .await?;
            self.waiting.clear();
            self.waiting_bytes = 0;
        }
        Ok(())
    }

    async fn flush_files(&mut self) -> Result<()> {
        let diff = std::mem::take(&mut self.diff);
        self.files.append(diff, std::mem::take(&mut self.sql)).await
    }
}
