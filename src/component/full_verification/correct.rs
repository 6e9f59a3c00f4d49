//! Correcting the target on request, while Incr-Sync writes to it.
//!
//! A correction must never put an old image over a newer one. So each row is corrected in a target
//! transaction of its own that first locks the target's row, then reads the source's row again and
//! goes on only if it is still what it was before Incr-Sync passed: whatever the source changes
//! afterwards is applied behind our lock. A missing row is inserted, never replaced: if Incr-Sync
//! was faster, the server says so and nothing happens.

use super::canon::Image;
use super::outcome::DiffKind;
use super::plan::{Key, Plan, Side};
use super::ports::Progressed;
use super::report::{Finding, correction, findings};
use super::sides::{Pair, fetch};
use super::statement::{delete, insert, lock};
use crate::datasource::mysql::compare::RowStream;
use crate::datasource::mysql::fault::{DUPLICATE_ENTRY, fault, server_code};
use crate::error::Result;
use crate::model::row::Row;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

/// Keys that are corrected between two waits for Incr-Sync.
const KEYS_AT_ONCE: usize = 100;

/// What became of one row's correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Corrected, or nothing to do any more, or refused for good: the review will tell.
    Over,
    /// Another row holds one of its unique values.
    Taken,
}

/// Corrects the target's rows of these keys, as far as it can be done safely. Whether they are
/// equal then is for a review to say.
pub async fn correct(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Conn,
    keys: &[Key],
    progressed: &dyn Progressed,
) -> Result<()> {
    let mut taken: Vec<Key> = Vec::new();
    for keys in keys.chunks(KEYS_AT_ONCE) {
        pass(plan, pair, writer, keys, progressed, &mut taken).await?;
    }
    if taken.is_empty() {
        return Ok(());
    }
    // the rows that held the values may have been corrected meanwhile
    let mut stuck = Vec::new();
    for keys in taken.chunks(KEYS_AT_ONCE) {
        pass(plan, pair, writer, keys, progressed, &mut stuck).await?;
    }
    for keys in stuck.chunks(KEYS_AT_ONCE) {
        swap(plan, pair, writer, keys, progressed).await?;
    }
    Ok(())
}

/// Corrects rows one by one: first what is too many, then what is different, then what is missing,
/// so that unique values are free when they are needed.
async fn pass(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Conn,
    keys: &[Key],
    progressed: &dyn Progressed,
    taken: &mut Vec<Key>,
) -> Result<()> {
    let width = if plan.has_large_columns() {
        1
    } else {
        KEYS_AT_ONCE
    };
    for keys in keys.chunks(width) {
        let mut found = findings(plan, pair, keys).await?;
        progressed.passed_now().await?;
        found.sort_by_key(|finding| match finding.kind {
            DiffKind::ImageOnly => 0,
            DiffKind::Mismatched => 1,
            DiffKind::MasterOnly => 2,
        });
        for finding in found {
            let fate = correct_one(plan, pair, writer, &finding).await;
            if fate.is_err() {
                // the transaction may be open; a broken session cannot roll back, and need not
                let _ = writer.query_drop("ROLLBACK").await;
            }
            if fate? == Fate::Taken {
                taken.push(finding.key);
            }
        }
    }
    Ok(())
}

async fn correct_one(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Conn,
    finding: &Finding,
) -> Result<Fate> {
    run(writer, plan, "START TRANSACTION").await?;
    let target = locked(plan, writer, finding).await?;
    let source = source_row(plan, &mut pair.source, &finding.key).await?;
    if image(plan, source.as_ref()) != image(plan, finding.source.as_ref()) {
        run(writer, plan, "ROLLBACK").await?;
        return Ok(Fate::Over);
    }
    let equal = match (&source, &target) {
        (Some(s), Some(t)) => plan.rows_equal(s, t),
        (None, None) => true,
        _ => false,
    };
    let now = Finding {
        kind: finding.kind,
        key: finding.key.clone(),
        source,
        target,
    };
    let statement = correction(plan, &now).filter(|_| !equal);
    let Some(statement) = statement else {
        run(writer, plan, "ROLLBACK").await?;
        return Ok(Fate::Over);
    };
    match writer.query_drop(statement).await {
        Ok(()) => {
            run(writer, plan, "COMMIT").await?;
            Ok(Fate::Over)
        }
        Err(error) => {
            run(writer, plan, "ROLLBACK").await?;
            judge_refusal(plan, error)
        }
    }
}

/// A duplicate is for a later pass; what may pass by itself ends the work; what the target refuses
/// for good is said, and the row stays different.
fn judge_refusal(plan: &Plan, error: mysql_async::Error) -> Result<Fate> {
    if server_code(&error) == Some(DUPLICATE_ENTRY) {
        return Ok(Fate::Taken);
    }
    let error = fault(format!("correcting a row of {}", plan.target), error);
    if error.is_transient() {
        return Err(error);
    }
    tracing::warn!(table = %plan.target, error = %error, "the target refused a correction");
    Ok(Fate::Over)
}

/// Locks and reads the target's row.
async fn locked(plan: &Plan, writer: &mut Conn, finding: &Finding) -> Result<Option<Row>> {
    let own = finding.target.as_ref().map(|row| plan.key_of(row));
    let key = own.as_ref().unwrap_or(&finding.key);
    let what = format!("locking a row of {}", plan.target);
    let sql = lock(plan, key).into_bytes();
    let mut stream = RowStream::start(writer, sql, plan.columns.len(), what).await?;
    let row = stream.next().await?;
    while stream.next().await?.is_some() {}
    Ok(row)
}

async fn source_row(plan: &Plan, conn: &mut Conn, key: &Key) -> Result<Option<Row>> {
    let id = plan.key_id(key);
    let mut row = None;
    fetch(conn, plan, Side::Source, &[key], false, |_, found| {
        // a row that the collation only takes for the same has a key, and a correction, of its own
        row = (plan.key_id(&plan.key_of(&found)) == id).then_some(found);
    })
    .await?;
    Ok(row)
}

fn image(plan: &Plan, row: Option<&Row>) -> Option<Image> {
    row.map(|row| plan.image(Side::Source, row))
}

/// Rows that hold each other's unique values: all of them are taken out and put in again in one
/// transaction.
async fn swap(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Conn,
    keys: &[Key],
    progressed: &dyn Progressed,
) -> Result<()> {
    let found = findings(plan, pair, keys).await?;
    progressed.passed_now().await?;
    let done = swap_in_transaction(plan, pair, writer, &found).await;
    if !matches!(done, Ok(true)) {
        let _ = writer.query_drop("ROLLBACK").await;
    }
    match done {
        Err(error) if error.is_transient() => Err(error),
        Err(error) => {
            tracing::warn!(table = %plan.target, error = %error, "the target refused a correction");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// True where it was committed; false where a source row changed meanwhile.
async fn swap_in_transaction(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Conn,
    found: &[Finding],
) -> Result<bool> {
    run(writer, plan, "START TRANSACTION").await?;
    for finding in found {
        if let Some(target) = locked(plan, writer, finding).await? {
            run(writer, plan, &delete(plan, &plan.key_of(&target))).await?;
        }
    }
    for finding in found {
        let source = source_row(plan, &mut pair.source, &finding.key).await?;
        if image(plan, source.as_ref()) != image(plan, finding.source.as_ref()) {
            return Ok(false);
        }
        if let Some(source) = source {
            run(writer, plan, &insert(plan, &source)).await?;
        }
    }
    run(writer, plan, "COMMIT").await?;
    Ok(true)
}

/// Runs a statement of a correction.
pub async fn run(writer: &mut Conn, plan: &Plan, statement: &str) -> Result<()> {
    writer
        .query_drop(statement)
        .await
        .map_err(|e| fault(format!("correcting {}", plan.target), e))
}
