//! A simulated target: tables with unique keys, transactions, progress rows, and every kind of
//! failure. A call takes a random time, so lanes interleave at random.

use crate::component::incr_sync::layout::Layout;
use crate::component::incr_sync::plan::Statement;
use crate::component::incr_sync::target::{Begin, Claim, Mark, Taken, Target, TargetSession};
use crate::component::incr_sync::window::{Applied, Watermark};
use crate::error::{Error, Kind, Result};
use crate::model::row::{Cell, Row};
use crate::model::table::{KeyKind, Table, TableName};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A cell as owned text.
pub type Text = Option<String>;

pub fn texts(row: &Row) -> Vec<Text> {
    row.cells()
        .map(|c| match c {
            Cell::Null => None,
            Cell::Value(v) => Some(String::from_utf8_lossy(v).into_owned()),
        })
        .collect()
}

pub fn row(texts: &[Text]) -> Row {
    Row::from_cells(texts.iter().map(|t| match t {
        None => Cell::Null,
        Some(t) => Cell::Value(t.as_bytes()),
    }))
}

/// Equality of a case- and accent-insensitive collation, small.
fn collate(text: &str) -> String {
    text.trim_end_matches(' ').to_lowercase().replace('ä', "a")
}

/// The key's values as the server compares them; None if one is NULL.
fn key_of(table: &Table, columns: &[usize], row: &[Text]) -> Option<Vec<String>> {
    columns
        .iter()
        .map(|&c| {
            let value = row[c].as_ref()?;
            Some(if table.columns[c].ty.is_character() {
                collate(value)
            } else {
                value.clone()
            })
        })
        .collect()
}

/// A table's rows, with its unique keys enforced.
#[derive(Debug, Clone)]
pub struct Rows {
    pub table: Table,
    pub rows: Vec<Vec<Text>>,
}

impl Rows {
    pub fn new(table: &Table) -> Self {
        Self {
            table: table.clone(),
            rows: Vec::new(),
        }
    }

    fn clashes(&self, a: &[Text], b: &[Text]) -> bool {
        self.table
            .keys
            .iter()
            .filter(|k| matches!(k.kind, KeyKind::Primary | KeyKind::Unique))
            .any(|k| {
                let columns = self.table.key_columns(k).expect("columns");
                let key = key_of(&self.table, &columns, a);
                key.is_some() && key == key_of(&self.table, &columns, b)
            })
    }

    /// Index of rows that clash with `row`, except `but`.
    pub fn clashing(&self, row: &[Text], but: Option<usize>) -> Vec<usize> {
        (0..self.rows.len())
            .filter(|&i| Some(i) != but && self.clashes(&self.rows[i], row))
            .collect()
    }

    pub fn replace(&mut self, row: Vec<Text>) {
        let mut kept = std::mem::take(&mut self.rows);
        kept.retain(|r| !self.clashes(r, &row));
        kept.push(row);
        self.rows = kept;
    }

    pub fn sorted(&self) -> Vec<Vec<Text>> {
        let mut rows = self.rows.clone();
        rows.sort();
        rows
    }
}

/// All tables.
pub type Tables = BTreeMap<TableName, Rows>;

fn run(tables: &mut Tables, statement: &Statement) -> Result<u64> {
    let layout: &Layout = statement.layout();
    let table = tables.get_mut(&layout.table().name).ok_or_else(|| {
        Error::new(Kind::ObjectMissing, "running a statement").detail("no such table")
    })?;
    let duplicate = || Err(Error::new(Kind::StatementFailed, "duplicate key"));
    match statement {
        Statement::Delete(layout, rows) => {
            let key = layout.row_key.as_ref().expect("keyed");
            let before = table.rows.len();
            for gone in rows {
                let gone = key_of(&table.table, key, &texts(gone));
                let def = table.table.clone();
                table.rows.retain(|r| key_of(&def, key, r) != gone);
            }
            Ok((before - table.rows.len()) as u64)
        }
        Statement::Replace(_, rows) => {
            for new in rows {
                table.replace(texts(new));
            }
            Ok(rows.len() as u64)
        }
        Statement::Insert(_, rows) => {
            for new in rows {
                let new = texts(new);
                if !table.clashing(&new, None).is_empty() {
                    return duplicate();
                }
                table.rows.push(new);
            }
            Ok(rows.len() as u64)
        }
        Statement::Remove(_, removals) => {
            let mut removed = 0;
            for removal in removals {
                let row = texts(&removal.row);
                let found = table.rows.iter().filter(|r| **r == row).count() as u64;
                if found < removal.at_least {
                    return Err(Error::new(Kind::ApplyDrift, "removing rows"));
                }
                for _ in 0..removal.count {
                    let at = table.rows.iter().position(|r| *r == row).expect("counted");
                    table.rows.remove(at);
                }
                removed += removal.count;
            }
            Ok(removed)
        }
    }
}

#[derive(Debug, Clone)]
struct ProgressRow {
    epoch: i64,
    commits: u64,
    watermark: Watermark,
    applied: Applied,
}

/// A transaction whose client is gone while it commits; the lane's row stays locked until it ends.
struct Zombie {
    mark: Mark,
    statements: Vec<Statement>,
}

/// How often what goes wrong, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub call: u32,
    pub commit: u32,
    /// The process is killed at the call with this number.
    pub crash_at: Option<u64>,
}

pub struct State {
    pub tables: Tables,
    progress: BTreeMap<usize, ProgressRow>,
    locked: Vec<usize>,
    zombies: Vec<Zombie>,
    rng: SmallRng,
    pub faults: Faults,
    calls: u64,
    pub commits: u64,
    pub read_only: bool,
    /// The tables after each commit, where somebody wants them.
    pub seen: Option<Vec<Tables>>,
}

impl State {
    fn is_locked(&mut self, lane: usize) -> bool {
        if let Some(at) = self.zombies.iter().position(|z| z.mark.lane == lane) {
            if self.rng.random_bool(0.5) {
                return true;
            }
            self.bury(at);
        }
        self.locked.contains(&lane)
    }

    /// A zombie ends, one way or the other.
    fn bury(&mut self, at: usize) {
        let zombie = self.zombies.remove(at);
        self.locked.retain(|l| *l != zombie.mark.lane);
        if self.rng.random_bool(0.5) {
            self.commit(&zombie.mark, &zombie.statements);
        }
    }

    fn commit(&mut self, mark: &Mark, statements: &[Statement]) {
        for statement in statements {
            let affected = run(&mut self.tables, statement).expect("ran before");
            if let Some(wanted) = statement.must_affect() {
                assert_eq!(affected, wanted, "changed between execute and commit");
            }
        }
        let row = self.progress.get_mut(&mark.lane).expect("locked");
        assert_eq!((row.epoch, row.commits), (mark.epoch, mark.commits));
        assert!(mark.watermark.id >= row.watermark.id, "watermark went back");
        *row = ProgressRow {
            epoch: mark.epoch,
            commits: mark.commits + 1,
            watermark: mark.watermark.clone(),
            applied: mark.applied.clone(),
        };
        self.commits += 1;
        if let Some(seen) = &mut self.seen {
            seen.push(self.tables.clone());
        }
    }
}

/// The simulated target.
#[derive(Clone)]
pub struct Sim(pub Arc<Mutex<State>>, Arc<tokio::sync::Notify>);

impl Sim {
    pub fn new(tables: Tables, seed: u64) -> Self {
        let state = State {
            tables,
            progress: BTreeMap::new(),
            locked: Vec::new(),
            zombies: Vec::new(),
            rng: SmallRng::seed_from_u64(seed),
            faults: Faults::default(),
            calls: 0,
            commits: 0,
            read_only: false,
            seen: None,
        };
        Self(Arc::new(Mutex::new(state)), Arc::default())
    }

    /// Sets what goes wrong from now on.
    pub fn arm(&self, faults: Faults) {
        let mut state = self.0.lock();
        state.faults = faults;
        state.calls = 0;
    }

    /// Completes when the process is to be killed.
    pub async fn crashed(&self) {
        self.1.notified().await;
    }

    async fn call(&self) -> Result<()> {
        let (pause, crash, fail) = {
            let mut state = self.0.lock();
            state.calls += 1;
            let crash = state.faults.crash_at.is_some_and(|at| state.calls >= at);
            let fail = state.rng.random_range(0..100) < state.faults.call;
            (state.rng.random_range(0..8), crash, fail)
        };
        if crash {
            self.1.notify_one();
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if fail {
            let kind = if pause % 2 == 0 {
                Kind::ServerBusy
            } else {
                Kind::Unreachable
            };
            return Err(Error::new(kind, "simulated fault"));
        }
        Ok(())
    }
}

impl Target for Sim {
    fn take_over(&self, claim: Claim) -> BoxFuture<'_, Result<Taken>> {
        Box::pin(async move {
            while !{
                let mut state = self.0.lock();
                while !state.zombies.is_empty() {
                    state.bury(0);
                }
                state.locked.is_empty()
            } {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let mut state = self.0.lock();
            if state.progress.values().any(|row| row.epoch > claim.epoch) {
                return Err(Error::new(Kind::Fenced, "taking over"));
            }
            let mut watermark = Watermark::at_start(claim.start.clone());
            let mut applied = Applied::default();
            for row in state.progress.values() {
                if row.watermark.id >= watermark.id {
                    watermark = row.watermark.clone();
                }
                applied.merge(&row.applied);
            }
            applied.prune(watermark.id);
            let commits: Vec<u64> = (0..claim.lanes)
                .map(|lane| state.progress.get(&lane).map_or(0, |row| row.commits) + 1)
                .collect();
            state.progress = (0..claim.lanes)
                .map(|lane| {
                    let row = ProgressRow {
                        epoch: claim.epoch,
                        commits: commits[lane],
                        watermark: watermark.clone(),
                        applied: if lane == 0 {
                            applied.clone()
                        } else {
                            Applied::default()
                        },
                    };
                    (lane, row)
                })
                .collect();
            Ok(Taken {
                watermark,
                applied,
                commits,
            })
        })
    }

    fn open(&self) -> BoxFuture<'_, Result<Box<dyn TargetSession>>> {
        Box::pin(async move {
            self.call().await?;
            Ok(Box::new(Session {
                sim: self.clone(),
                heard: tokio::time::Instant::now(),
                mark: None,
                statements: Vec::new(),
                committing: false,
            }) as Box<dyn TargetSession>)
        })
    }
}

/// The server ends a transaction that says nothing for so long.
const IDLE: Duration = Duration::from_secs(15);

struct Session {
    sim: Sim,
    heard: tokio::time::Instant,
    mark: Option<Mark>,
    statements: Vec<Statement>,
    committing: bool,
}

impl Session {
    /// Notes that the client said something, perhaps too late.
    fn hear(&mut self) -> Result<()> {
        let silent = self.heard.elapsed();
        self.heard = tokio::time::Instant::now();
        if self.mark.is_some() && silent > IDLE {
            self.end();
            return Err(Error::new(Kind::Unreachable, "ended for idleness"));
        }
        Ok(())
    }

    fn end(&mut self) {
        self.statements.clear();
        self.committing = false;
        if let Some(mark) = self.mark.take() {
            self.sim.0.lock().locked.retain(|l| *l != mark.lane);
        }
    }

    fn begin_now(&mut self, mark: &Mark) -> Result<Begin> {
        let mut state = self.sim.0.lock();
        if state.read_only {
            return Err(Error::new(Kind::ReadOnly, "the target is read-only"));
        }
        if state.is_locked(mark.lane) {
            return Err(Error::new(Kind::ServerBusy, "lock wait timeout"));
        }
        let Some(row) = state
            .progress
            .get(&mark.lane)
            .filter(|r| r.epoch == mark.epoch)
        else {
            return Err(Error::new(Kind::Fenced, "beginning"));
        };
        if row.commits == mark.commits + 1 {
            return Ok(Begin::Done);
        }
        if row.commits != mark.commits {
            return Err(Error::new(Kind::Fenced, "beginning"));
        }
        state.locked.push(mark.lane);
        drop(state);
        self.mark = Some(mark.clone());
        Ok(Begin::Open)
    }
}

impl TargetSession for Session {
    fn begin<'a>(&'a mut self, mark: &'a Mark) -> BoxFuture<'a, Result<Begin>> {
        Box::pin(async move {
            assert!(self.mark.is_none(), "a transaction is open already");
            self.hear()?;
            self.sim.call().await?;
            self.begin_now(mark)
        })
    }

    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.hear()?;
            self.sim.call().await?;
            let mut tables = self.sim.0.lock().tables.clone();
            for before in &self.statements {
                run(&mut tables, before)?;
            }
            let affected = run(&mut tables, statement)?;
            self.statements.push(statement.clone());
            Ok(affected)
        })
    }

    fn keep_alive(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.hear()?;
            self.sim.call().await
        })
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.hear()?;
            self.committing = true;
            self.sim.call().await?;
            let mut state = self.sim.0.lock();
            let mark = self.mark.clone().expect("a transaction");
            if state.rng.random_range(0..100) < state.faults.commit {
                let lost = Error::new(Kind::Unreachable, "connection lost in commit");
                if state.rng.random_bool(0.5) {
                    drop(state);
                    // what becomes of it is seen when this session is dropped
                    return Err(lost);
                }
                state.commit(&mark, &self.statements);
                drop(state);
                self.end();
                return Err(lost);
            }
            state.commit(&mark, &self.statements);
            drop(state);
            self.end();
            Ok(())
        })
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.sim.call().await?;
            self.end();
            Ok(())
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.committing
            && let Some(mark) = self.mark.take()
        {
            let statements = std::mem::take(&mut self.statements);
            self.sim.0.lock().zombies.push(Zombie { mark, statements });
            return;
        }
        self.end();
    }
}
