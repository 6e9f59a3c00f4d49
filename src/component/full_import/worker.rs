//! A worker: takes jobs from the queue, copies slices, tries again what may pass, and leaves a table
//! that a person must mend.

use super::batch_size::BatchSize;
use super::copy::{Way, copy};
use super::plan::plan;
use super::queue::Job;
use super::shared::{Shared, TableJob};
use super::slices::{Slice, SliceState};
use crate::actor::Backoff;
use crate::datasource::mysql::scan::Reader;
use crate::datasource::mysql::sink::{RowSink, SqlSink, WriteMode};
use crate::datasource::mysql::snapshot;
use crate::error::{Error, Kind, Result};
use std::sync::Arc;
use std::time::Duration;

/// First and longest wait between two tries, and how many tries there are.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const TRIES: u32 = 8;

/// What an error means for the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// May pass: try again.
    Again,
    /// Concerns this table: the others go on.
    Table,
    /// Concerns everything.
    Work,
}

fn reach(error: &Error, tries: u32) -> Reach {
    match error.kind() {
        // the memory of slices, the fence, and the servers as such concern every table
        Kind::Fenced
        | Kind::Interrupted
        | Kind::RmUnreachable
        | Kind::RmFailed
        | Kind::Taken
        | Kind::RmHeld
        | Kind::ProgressInvalid
        | Kind::AccessDenied
        | Kind::HostUnknown
        | Kind::ReadOnly
        | Kind::Internal => Reach::Work,
        _ if error.is_transient() && tries < TRIES => Reach::Again,
        Kind::Unreachable => Reach::Work,
        _ => Reach::Table,
    }
}

/// Works until nothing is left.
pub(super) async fn run(shared: Arc<Shared>, lane: usize) -> Result<()> {
    let sink = SqlSink::new(shared.target.clone(), shared.fence.clone(), lane);
    let mut worker = Worker {
        reader: Reader::new(shared.source.clone()),
        sink: Box::new(sink),
        size: BatchSize::new(shared.options.batch_bytes),
        shared,
    };
    loop {
        let shared = worker.shared.clone();
        // registered before the queue is asked, so that no wake-up is missed
        let mut woken = std::pin::pin!(shared.wake.notified());
        woken.as_mut().enable();
        let job = shared.queue.lock().take();
        match job {
            Job::Plan(table) => worker.plan(table).await?,
            Job::Copy(table, slice) => worker.copy(table, *slice).await?,
            Job::Wait => woken.await,
            Job::Done => return Ok(()),
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    reader: Reader,
    sink: Box<dyn RowSink>,
    size: BatchSize,
}

impl Worker {
    async fn plan(&mut self, index: usize) -> Result<()> {
        let shared = self.shared.clone();
        let job = shared.jobs[index].clone();
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let failure = loop {
            let error = match plan(&shared, &job, &mut self.reader).await {
                Ok(slices) => {
                    shared.queue.lock().planned(index, slices);
                    shared.wake.notify_waiters();
                    return Ok(());
                }
                Err(error) => error,
            };
            match reach(&error, backoff.attempt()) {
                Reach::Again => self.wait(&job, &error, &mut backoff).await,
                Reach::Table => break error,
                Reach::Work => return Err(error),
            }
        };
        shared.table_failed(&job, failure);
        shared.queue.lock().plan_failed();
        shared.wake.notify_waiters();
        Ok(())
    }

    async fn copy(&mut self, index: usize, mut slice: Slice) -> Result<()> {
        let shared = self.shared.clone();
        let job = shared.jobs[index].clone();
        let name = &job.table.name;
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        self.sink.turn_to(&job.table, &job.columns);
        let _pass = shared.gate.enter().await;
        let failure = loop {
            let error = match self.try_slice(&job, &mut slice).await {
                Ok(()) => {
                    shared.gate.went_well();
                    if shared.queue.lock().copied(index) {
                        shared.meter.table_finished(name);
                        tracing::info!(table = %name, "table copied");
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            match reach(&error, backoff.attempt()) {
                Reach::Again => {
                    if error.kind() == Kind::ServerBusy {
                        shared.gate.narrow();
                    }
                    self.wait(&job, &error, &mut backoff).await;
                }
                Reach::Table => break error,
                Reach::Work => return Err(error),
            }
        };
        shared.queue.lock().failed(index);
        slice.state = SliceState::Failed;
        slice.info.error = Some(failure.report());
        let epoch = shared.fence.epoch();
        shared.slices.update(epoch, name, &slice).await?;
        shared.table_failed(&job, failure);
        Ok(())
    }

    /// One try at a slice, from its mark as running to its mark as finished.
    async fn try_slice(&mut self, job: &TableJob, slice: &mut Slice) -> Result<()> {
        let shared = self.shared.clone();
        let name = &job.table.name;
        let epoch = shared.fence.epoch();
        let first = slice.state == SliceState::Init;
        let keyless = job.table.row_key().is_none();
        let mut own_reader = None;
        if keyless {
            if !first {
                self.sink.clear(&job.table).await?;
            }
            let snapshot = snapshot::open(&shared.source, name).await?;
            slice.info.position = Some(snapshot.position);
            own_reader = Some(Reader::with_session(
                shared.source.clone(),
                snapshot.session,
            ));
        }
        let mode = match (keyless, first) {
            (true, _) => WriteMode::Insert,
            (false, true) => WriteMode::InsertOrReplace,
            (false, false) => WriteMode::Replace,
        };
        slice.info.error = None;
        if keyless || slice.state != SliceState::Running {
            slice.state = SliceState::Running;
            shared.slices.update(epoch, name, slice).await?;
        }
        let mut tally = shared.meter.begin_slice(name);
        let reader = own_reader.as_mut().unwrap_or(&mut self.reader);
        let sink = self.sink.as_mut();
        let way = Way {
            mode,
            reader,
            sink,
            size: &self.size,
        };
        copy(&shared, job, slice, way, &mut tally).await?;
        slice.rows = tally.rows;
        slice.bytes = tally.bytes;
        slice.state = SliceState::Finished;
        if let Err(error) = shared.slices.update(epoch, name, slice).await {
            slice.state = SliceState::Running;
            return Err(error);
        }
        tally.keep(slice.estimated_rows);
        Ok(())
    }

    async fn wait(&mut self, job: &TableJob, error: &Error, backoff: &mut Backoff) {
        self.reader.discard();
        let wait = backoff.next_wait();
        tracing::warn!(
            table = %job.table.name,
            attempt = backoff.attempt(),
            code = error.kind().code(),
            %error,
            "trying again"
        );
        self.shared.meter.beat();
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_reach_as_far_as_they_must() {
        let error = |kind| Error::new(kind, "x");
        assert_eq!(reach(&error(Kind::Unreachable), 0), Reach::Again);
        assert_eq!(reach(&error(Kind::Unreachable), TRIES), Reach::Work);
        assert_eq!(reach(&error(Kind::ServerBusy), TRIES), Reach::Table);
        assert_eq!(reach(&error(Kind::RowRefused), 0), Reach::Table);
        assert_eq!(reach(&error(Kind::RmFailed), 0), Reach::Work);
        assert_eq!(reach(&error(Kind::Fenced), 0), Reach::Work);
    }
}
