//! A lane: applies batches of transactions to the target, one after another, each batch in one
//! target transaction together with the lane's progress row.
//!
//! The row counts the lane's commits, and a transaction can only begin if the count is the one
//! that it expects. So a batch may be tried again after any failure, one of the commit itself
//! included: if it was committed after all, the count has moved on, and the attempt says so instead
//! of doing it twice.

use super::large::Rereader;
use super::matrix::Seq;
use super::plan::{Statement, Step, Txn, plan};
use super::target::{Begin, Mark, Target, TargetSession};
use super::window::{Applied, LaneApplied, Watermark};
use crate::error::{Error, Kind, Result};
use crate::model::ids::TxnId;
use futures::future::BoxFuture;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long and how often failures that may pass are tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// For how long a batch is tried.
    pub limit: Duration,
    /// The same where the target is read-only.
    pub read_only_limit: Duration,
    /// The first pause; each following one is twice as long…
    pub first: Duration,
    /// … up to this.
    pub longest: Duration,
    /// A call to the target without an answer for so long has failed.
    pub call: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(60),
            read_only_limit: Duration::from_secs(20),
            first: Duration::from_millis(5),
            longest: Duration::from_secs(1),
            call: Duration::from_secs(300),
        }
    }
}

impl Retry {
    /// The pause before the next attempt; None: it was tried long enough.
    fn pause(&self, kind: Kind, attempt: u32, since: Instant, lane: usize) -> Option<Duration> {
        let limit = match kind {
            Kind::ReadOnly => self.read_only_limit,
            _ if kind.retry() == crate::error::Retry::Timed => self.limit,
            _ => return None,
        };
        if since.elapsed() >= limit {
            return None;
        }
        let whole = self
            .first
            .saturating_mul(1 << attempt.min(16))
            .min(self.longest);
        // lanes that hit each other must not come back at the same instant
        let spread = super::layout::hash_of(&(lane, attempt)) % 512 + 512;
        Some(whole.mul_f64(spread as f64 / 1024.0))
    }
}

/// Transactions to be applied together, in their order.
#[derive(Debug)]
pub struct Batch {
    /// The transactions; none: only the watermark is kept.
    pub txns: Vec<Txn>,
    /// The watermark when the batch was made.
    pub watermark: Watermark,
}

/// One lane.
pub struct Lane {
    index: usize,
    epoch: i64,
    commits: u64,
    applied: LaneApplied,
    target: Arc<dyn Target>,
    session: Option<Box<dyn TargetSession>>,
    retry: Retry,
    retries: u64,
}

impl Lane {
    /// A lane whose progress row says `commits`.
    pub fn new(
        index: usize,
        epoch: i64,
        commits: u64,
        inherited: Applied,
        target: Arc<dyn Target>,
        retry: Retry,
    ) -> Self {
        Self {
            index,
            epoch,
            commits,
            applied: LaneApplied::new(inherited),
            target,
            session: None,
            retry,
            retries: 0,
        }
    }

    /// Its number.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Attempts that had to be repeated, since the last call.
    pub fn take_retries(&mut self) -> u64 {
        std::mem::take(&mut self.retries)
    }

    /// Applies a batch. Where the target refuses it, its transactions are applied one by one, so
    /// that those in front of the one at fault are done and the error names that one.
    pub async fn apply(&mut self, batch: &Batch, reader: &Rereader) -> Result<()> {
        if let [txn] = batch.txns.as_slice()
            && let Some(streamed) = &txn.streamed
        {
            let body = reader.body(txn, streamed);
            let ids = [(txn.seq, txn.id)];
            let mark = self.mark(&batch.watermark, &ids);
            self.transact(&mark, &body, &|| false).await?;
            self.applied.commit(batch.watermark.id, &ids);
            return Ok(());
        }
        let blocked = || reader.is_running();
        let whole = self
            .apply_together(&batch.txns, &batch.watermark, &blocked)
            .await;
        match whole {
            Err(error) if batch.txns.len() > 1 && blames_a_txn(error.kind()) => {
                tracing::warn!(lane = self.index, %error, "a batch was refused; applying its transactions one by one");
                for txn in &batch.txns {
                    let one = std::slice::from_ref(txn);
                    self.apply_together(one, &batch.watermark, &blocked).await?;
                }
                Ok(())
            }
            other => other,
        }
    }

    async fn apply_together(
        &mut self,
        txns: &[Txn],
        watermark: &Watermark,
        blocked: Blocked<'_>,
    ) -> Result<()> {
        let ids: Vec<(Seq, TxnId)> = txns.iter().map(|txn| (txn.seq, txn.id)).collect();
        let steps = txns.iter().flat_map(|txn| &txn.steps);
        let statements = plan(steps).map_err(|e| blame(e, None, txns))?;
        let mark = self.mark(watermark, &ids);
        let body = Rows { statements, txns };
        self.transact(&mark, &body, blocked).await?;
        self.applied.commit(watermark.id, &ids);
        Ok(())
    }

    /// Runs `body` in a transaction under the lane's mark until it is committed, or until trying
    /// again can't help. `body` may run several times, and is rolled back each time but the last.
    /// As long as it is `blocked`, a server that is busy does not count as failing.
    pub async fn transact(
        &mut self,
        mark: &Mark,
        body: &dyn Body,
        blocked: Blocked<'_>,
    ) -> Result<()> {
        let mut since = Instant::now();
        let mut attempt = 0;
        loop {
            let error = match self.attempt(mark, body).await {
                Ok(()) => {
                    self.commits += 1;
                    return Ok(());
                }
                Err(error) => error,
            };
            self.recover(&error).await;
            if error.kind() == Kind::ServerBusy && blocked() {
                since = Instant::now();
            }
            let pause = self
                .retry
                .pause(error.kind(), attempt, since, self.index)
                .filter(|_| error.kind() != Kind::Fenced);
            let Some(pause) = pause else {
                return Err(error);
            };
            tracing::debug!(lane = self.index, attempt, %error, "applying again");
            attempt += 1;
            self.retries += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&mut self, mark: &Mark, body: &dyn Body) -> Result<()> {
        let call = self.retry.call;
        let session = self.session().await?;
        if in_time(call, session.begin(mark)).await? == Begin::Done {
            return Ok(());
        }
        body.run(session, call).await?;
        in_time(call, session.commit()).await
    }

    async fn session(&mut self) -> Result<&mut dyn TargetSession> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.target.open().await?,
        };
        Ok(self.session.insert(session).as_mut())
    }

    /// Makes the session fit for the next attempt, or gives it up.
    async fn recover(&mut self, error: &Error) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        if error.kind() != Kind::Unreachable
            && let Ok(Ok(())) =
                tokio::time::timeout(Duration::from_secs(5), session.rollback()).await
        {
            self.session = Some(session);
        }
    }

    /// The mark of a transaction that applies `ids`.
    pub fn mark(&self, watermark: &Watermark, ids: &[(Seq, TxnId)]) -> Mark {
        Mark {
            lane: self.index,
            epoch: self.epoch,
            commits: self.commits,
            watermark: watermark.clone(),
            applied: self.applied.with(watermark.id, ids),
        }
    }

    /// Gives the session up, and with it a transaction that is open.
    pub fn abandon(&mut self) {
        self.session = None;
    }

    /// After a transaction with a new watermark only: forgets what that covers.
    pub fn prune(&mut self, watermark: &Watermark) {
        self.applied.commit(watermark.id, &[]);
    }
}

/// Tells whether something of ours at the target may hold locks that others have to wait for.
pub type Blocked<'a> = &'a (dyn Fn() -> bool + Sync);

/// What is done inside of a lane's transaction, perhaps several times.
pub trait Body: Sync {
    /// Does it once; no call to the session may take longer than `call`.
    fn run<'a>(
        &'a self,
        session: &'a mut dyn TargetSession,
        call: Duration,
    ) -> BoxFuture<'a, Result<()>>;
}

/// The statements of some transactions.
struct Rows<'t> {
    statements: Vec<Statement>,
    txns: &'t [Txn],
}

impl Body for Rows<'_> {
    fn run<'a>(
        &'a self,
        session: &'a mut dyn TargetSession,
        call: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            execute_all(session, &self.statements, call)
                .await
                .map_err(|(error, layout)| blame(error, layout, self.txns))
        })
    }
}

/// How often a session with an open transaction and nothing to do says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// Waits for something that is not done on this session, and keeps its transaction from being ended
/// for idleness meanwhile.
pub async fn beside<T>(
    session: &mut dyn TargetSession,
    work: impl Future<Output = T>,
) -> Result<T> {
    tokio::pin!(work);
    let mut idle = tokio::time::interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            _ = idle.tick() => session.keep_alive().await?,
        }
    }
}

/// Applies a piece of a transaction.
pub async fn apply_piece(
    session: &mut dyn TargetSession,
    id: TxnId,
    steps: &[Step],
    call: Duration,
) -> Result<()> {
    let statements = plan(steps)?;
    execute_all(session, &statements, call)
        .await
        .map_err(|(error, layout)| blame_id(error, layout, Some(id)))
}

type Blamed = (Error, Option<Arc<super::layout::Layout>>);

async fn execute_all(
    session: &mut dyn TargetSession,
    statements: &[Statement],
    call: Duration,
) -> Result<(), Blamed> {
    for statement in statements {
        let layout = || Some(Arc::clone(statement.layout()));
        let affected = in_time(call, session.execute(statement))
            .await
            .map_err(|error| (error, layout()))?;
        if statement
            .must_affect()
            .is_some_and(|wanted| wanted != affected)
        {
            let error = Error::new(Kind::ApplyDrift, "changing a row of a table without a key")
                .detail(format!("{affected} rows were affected"));
            return Err((error, layout()));
        }
    }
    Ok(())
}

async fn in_time<T>(limit: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result,
        Err(_) => Err(Error::new(Kind::Unreachable, "writing to the target")
            .detail(format!("no answer within {} s", limit.as_secs()))),
    }
}

/// Whether an error of this kind is the fault of a certain transaction.
fn blames_a_txn(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::StatementFailed
            | Kind::ObjectMissing
            | Kind::ApplyRefused
            | Kind::ApplyDrift
            | Kind::SchemaDrift
            | Kind::PrivilegeMissing
            | Kind::TypeUnsupported
    )
}

fn blame(error: Error, layout: Option<Arc<super::layout::Layout>>, txns: &[Txn]) -> Error {
    match txns {
        [txn] => blame_id(error, layout, Some(txn.id)),
        _ => blame_id(error, layout, None),
    }
}

/// The error with the table and the transaction that it is about; never with a row's values.
fn blame_id(error: Error, layout: Option<Arc<super::layout::Layout>>, id: Option<TxnId>) -> Error {
    if !blames_a_txn(error.kind()) {
        return error;
    }
    let kind = match error.kind() {
        Kind::StatementFailed | Kind::ObjectMissing => Kind::ApplyRefused,
        kind => kind,
    };
    let txn = id.map_or_else(
        || "transactions".to_owned(),
        |id| format!("the transaction at binlog position {id}"),
    );
    let table = layout.map_or_else(String::new, |l| format!(" to {}", l.table().name));
    Error::new(kind, format!("applying {txn}{table}")).detail(error.to_string())
}
