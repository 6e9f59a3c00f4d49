//! Comparing a table without a key: both sides must hold the same rows, each as often.
//!
//! Every row is reduced to a 128-bit image, and what is counted is how often each image occurs more
//! often on one side. Memory is bounded: if the table has more images than may be held, it is read
//! several times, each time for one part of the images.

use super::canon::Image;
use super::outcome::Counts;
use super::plan::{Plan, Side};
use super::ports::{Passed, Progressed};
use super::review::{Rounds, Seen, Watch, not_passed};
use super::sides::{Pair, reading};
use super::statement::read_all;
use crate::component::contract::ProgressCell;
use crate::datasource::mysql::Connection;
use crate::datasource::mysql::compare::RowStream;
use crate::error::{Error, Kind, Result};
use crate::model::row::Row;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Images that are held at once: about 100 MB.
const MAX_IMAGES: usize = 2_000_000;
/// Passes over the table, at most.
const MAX_PASSES: u32 = 4096;

/// How often an image occurs: at the source minus at the target.
pub type Surplus = HashMap<Image, i64, ahash::RandomState>;

/// What a whole comparison found.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Rows.
    pub counts: Counts,
    /// Images that do not occur equally often; at most as many as were asked for.
    pub surplus: Surplus,
    /// Whether there were more.
    pub more: bool,
}

/// Compares the whole table once.
pub async fn scan(
    plan: &Plan,
    pair: &mut Pair,
    limit: usize,
    progress: &ProgressCell,
) -> Result<Scanned> {
    scan_within(plan, pair, limit, MAX_IMAGES, progress).await
}

/// As [`scan`], with at most `max_images` in memory.
pub async fn scan_within(
    plan: &Plan,
    pair: &mut Pair,
    limit: usize,
    max_images: usize,
    progress: &ProgressCell,
) -> Result<Scanned> {
    let mut passes = 1;
    while passes <= MAX_PASSES {
        if let Some(scanned) = scan_in(plan, pair, passes, limit, max_images, progress).await? {
            return Ok(scanned);
        }
        passes *= 4;
    }
    Err(too_large(plan))
}

/// Reads the table in so many passes; None where one of them held too many images.
async fn scan_in(
    plan: &Plan,
    pair: &mut Pair,
    passes: u32,
    limit: usize,
    max_images: usize,
    progress: &ProgressCell,
) -> Result<Option<Scanned>> {
    let mut out = Scanned::default();
    for pass in 0..passes {
        let shared = Mutex::new(Part::new(max_images));
        let count = |side: Side| {
            let shared = &shared;
            move |row: Row| {
                let image = plan.image(side, &row);
                let mut part = shared.lock();
                part.rows(side, 1);
                if (image % Image::from(passes)) as u32 == pass {
                    part.count(image, side);
                }
                part.full
            }
        };
        futures::future::try_join(
            each_row(
                &mut pair.source,
                plan,
                Side::Source,
                progress,
                count(Side::Source),
            ),
            each_row(
                &mut pair.target,
                plan,
                Side::Target,
                progress,
                count(Side::Target),
            ),
        )
        .await?;
        let part = shared.into_inner();
        if part.full {
            return Ok(None);
        }
        // every pass reads all rows
        out.counts.source_rows = part.source_rows;
        out.counts.target_rows = part.target_rows;
        for (image, surplus) in part.surplus {
            if out.surplus.len() < limit {
                out.surplus.insert(image, surplus);
            } else {
                out.more = true;
            }
        }
    }
    Ok(Some(out))
}

fn too_large(plan: &Plan) -> Error {
    Error::new(
        Kind::VerifyFailed,
        format!("comparing table {}", plan.source),
    )
    .detail("it has no key and too many different rows to be compared within the memory")
    .remedy("Give the table a primary key.")
}

/// One part of the images.
struct Part {
    max: usize,
    surplus: Surplus,
    source_rows: u64,
    target_rows: u64,
    full: bool,
}

impl Part {
    fn new(max: usize) -> Self {
        Self {
            max,
            surplus: Surplus::default(),
            source_rows: 0,
            target_rows: 0,
            full: false,
        }
    }

    fn rows(&mut self, side: Side, rows: u64) {
        match side {
            Side::Source => self.source_rows += rows,
            Side::Target => self.target_rows += rows,
        }
    }

    fn count(&mut self, image: Image, side: Side) {
        use std::collections::hash_map::Entry;
        let step = match side {
            Side::Source => 1,
            Side::Target => -1,
        };
        match self.surplus.entry(image) {
            Entry::Occupied(mut entry) => {
                *entry.get_mut() += step;
                if *entry.get() == 0 {
                    entry.remove();
                }
            }
            Entry::Vacant(entry) => {
                entry.insert(step);
                self.full |= self.surplus.len() > self.max;
            }
        }
    }
}

/// Hands over each row of a side until it is told to stop.
pub async fn each_row(
    conn: &mut Connection,
    plan: &Plan,
    side: Side,
    progress: &ProgressCell,
    mut row_is_last: impl FnMut(Row) -> bool,
) -> Result<()> {
    let sql = read_all(plan, side).into_bytes();
    let mut stream = RowStream::start(conn, sql, plan.columns.len(), reading(plan, side)).await?;
    let mut rows = 0_u64;
    while let Some(row) = stream.next().await? {
        rows += 1;
        if rows.is_multiple_of(1000) {
            progress.beat();
        }
        if row_is_last(row) {
            break;
        }
    }
    Ok(())
}

/// How often each of some images occurs on a side, now.
async fn occurrences(
    plan: &Plan,
    conn: &mut Connection,
    side: Side,
    images: &[Image],
    progress: &ProgressCell,
) -> Result<Vec<u64>> {
    let places: HashMap<Image, usize, ahash::RandomState> = images
        .iter()
        .enumerate()
        .map(|(at, &image)| (image, at))
        .collect();
    let mut out = vec![0; images.len()];
    each_row(conn, plan, side, progress, |row| {
        if let Some(&at) = places.get(&plan.image(side, &row)) {
            out[at] += 1;
        }
        false
    })
    .await?;
    Ok(out)
}

/// An image under review.
#[derive(Debug)]
struct Suspect {
    image: Image,
    watch: Watch,
    /// At the source minus at the target, at the last look.
    surplus: i64,
}

/// Looks at images again, in rounds, by reading the whole table; gives those that still do not
/// occur equally often.
pub async fn review(
    plan: &Plan,
    pair: &mut Pair,
    surplus: Surplus,
    rounds: Rounds,
    progressed: &dyn Progressed,
    progress: &Arc<ProgressCell>,
) -> Result<Vec<(Image, i64)>> {
    let mut different = Vec::new();
    let mut open: Vec<Suspect> = surplus
        .into_iter()
        .map(|(image, surplus)| Suspect {
            image,
            watch: Watch::default(),
            surplus,
        })
        .collect();
    let begin = Instant::now();
    let mut someone_tells = false;
    for round in 0..rounds.max {
        if open.is_empty() || (round > 0 && begin.elapsed() > rounds.time_max) {
            break;
        }
        if round > 0 {
            tokio::time::sleep_until(begin + rounds.period * round).await;
        }
        let passed = look(plan, pair, &mut open, progressed, progress).await?;
        someone_tells |= passed != Passed::Unknown;
        let (proved, rest) = open
            .into_iter()
            .partition(|s: &Suspect| s.watch.is_proved());
        open = rest;
        let proved: Vec<Suspect> = proved;
        different.extend(proved.into_iter().map(|s| (s.image, s.surplus)));
    }
    let unsure = open
        .iter()
        .filter(|s| !s.watch.may_be_final(someone_tells))
        .count();
    if unsure > 0 {
        return Err(not_passed(plan, unsure));
    }
    different.extend(open.into_iter().map(|s| (s.image, s.surplus)));
    Ok(different)
}

async fn look(
    plan: &Plan,
    pair: &mut Pair,
    open: &mut Vec<Suspect>,
    progressed: &dyn Progressed,
    progress: &ProgressCell,
) -> Result<Passed> {
    let images: Vec<Image> = open.iter().map(|s| s.image).collect();
    let seen = |count: u64| -> Seen { Some(Image::from(count)) };
    let first = occurrences(plan, &mut pair.source, Side::Source, &images, progress).await?;
    for (suspect, count) in open.iter_mut().zip(first) {
        suspect.watch.begin_round();
        suspect.watch.source(seen(count));
    }
    let passed = progressed.passed_now().await?;
    let targets = occurrences(plan, &mut pair.target, Side::Target, &images, progress).await?;
    let sources = occurrences(plan, &mut pair.source, Side::Source, &images, progress).await?;
    for (suspect, (&source, &target)) in open.iter_mut().zip(sources.iter().zip(&targets)) {
        suspect.watch.source(seen(source));
        suspect.surplus = signed(source) - signed(target);
    }
    let mut targets = targets.into_iter();
    open.retain(|s| {
        !targets
            .next()
            .is_some_and(|count| s.watch.explains(seen(count)))
    });
    open.iter_mut().for_each(|s| s.watch.end_round(passed));
    Ok(passed)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However many parts, together they hold exactly the surplus of the multisets.
        #[test]
        fn parts_make_up_the_whole(
            source in proptest::collection::vec(0_u128..12, 0..60),
            target in proptest::collection::vec(0_u128..12, 0..60),
            passes in 1_u128..6,
        ) {
            let mut found: HashMap<Image, i64> = HashMap::new();
            for pass in 0..passes {
                let mut part = Part::new(100);
                let sides = [(Side::Source, &source), (Side::Target, &target)];
                for (side, rows) in sides {
                    for &image in rows.iter().filter(|&&image| image % passes == pass) {
                        part.count(image, side);
                    }
                }
                found.extend(part.surplus);
            }
            for image in 0..12 {
                let count = |rows: &Vec<Image>| rows.iter().filter(|&&i| i == image).count() as i64;
                let expected = count(&source) - count(&target);
                prop_assert_eq!(found.get(&image).copied().unwrap_or(0), expected);
            }
        }
    }

    #[test]
    fn a_full_part_says_so() {
        let mut part = Part::new(2);
        for image in 0..2 {
            part.count(image, Side::Source);
        }
        assert!(!part.full);
        part.count(0, Side::Target);
        part.count(7, Side::Target);
        assert!(!part.full);
        part.count(8, Side::Target);
        assert!(part.full);
    }
}
