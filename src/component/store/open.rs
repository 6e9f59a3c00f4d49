//! From a folder and a source to a Store that can go on: what is on disk is recovered, or the log
//! begins at a new start position with the definitions of that very place.

use super::codec::{self, Head, SchemaChange};
use super::definitions::{self, Prover};
use super::frame::WHOLE;
use super::live::Damage;
use super::meta::{self, Meta};
use super::recover::{Recovered, recover};
use super::segment::{self, io_error};
use super::tracker::{Tables, Tracker};
use super::writer;
use crate::datasource::mysql::binlog::source::Source;
use crate::datasource::mysql::binlog::status::LogEnd;
use crate::datasource::mysql::binlog::stream::Replica;
use crate::datasource::mysql::heartbeat;
use crate::error::{Error, Kind, Result};
use crate::model::filter::ObjectFilter;
use crate::model::position::Position;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Arc;

/// Tables in one frame of definitions.
const TABLES_IN_FRAME: usize = 64;
/// How often definitions are read anew while DDL comes in between.
const ATTEMPTS: usize = 20;

/// What is on disk.
#[derive(Debug)]
pub(super) struct OnDisk {
    pub lock: File,
    pub meta: Option<Meta>,
    pub log: Option<Recovered>,
    pub consumers: std::collections::BTreeMap<String, crate::model::ids::TxnId>,
}

/// Locks and reads the folder, without what a reader found broken. Blocks.
pub(super) fn on_disk(dir: &Path, damage: Option<Damage>) -> Result<OnDisk> {
    let lock = meta::lock(dir)?;
    if let Some(damage) = damage {
        cut(dir, damage)?;
    }
    let meta = Meta::read(dir)?;
    let log = match meta {
        Some(_) => recover(dir)?,
        None => None,
    };
    Ok(OnDisk {
        lock,
        log,
        consumers: meta::read_consumers(dir)?,
        meta,
    })
}

/// Removes what stands from a broken frame on: it is pulled again.
fn cut(dir: &Path, damage: Damage) -> Result<()> {
    tracing::warn!(
        segment = damage.segment,
        offset = damage.offset,
        "a broken frame: the log is pulled again from there"
    );
    let numbers =
        segment::numbers(dir).map_err(|e| io_error("reading the Store's folder", dir, e))?;
    // the newest first: what remains is always a whole log
    for number in numbers.into_iter().rev().filter(|n| *n > damage.segment) {
        let path = segment::path(dir, number);
        std::fs::remove_file(&path).map_err(|e| io_error("removing", &path, e))?;
    }
    let path = segment::path(dir, damage.segment);
    OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| {
            let len = file.metadata()?.len();
            file.set_len(damage.offset.min(len))?;
            file.sync_all()
        })
        .and_then(|()| segment::sync_dir(dir))
        .map_err(|e| io_error("cutting", &path, e))
}

/// The frames that a segment begins with.
pub(super) fn head_frames(base: &Position, tables: &Tables) -> Result<Vec<u8>> {
    let mut frames = Vec::new();
    let parts = tables.snapshot(TABLES_IN_FRAME);
    let head = Head {
        format: codec::FORMAT,
        base: base.clone(),
        next_version: tables.next_version(),
    };
    let flags = |last: bool| if last { WHOLE } else { 0 };
    codec::push_head(&mut frames, flags(parts.is_empty()), &head)?;
    for (at, part) in parts.iter().enumerate() {
        codec::push_schema(&mut frames, flags(at + 1 == parts.len()), part)?;
    }
    Ok(frames)
}

/// How a Store is to begin.
#[derive(Debug, Clone)]
pub(super) struct Beginning {
    pub subtopic: String,
    pub filter: Arc<ObjectFilter>,
    /// Where the log shall begin; None: at its end.
    pub start: Option<Position>,
}

impl Beginning {
    /// Fixes the start position and the definitions there, and makes the folder. What is on disk
    /// afterwards is complete: killed before, the Store begins once more.
    pub async fn begin(&self, source: &mut Source, dir: &Path) -> Result<(Meta, Recovered)> {
        let replica = Replica::random();
        let (start, change) = self.definitions(source, &replica).await?;
        let mut tables = Tables::new(1);
        tables.take(change);
        let meta = Meta {
            format: codec::FORMAT,
            subtopic: self.subtopic.clone(),
            start: start.clone(),
            source: source.settings.identity(),
            replica_id: replica.server_id,
            replica_uuid: replica.uuid,
            filter: (*self.filter).clone(),
        };
        let frames = head_frames(&start, &tables)?;
        let (dir, kept) = (dir.to_path_buf(), meta.clone());
        let log = blocking(move || {
            kept.write(&dir)?;
            writer::create(&dir, 1, &frames)?;
            recover(&dir)
        })
        .await?;
        let log = log.ok_or_else(|| {
            Error::new(Kind::StoreCorrupt, "beginning the Store")
                .detail("what was written is not there")
        })?;
        tracing::info!(start = %start, tables = log.tables.versions().len(), "the Store begins");
        Ok((meta, log))
    }

    async fn definitions(
        &self,
        source: &mut Source,
        replica: &Replica,
    ) -> Result<(Position, SchemaChange)> {
        for _ in 0..ATTEMPTS {
            let start = match &self.start {
                Some(start) => start.clone(),
                None => source.end().await?.position,
            };
            let change = definitions::all(source, &self.filter).await?;
            let mut tracker =
                Tracker::new(Tables::new(1), self.filter.clone(), source.dialect.clone());
            tracker.take(change.clone());
            let prover = Prover {
                replica: Replica {
                    server_id: replica.server_id ^ 1,
                    ..Replica::random()
                },
                row_id: heartbeat::row_of(&self.subtopic),
            };
            let (changed, end) =
                definitions::changed_since(source, &prover, &tracker, None, &start).await?;
            self.check_databases(&end, &change)?;
            if !changed {
                return Ok((start, change));
            }
            if self.start.is_some() {
                return Err(Error::new(
                    Kind::SchemaDrift,
                    format!("beginning the Store at {start}"),
                )
                .detail("DDL on tables in scope follows in the log, so their definitions there are not known"));
            }
            tracing::info!(start = %start, "DDL came in between; the start position is fixed anew");
        }
        Err(definitions::restless(&source.server))
    }

    /// A database that is left out of the log would be lost in silence.
    fn check_databases(&self, end: &LogEnd, change: &SchemaChange) -> Result<()> {
        let hidden = change
            .set
            .iter()
            .map(|(_, table)| &table.name)
            .find(|name| {
                self.filter.matches(name)
                    && (end.without.contains(&name.schema)
                        || !end.only.is_empty() && !end.only.contains(&name.schema))
            });
        match hidden {
            None => Ok(()),
            Some(name) => Err(Error::new(
                Kind::LogFormat,
                format!("reading the log for database {}", name.schema),
            )
            .detail("the source leaves it out of its log (binlog_do_db, binlog_ignore_db)")
            .remedy("Remove binlog_do_db and binlog_ignore_db on the source and restart it.")),
        }
    }
}

/// Runs file operations where they block nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Error::new(Kind::Panicked, "working on the Store's files").caused_by(error))
        }
    }
}
