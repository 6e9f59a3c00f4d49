//! Cutting one table into slices, or reading how it was cut before.

use super::meter::PlanFigures;
use super::shared::{Shared, TableJob};
use super::slices::{Slice, SliceInfo, SliceState};
use crate::datasource::mysql::Session;
use crate::datasource::mysql::bounds::{Cutter, KeyRange};
use crate::datasource::mysql::catalogue;
use crate::datasource::mysql::scan::Reader;
use crate::datasource::mysql::slicing::{Form, SliceKey};
use crate::datasource::mysql::stats::TableStats;
use crate::error::{Error, Kind, Result};

/// A table has at most about so many slices; a huge one has larger slices instead of more.
const MAX_SLICES: u64 = 10_000;
/// Size of a row where the server knows none, bytes.
const UNKNOWN_ROW_BYTES: u64 = 256;

/// The slices of a table. A table that was not cut before is checked and cut, and its slices are
/// kept before the first is copied; so one that has slices is never checked for emptiness again.
pub(super) async fn plan(
    shared: &Shared,
    job: &TableJob,
    reader: &mut Reader,
) -> Result<Vec<Slice>> {
    let name = &job.table.name;
    let slices = match shared.slices.load(name).await? {
        Some(slices) => slices,
        None => {
            check_target_empty(shared, job).await?;
            let slices = cut(shared, job, reader).await?;
            shared
                .slices
                .save_plan(shared.fence.epoch(), name, &slices)
                .await?;
            tracing::debug!(table = %name, slices = slices.len(), "table cut");
            slices
        }
    };
    shared.meter.planned(name, &figures(&slices));
    Ok(slices)
}

async fn check_target_empty(shared: &Shared, job: &TableJob) -> Result<()> {
    let mut conn = shared.target.session(Session::Plain).await?;
    let name = &job.table.name;
    if !catalogue::has_rows(&mut conn, name).await? {
        return Ok(());
    }
    Err(
        Error::new(Kind::TargetNotEmpty, format!("copying table {name}"))
            .detail("the table at the target holds rows already"),
    )
}

async fn cut(shared: &Shared, job: &TableJob, reader: &mut Reader) -> Result<Vec<Slice>> {
    if job.table.row_key().is_none() && job.stats.untransactional {
        return Err(Error::new(
            Kind::KeylessRead,
            format!("copying table {}", job.table.name),
        )
        .detail("it has no key, and its storage engine has no consistent reads")
        .remedy("Give the table a primary key, convert it to InnoDB, or exclude it."));
    }
    let whole = |rows| {
        vec![slice(
            0,
            KeyRange {
                rows,
                ..KeyRange::default()
            },
        )]
    };
    let Some(key) = SliceKey::of(&job.table) else {
        return Ok(whole(job.stats.rows));
    };
    let form = Form::of(reader.server().flavour);
    let rows = slice_rows(&job.stats, shared.options.slice_bytes);
    let conn = reader.session().await?;
    let mut cutter = Cutter::new(conn, &job.table, &key, form, rows).await?;
    let mut slices = Vec::new();
    while let Some(range) = cutter.next(conn).await? {
        slices.push(slice(slices.len() as u32, range));
        shared.meter.beat();
    }
    Ok(slices)
}

/// Rows in a slice, so that it holds about `slice_bytes`.
fn slice_rows(stats: &TableStats, slice_bytes: u64) -> u64 {
    let row_bytes = match stats.row_bytes {
        0 => UNKNOWN_ROW_BYTES,
        bytes => bytes,
    };
    (slice_bytes / row_bytes)
        .max(stats.rows / MAX_SLICES)
        .max(1)
}

fn slice(no: u32, range: KeyRange) -> Slice {
    Slice {
        no,
        lower: range.lower,
        upper: range.upper,
        state: SliceState::Init,
        estimated_rows: range.rows,
        rows: 0,
        bytes: 0,
        info: SliceInfo::default(),
    }
}

fn figures(slices: &[Slice]) -> PlanFigures {
    let mut figures = PlanFigures {
        slices: slices.len() as u64,
        ..PlanFigures::default()
    };
    for slice in slices {
        if slice.state == SliceState::Finished {
            figures.slices_done += 1;
            figures.rows += slice.rows;
            figures.rows_done += slice.rows;
            figures.bytes_done += slice.bytes;
        } else {
            figures.rows += slice.estimated_rows;
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_balanced_by_bytes_and_bounded_in_number() {
        let stats = |rows, row_bytes| TableStats {
            rows,
            row_bytes,
            untransactional: false,
        };
        assert_eq!(slice_rows(&stats(1000, 200), 16 << 20), 83_886);
        assert_eq!(slice_rows(&stats(0, 0), 1 << 20), 4096);
        assert_eq!(slice_rows(&stats(10, 64 << 20), 16 << 20), 1);
        assert_eq!(slice_rows(&stats(10_000_000_000, 200), 16 << 20), 1_000_000);
    }
}
