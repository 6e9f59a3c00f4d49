//! Sessions that correct the target, fenced: a generation of the work that was replaced cannot
//! commit any more.

use super::plan::Plan;
use super::sides::Sides;
use crate::datasource::mysql::fence::Fence;
use crate::datasource::mysql::{Connection, Flavour, Session};
use crate::error::{Error, Kind, Result};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Gives out sessions that correct.
#[derive(Debug)]
pub struct Writers {
    fence: Fence,
    lanes: usize,
    next: AtomicUsize,
}

impl Writers {
    /// Takes over from older generations. `role` names the work, for all its generations.
    pub async fn open(sides: &Sides, role: &str, epoch: i64, lanes: usize) -> Result<Self> {
        let mut conn = sides.target.session(Session::Write).await?;
        Ok(Self {
            fence: Fence::acquire(&mut conn, &sides.target, role, epoch, lanes).await?,
            lanes: lanes.max(1),
            next: AtomicUsize::new(0),
        })
    }

    /// A session. Two of them may share a lane; then their transactions follow each other.
    pub async fn session(&self, sides: &Sides) -> Result<Writer> {
        Ok(Writer {
            conn: sides.target.session(Session::Write).await?,
            flavour: sides.target.flavour,
            fence: self.fence.clone(),
            lane: self.next.fetch_add(1, Ordering::Relaxed) % self.lanes,
        })
    }
}

/// A session that corrects.
#[derive(Debug)]
pub struct Writer {
    /// The session.
    pub conn: Connection,
    /// What the target is.
    pub flavour: Flavour,
    fence: Fence,
    lane: usize,
}

impl Writer {
    /// Begins a transaction that commits only while this generation is the newest.
    pub async fn begin(&mut self, plan: &Plan) -> Result<()> {
        self.run(plan, "START TRANSACTION").await?;
        self.fence.hold(&mut self.conn, self.lane).await
    }

    /// Runs a statement.
    pub async fn run(&mut self, plan: &Plan, statement: &str) -> Result<()> {
        let what = format!("correcting {}", plan.target);
        self.conn.run(what, statement).await.map(|_| ())
    }

    /// Commits.
    pub async fn commit(&mut self, plan: &Plan) -> Result<()> {
        self.run(plan, "COMMIT").await
    }

    /// Ends the transaction without an effect. A session that broke cannot say so, and need not.
    pub async fn roll_back(&mut self) {
        if let Err(error) = self.conn.run("undoing a correction", "ROLLBACK").await {
            tracing::debug!(%error, "a correction's session is broken");
        }
    }
}

/// What to do about a correction that failed: an error that ends the work, or a word in the log;
/// then the row stays different.
pub fn judge(plan: &Plan, error: Error) -> Result<()> {
    if error.is_transient() || error.kind() == Kind::Fenced {
        return Err(error);
    }
    tracing::warn!(table = %plan.target, error = %error, "the target refused a correction");
    Ok(())
}
