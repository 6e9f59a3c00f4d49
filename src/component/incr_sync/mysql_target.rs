//! The target as a server of the MySQL family, with the progress rows in
//! `omstxndb.oms_txn_progress`.

use super::fit::Fits;
use super::plan::Statement;
use super::render::Renderer;
use super::target::{Begin, Claim, Mark, Taken, Target, TargetSession};
use super::window::{Applied, Watermark};
use crate::datasource::mysql::fault::is_duplicate;
use crate::datasource::mysql::fence::TARGET_SCHEMA;
use crate::datasource::mysql::literal::push_quoted;
use crate::datasource::mysql::nudge::nudged;
use crate::datasource::mysql::traces::{lock_tables, unlock_tables};
use crate::datasource::mysql::{Connection, Flavour, Server, Session};
use crate::error::{Error, Kind, Result};
use crate::model::ids::TxnId;
use crate::model::position::Position;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The table, in [`TARGET_SCHEMA`]; the write to it that each transaction begins with is also its mark
/// in the target's log ([`crate::datasource::mysql::marks`]).
const TABLE: &str = "`omstxndb`.`oms_txn_progress`";
const DUPLICATE_REMEDY: &str = "A unique key of the target holds the value already: somebody else \
    wrote to the target, or its keys are not those of the source.";
/// Room for what surrounds a statement in its packet, bytes.
const PACKET_MARGIN: usize = 1024;
/// The driver sends no longer packets, bytes.
const DRIVER_PACKET: usize = 64 << 20;

/// A server as a target.
#[derive(Debug, Clone)]
pub struct MySqlTarget {
    server: Server,
    component: String,
    renderer: Renderer,
    fits: Option<Arc<Fits>>,
}

impl MySqlTarget {
    /// `component` is the key of the progress rows: the same for all runs of a project in one
    /// direction, whoever runs it (`np_x/incr_sync`). Statements are about `statement_bytes` long.
    pub fn new(server: Server, component: impl Into<String>, statement_bytes: usize) -> Self {
        let hard = server
            .max_packet
            .min(DRIVER_PACKET)
            .saturating_sub(PACKET_MARGIN);
        let renderer = Renderer {
            flavour: server.flavour,
            soft: statement_bytes.min(hard / 2),
            hard,
        };
        Self {
            server,
            component: component.into(),
            renderer,
            fits: None,
        }
    }

    /// Compares each table's definition with the log's before it writes to it, and refuses
    /// ([`Kind::ApplyRefused`]) where a column is missing here, or where the keys differ so that rows
    /// would replace each other. For a direction whose tables were not made from the log's definitions:
    /// the way back after a switch. Where both sides are written to and DDL goes the other way, a unique
    /// key that was added there stops this direction until its own log has passed the same DDL.
    #[must_use]
    pub fn comparing_definitions(mut self) -> Self {
        self.fits = Some(Arc::default());
        self
    }

    /// The server.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    fn what(&self, doing: &str) -> String {
        format!(
            "{doing} {TARGET_SCHEMA}.oms_txn_progress on {}",
            self.server.endpoint
        )
    }

    async fn query(
        &self,
        conn: &mut Connection,
        doing: &str,
        sql: impl AsRef<[u8]>,
    ) -> Result<u64> {
        conn.run(self.what(doing), sql).await
    }

    /// A transaction whose client is gone without a word (its machine lost power) must not hold
    /// its locks for hours: the server ends one that is idle for some seconds.
    fn idle_settings(&self) -> &'static [&'static str] {
        match self.server.flavour {
            Flavour::MariaDb => &["SET SESSION idle_transaction_timeout = 15"],
            // it has a limit for sessions only; a lane that was idle opens a new one
            Flavour::MySql => &["SET SESSION wait_timeout = 15"],
            // microseconds; without the second one a lock is waited for as long as for a query
            Flavour::OceanBase => &[
                "SET SESSION ob_trx_idle_timeout = 15000000",
                "SET SESSION ob_trx_lock_timeout = 50000000",
            ],
        }
    }

    /// Makes the table where it is missing. Then nobody drops it before the session unlocks our
    /// tables.
    async fn ensure_table(&self, conn: &mut Connection) -> Result<()> {
        let there = format!("SELECT 1 FROM {TABLE} LIMIT 0");
        // to find that there is no such database, an OceanBase waits as for DDL
        let looking = self.query(conn, "looking for", &there);
        match nudged(&self.server, &there, looking).await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == Kind::ObjectMissing => {}
            Err(error) => return Err(error),
        }
        lock_tables(conn, self.server.flavour).await?;
        let database = format!(
            "CREATE DATABASE IF NOT EXISTS `{TARGET_SCHEMA}` DEFAULT CHARACTER SET utf8mb4"
        );
        nudged(
            &self.server,
            &database,
            self.query(conn, "making", &database),
        )
        .await?;
        self.query(conn, "making", format!(
            "CREATE TABLE IF NOT EXISTS {TABLE} (\
             `component` varchar(160) NOT NULL COMMENT 'whose progress', \
             `lane` int NOT NULL COMMENT 'each lane writes its own row', \
             `epoch` bigint NOT NULL COMMENT 'a writer with another one is fenced', \
             `commits` bigint unsigned NOT NULL COMMENT 'rises with every transaction', \
             `watermark` bigint unsigned NOT NULL COMMENT 'all transactions up to this one are applied', \
             `position` text NOT NULL COMMENT 'JSON: log position of the watermark', \
             `applied` longtext NOT NULL COMMENT 'JSON: ranges of transactions above the watermark that are applied', \
             `gmt_modified` datetime(3) NOT NULL COMMENT 'UTC', \
             PRIMARY KEY (`component`, `lane`)) \
             ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='oms: progress of Incr-Sync, do not edit'"
        )).await.map(drop)
    }

    async fn claim(&self, conn: &mut Connection, claim: &Claim) -> Result<Taken> {
        self.query(conn, "locking", "START TRANSACTION").await?;
        let rows = self.read(conn).await?;
        if let Some(newer) = rows.iter().find(|row| row.epoch > claim.epoch) {
            return Err(fenced(&self.component, claim.epoch, newer.epoch));
        }
        let mut watermark = Watermark::at_start(claim.start.clone());
        let mut applied = Applied::default();
        for (at, row) in rows.iter().enumerate() {
            if at == 0 || newer(&row.watermark, &watermark) {
                watermark = row.watermark.clone();
            }
            applied.merge(&row.applied);
        }
        applied.prune(watermark.id);
        // one more than before: a transaction of an earlier owner with the same epoch finds
        // another number than it expects
        let commits: Vec<u64> = (0..claim.lanes)
            .map(|lane| {
                let before = rows.iter().find(|row| row.lane == lane as i64);
                before.map_or(0, |row| row.commits) + 1
            })
            .collect();
        let mut delete = format!("DELETE FROM {TABLE} WHERE `component`=").into_bytes();
        push_quoted(&mut delete, self.component.as_bytes());
        self.query(conn, "taking over", delete).await?;
        let mut insert = format!(
            "INSERT INTO {TABLE} (`component`,`lane`,`epoch`,`commits`,`watermark`,`position`,`applied`,`gmt_modified`) VALUES "
        ).into_bytes();
        for (lane, commits) in commits.iter().enumerate() {
            let none = Applied::default();
            let list = if lane == 0 { &applied } else { &none };
            insert.extend_from_slice(if lane == 0 { b"(" } else { b",(" });
            push_quoted(&mut insert, self.component.as_bytes());
            let numbers = format!(",{lane},{},{commits},{},", claim.epoch, watermark.id.0);
            insert.extend_from_slice(numbers.as_bytes());
            push_quoted(&mut insert, &json(&watermark.position)?);
            insert.push(b',');
            push_quoted(&mut insert, &json(list)?);
            insert.extend_from_slice(b",UTC_TIMESTAMP(3))");
        }
        let inserted = self.query(conn, "taking over", insert).await;
        if inserted.as_ref().is_err_and(is_duplicate) {
            // two owners at their very first start: look again who is newer
            return Err(Error::new(Kind::ServerBusy, self.what("taking over"))
                .detail("another owner made its rows at the same time"));
        }
        inserted?;
        self.query(conn, "taking over", "COMMIT").await?;
        Ok(Taken {
            watermark,
            applied,
            commits,
        })
    }

    /// Reads and locks the rows; waits for transactions that hold one.
    async fn read(&self, conn: &mut Connection) -> Result<Vec<ProgressRow>> {
        self.rows(conn, " FOR UPDATE").await
    }

    /// Reads the rows.
    pub(super) async fn rows(&self, conn: &mut Connection, lock: &str) -> Result<Vec<ProgressRow>> {
        let mut sql = format!(
            "SELECT `lane`,`epoch`,`commits`,`watermark`,`position`,`applied` FROM {TABLE} WHERE `component`="
        ).into_bytes();
        push_quoted(&mut sql, self.component.as_bytes());
        sql.extend_from_slice(b" ORDER BY `lane`");
        sql.extend_from_slice(lock.as_bytes());
        let rows: Vec<(i64, i64, u64, u64, String, String)> =
            conn.rows(self.what("reading"), sql).await?;
        rows.into_iter()
            .map(|(lane, epoch, commits, watermark, position, applied)| {
                let wrong = |e: serde_json::Error| {
                    Error::new(Kind::ProgressInvalid, self.what("reading lane rows of"))
                        .detail(format!("lane {lane} of {}: {e}", self.component))
                };
                let position: Position = serde_json::from_str(&position).map_err(wrong)?;
                let mut applied: Applied = serde_json::from_str(&applied).map_err(wrong)?;
                applied.normalize();
                Ok(ProgressRow {
                    lane,
                    epoch,
                    commits,
                    watermark: Watermark {
                        id: TxnId(watermark),
                        position,
                    },
                    applied,
                })
            })
            .collect()
    }
}

/// Heartbeats move the position without the id.
pub(super) fn newer(a: &Watermark, b: &Watermark) -> bool {
    (a.id, a.position.txn_id()) > (b.id, b.position.txn_id())
}

/// A lane's row.
pub(super) struct ProgressRow {
    lane: i64,
    epoch: i64,
    commits: u64,
    pub(super) watermark: Watermark,
    pub(super) applied: Applied,
}

fn fenced(component: &str, mine: i64, found: i64) -> Error {
    Error::new(
        Kind::Fenced,
        format!("writing the progress of {component} at the target"),
    )
    .detail(format!("epoch {found} is there, ours is {mine}"))
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|e| Error::new(Kind::Internal, "writing progress as JSON").detail(e))
}

impl Target for MySqlTarget {
    fn take_over(&self, claim: Claim) -> BoxFuture<'_, Result<Taken>> {
        Box::pin(async move {
            let mut conn = self.server.session(Session::Write).await?;
            for setting in self.idle_settings() {
                self.query(&mut conn, "opening a session for", setting)
                    .await?;
            }
            self.ensure_table(&mut conn).await?;
            let taken = match self.claim(&mut conn, &claim).await {
                // dropped between the look and the claim, by a project that was released
                Err(error) if error.kind() == Kind::ObjectMissing => {
                    self.query(&mut conn, "looking again for", "ROLLBACK")
                        .await?;
                    self.ensure_table(&mut conn).await?;
                    self.claim(&mut conn, &claim).await?
                }
                taken => taken?,
            };
            unlock_tables(&mut conn, self.server.flavour).await?;
            Ok(taken)
        })
    }

    fn open(&self) -> BoxFuture<'_, Result<Box<dyn TargetSession>>> {
        Box::pin(async move {
            let mut conn = self.server.session(Session::Write).await?;
            // saves a round trip for each transaction
            self.query(&mut conn, "opening a session for", "SET autocommit = 0")
                .await?;
            for setting in self.idle_settings() {
                self.query(&mut conn, "opening a session for", setting)
                    .await?;
            }
            Ok(Box::new(MySqlSession {
                target: self.clone(),
                conn,
            }) as Box<dyn TargetSession>)
        })
    }
}

struct MySqlSession {
    target: MySqlTarget,
    conn: Connection,
}

impl MySqlSession {
    async fn mark(&mut self, mark: &Mark) -> Result<Begin> {
        let mut sql = format!(
            "UPDATE {TABLE} SET `commits`=`commits`+1,`gmt_modified`=UTC_TIMESTAMP(3),`watermark`={},`position`=",
            mark.watermark.id.0
        )
        .into_bytes();
        push_quoted(&mut sql, &json(&mark.watermark.position)?);
        sql.extend_from_slice(b",`applied`=");
        push_quoted(&mut sql, &json(&mark.applied)?);
        sql.extend_from_slice(b" WHERE `component`=");
        push_quoted(&mut sql, self.target.component.as_bytes());
        let (lane, epoch, commits) = (mark.lane, mark.epoch, mark.commits);
        let rest = format!(" AND `lane`={lane} AND `epoch`={epoch} AND `commits`={commits}");
        sql.extend_from_slice(rest.as_bytes());
        let affected = self.target.query(&mut self.conn, "writing", sql).await?;
        if affected == 1 {
            return Ok(Begin::Open);
        }
        self.why_not(mark).await
    }

    /// The row is not as expected: committed already, fenced, or gone.
    async fn why_not(&mut self, mark: &Mark) -> Result<Begin> {
        let rows = self.target.read(&mut self.conn).await?;
        self.target
            .query(&mut self.conn, "leaving", "ROLLBACK")
            .await?;
        if let Some(other) = rows.iter().find(|row| row.epoch != mark.epoch) {
            return Err(fenced(&self.target.component, mark.epoch, other.epoch));
        }
        match rows.iter().find(|row| row.lane == mark.lane as i64) {
            Some(row) if row.commits == mark.commits + 1 => Ok(Begin::Done),
            // only a take-over changes the number besides this lane itself
            Some(_) => Err(fenced(&self.target.component, mark.epoch, mark.epoch)),
            None => Err(
                Error::new(Kind::ProgressInvalid, self.target.what("writing"))
                    .detail(format!("the row of lane {} is gone", mark.lane)),
            ),
        }
    }

    async fn run(&mut self, statement: &Statement) -> Result<u64> {
        if let Some(fits) = &self.target.fits {
            let server = &self.target.server;
            fits.require(server, statement.layout()).await?;
        }
        let table = &statement.layout().table().name;
        if let Statement::Remove(layout, removals) = statement {
            let renderer = &self.target.renderer;
            return super::mysql_keyless::remove(&mut self.conn, renderer, layout, removals).await;
        }
        let mut affected = 0;
        for text in self.target.renderer.render(statement)? {
            let done = self.conn.run(format!("writing to {table}"), text).await;
            affected += done.map_err(|error| match is_duplicate(&error) {
                true => error.remedy(DUPLICATE_REMEDY),
                false => error,
            })?;
        }
        Ok(affected)
    }
}

impl TargetSession for MySqlSession {
    fn begin<'a>(&'a mut self, mark: &'a Mark) -> BoxFuture<'a, Result<Begin>> {
        Box::pin(self.mark(mark))
    }

    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.run(statement))
    }

    fn keep_alive(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let done = self.conn.run("keeping a session alive", "DO 0").await;
            done.map(drop)
        })
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let done = self.conn.run("committing at the target", "COMMIT").await;
            done.map(drop)
        })
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let done = self
                .conn
                .run("rolling back at the target", "ROLLBACK")
                .await;
            done.map(drop)
        })
    }
}
