//! Comparing a table whose keys are text: the two servers may sort them differently, so a slice of
//! one side is read in its own order, and the other side is asked for the same keys.
//!
//! Two passes: every source row against the target (finds what is missing or different), then
//! every target key against the source (finds what only the target has).

use super::merge::SliceEnd;
use super::outcome::Counts;
use super::plan::{Key, Mode, Plan, Side};
use super::sides::{KEYS_PER_QUERY, Pair, fetch, reading};
use super::statement::{Slice, read_slice};
use super::tally::Tally;
use crate::datasource::mysql::Connection;
use crate::datasource::mysql::compare::RowStream;
use crate::error::Result;
use crate::model::row::Row;

/// Bytes of source rows that are held at once.
const BATCH_BYTES: usize = 1 << 20;

/// Compares the rows of a source slice with the target's.
pub async fn compare(
    plan: &Plan,
    pair: &mut Pair,
    slice: Slice,
    tally: &Tally,
) -> Result<SliceEnd> {
    run(plan, pair, slice, tally, Side::Source).await
}

/// Looks for target keys of a slice that the source does not have.
pub async fn find_extra(
    plan: &Plan,
    pair: &mut Pair,
    slice: Slice,
    tally: &Tally,
) -> Result<SliceEnd> {
    debug_assert_eq!(plan.mode, Mode::Lookup);
    run(plan, pair, slice, tally, Side::Target).await
}

async fn run(
    plan: &Plan,
    pair: &mut Pair,
    slice: Slice,
    tally: &Tally,
    from: Side,
) -> Result<SliceEnd> {
    let key_only = from == Side::Target;
    let columns = if key_only {
        plan.key.len()
    } else {
        plan.columns.len()
    };
    let sql = read_slice(plan, from, &slice, key_only).into_bytes();
    let (reader, asked) = match from {
        Side::Source => (&mut pair.source, &mut pair.target),
        Side::Target => (&mut pair.target, &mut pair.source),
    };
    let mut stream = RowStream::start(reader, sql, columns, reading(plan, from)).await?;
    let mut counts = Counts::default();
    let mut bytes = 0;
    let mut last: Option<Key> = None;
    loop {
        let rows = next_batch(&mut stream).await?;
        if rows.is_empty() {
            break;
        }
        let differs = match from {
            Side::Source => against_target(plan, asked, &rows, tally).await?,
            Side::Target => against_source(plan, asked, &rows, tally).await?,
        };
        for (row, differs) in rows.iter().zip(differs) {
            let key = if key_only {
                row.clone()
            } else {
                plan.key_of(row)
            };
            if differs && !tally.suspect(plan, key.clone()) {
                return Ok(left(plan, slice, last, &counts, bytes, tally));
            }
            last = Some(key);
            match from {
                Side::Source => {
                    counts.source_rows += 1;
                    bytes += row.size() as u64;
                }
                Side::Target => counts.target_rows += 1,
            }
        }
        tally.beat(if key_only { 0 } else { rows.len() as u64 });
    }
    tally.add(&counts, bytes);
    Ok(SliceEnd::Done)
}

/// What is left behind the last row that was judged; all of it, uncounted, where the table cannot
/// be read in ranges.
fn left(
    plan: &Plan,
    slice: Slice,
    last: Option<Key>,
    counts: &Counts,
    bytes: u64,
    tally: &Tally,
) -> SliceEnd {
    if !plan.sliceable {
        return SliceEnd::Left(slice);
    }
    tally.add(counts, bytes);
    SliceEnd::Left(Slice {
        after: last.or(slice.after),
        upto: slice.upto,
    })
}

async fn next_batch(stream: &mut RowStream<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut bytes = 0;
    while rows.len() < KEYS_PER_QUERY && bytes < BATCH_BYTES {
        match stream.next().await? {
            Some(row) => {
                bytes += row.size();
                rows.push(row);
            }
            None => break,
        }
    }
    Ok(rows)
}

/// For each source row, whether the target's row is missing or different.
async fn against_target(
    plan: &Plan,
    target: &mut Connection,
    rows: &[Row],
    tally: &Tally,
) -> Result<Vec<bool>> {
    let keys: Vec<Key> = rows.iter().map(|row| plan.key_of(row)).collect();
    let keys: Vec<&Key> = keys.iter().collect();
    let mut differs = vec![true; rows.len()];
    fetch(target, plan, Side::Target, &keys, false, |at, row| {
        differs[at] = !plan.rows_equal(&rows[at], &row);
        let target_key = plan.key_of(&row);
        if plan.key_id(&target_key) != plan.key_id(keys[at]) {
            tally.claim(plan, &target_key);
        }
    })
    .await?;
    Ok(differs)
}

/// For each target key, whether the source does not have it.
async fn against_source(
    plan: &Plan,
    source: &mut Connection,
    keys: &[Key],
    tally: &Tally,
) -> Result<Vec<bool>> {
    let asked: Vec<&Key> = keys.iter().collect();
    let mut missing: Vec<bool> = keys
        .iter()
        .map(|key| !tally.is_claimed(plan, key))
        .collect();
    fetch(source, plan, Side::Source, &asked, true, |at, key| {
        // one that the source only takes for the same is judged when it is looked at again
        if plan.key_id(&key) == plan.key_id(&keys[at]) {
            missing[at] = false;
        }
    })
    .await?;
    Ok(missing)
}
