//! One table from its plan to its outcome.

use super::canon::Image;
use super::definition::{CHANGES, has_other_columns, plan_of, take_newer};
use super::files::Files;
use super::keyed::{Keyed, TableEnd};
use super::keyless;
use super::keyless_report::emit;
use super::outcome::{Counts, ResultType, TableOutcome};
use super::plan::{Mode, Plan, Side};
use super::ports::TablePair;
use super::report::Reporter;
use super::retry::{Attempts, again};
use super::review::Rounds;
use super::shared::Shared;
use super::sides::reading;
use super::slices::rows_per_slice;
use crate::datasource::mysql::compare::RowStream;
use crate::error::{Error, Kind, Result};
use std::collections::HashSet;
use std::sync::Arc;

/// How often a table without a key is compared anew because too much of it was in flight.
const KEYLESS_ATTEMPTS: u32 = 20;

/// About how large a table is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Estimate {
    /// Rows.
    pub rows: u64,
    /// Bytes of one row; 0: unknown.
    pub row_bytes: u64,
}

/// Compares a table and says how it ended. The second value is why it could not be compared. An
/// error is one of the log or the files: then nothing can be said at all.
pub async fn run_table(
    shared: &Arc<Shared>,
    pair: &TablePair,
    estimate: Estimate,
) -> Result<(TableOutcome, Option<Error>)> {
    let files = Files::new(&shared.dir, shared.sub_id, &pair.source.name);
    files.begin().await?;
    shared.log.begin(pair).await?;
    let mut outcome = TableOutcome {
        source: pair.source.name.clone(),
        target: pair.target.clone(),
        result: ResultType::Running,
        counts: Counts::default(),
        message: String::new(),
        error: None,
        diff_file: None,
        sql_file: None,
    };
    let failure = match settle(shared, pair, estimate, &files, &mut outcome).await {
        Ok(()) => None,
        Err(error) => {
            outcome.result = ResultType::RuntimeException;
            outcome.message = error.to_string();
            outcome.error = Some(error.report());
            Some(error)
        }
    };
    let written = files.finish().await?;
    outcome.diff_file = written.diff.map(|p| p.display().to_string());
    outcome.sql_file = written.sql.map(|p| p.display().to_string());
    shared.log.finish(&outcome).await?;
    Ok((outcome, failure))
}

/// Compares a table as it is: from the start again where its definition changed meanwhile.
async fn settle(
    shared: &Arc<Shared>,
    pair: &TablePair,
    estimate: Estimate,
    files: &Files,
    outcome: &mut TableOutcome,
) -> Result<()> {
    let mut pair = pair.clone();
    for change in 0.. {
        let judged = judge(shared, &mut pair, estimate, files, outcome).await;
        let suspect = match &judged {
            Ok(compared) => *compared && has_other_columns(shared, &pair).await?,
            Err(error) => error.kind() == Kind::ObjectMissing,
        };
        if !suspect || !take_newer(shared, &mut pair).await? {
            return judged.map(drop);
        }
        if change == CHANGES {
            judged?;
            let what = format!("comparing table {}", pair.source.name);
            let why = format!("its definition changed while it was compared, {CHANGES} times");
            return Err(Error::new(Kind::VerifyFailed, what).detail(why));
        }
        outcome.counts = Counts::default();
        start_over(shared, &pair, files).await?;
    }
    Ok(())
}

/// Compares a table by the definition that both sides have now; false where they do not fit.
async fn judge(
    shared: &Arc<Shared>,
    pair: &mut TablePair,
    estimate: Estimate,
    files: &Files,
    outcome: &mut TableOutcome,
) -> Result<bool> {
    let mut plan = match plan_of(shared, pair).await? {
        Ok(plan) => plan,
        Err(mismatch) => {
            outcome.result = mismatch.result;
            outcome.message = mismatch.why;
            return Ok(false);
        }
    };
    if plan.mode == Mode::Multiset {
        let (counts, end) = compare_keyless(shared, pair, &plan, files).await?;
        conclude(shared, &plan, outcome, counts, end).await?;
        return Ok(true);
    }
    loop {
        let rows = rows_per_slice(shared.options.slice_bytes, estimate.row_bytes);
        let keyed = Keyed::new(
            Arc::clone(shared),
            plan.clone(),
            files.clone(),
            rows,
            estimate.rows,
        );
        let (counts, end) = keyed.run().await?;
        if end == TableEnd::Disordered && plan.mode == Mode::Merge {
            tracing::warn!(table = %plan.source, "a server sorts this table's keys in its own way: comparing by keys");
            plan = plan.without_order();
            start_over(shared, pair, files).await?;
            continue;
        }
        conclude(shared, &plan, outcome, counts, end).await?;
        return Ok(true);
    }
}

/// Compares a table without a key, from the start again where that failed for a reason that may
/// pass.
async fn compare_keyless(
    shared: &Arc<Shared>,
    pair: &TablePair,
    plan: &Plan,
    files: &Files,
) -> Result<(Counts, TableEnd)> {
    let mut attempts = Attempts::default();
    loop {
        let mut corrected = 0;
        let error = match compare_keyless_once(shared, plan, files, &mut corrected).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        again(&mut attempts, error).await?;
        start_over(shared, pair, files).await?;
    }
}

/// Drops what was written down for this table.
async fn start_over(shared: &Shared, pair: &TablePair, files: &Files) -> Result<()> {
    files.begin().await?;
    shared.log.begin(pair).await
}

async fn compare_keyless_once(
    shared: &Arc<Shared>,
    plan: &Plan,
    files: &Files,
    corrected: &mut u64,
) -> Result<(Counts, TableEnd)> {
    let limit = usize::try_from(shared.options.table_nonunique_max).unwrap_or(usize::MAX);
    for _ in 0..KEYLESS_ATTEMPTS {
        let mut lease = shared.sides.lease().await?;
        let found = keyless::scan(plan, lease.pair()?, limit.max(1), &shared.progress).await?;
        let different = keyless::review(
            plan,
            lease.pair()?,
            found.surplus,
            Rounds::from(&shared.options),
            &*shared.progressed,
            &shared.progress,
        )
        .await?;
        let mut corrector = match &shared.writers {
            Some(writers) if !different.is_empty() => Some(writers.session(&shared.sides).await?),
            _ => None,
        };
        let mut reporter = Reporter::new(plan, files, &*shared.log);
        let mut counts = emit(
            plan,
            lease.pair()?,
            &different,
            &mut reporter,
            &mut corrector,
        )
        .await?;
        // rows may still be on their way over this lease: it is not given back
        drop(lease);
        if corrector.is_some() {
            let before = counts.differences();
            counts = left_after_correction(shared, plan, different).await?;
            *corrected += before.saturating_sub(counts.differences());
        }
        if counts.differences() == 0 && found.more {
            // the part that was looked at was in flight or is corrected; now for the rest
            continue;
        }
        counts.source_rows = found.counts.source_rows;
        counts.target_rows = found.counts.target_rows;
        counts.corrected = *corrected;
        counts.consistent = counts.source_rows.saturating_sub(counts.source_only);
        shared.progress.add(counts.source_rows, 0);
        let end = if found.more {
            TableEnd::Limit
        } else {
            TableEnd::Whole
        };
        return Ok((counts, end));
    }
    Err(
        Error::new(Kind::VerifyFailed, format!("comparing table {}", plan.source)).detail(format!(
            "it has no key, and more than {limit} of its rows were in flight at each of {KEYLESS_ATTEMPTS} looks"
        )),
    )
}

/// Looks at corrected images again: counts what is still different.
async fn left_after_correction(
    shared: &Arc<Shared>,
    plan: &Plan,
    different: Vec<(Image, i64)>,
) -> Result<Counts> {
    let mut corrected: HashSet<Image> = different.iter().map(|(image, _)| *image).collect();
    let mut lease = shared.sides.lease().await?;
    let left = keyless::review(
        plan,
        lease.pair()?,
        different.into_iter().collect(),
        Rounds::from(&shared.options),
        &*shared.progressed,
        &shared.progress,
    )
    .await?;
    lease.give_back();
    let mut counts = Counts::default();
    for (image, surplus) in left {
        corrected.remove(&image);
        match surplus > 0 {
            true => counts.source_only += surplus.unsigned_abs(),
            false => counts.dest_only += surplus.unsigned_abs(),
        }
    }
    let corrected: Vec<String> = corrected
        .iter()
        .map(|image| format!("{image:032x}"))
        .collect();
    shared.log.corrected(&plan.source, &corrected).await?;
    Ok(counts)
}

async fn conclude(
    shared: &Arc<Shared>,
    plan: &Plan,
    outcome: &mut TableOutcome,
    counts: Counts,
    end: TableEnd,
) -> Result<()> {
    let differences = counts.differences();
    let mut result = match (end, plan.mode) {
        (TableEnd::Limit, Mode::Multiset) => ResultType::MismatchLimitNoPk,
        (TableEnd::Limit, _) => ResultType::MismatchLimit,
        _ if differences > 0 => ResultType::Inconsistent,
        _ if counts.source_rows == 0 && counts.target_rows == 0 => ResultType::BothEmpty,
        _ => ResultType::Consistent,
    };
    if differences > 0 && counts.target_rows == 0 && is_empty(shared, plan, Side::Target).await? {
        result = ResultType::TargetEmpty;
    } else if differences > 0
        && counts.source_rows == 0
        && is_empty(shared, plan, Side::Source).await?
    {
        result = ResultType::SourceEmpty;
    }
    outcome.message = message(result, &counts, end);
    outcome.result = result;
    outcome.counts = counts;
    Ok(())
}

async fn is_empty(shared: &Arc<Shared>, plan: &Plan, side: Side) -> Result<bool> {
    let mut lease = shared.sides.lease().await?;
    let sql = format!("SELECT 1 FROM {} LIMIT 1", plan.table(side).quoted());
    let conn = lease.pair()?.side(side);
    let mut stream = RowStream::start(conn, sql.into_bytes(), 1, reading(plan, side)).await?;
    let empty = stream.next().await?.is_none();
    while stream.next().await?.is_some() {}
    drop(stream);
    lease.give_back();
    Ok(empty)
}

fn message(result: ResultType, counts: &Counts, end: TableEnd) -> String {
    let mut text = match result {
        ResultType::BothEmpty => "neither side has a row".to_owned(),
        ResultType::Consistent => format!("{} rows, all equal", counts.source_rows),
        _ => format!(
            "{} rows compared: {} only in the source, {} only in the target, {} with other values",
            counts.source_rows.max(counts.target_rows),
            counts.source_only,
            counts.dest_only,
            counts.mismatched
        ),
    };
    if counts.corrected > 0 {
        text.push_str(&format!("; {} corrected", counts.corrected));
    }
    if end == TableEnd::Limit {
        text.push_str("; the comparison ended at its limit of differences, the rest of the table was not compared");
    }
    text
}
