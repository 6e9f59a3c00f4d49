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
    /// The source row's key, or the target row's where there is none.
    pub key: Key,
    /// The source's row.
    pub source: Option<Row>,
    /// The target's row.
    pub target: Option<Row>,
}

/// Reads both sides' rows of some keys and says what is wrong with each; a key that became equal
/// is left out.
pub async fn findings(plan: &Plan, pair: &mut Pair, keys: &[Key]) -> Result<Vec<Finding>> {
    let sources = rows_of(plan, pair, Side::Source, keys).await?;
    let targets = rows_of(plan, pair, Side::Target, keys).await?;
    let mut out = Vec::new();
    for (key, (source, target)) in keys.iter().zip(sources.into_iter().zip(targets)) {
        let id = plan.key_id(key);
        let exact = |row: &Option<Row>| {
            row.as_ref()
                .is_none_or(|row| plan.key_id(&plan.key_of(row)) == id)
        };
        if exact(&source) && exact(&target) {
            push_finding(plan, &mut out, source, target);
            continue;
        }
        // rows that a collation takes for this key: each with its own counterpart
        let mut judged = None;
        if let Some(row) = source {
            let counterpart = target_of(plan, pair, &row).await?;
            judged = counterpart
                .as_ref()
                .map(|row| plan.key_id(&plan.key_of(row)));
            push_finding(plan, &mut out, Some(row), counterpart);
        }
        if let Some(row) = target
            && judged != Some(plan.key_id(&plan.key_of(&row)))
        {
            let counterpart = source_of(plan, pair, &row).await?;
            push_finding(plan, &mut out, counterpart, Some(row));
        }
    }
    Ok(out)
}

fn push_finding(plan: &Plan, out: &mut Vec<Finding>, source: Option<Row>, target: Option<Row>) {
    let (kind, row) = match (&source, &target) {
        (None, None) => return,
        (Some(s), Some(t)) if plan.rows_equal(s, t) => return,
        (Some(s), Some(_)) => (DiffKind::Mismatched, s),
        (Some(s), None) => (DiffKind::MasterOnly, s),
        (None, Some(t)) => (DiffKind::ImageOnly, t),
    };
    out.push(Finding {
        kind,
        key: plan.key_of(row),
        source,
        target,
    });
}

async fn rows_of(
    plan: &Plan,
    pair: &mut Pair,
    side: Side,
    keys: &[Key],
) -> Result<Vec<Option<Row>>> {
    let asked: Vec<&Key> = keys.iter().collect();
    let mut rows = vec![None; keys.len()];
    fetch(pair.side(side), plan, side, &asked, false, |at, row| {
        rows[at] = Some(row);
    })
    .await?;
    Ok(rows)
}

async fn row_of(plan: &Plan, pair: &mut Pair, side: Side, key: &Key) -> Result<Option<Row>> {
    let mut rows = rows_of(plan, pair, side, std::slice::from_ref(key)).await?;
    Ok(rows.pop().flatten())
}

/// The target row that belongs to a source row: the one that the target takes for its key, unless
/// that has exactly the key of another source row.
async fn target_of(plan: &Plan, pair: &mut Pair, source: &Row) -> Result<Option<Row>> {
    let key = plan.key_of(source);
    let Some(found) = row_of(plan, pair, Side::Target, &key).await? else {
        return Ok(None);
    };
    let own = plan.key_of(&found);
    let own_id = plan.key_id(&own);
    if own_id == plan.key_id(&key) {
        return Ok(Some(found));
    }
    let other = row_of(plan, pair, Side::Source, &own).await?;
    let is_others = other.is_some_and(|row| plan.key_id(&plan.key_of(&row)) == own_id);
    Ok((!is_others).then_some(found))
}

/// The source row to which a target row belongs.
async fn source_of(plan: &Plan, pair: &mut Pair, target: &Row) -> Result<Option<Row>> {
    let key = plan.key_of(target);
    let id = plan.key_id(&key);
    let Some(found) = row_of(plan, pair, Side::Source, &key).await? else {
        return Ok(None);
    };
    if plan.key_id(&plan.key_of(&found)) == id {
        return Ok(Some(found));
    }
    let back = target_of(plan, pair, &found).await?;
    let is_ours = back.is_some_and(|row| plan.key_id(&plan.key_of(&row)) == id);
    Ok(is_ours.then_some(found))
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

/// A correction as it stands in the list of differences.
fn shown_sql(sql: &str, instead: &str) -> String {
    match sql.len() {
        0..=SHOWN_BYTES => sql.to_owned(),
        bytes => format!("-- {bytes} bytes, too long to be shown{instead}"),
    }
}

/// The finding as it is kept, with the statement that corrects it.
pub fn with_correction(plan: &Plan, finding: &Finding) -> Difference {
    let sql = correction(plan, finding);
    Difference {
        correction_sql: shown_sql(sql.as_deref().unwrap_or(NOT_WRITABLE), ""),
        ..difference(plan, finding)
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
        difference.correction_sql = shown_sql(sql, ": see the .sql file");
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
