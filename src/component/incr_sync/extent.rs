//! How far a target is, read from its progress rows without locking them; for who verifies what
//! was applied.

use super::MySqlTarget;
use super::mysql_target::newer;
use super::window::{Applied, Watermark};
use crate::datasource::mysql::{Connection, Session};
use crate::error::{Kind, Result};
use crate::model::ids::TxnId;
use tokio::sync::Mutex;

/// Reads how far a target is, over one connection that it keeps.
pub struct ExtentReader {
    target: MySqlTarget,
    conn: Mutex<Option<Connection>>,
}

impl ExtentReader {
    /// Of this target.
    pub fn new(target: MySqlTarget) -> Self {
        Self {
            target,
            conn: Mutex::new(None),
        }
    }

    /// The watermark, and the newest transaction that is applied; None where nothing was applied
    /// yet. Each row is committed together with the rows of which it tells, so a row of the target
    /// that is read before holds nothing behind the newest.
    pub async fn read(&self) -> Result<Option<(Watermark, TxnId)>> {
        Ok(self.progress().await?.map(|(watermark, applied)| {
            let newest = applied.newest().unwrap_or(TxnId::MIN).max(watermark.id);
            (watermark, newest)
        }))
    }

    /// The watermark, and what is applied above it.
    pub(super) async fn progress(&self) -> Result<Option<(Watermark, Applied)>> {
        let mut kept = self.conn.lock().await;
        let mut conn = match kept.take() {
            Some(conn) => conn,
            None => self.target.server().session(Session::Plain).await?,
        };
        let rows = match self.target.rows(&mut conn, "").await {
            Ok(rows) => rows,
            Err(error) if error.kind() == Kind::ObjectMissing => Vec::new(),
            Err(error) => return Err(error),
        };
        *kept = Some(conn);
        let mut found: Option<Watermark> = None;
        let mut applied = Applied::default();
        for row in &rows {
            if found.as_ref().is_none_or(|w| newer(&row.watermark, w)) {
                found = Some(row.watermark.clone());
            }
            applied.merge(&row.applied);
        }
        Ok(found.map(|watermark| (watermark, applied)))
    }
}
