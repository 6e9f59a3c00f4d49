//! Large transactions, which come in pieces because they may not fit into memory.
//!
//! Such a one is read twice. The first time the dispatcher collects what it claims and forgets its
//! rows: from then on it is a transaction like any other, and what does not conflict with it goes
//! past it. The second time, once nothing that it waits for is unfinished, a lane reads it from the
//! log again and applies it piece by piece in one target transaction; so it can be tried again, as
//! often as any other.
//!
//! Claims are bounded. Where there are too many, those of the tables with the most are given up for
//! a claim of the whole table, exclusive for this transaction and shared for all that follow while
//! it is unfinished. Transactions in front of it know nothing of such a claim, so it is admitted
//! only when all of them are finished.

use super::barrier::Barrier;
use super::engine::Engine;
use super::lane::{Body, apply_piece, beside};
use super::layout::Layouts;
use super::locks::{Claims, Lock};
use super::plan::{Step, Streamed, Tally, Txn};
use super::settings::Settings;
use super::target::TargetSession;
use crate::component::log_source::{LogSource, OpenLog};
use crate::error::{Error, Kind, Result};
use crate::model::change::{LogItem, TxnPiece};
use crate::model::ids::TxnId;
use crate::model::options::TransactionMode;
use crate::model::position::Position;
use futures::future::BoxFuture;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A large transaction whose pieces are being read for the first time.
pub struct Scan {
    id: TxnId,
    from: Position,
    expected: u32,
    tally: Tally,
    claims: Claims,
    /// By table.
    locks: HashMap<u64, Vec<Lock>>,
    /// Tables that are claimed as a whole.
    whole: BTreeSet<u64>,
}

impl Scan {
    /// Of the transaction `id`, which comes next behind `from`.
    fn new(id: TxnId, from: Position) -> Self {
        Self {
            id,
            from,
            expected: 0,
            tally: Tally::default(),
            claims: Claims::default(),
            locks: HashMap::new(),
            whole: BTreeSet::new(),
        }
    }

    fn require_next(&mut self, piece: &TxnPiece) -> Result<()> {
        require(self.id, self.expected, piece)?;
        self.expected += 1;
        Ok(())
    }

    /// Takes the claims of some changes in; `most` of them are kept.
    fn add(&mut self, steps: &[Step], most: usize) -> Result<()> {
        self.tally.count(steps);
        for step in steps {
            let table = step.layout.id;
            if !self.whole.contains(&table) {
                self.claims.add(&step.layout, &step.op)?;
                let locks = self.locks.entry(table).or_default();
                locks.extend(self.claims.drain());
            }
        }
        if self.held() > most {
            for locks in self.locks.values_mut() {
                locks.sort_unstable();
                locks.dedup();
            }
        }
        while self.held() > most {
            let largest = self.locks.iter().max_by_key(|(_, locks)| locks.len());
            let Some((&table, _)) = largest else { break };
            self.locks.remove(&table);
            self.whole.insert(table);
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.locks.values().map(Vec::len).sum()
    }
}

/// Checks that a piece is the one that comes next.
fn require(id: TxnId, expected: u32, piece: &TxnPiece) -> Result<()> {
    if piece.id == id && piece.piece == expected {
        return Ok(());
    }
    Err(
        Error::new(Kind::Internal, "reading the log").detail(format!(
            "piece {expected} of the transaction at {id} is missing: piece {} of {} came",
            piece.piece, piece.id
        )),
    )
}

/// A large transaction that was read once, to its end.
pub struct Scanned {
    scan: Scan,
    end: Position,
}

/// The tables that unfinished large transactions claim as a whole.
#[derive(Debug, Default)]
pub struct WholeTables(Vec<(u64, u64)>);

impl WholeTables {
    /// Adds to a transaction's claims that it must not come before those.
    pub fn claim(&self, claims: &mut Claims, tables: impl IntoIterator<Item = u64>) {
        if self.0.is_empty() {
            return;
        }
        for table in tables {
            if self.0.iter().any(|(whole, _)| *whole == table) {
                claims.add_whole(table, false);
            }
        }
    }

    /// A transaction is finished.
    pub fn finish(&mut self, seq: u64) {
        self.0.retain(|(_, of)| *of != seq);
    }
}

impl Engine {
    /// Takes in a piece of a large transaction.
    pub(super) fn scan(&mut self, piece: TxnPiece) -> Result<()> {
        let mut scan = match self.scanning.take() {
            Some(scan) => scan,
            None => Scan::new(piece.id, self.window.read_to().clone()),
        };
        scan.require_next(&piece)?;
        let steps = self.steps(piece.id, piece.changes);
        scan.add(&steps, self.settings.most_claims)?;
        match piece.end {
            None => self.scanning = Some(scan),
            Some(end) if scan.tally.rows() == 0 => self.window.pass(Some(scan.id), end, false),
            Some(end) => {
                let scanned = Scanned { scan, end };
                if scanned.scan.whole.is_empty() {
                    self.admit_large(scanned);
                } else {
                    self.barrier = Some(Barrier::Large(Box::new(scanned)));
                }
            }
        }
        Ok(())
    }

    /// Takes in a large transaction; where it claims whole tables, nothing else is unfinished.
    pub(super) fn admit_large(&mut self, scanned: Scanned) {
        let Scanned { scan, end } = scanned;
        let seq = self.seq + 1;
        if self.settings.options.transaction_mode == TransactionMode::Atomic {
            self.claims.add_everything();
        } else {
            self.whole_tables
                .claim(&mut self.claims, scan.locks.keys().copied());
            self.claims.extend(scan.locks.into_values().flatten());
            for table in scan.whole {
                self.claims.add_whole(table, true);
                self.whole_tables.0.push((table, seq));
            }
        }
        self.admit(Txn {
            seq,
            id: scan.id,
            end,
            steps: Vec::new(),
            bytes: 0,
            streamed: Some(Streamed {
                from: scan.from,
                tally: scan.tally,
            }),
        });
    }
}

/// What a lane needs to read a large transaction again.
pub struct Rereader {
    open_log: OpenLog,
    settings: Arc<Settings>,
    /// Large transactions that are being applied.
    running: AtomicUsize,
}

impl Rereader {
    /// Reads the log that `open_log` opens.
    pub fn new(open_log: OpenLog, settings: Arc<Settings>) -> Self {
        Self {
            open_log,
            settings,
            running: AtomicUsize::new(0),
        }
    }

    /// Whether a large transaction is being applied. It may hold locks beside its rows for as long
    /// as it takes, and others may have to wait for them.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    /// The body of a lane's transaction.
    pub fn body<'a>(&'a self, txn: &'a Txn, streamed: &'a Streamed) -> LargeBody<'a> {
        self.running.fetch_add(1, Ordering::Relaxed);
        LargeBody {
            reader: self,
            id: txn.id,
            from: &streamed.from,
        }
    }

    async fn open(&self, from: &Position, id: TxnId) -> Result<(Box<dyn LogSource>, TxnPiece)> {
        let mut source = (self.open_log)(from.clone()).await?;
        loop {
            match source.next().await? {
                LogItem::Txn(piece) if piece.id >= id => return Ok((source, piece)),
                _ => {}
            }
        }
    }
}

/// Reads a large transaction from the log, and applies it.
pub struct LargeBody<'a> {
    reader: &'a Rereader,
    id: TxnId,
    from: &'a Position,
}

impl Body for LargeBody<'_> {
    fn run<'a>(
        &'a self,
        session: &'a mut dyn TargetSession,
        call: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let settings = &self.reader.settings;
            let (mut source, mut piece) = self.reader.open(self.from, self.id).await?;
            let mut layouts = Layouts::default();
            for expected in 0.. {
                require(self.id, expected, &piece)?;
                let steps = settings.steps(&mut layouts, self.id, piece.changes);
                let bytes = steps.iter().map(|step| step.size() as u64).sum();
                let throttled = settings.throttle.take(steps.len() as u64, bytes);
                beside(session, throttled).await?;
                apply_piece(session, self.id, &steps, call).await?;
                if piece.end.is_some() {
                    break;
                }
                piece = match source.next().await? {
                    LogItem::Txn(next) => next,
                    _ => {
                        return Err(Error::new(Kind::Internal, "reading the log")
                            .detail("something else came between the pieces of a transaction"));
                    }
                };
            }
            Ok(())
        })
    }
}

impl Drop for LargeBody<'_> {
    fn drop(&mut self) {
        self.reader.running.fetch_sub(1, Ordering::Relaxed);
    }
}
