//! Correcting the target on request, while Incr-Sync writes to it.
//!
//! A correction must never put an old image over a newer one, and never do what Incr-Sync is about
//! to do. So each row is corrected in a target transaction of its own, which locks the target's row
//! and reads the source's row again; it goes on only if neither changed since before Incr-Sync
//! passed. Then nothing of what made the source's row is still to be applied, and whatever the
//! source changes afterwards is applied behind our lock. A missing row is inserted, never replaced:
//! if Incr-Sync was faster, the server says so and nothing happens.

use super::outcome::DiffKind;
use super::plan::{Key, Plan, Side};
use super::ports::{Passed, Progressed};
use super::report::{Finding, correction, findings};
use super::sides::{Pair, fetch};
use super::statement::{delete, insert, lock};
use super::writer::{Writer, judge};
use crate::datasource::mysql::compare::RowStream;
use crate::datasource::mysql::connection::{Connection, Ran};
use crate::error::Result;
use crate::model::row::Row;

/// Keys that are corrected between two waits for Incr-Sync.
const KEYS_AT_ONCE: usize = 100;

/// How often Incr-Sync is waited for before a correction is given up.
const WAITS_FOR_INCR_SYNC: u32 = 5;

/// How often rows that changed under way, or that need another row's value, are tried.
const PASSES: u32 = 4;

/// What became of one row's correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Corrected, or nothing to do any more, or refused for good: the review will tell.
    Over,
    /// It changed under way: another look is needed.
    Moved,
    /// Another row holds one of its unique values.
    Taken,
}

/// Corrects the target's rows of these keys, as far as it can be done safely. Whether they are
/// equal then is for a review to say.
pub async fn correct(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Writer,
    keys: &[Key],
    progressed: &dyn Progressed,
) -> Result<()> {
    let mut open = keys.to_vec();
    let mut taken = Vec::new();
    for _ in 0..PASSES {
        // the rows that held a value may have been corrected meanwhile
        let todo = std::mem::take(&mut open);
        taken.clear();
        for keys in todo.chunks(KEYS_AT_ONCE) {
            for (key, fate) in pass(plan, pair, writer, keys, progressed).await? {
                match fate {
                    Fate::Over => {}
                    Fate::Moved => open.push(key),
                    Fate::Taken => {
                        open.push(key.clone());
                        taken.push(key);
                    }
                }
            }
        }
    }
    for keys in taken.chunks(KEYS_AT_ONCE) {
        swap(plan, pair, writer, keys, progressed).await?;
    }
    Ok(())
}

/// Corrects rows one by one: first what is too many, then what is different, then what is missing,
/// so that unique values are free when they are needed.
async fn pass(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Writer,
    keys: &[Key],
    progressed: &dyn Progressed,
) -> Result<Vec<(Key, Fate)>> {
    let width = if plan.has_large_columns() {
        1
    } else {
        KEYS_AT_ONCE
    };
    let mut fates = Vec::new();
    for keys in keys.chunks(width) {
        let mut found = findings(plan, pair, keys).await?;
        if !has_passed(plan, progressed).await? {
            fates.extend(found.into_iter().map(|f| (f.key, Fate::Moved)));
            continue;
        }
        found.sort_by_key(|finding| match finding.kind {
            DiffKind::ImageOnly => 0,
            DiffKind::Mismatched => 1,
            DiffKind::MasterOnly => 2,
        });
        for finding in found {
            let fate = correct_one(plan, pair, writer, &finding).await;
            if !matches!(fate, Ok(Fate::Over)) {
                writer.roll_back().await;
            }
            fates.push((finding.key, fate?));
        }
    }
    Ok(fates)
}

/// Whether Incr-Sync passed the source's position of now, or nobody can tell. While it has not,
/// what it is about to apply may be in the source's rows already, and nothing may be corrected.
async fn has_passed(plan: &Plan, progressed: &dyn Progressed) -> Result<bool> {
    for _ in 0..WAITS_FOR_INCR_SYNC {
        if progressed.passed_now().await? != Passed::NotYet {
            return Ok(true);
        }
    }
    tracing::warn!(table = %plan.target, "not corrected: Incr-Sync is too far behind");
    Ok(false)
}

async fn correct_one(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Writer,
    finding: &Finding,
) -> Result<Fate> {
    writer.begin(plan).await?;
    let target = locked(plan, writer, finding).await?;
    let source = source_row(plan, &mut pair.source, &finding.key).await?;
    if is_other(plan, Side::Source, source.as_ref(), finding.source.as_ref())
        || is_other(plan, Side::Target, target.as_ref(), finding.target.as_ref())
    {
        return Ok(Fate::Moved);
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
        writer.roll_back().await;
        return Ok(Fate::Over);
    };
    let what = format!("correcting a row of {}", plan.target);
    match writer.conn.run_unless_duplicate(what, statement).await {
        Ok(Ran::Rows(_)) => {
            writer.commit(plan).await?;
            Ok(Fate::Over)
        }
        Ok(Ran::Duplicate) => Ok(Fate::Taken),
        Err(error) => {
            writer.roll_back().await;
            judge(plan, error)?;
            Ok(Fate::Over)
        }
    }
}

/// Locks and reads the target's row.
async fn locked(plan: &Plan, writer: &mut Writer, finding: &Finding) -> Result<Option<Row>> {
    let own = finding.target.as_ref().map(|row| plan.key_of(row));
    let key = own.as_ref().unwrap_or(&finding.key);
    let what = format!("locking a row of {}", plan.target);
    let sql = lock(plan, key).into_bytes();
    let mut stream = RowStream::start(&mut writer.conn, sql, plan.columns.len(), what).await?;
    let row = stream.next().await?;
    while stream.next().await?.is_some() {}
    Ok(row)
}

async fn source_row(plan: &Plan, conn: &mut Connection, key: &Key) -> Result<Option<Row>> {
    let id = plan.key_id(key);
    let mut row = None;
    fetch(conn, plan, Side::Source, &[key], false, |_, found| {
        // a row that the collation only takes for the same has a key, and a correction, of its own
        row = (plan.key_id(&plan.key_of(&found)) == id).then_some(found);
    })
    .await?;
    Ok(row)
}

/// Whether a row is not what it was.
fn is_other(plan: &Plan, side: Side, now: Option<&Row>, before: Option<&Row>) -> bool {
    let image = |row: Option<&Row>| row.map(|row| plan.image(side, row));
    image(now) != image(before)
}

/// Rows that hold each other's unique values: all of them are taken out and put in again in one
/// transaction.
async fn swap(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Writer,
    keys: &[Key],
    progressed: &dyn Progressed,
) -> Result<()> {
    let found = findings(plan, pair, keys).await?;
    if !has_passed(plan, progressed).await? {
        return Ok(());
    }
    let done = swap_in_transaction(plan, pair, writer, &found).await;
    if !matches!(done, Ok(true)) {
        writer.roll_back().await;
    }
    done.map(|_| ()).or_else(|error| judge(plan, error))
}

/// True where it was committed; false where a row changed meanwhile.
async fn swap_in_transaction(
    plan: &Plan,
    pair: &mut Pair,
    writer: &mut Writer,
    found: &[Finding],
) -> Result<bool> {
    writer.begin(plan).await?;
    let mut sources = Vec::new();
    for finding in found {
        let target = locked(plan, writer, finding).await?;
        let source = source_row(plan, &mut pair.source, &finding.key).await?;
        if is_other(plan, Side::Source, source.as_ref(), finding.source.as_ref())
            || is_other(plan, Side::Target, target.as_ref(), finding.target.as_ref())
        {
            return Ok(false);
        }
        if let Some(target) = target {
            writer
                .run(plan, &delete(plan, &plan.key_of(&target)))
                .await?;
        }
        sources.extend(source);
    }
    for source in sources {
        writer.run(plan, &insert(plan, &source)).await?;
    }
    writer.commit(plan).await?;
    Ok(true)
}
