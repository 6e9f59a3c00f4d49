//! One slice: a reader that streams rows out of the source, and a writer that puts the rows
//! before them into the target at the same time.

use super::batch_size::BatchSize;
use super::meter::Tally;
use super::shared::{Shared, TableJob};
use super::slices::Slice;
use crate::datasource::mysql::batch::RowBatch;
use crate::datasource::mysql::scan::Reader;
use crate::datasource::mysql::select::select_list;
use crate::datasource::mysql::sink::{RowSink, WriteMode};
use crate::datasource::mysql::slicing::{Form, SliceKey};
use crate::error::Result;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Batches between a reader and its writer: while one is written, one waits and one is filled.
const CHANNEL_BATCHES: usize = 1;

/// From where to where a slice goes, and how.
pub(super) struct Way<'w> {
    pub(super) mode: WriteMode,
    pub(super) reader: &'w mut Reader,
    pub(super) sink: &'w mut dyn RowSink,
    pub(super) size: &'w BatchSize,
}

/// Copies a slice once; counts what it commits.
pub(super) async fn copy(
    shared: &Shared,
    job: &TableJob,
    slice: &Slice,
    way: Way<'_>,
    tally: &mut Tally<'_>,
) -> Result<()> {
    let Way {
        mode,
        reader,
        sink,
        size,
    } = way;
    let sql = select(job, slice, Form::of(reader.server().flavour))?;
    let (sender, mut receiver) = mpsc::channel::<RowBatch>(CHANNEL_BATCHES);
    let read = async move {
        let what = format!("reading slice {} of table {}", slice.no, job.table.name);
        let mut scan = reader.scan(what, &sql).await?;
        while let Some(batch) = scan.next_batch(size.bytes()).await? {
            let (rows, bytes) = (batch.rows() as u64, batch.bytes() as u64);
            shared.throttle.take(rows, bytes).await;
            shared.meter.read(rows, bytes);
            if sender.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let write = async {
        while let Some(batch) = receiver.recv().await {
            // for each batch: a slice may take long, and another project shall have its turns at once
            let turn = shared.share.turn().await;
            let begun = Instant::now();
            let written = sink.write(&batch, mode).await;
            drop(turn);
            written.inspect_err(|error| {
                if error.is_transient() {
                    size.failed();
                }
            })?;
            size.wrote(batch.bytes(), begun.elapsed());
            tally.add(batch.rows() as u64, batch.bytes() as u64);
        }
        Ok(())
    };
    tokio::try_join!(read, write).map(|_| ())
}

/// The SELECT of a slice.
fn select(job: &TableJob, slice: &Slice, form: Form) -> Result<String> {
    let mut sql = format!(
        "SELECT {} FROM {}",
        select_list(&job.table, &job.columns),
        job.table.name.quoted()
    );
    if (slice.lower.is_some() || slice.upper.is_some())
        && let Some(key) = SliceKey::of(&job.table)
    {
        let range = key.condition(slice.lower.as_ref(), slice.upper.as_ref(), form)?;
        if let Some(range) = range {
            sql.push_str(&format!(" {} WHERE {range}", key.index_hint()));
        }
    }
    Ok(sql)
}
