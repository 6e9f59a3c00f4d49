//! Comparing one slice of a table whose keys are sorted the same way on both sides: both are read
//! in the order of the key and merged, one row of each in memory.

use super::outcome::Counts;
use super::plan::{Plan, Side};
use super::sides::{Pair, reading};
use super::statement::{Slice, read_slice};
use super::tally::Tally;
use crate::datasource::mysql::compare::RowStream;
use crate::error::Result;
use crate::model::row::Row;
use std::cmp::Ordering;

/// How the comparison of a slice ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SliceEnd {
    /// All of it was compared.
    Done,
    /// There was no room for more differences: this is left.
    Left(Slice),
    /// The server's order of keys is not the one that is known here; nothing was counted.
    Disordered,
}

/// What two rows at the head of both streams mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same key and values: both are done with.
    Equal,
    /// The same key, other values: both are done with.
    Mismatched,
    /// The target has no such key: the source's row is done with.
    SourceOnly,
    /// The source has no such key: the target's row is done with.
    TargetOnly,
    /// Both streams have ended.
    End,
}

/// Judges the heads of both streams.
pub fn judge(plan: &Plan, source: Option<&Row>, target: Option<&Row>) -> Verdict {
    match (source, target) {
        (None, None) => Verdict::End,
        (Some(_), None) => Verdict::SourceOnly,
        (None, Some(_)) => Verdict::TargetOnly,
        (Some(s), Some(t)) => match plan.compare_keys(s, t) {
            Ordering::Less => Verdict::SourceOnly,
            Ordering::Greater => Verdict::TargetOnly,
            Ordering::Equal if plan.rows_equal(s, t) => Verdict::Equal,
            Ordering::Equal => Verdict::Mismatched,
        },
    }
}

/// How many rows are read between two signs of life.
const ROWS_PER_BEAT: u64 = 1000;

/// Compares a slice. Counts are added only when it is left or done, so that a slice that failed
/// can be compared again.
pub async fn compare(
    plan: &Plan,
    pair: &mut Pair,
    slice: Slice,
    tally: &Tally,
) -> Result<SliceEnd> {
    let columns = plan.columns.len();
    let query = |side| read_slice(plan, side, &slice, false).into_bytes();
    let (source, target) = futures::future::try_join(
        RowStream::start(
            &mut pair.source,
            query(Side::Source),
            columns,
            reading(plan, Side::Source),
        ),
        RowStream::start(
            &mut pair.target,
            query(Side::Target),
            columns,
            reading(plan, Side::Target),
        ),
    )
    .await?;
    let (mut source, mut target) = (Head::new(source), Head::new(target));
    let mut counts = Counts::default();
    let (mut bytes, mut beaten) = (0, 0);
    let mut last: Option<Row> = None;
    loop {
        if !source.fill(plan).await? || !target.fill(plan).await? {
            return Ok(SliceEnd::Disordered);
        }
        let verdict = judge(plan, source.row.as_ref(), target.row.as_ref());
        let differs = match verdict {
            Verdict::End => break,
            Verdict::Equal => None,
            Verdict::Mismatched | Verdict::SourceOnly => source.row.as_ref(),
            Verdict::TargetOnly => target.row.as_ref(),
        };
        if let Some(row) = differs
            && !tally.suspect(plan, plan.key_of(row))
        {
            if !plan.sliceable {
                return Ok(SliceEnd::Left(slice));
            }
            tally.add(&counts, bytes);
            let after = last.map(|row| plan.key_of(&row)).or(slice.after);
            let upto = slice.upto;
            return Ok(SliceEnd::Left(Slice { after, upto }));
        }
        if verdict != Verdict::TargetOnly
            && let Some(row) = source.row.take()
        {
            counts.source_rows += 1;
            bytes += row.size() as u64;
            last = Some(row);
        }
        if verdict != Verdict::SourceOnly
            && let Some(row) = target.row.take()
        {
            counts.target_rows += 1;
            last = Some(row);
        }
        if counts.source_rows >= beaten + ROWS_PER_BEAT {
            tally.beat(counts.source_rows - beaten);
            beaten = counts.source_rows;
        }
    }
    tally.beat(counts.source_rows - beaten);
    tally.add(&counts, bytes);
    Ok(SliceEnd::Done)
}

/// The next row of a stream, and what is needed to see that the stream is sorted.
struct Head<'c> {
    stream: RowStream<'c>,
    row: Option<Row>,
    before: Option<Row>,
}

impl<'c> Head<'c> {
    fn new(stream: RowStream<'c>) -> Self {
        Self {
            stream,
            row: None,
            before: None,
        }
    }

    /// Reads the next row where there is none; false where it does not come behind the one
    /// before, by our order.
    async fn fill(&mut self, plan: &Plan) -> Result<bool> {
        if self.row.is_some() {
            return Ok(true);
        }
        self.row = self.stream.next().await?;
        let Some(row) = &self.row else {
            return Ok(true);
        };
        let sorted = self
            .before
            .as_ref()
            .is_none_or(|before| plan.compare_keys(before, row) == Ordering::Less);
        self.before = Some(row.clone());
        Ok(sorted)
    }
}

#[cfg(test)]
mod tests;
