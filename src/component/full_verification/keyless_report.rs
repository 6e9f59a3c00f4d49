//! The differences of a table without a key: a row for each image is read once more, written down,
//! and corrected if that is wanted.
//!
//! A correction adds or takes away as many equal rows as are missing or too many. That commutes
//! with what Incr-Sync does meanwhile.

use super::canon::Image;
use super::outcome::{Counts, DiffKind};
use super::plan::{Plan, Side};
use super::report::{Finding, Reporter, difference};
use super::sides::{Pair, reading};
use super::statement::{delete_alike, insert, read_all};
use super::writer::{Writer, judge};
use crate::datasource::mysql::compare::RowStream;
use crate::datasource::mysql::{Connection, Flavour};
use crate::error::Result;
use crate::model::row::Row;
use std::collections::HashMap;

/// Writes down the images that do not occur equally often, and corrects them where there is a
/// corrector. Gives the counts of the differences.
pub async fn emit(
    plan: &Plan,
    pair: &mut Pair,
    different: &[(Image, i64)],
    reporter: &mut Reporter<'_>,
    corrector: &mut Option<Writer>,
) -> Result<Counts> {
    let mut counts = Counts::default();
    for side in [Side::Source, Side::Target] {
        let wanted: HashMap<Image, u64> = different
            .iter()
            .filter(|(_, surplus)| (*surplus > 0) == (side == Side::Source) && *surplus != 0)
            .map(|&(image, surplus)| (image, surplus.unsigned_abs()))
            .collect();
        emit_side(
            plan,
            pair.side(side),
            side,
            wanted,
            reporter,
            corrector,
            &mut counts,
        )
        .await?;
    }
    reporter.flush().await?;
    Ok(counts)
}

async fn emit_side(
    plan: &Plan,
    conn: &mut Connection,
    side: Side,
    mut wanted: HashMap<Image, u64>,
    reporter: &mut Reporter<'_>,
    corrector: &mut Option<Writer>,
    counts: &mut Counts,
) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let sql = read_all(plan, side).into_bytes();
    let mut stream = RowStream::start(conn, sql, plan.columns.len(), reading(plan, side)).await?;
    while let Some(row) = stream.next().await? {
        let Some(rows) = wanted.remove(&plan.image(side, &row)) else {
            continue;
        };
        let finding = finding(side, row);
        counts.count(finding.kind, rows);
        let native_json = corrector
            .as_ref()
            .is_none_or(|c| c.flavour != Flavour::MariaDb);
        let (statement, times) = statement(plan, &finding, rows, native_json);
        let mut difference = difference(plan, &finding);
        difference.rows = rows;
        reporter
            .add(difference, statement.as_deref(), times)
            .await?;
        if let (Some(corrector), Some(statement)) = (corrector.as_mut(), &statement) {
            apply(plan, corrector, statement, times).await?;
        }
        if wanted.is_empty() {
            break;
        }
    }
    Ok(())
}

fn finding(side: Side, row: Row) -> Finding {
    let key = Row::default();
    match side {
        Side::Source => Finding {
            kind: DiffKind::MasterOnly,
            key,
            source: Some(row),
            target: None,
        },
        Side::Target => Finding {
            kind: DiffKind::ImageOnly,
            key,
            source: None,
            target: Some(row),
        },
    }
}

/// The statement that corrects a finding, and how often it must be run.
fn statement(
    plan: &Plan,
    finding: &Finding,
    rows: u64,
    native_json: bool,
) -> (Option<String>, u64) {
    match (&finding.source, &finding.target) {
        (Some(row), _) => (Some(insert(plan, row)), rows),
        (None, Some(row)) => (Some(delete_alike(plan, row, rows, native_json)), 1),
        (None, None) => (None, 0),
    }
}

async fn apply(plan: &Plan, writer: &mut Writer, statement: &str, times: u64) -> Result<()> {
    let done = apply_in_transaction(plan, writer, statement, times).await;
    if done.is_err() {
        writer.roll_back().await;
    }
    done.or_else(|error| judge(plan, error))
}

async fn apply_in_transaction(
    plan: &Plan,
    writer: &mut Writer,
    statement: &str,
    times: u64,
) -> Result<()> {
    writer.begin(plan).await?;
    for _ in 0..times {
        writer.run(plan, statement).await?;
    }
    writer.commit(plan).await
}
