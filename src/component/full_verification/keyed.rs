//! Comparing one table that has a key: its slices side by side, then the review of what looked
//! different, the report, and the correction.

use super::correct::correct;
use super::files::Files;
use super::gauge::Gauge;
use super::lookup;
use super::merge::{self, SliceEnd};
use super::outcome::{Counts, DiffKind};
use super::plan::{Key, Mode, Plan, Side};
use super::report::{Reporter, correction, difference, findings, id_of_key};
use super::retry::{Attempts, again};
use super::review::{Rounds, review};
use super::shared::Shared;
use super::sides::{KEYS_PER_QUERY, Sides};
use super::slices::Cutter;
use super::statement::Slice;
use super::sums::sum_of_rows;
use super::tally::Tally;
use super::writer::Writers;
use crate::error::{Error, Kind, Result};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// How the comparison of a table ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableEnd {
    /// All rows were compared.
    Whole,
    /// There were too many differences.
    Limit,
    /// The server sorts keys in another way than is known here; nothing is settled.
    Disordered,
}

/// One pass over the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// The rows of both sides.
    Rows,
    /// The target's keys, for those that the source does not have.
    Extra,
}

/// The comparison of one table.
pub struct Keyed {
    shared: Arc<Shared>,
    plan: Arc<Plan>,
    tally: Arc<Tally>,
    files: Files,
    rows_per_slice: u64,
    estimate: u64,
    sums: Arc<Sums>,
}

/// How the sums of a table's rows are computed, where that can be done, and whether it pays.
#[derive(Debug, Default)]
struct Sums {
    expressions: Option<[String; 2]>,
    gauge: Gauge,
}

impl Sums {
    fn of(plan: &Plan, sides: &Sides) -> Self {
        let orderly = plan.mode == Mode::Merge && plan.sliceable;
        let of = |side| sum_of_rows(plan, side, sides).filter(|_| orderly);
        Self {
            expressions: of(Side::Source).zip(of(Side::Target)).map(<[_; 2]>::from),
            gauge: Gauge::default(),
        }
    }
}

impl Keyed {
    /// A comparison of about `estimate` rows.
    pub fn new(
        shared: Arc<Shared>,
        plan: Plan,
        files: Files,
        rows_per_slice: u64,
        estimate: u64,
    ) -> Self {
        let limit = usize::try_from(shared.options.table_diff_max).unwrap_or(usize::MAX);
        Self {
            tally: Arc::new(Tally::new(limit, Arc::clone(&shared.progress))),
            sums: Arc::new(Sums::of(&plan, &shared.sides)),
            plan: Arc::new(plan),
            shared,
            files,
            rows_per_slice,
            estimate,
        }
    }

    /// Compares the table.
    pub async fn run(&self) -> Result<(Counts, TableEnd)> {
        let passes: &[Pass] = match self.plan.mode {
            Mode::Lookup => &[Pass::Rows, Pass::Extra],
            _ => &[Pass::Rows],
        };
        for &pass in passes {
            let end = self.pass(pass).await?;
            if end != TableEnd::Whole {
                return Ok((self.tally.counts(), end));
            }
        }
        self.settle().await?;
        Ok((self.tally.counts(), TableEnd::Whole))
    }

    async fn pass(&self, pass: Pass) -> Result<TableEnd> {
        let side = match pass {
            Pass::Rows => Side::Source,
            Pass::Extra => Side::Target,
        };
        let mut cutter = Cutter::new(
            Arc::clone(&self.plan),
            Arc::clone(&self.shared.sides),
            side,
            self.rows_per_slice,
        );
        let mut left = Vec::new();
        loop {
            let Some(full) = self.sweep(pass, &mut cutter, &mut left).await? else {
                return Ok(TableEnd::Disordered);
            };
            if !full {
                return Ok(TableEnd::Whole);
            }
            // no room for more suspects: judge those that there are, and go on if most were in flight
            self.settle().await?;
            if !self.tally.has_room() {
                return Ok(TableEnd::Limit);
            }
        }
    }

    /// Compares slices side by side until there are none, or no room for more suspects (true).
    /// None: the order of keys is not as expected.
    async fn sweep(
        &self,
        pass: Pass,
        cutter: &mut Cutter,
        left: &mut Vec<Slice>,
    ) -> Result<Option<bool>> {
        let mut running: JoinSet<Result<SliceEnd>> = JoinSet::new();
        let mut full = false;
        loop {
            while !full && running.len() < self.shared.options.workers.max(1) {
                let slice = match left.pop() {
                    Some(slice) => slice,
                    None => match cutter.next().await? {
                        Some(slice) => slice,
                        None => break,
                    },
                };
                let (shared, plan, tally, sums) = (
                    Arc::clone(&self.shared),
                    Arc::clone(&self.plan),
                    Arc::clone(&self.tally),
                    Arc::clone(&self.sums),
                );
                running.spawn(async move {
                    compare_slice(&shared, &plan, &tally, &sums, pass, slice).await
                });
            }
            let Some(joined) = running.join_next().await else {
                return Ok(Some(full));
            };
            match joined.map_err(|e| panicked(&self.plan, e))?? {
                SliceEnd::Done => {}
                SliceEnd::Left(slice) => {
                    full = true;
                    left.push(slice);
                }
                SliceEnd::Disordered => return Ok(None),
            }
            let counts = self.tally.counts();
            self.shared
                .log
                .progress(&self.plan.source, counts, self.estimate)
                .await?;
        }
    }

    /// Judges the suspects: looks at them again, and reports and corrects those that stay
    /// different.
    async fn settle(&self) -> Result<()> {
        let suspects = self.tally.take_suspects();
        if suspects.is_empty() {
            return Ok(());
        }
        let mut attempts = Attempts::default();
        let different = loop {
            match self.look_again(suspects.clone()).await {
                Ok(different) => break different,
                Err(error) => again(&mut attempts, error).await?,
            }
        };
        let (mut different, kinds) = self.report(different).await?;
        if let Some(writers) = &self.shared.writers
            && !different.is_empty()
        {
            let before = different.clone();
            different = self.correct(writers, different).await?;
            self.note_corrected(before, &different).await?;
        }
        let mut counts = Counts::default();
        for key in &different {
            let kind = kinds.get(&self.plan.key_id(key)).copied();
            counts.count(kind.unwrap_or(DiffKind::Mismatched), 1);
            self.tally.settle(&self.plan, key);
        }
        self.tally.found(&counts);
        Ok(())
    }

    async fn look_again(&self, keys: Vec<Key>) -> Result<Vec<Key>> {
        let mut lease = self.shared.sides.lease().await?;
        let progress = Arc::clone(&self.shared.progress);
        let different = review(
            &self.plan,
            lease.pair()?,
            keys,
            Rounds::from(&self.shared.options),
            &*self.shared.progressed,
            &move || progress.beat(),
        )
        .await?;
        lease.give_back();
        Ok(different)
    }

    /// Writes differences down. Gives the keys of those that there still are, by their kind.
    async fn report(&self, keys: Vec<Key>) -> Result<(Vec<Key>, HashMap<Vec<u8>, DiffKind>)> {
        let plan = &*self.plan;
        let mut lease = self.shared.sides.lease().await?;
        let mut reporter = Reporter::new(plan, &self.files, &*self.shared.log);
        let mut kinds = HashMap::new();
        let mut found = Vec::new();
        let width = if plan.has_large_columns() {
            1
        } else {
            KEYS_PER_QUERY
        };
        for keys in keys.chunks(width) {
            self.shared.progress.beat();
            for finding in findings(plan, lease.pair()?, keys).await? {
                if kinds
                    .insert(plan.key_id(&finding.key), finding.kind)
                    .is_some()
                {
                    continue;
                }
                let sql = correction(plan, &finding);
                reporter
                    .add(difference(plan, &finding), sql.as_deref(), 1)
                    .await?;
                found.push(finding.key);
            }
        }
        reporter.flush().await?;
        lease.give_back();
        Ok((found, kinds))
    }

    /// Says which rows are corrected: those that are not different any more.
    async fn note_corrected(&self, before: Vec<Key>, different: &[Key]) -> Result<()> {
        let different: HashSet<&Key> = different.iter().collect();
        let corrected: Vec<String> = before
            .iter()
            .filter(|key| !different.contains(key))
            .map(|key| id_of_key(&self.plan, key))
            .collect();
        self.tally.found(&Counts {
            corrected: corrected.len() as u64,
            ..Counts::default()
        });
        let log = &self.shared.log;
        log.corrected(&self.plan.source, &corrected).await
    }

    /// Corrects the target's rows; gives the keys that are still different.
    async fn correct(&self, writers: &Writers, keys: Vec<Key>) -> Result<Vec<Key>> {
        let mut lease = self.shared.sides.lease().await?;
        let mut writer = writers.session(&self.shared.sides).await?;
        correct(
            &self.plan,
            lease.pair()?,
            &mut writer,
            &keys,
            &*self.shared.progressed,
        )
        .await?;
        lease.give_back();
        // the writer is idle, so hanging up is all there is to do
        drop(writer);
        self.look_again(keys).await
    }
}

/// Compares one slice, again where it failed for a reason that may pass.
async fn compare_slice(
    shared: &Shared,
    plan: &Plan,
    tally: &Tally,
    sums: &Sums,
    pass: Pass,
    mut slice: Slice,
) -> Result<SliceEnd> {
    let mut attempts = Attempts::default();
    loop {
        match compare_slice_once(shared, plan, tally, sums, pass, &mut slice).await {
            Ok(end) => return Ok(end),
            Err(error) => again(&mut attempts, error).await?,
        }
    }
}

async fn compare_slice_once(
    shared: &Shared,
    plan: &Plan,
    tally: &Tally,
    sums: &Sums,
    pass: Pass,
    slice: &mut Slice,
) -> Result<SliceEnd> {
    let mut lease = shared.sides.lease().await?;
    let pair = lease.pair()?;
    let by_sums = match (pass, &sums.expressions) {
        (Pass::Rows, Some(both)) => Some(both).filter(|_| sums.gauge.takes_sums()),
        _ => None,
    };
    let begun = Instant::now();
    let end = match (pass, plan.mode, by_sums) {
        (Pass::Extra, ..) => lookup::find_extra(plan, pair, slice.clone(), tally).await?,
        (Pass::Rows, _, Some(both)) => {
            super::sums::compare(plan, pair, slice, tally, &sums.gauge, both).await?
        }
        (Pass::Rows, Mode::Merge, None) => merge::compare(plan, pair, slice.clone(), tally).await?,
        (Pass::Rows, ..) => lookup::compare(plan, pair, slice.clone(), tally).await?,
    };
    // a slice that was left has rows on their way
    if end == SliceEnd::Done {
        sums.gauge.took(by_sums.is_some(), begun.elapsed());
        lease.give_back();
    }
    Ok(end)
}

fn panicked(plan: &Plan, error: tokio::task::JoinError) -> Error {
    Error::new(Kind::Panicked, format!("comparing table {}", plan.source)).detail(error)
}
