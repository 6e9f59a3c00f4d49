//! From the source's events to frames: which changes are kept, with which definition they are
//! decoded, what a DDL statement does. Pure: no I/O.

use super::batch::Batch;
use super::beat::Beats;
use super::codec::{self, ChangeKind, SchemaChange};
use super::ours::{Ours, Savepoint, name_length_bytes};
use super::tracker::{Effect, Known, Modes, Tables, Tracker};
use crate::datasource::mysql::binlog::assembler::{Assembler, Sql, Step};
use crate::datasource::mysql::binlog::event::Header;
use crate::datasource::mysql::binlog::input::Bad;
use crate::datasource::mysql::binlog::plan::RowPlan;
use crate::datasource::mysql::binlog::query::mentions;
use crate::datasource::mysql::binlog::rows::{RowsEvent, RowsKind};
use crate::datasource::mysql::binlog::table_map::TableMap;
use crate::error::{Error, Kind, Result};
use crate::model::change::DdlEvent;
use crate::model::ddl::Ddl;
use crate::model::ids::TxnId;
use crate::model::options::Compression;
use crate::model::table::TableName;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Nothing kept for so long: consumers are told how far the log was read.
const QUIET: Duration = Duration::from_secs(1);

/// What became of an event.
#[derive(Debug)]
pub(super) enum Pulled {
    /// It is in the batch, or of no interest.
    Taken,
    /// The open transaction counts for nothing, and frames of it were handed out: they must be
    /// cut.
    Cut,
    /// Definitions must be read from the source; then [`Puller::finish_statement`].
    Reread(Box<Statement>),
}

/// A DDL statement on its way.
#[derive(Debug)]
pub(super) struct Statement {
    pub effect: Effect,
    pub event: DdlEvent,
    ends: bool,
}

#[derive(Debug)]
enum Plan {
    /// Out of scope.
    Skip,
    /// A mark; so many bytes hold the length of the name in it.
    Mark(usize),
    Keep(Arc<RowPlan>),
    /// Our own heartbeat, kept too if it is in scope.
    Beat(Arc<RowPlan>, bool),
}

/// The decoder of a table's rows, and the event that it was made for.
#[derive(Debug)]
struct CachedPlan {
    map: Vec<u8>,
    plan: Plan,
}

/// Turns events into frames.
#[derive(Debug)]
pub(super) struct Puller {
    pub assembler: Assembler,
    pub tracker: Tracker,
    pub batch: Batch,
    pub ours: Ours,
    beats: Arc<Beats>,
    piece_bytes: usize,
    plans: HashMap<u64, CachedPlan>,
    savepoints: HashMap<String, Savepoint>,
    /// Id of the changes that follow, where a statement inside the transaction came before them.
    rows_id: Option<TxnId>,
    /// The tables before the statements of the open transaction.
    undo: Option<Tables>,
    /// The place of the last frame's end.
    told: TxnId,
    /// The log went on since the last frame; since when that is known.
    quiet_since: Option<Instant>,
    /// Changes kept.
    pub changes: u64,
}

impl Puller {
    pub fn new(
        assembler: Assembler,
        tracker: Tracker,
        beats: Arc<Beats>,
        ours: Ours,
        piece_bytes: usize,
        compression: Compression,
    ) -> Self {
        Self {
            told: assembler.place(),
            assembler,
            tracker,
            batch: Batch::packed(compression),
            ours,
            beats,
            piece_bytes,
            plans: HashMap::new(),
            savepoints: HashMap::new(),
            rows_id: None,
            undo: None,
            quiet_since: None,
            changes: 0,
        }
    }

    /// Takes the next event.
    pub fn push(&mut self, header: &Header, body: &[u8]) -> Result<Pulled> {
        match self.assembler.push(header, body)? {
            Step::Nothing => {}
            Step::TableMap(map) => self.table_map(&map, body)?,
            Step::Rows(kind) => return self.rows(kind, body),
            Step::Savepoint(name) => {
                let savepoint = Savepoint {
                    kept: self.batch.mark(),
                    ours: self.ours.is_open(),
                };
                self.savepoints.insert(name, savepoint);
            }
            Step::RollbackTo(name) => self.rollback_to(&name)?,
            Step::Statement(sql) => return self.statement(sql),
            Step::Commit { prepared: true } if self.batch.has_changes() => {
                return Err(self.refuse(
                    Kind::LogFormat,
                    "a transaction with tables in scope was prepared with XA PREPARE, which is not supported",
                ));
            }
            Step::Commit { .. } => self.commit(),
            Step::Rollback | Step::Aborted => return Ok(self.abort()),
        }
        Ok(Pulled::Taken)
    }

    fn refuse(&self, kind: Kind, why: impl std::fmt::Display) -> Error {
        Error::new(
            kind,
            format!("pulling the source's log at {}", self.assembler.here()),
        )
        .detail(why)
    }

    fn table_map(&mut self, map: &TableMap<'_>, body: &[u8]) -> Result<()> {
        if self
            .plans
            .get(&map.id)
            .is_some_and(|cached| cached.map == body)
        {
            return Ok(());
        }
        let name = TableName::new(map.schema, map.table);
        let in_scope = self.tracker.in_scope(&name);
        let plan = match self.beats.table() {
            _ if self.ours.is_mark(map) => Plan::Mark(self.name_length_bytes(map, &name)?),
            Some(table) if table.table.name == name => {
                // a heartbeat that is not understood is only one that is not seen
                match RowPlan::new(map, table) {
                    Ok(plan) => Plan::Beat(Arc::new(plan), in_scope),
                    Err(_) if !in_scope => Plan::Skip,
                    Err(error) => return Err(error),
                }
            }
            _ if in_scope => Plan::Keep(Arc::new(self.plan(map, &name)?)),
            _ => Plan::Skip,
        };
        let map_bytes = body.to_vec();
        self.plans.insert(
            map.id,
            CachedPlan {
                map: map_bytes,
                plan,
            },
        );
        Ok(())
    }

    fn name_length_bytes(&self, map: &TableMap<'_>, name: &TableName) -> Result<usize> {
        name_length_bytes(map).ok_or_else(|| {
            self.refuse(
                Kind::SchemaDrift,
                format!("table {name} is not as oms makes it, so its own writes are not known"),
            )
        })
    }

    fn plan(&self, map: &TableMap<'_>, name: &TableName) -> Result<RowPlan> {
        match self.tracker.tables.get(name) {
            Some(Known::Version(version)) => RowPlan::new(map, version.clone()),
            Some(Known::Unknown(why)) => Err(self.refuse(
                Kind::SchemaDrift,
                format!("the definition of {name} at this place is not known: {why}"),
            )),
            None => Err(self.refuse(
                Kind::SchemaDrift,
                format!("rows of {name} come, and no statement that made it was seen"),
            )),
        }
    }

    fn rows(&mut self, kind: u8, body: &[u8]) -> Result<Pulled> {
        let here = || format!("reading rows at {}", self.assembler.here());
        let table_id =
            crate::datasource::mysql::binlog::rows::table_id(body).map_err(|b| b.error(here()))?;
        let (plan, beat, keep) = match self.plans.get(&table_id).map(|cached| &cached.plan) {
            Some(Plan::Skip) => return Ok(Pulled::Taken),
            Some(&Plan::Mark(length_bytes)) => return self.mark(kind, body, length_bytes),
            Some(Plan::Keep(_)) if self.ours.is_open() => return Ok(Pulled::Taken),
            Some(Plan::Keep(plan)) => (plan.clone(), false, true),
            Some(Plan::Beat(plan, in_scope)) => (plan.clone(), true, *in_scope),
            None => {
                let event = RowsEvent::parse(kind, body).map_err(|b| b.error(here()))?;
                if event.is_dummy() {
                    return Ok(Pulled::Taken);
                }
                return Err(Bad::Invalid("rows come before their table").error(here()));
            }
        };
        let event = RowsEvent::parse(kind, body).map_err(|b| b.error(here()))?;
        if beat {
            self.beats.rows(&event, &plan);
        }
        if keep {
            self.keep(&event, &plan)?;
        }
        Ok(Pulled::Taken)
    }

    /// A row of a table of ours: who wrote the transaction.
    fn mark(&mut self, kind: u8, body: &[u8], length_bytes: usize) -> Result<Pulled> {
        let here = || format!("reading a mark at {}", self.assembler.here());
        let event = RowsEvent::parse(kind, body).map_err(|b| b.error(here()))?;
        let component = event
            .first_text(length_bytes)
            .map_err(|b| b.error(here()))?;
        if self.ours.is_open() || !component.is_some_and(|name| self.ours.has(name)) {
            return Ok(Pulled::Taken);
        }
        if self.undo.is_some() {
            return Err(self.refuse(
                Kind::LogFormat,
                "a transaction with a mark of oms holds DDL too",
            ));
        }
        self.ours.begin(self.batch.has_changes());
        Ok(match self.batch.abort() {
            true => Pulled::Cut,
            false => Pulled::Taken,
        })
    }

    fn keep(&mut self, event: &RowsEvent<'_>, plan: &RowPlan) -> Result<()> {
        let name = &plan.table.table.name;
        let Some(mut rows) = event.rows(plan) else {
            return Err(self.refuse(
                Kind::LogFormat,
                format!("a row of {name} has not all columns (binlog_row_image is not FULL)"),
            ));
        };
        let kind = match rows.kind() {
            RowsKind::Insert => ChangeKind::Insert,
            RowsKind::Update => ChangeKind::Update,
            RowsKind::Delete => ChangeKind::Delete,
        };
        let id = self.rows_id.or(self.assembler.txn_id()).unwrap_or_default();
        while !rows.is_empty() {
            let out = self.batch.change(kind, plan.table.id);
            let image = codec::begin_image(out);
            let mut read = rows.first_image(out);
            codec::finish_image(out, image);
            if kind == ChangeKind::Update && read.is_ok() {
                let image = codec::begin_image(out);
                read = rows.second_image(out);
                codec::finish_image(out, image);
            }
            if let Err(bad) = read {
                return Err(bad.error(format!(
                    "reading rows of {name} at {}",
                    self.assembler.here()
                )));
            }
            self.changes += 1;
            if self.batch.piece_len() >= self.piece_bytes {
                self.batch.split(id);
            }
        }
        Ok(())
    }

    fn rollback_to(&mut self, name: &str) -> Result<()> {
        let undone = match self.savepoints.get(name) {
            Some(savepoint) => {
                self.ours.back_to(savepoint.ours) && self.batch.back_to(savepoint.kept)
            }
            None => !self.batch.has_changes() && !self.ours.is_open(),
        };
        if undone {
            return Ok(());
        }
        Err(self.refuse(
            Kind::LogFormat,
            "ROLLBACK TO SAVEPOINT takes back more of a large transaction than is held",
        ))
    }

    fn commit(&mut self) {
        self.savepoints.clear();
        self.undo = None;
        self.ours.commit();
        let rows_id = self.rows_id.take();
        if self.batch.has_changes() {
            let id = rows_id.unwrap_or(self.assembler.last_id());
            self.batch.commit(id, self.assembler.position());
            self.is_told();
        } else if self.batch.is_open() || self.beats.take_came() {
            self.tell();
        } else {
            let since = *self.quiet_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= QUIET {
                self.tell();
            }
        }
    }

    /// Since when the log is known to have gone on without a word to the consumers; None where they
    /// know all, or where a transaction is open. To be asked while nothing comes.
    pub fn untold(&mut self) -> Option<Instant> {
        if self.assembler.is_inside() || self.batch.is_open() {
            return None;
        }
        // a file's end and the next one's beginning are no transactions
        if self.quiet_since.is_none() && self.assembler.place() > self.told {
            self.quiet_since = Some(Instant::now());
        }
        self.quiet_since
    }

    /// Tells consumers how far the log was read; no transaction may be open.
    pub fn tell(&mut self) {
        self.batch.heartbeat(self.assembler.position());
        self.is_told();
    }

    fn is_told(&mut self) {
        self.told = self.assembler.place();
        self.quiet_since = None;
    }

    /// The open transaction counts for nothing.
    pub fn abort(&mut self) -> Pulled {
        self.savepoints.clear();
        self.rows_id = None;
        self.ours.abort();
        if let Some(tables) = self.undo.take() {
            self.tracker.tables = tables;
            self.plans.clear();
        }
        if self.batch.abort() {
            Pulled::Cut
        } else {
            Pulled::Taken
        }
    }

    fn statement(&mut self, sql: Sql<'_>) -> Result<Pulled> {
        let modes = Modes {
            ansi_quotes: sql.ansi_quotes,
            no_backslash_escapes: sql.no_backslash_escapes,
        };
        let ddl = self.tracker.parse(&sql.text, &sql.schema, modes);
        if sql.is_data {
            self.check_data(&sql, &ddl)?;
            self.quiet_end(sql.ends);
            return Ok(Pulled::Taken);
        }
        let mut effect = self.tracker.effect(ddl);
        if let Some(why) = sql.problem
            && effect.in_scope
        {
            let tables = effect.touched.clone();
            effect = self.tracker.effect(Ddl::Unsupported { tables, why });
        }
        if self.ours.has_statement(&sql.text) {
            // the definitions are followed; consumers know of it
            effect.in_scope = false;
            self.ours.left_out += 1;
        }
        if !effect.in_scope && effect.change.is_empty() && effect.reread.is_empty() {
            self.quiet_end(sql.ends);
            return Ok(Pulled::Taken);
        }
        let statement = Statement {
            event: DdlEvent {
                id: sql.id,
                end: self.assembler.position(),
                schema: sql.schema.into_owned(),
                sql: sql.text.into_owned(),
                ddl: effect.ddl.clone(),
                after: Vec::new(),
            },
            ends: sql.ends,
            effect,
        };
        if statement.effect.reread.is_empty() {
            self.finish_statement(statement, SchemaChange::default())?;
            return Ok(Pulled::Taken);
        }
        Ok(Pulled::Reread(Box::new(statement)))
    }

    /// Number of the first definition that is read from the source for a statement.
    pub fn first_reread_version(&self, statement: &Statement) -> u32 {
        let taken = statement.effect.change.set.len() as u32;
        self.tracker.tables.next_version().saturating_add(taken)
    }

    /// A statement that is of no interest ends like an empty transaction.
    fn quiet_end(&mut self, ends: bool) {
        if ends {
            self.commit();
        }
    }

    /// Data as a statement must not touch a table in scope.
    fn check_data(&self, sql: &Sql<'_>, ddl: &Ddl) -> Result<()> {
        let touches = match ddl {
            Ddl::Unsupported { tables, .. } if !tables.is_empty() => {
                tables.iter().any(|table| self.tracker.in_scope(table))
            }
            _ => {
                self.tracker.watches(&sql.schema)
                    || self
                        .tracker
                        .tables
                        .schemas()
                        .any(|schema| mentions(&sql.text, schema))
            }
        };
        if touches {
            return Err(self.refuse(
                Kind::LogFormat,
                "a change of data is in the log as a statement, not as rows (binlog_format is not ROW)",
            ));
        }
        Ok(())
    }

    /// Takes a statement over, with the definitions that were read from the source for it.
    pub fn finish_statement(&mut self, statement: Statement, reread: SchemaChange) -> Result<()> {
        let Statement {
            mut effect,
            mut event,
            ends,
        } = statement;
        if !ends && self.undo.is_none() {
            self.undo = Some(self.tracker.tables.clone());
        }
        effect.touched.extend(effect.reread);
        for change in [effect.change, reread] {
            if !change.is_empty() {
                self.batch.schema(&change)?;
                self.tracker.take(change);
            }
        }
        self.plans.clear();
        event.after = effect
            .touched
            .iter()
            .filter_map(|name| self.tracker.tables.version(name).cloned())
            .collect();
        tracing::info!(position = %event.end, in_scope = effect.in_scope, tables = effect.touched.len(), "DDL in the source's log");
        if effect.in_scope {
            self.batch.ddl(&event, ends)?;
            if !ends {
                self.rows_id = Some(self.assembler.place());
            }
        } else if ends {
            self.batch.heartbeat(event.end);
        }
        if ends {
            self.is_told();
            self.savepoints.clear();
        }
        Ok(())
    }
}
