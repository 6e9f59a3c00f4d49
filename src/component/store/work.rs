//! The work of the component: pulls the source's log into the folder until it is told to end.

use super::beat::{Beats, Heartbeat};
use super::definitions::Prover;
use super::hub::StoreHub;
use super::live::LiveStore;
use super::meta::{self, Meta};
use super::open::{Beginning, OnDisk, blocking, head_frames, on_disk};
use super::ours::{self, Ours};
use super::puller::{Pulled, Puller, Statement};
use super::recover::Recovered;
use super::retention;
use super::tracker::Tracker;
use super::writer::{Start, Writer};
use crate::component::contract::{Context, Finish, Work, cancelled_is_fine};
use crate::datasource::mysql::binlog::assembler::Assembler;
use crate::datasource::mysql::binlog::source::Source;
use crate::datasource::mysql::binlog::stream::{LogStream, RawEvent, Replica};
use crate::datasource::mysql::marks::LeaveOut;
use crate::datasource::mysql::{Endpoint, Flavour, heartbeat};
use crate::error::{Error, Kind, Result};
use crate::model::filter::ObjectFilter;
use crate::model::options::StoreOptions;
use crate::model::position::Position;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

mod report;

/// Frames are handed to the writer when so many bytes wait, or when nothing more is to come now.
const BATCH_BYTES: usize = 256 << 10;
/// Without any progress for so long, an error that may pass ends the work.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often progress is reported.
const REPORT: Duration = Duration::from_millis(500);
/// The source has nothing to send for so long: consumers are told how far the log was read.
const SILENCE: Duration = Duration::from_millis(50);
/// How often old segments are looked for.
const CLEAN: Duration = Duration::from_secs(10);

/// Pulls one source's log.
#[derive(Debug)]
pub struct StoreWork {
    endpoint: Endpoint,
    filter: Arc<ObjectFilter>,
    options: StoreOptions,
    dir: PathBuf,
    subtopic: String,
    hub: StoreHub,
    heartbeat: bool,
    start: Option<Position>,
    leave_out: Vec<String>,
}

impl StoreWork {
    /// Pulls the log of the server at `endpoint`, keeps what the filter matches in the folder
    /// `dir`, and serves it in the hub as `subtopic`. With `heartbeat` a row is written at the
    /// source all the time (table `drc.heartbeat`); without it, an idle source has no true lag.
    pub fn new(
        endpoint: Endpoint,
        filter: Arc<ObjectFilter>,
        options: StoreOptions,
        dir: PathBuf,
        subtopic: impl Into<String>,
        hub: StoreHub,
        heartbeat: bool,
    ) -> Self {
        Self {
            endpoint,
            filter,
            options,
            dir,
            subtopic: subtopic.into(),
            hub,
            heartbeat,
            start: None,
            leave_out: Vec::new(),
        }
    }

    /// Leaves out what these components wrote: those of the other direction of the same project. An
    /// entry is a component's name (`np_x/incr_sync`), or a project's with a slash behind it (`np_x/`),
    /// which stands for all of its components. What other projects wrote is kept.
    #[must_use]
    pub fn leaving_out(mut self, components: Vec<String>) -> Self {
        self.leave_out = components;
        self
    }

    /// A new folder begins at this position rather than at the end of the log; the definitions of
    /// the tables must not have changed since.
    #[must_use]
    pub fn starting_at(mut self, start: Position) -> Self {
        self.start = Some(start);
        self
    }

    async fn supervise(self, context: Context) -> Result<Finish> {
        let live = self.hub.register(&self.subtopic);
        let mut failing_since: Option<Instant> = None;
        let mut pause = Duration::from_millis(200);
        loop {
            // only what was kept counts: on a full disk events come, and none is kept
            let tip = || live.published().map(|published| published.tip);
            let before = tip();
            let attempt = Attempt {
                work: &self,
                context: &context,
                live: &live,
            };
            let error = match attempt.run().await {
                Ok(finish) => return Ok(finish),
                Err(error) => error,
            };
            if tip() != before {
                failing_since = None;
                pause = Duration::from_millis(200);
            }
            let since = *failing_since.get_or_insert_with(Instant::now);
            // a disk does not come back like a network does: the Supervisor counts these
            let local = error.kind() == Kind::StoreIo;
            if local
                || !error.is_transient()
                || context.is_cancelled()
                || since.elapsed() >= PATIENCE
            {
                return Err(error);
            }
            tracing::warn!(%error, code = error.kind().code(), subtopic = self.subtopic, "the Store tries again");
            let progress = context.progress();
            progress.set_lag_ms(since.elapsed().as_millis() as u64);
            progress.set_detail("error", error.to_string());
            progress.set_detail("error_code", error.kind().code());
            progress.beat();
            tokio::select! {
                () = context.cancelled() => return Ok(Finish::Cancelled),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// Which row of the heartbeat table is ours.
    fn row_id(&self) -> u16 {
        heartbeat::row_of(&self.subtopic)
    }
}

impl Work for StoreWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        async move { cancelled_is_fine(self.supervise(context).await) }.boxed()
    }
}

/// One attempt: from opening the folder to the next error. Everything that it knows comes from
/// the folder and the source, so an error needs no cleaning up.
struct Attempt<'w> {
    work: &'w StoreWork,
    context: &'w Context,
    live: &'w Arc<LiveStore>,
}

impl Attempt<'_> {
    async fn run(self) -> Result<Finish> {
        let token = self.context.token().clone();
        // opening waits for servers and locks; pulling ends by itself, at a safe point
        let Some(opened) = token.run_until_cancelled(self.open()).await else {
            return Ok(Finish::Cancelled);
        };
        let pull = opened?;
        pull.run(self.context).await
    }

    async fn open(&self) -> Result<Pull> {
        let work = self.work;
        let (dir, damage) = (work.dir.clone(), self.live.damage());
        let OnDisk {
            lock,
            meta,
            log,
            consumers,
        } = blocking(move || on_disk(&dir, damage)).await?;
        self.live.set_consumers(consumers);
        if let (Some(meta), Some(log)) = (&meta, &log) {
            self.check_rules(meta)?;
            // consumers can read what is there, even while the source can't be reached
            self.show(meta, log);
        }
        let mut source = Source::open(&work.endpoint).await?;
        let (meta, log) = match (meta, log) {
            (Some(meta), Some(log)) => {
                self.check_source(&meta, &source)?;
                (meta, log)
            }
            _ => {
                let beginning = Beginning {
                    subtopic: work.subtopic.clone(),
                    filter: work.filter.clone(),
                    start: work.start.clone(),
                };
                beginning.begin(&mut source, &work.dir).await?
            }
        };
        self.pull(lock, meta, log, source).await
    }

    fn show(&self, meta: &Meta, log: &Recovered) {
        self.live.set_start(meta.start.clone());
        self.live.attach(
            self.work.dir.clone(),
            log.segments.clone(),
            log.current,
            log.end,
            log.tip.clone(),
        );
    }

    /// The folder must be that of this source.
    fn check_source(&self, meta: &Meta, source: &Source) -> Result<()> {
        let identity = source.settings.identity();
        if meta.source == identity {
            return Ok(());
        }
        Err(Error::new(
            Kind::SourceChanged,
            format!("reading the log of {}", self.work.endpoint),
        )
        .detail(format!(
            "it is server {identity}, the Store began on server {}",
            meta.source
        )))
    }

    /// The folder must be that of these rules.
    fn check_rules(&self, meta: &Meta) -> Result<()> {
        let work = self.work;
        if meta.filter == *work.filter {
            return Ok(());
        }
        Err(Error::new(
            Kind::ConfigInvalid,
            format!("opening the Store's folder {}", work.dir.display()),
        )
        .detail("it was begun with other include or exclude rules")
        .remedy("Use the rules with which the project began, or start the project anew."))
    }

    async fn pull(
        &self,
        lock: std::fs::File,
        meta: Meta,
        log: Recovered,
        mut source: Source,
    ) -> Result<Pull> {
        let work = self.work;
        let replica = Replica {
            server_id: meta.replica_id,
            uuid: meta.replica_uuid.clone(),
        };
        if !work.leave_out.is_empty() {
            ours::require_marks(&source.end().await?)?;
        }
        self.show(&meta, &log);
        let stream = LogStream::open(&source.log, &replica, &log.tip).await?;
        let beats = Arc::new(Beats::default());
        let heartbeat = if work.heartbeat {
            let heartbeat = Heartbeat::prepare(&mut source, beats.clone(), work.row_id()).await?;
            let period = Duration::from_millis(work.options.heartbeat_ms.max(10));
            Some(AbortOnDropHandle::new(tokio::spawn(heartbeat.run(period))))
        } else {
            None
        };
        let puller = Puller::new(
            Assembler::new(&log.tip, source.log.flavour == Flavour::MariaDb),
            Tracker::new(log.tables, work.filter.clone(), source.dialect.clone()),
            beats.clone(),
            Ours::new(LeaveOut::new(work.leave_out.clone())),
            work.options.piece_bytes.max(1),
            work.options.compression,
        );
        let start = Start {
            dir: work.dir.clone(),
            lock,
            current: log.current,
            end: log.end,
            fsync_interval: Duration::from_millis(work.options.fsync_interval_ms),
        };
        let live = self.live.clone();
        let writer = blocking(move || Writer::start(live, start)).await?;
        let progress = self.context.progress();
        progress.set_detail("start_position", meta.start.to_string());
        if let Ok(start) = serde_json::to_value(&meta.start) {
            progress.set_detail("start", start);
        }
        progress.set_detail("error", serde_json::Value::Null);
        progress.set_detail("error_code", serde_json::Value::Null);
        Ok(Pull {
            live: self.live.clone(),
            options: work.options.clone(),
            dir: work.dir.clone(),
            source,
            replica,
            stream,
            puller,
            writer,
            beats,
            row_id: work.row_id(),
            _heartbeat: heartbeat,
            with_heartbeat: work.heartbeat,
            segment_len: log.end,
            log_bytes: 0,
            opened: Instant::now(),
            caught_up: false,
            cleaned: Instant::now(),
            reported: Instant::now(),
        })
    }
}

/// A running pull.
struct Pull {
    live: Arc<LiveStore>,
    options: StoreOptions,
    dir: PathBuf,
    source: Source,
    replica: Replica,
    stream: LogStream,
    puller: Puller,
    writer: Writer,
    beats: Arc<Beats>,
    /// Our row of the heartbeat's table.
    row_id: u16,
    _heartbeat: Option<AbortOnDropHandle<()>>,
    with_heartbeat: bool,
    /// Bytes of the current segment, with what the writer still has before it.
    segment_len: u64,
    log_bytes: u64,
    opened: Instant,
    /// The source had nothing more to send.
    caught_up: bool,
    cleaned: Instant,
    reported: Instant,
}

impl Pull {
    async fn run(mut self, context: &Context) -> Result<Finish> {
        let mut ticks = tokio::time::interval(REPORT);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // what is there already is taken without looking at anything else
            let ready = self.stream.next().now_or_never();
            let mut due = false;
            let event = match ready {
                Some(event) => {
                    due = self.reported.elapsed() >= REPORT;
                    Some(event?)
                }
                None => {
                    self.caught_up = true;
                    self.flush().await?;
                    let silence = Instant::now() + SILENCE;
                    let untold = self.puller.untold().is_some();
                    tokio::select! {
                        biased;
                        () = context.cancelled() => return self.end().await,
                        () = self.live.damaged.notified() => {
                            due = true;
                            None
                        }
                        _ = ticks.tick() => {
                            due = true;
                            None
                        }
                        event = self.stream.next() => Some(event?),
                        () = tokio::time::sleep_until(silence), if untold => {
                            self.puller.tell();
                            None
                        }
                    }
                }
            };
            if let Some(event) = event {
                self.take(&event).await?;
                if self.puller.batch.len() >= BATCH_BYTES {
                    self.flush().await?;
                }
                if self.segment_len + self.puller.batch.whole_len() as u64
                    >= self.options.segment_bytes
                {
                    self.rotate().await?;
                }
            }
            if context.is_cancelled() {
                return self.end().await;
            }
            if due {
                self.reported = Instant::now();
                self.housekeeping(context).await?;
            }
        }
    }

    async fn take(&mut self, event: &RawEvent) -> Result<()> {
        let header = event.header();
        self.log_bytes += u64::from(header.size);
        match self.puller.push(&header, self.stream.body(event))? {
            Pulled::Taken => Ok(()),
            Pulled::Cut => self.writer.abort().await,
            Pulled::Reread(statement) => self.reread(*statement).await,
        }
    }

    /// A statement whose effect must be read from the source.
    async fn reread(&mut self, statement: Statement) -> Result<()> {
        let prover = Prover {
            replica: Replica {
                server_id: self.replica.server_id ^ 1,
                uuid: self.replica.uuid.chars().rev().collect(),
            },
            row_id: self.row_id,
        };
        let first = self.puller.first_reread_version(&statement);
        let change = super::definitions::reread(
            &mut self.source,
            &prover,
            &self.puller.tracker,
            &statement.effect.reread,
            &statement.event.end,
            first,
        )
        .await?;
        self.puller.finish_statement(statement, change)
    }

    /// Hands what is complete to the writer.
    async fn flush(&mut self) -> Result<()> {
        if let Some((frames, whole)) = self.puller.batch.take() {
            self.segment_len += frames.len() as u64;
            self.writer.append(frames, whole).await?;
        }
        Ok(())
    }

    /// Begins a new segment, between two transactions.
    async fn rotate(&mut self) -> Result<()> {
        if self.puller.batch.is_open() || self.puller.assembler.is_inside() {
            return Ok(());
        }
        self.flush().await?;
        let base = self.puller.assembler.position();
        let frames = head_frames(&base, &self.puller.tracker.tables)?;
        self.segment_len = frames.len() as u64;
        self.writer.rotate(frames, base).await
    }

    /// Told to end: what is whole is made durable.
    async fn end(mut self) -> Result<Finish> {
        self.flush().await?;
        self.writer.sync().await?;
        Ok(Finish::Cancelled)
    }

    async fn housekeeping(&mut self, context: &Context) -> Result<()> {
        if self.live.damage().is_some() {
            // the next attempt cuts it
            return Err(Error::new(
                Kind::StoreMissing,
                format!("serving subtopic {}", self.live.subtopic),
            )
            .detail("a broken frame was found; the log is pulled again from there"));
        }
        self.report(context);
        if self.cleaned.elapsed() >= CLEAN {
            self.cleaned = Instant::now();
            let live = self.live.clone();
            let dir = self.dir.clone();
            let limits = retention::Limits::from(&self.options);
            blocking(move || {
                meta::write_consumers(&dir, &live.consumers())?;
                retention::clean(&live, &dir, limits)
            })
            .await?;
        }
        Ok(())
    }
}
