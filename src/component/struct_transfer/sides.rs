//! Both servers of a project as the works need them, and statements that change the target's
//! schema.

use crate::component::contract::Context;
use crate::datasource::mysql::ddl::Target;
use crate::datasource::mysql::fault::{fault, server_code};
use crate::datasource::mysql::{Endpoint, Server, Session, catalogue, ddl_target};
use crate::error::{Error, Kind, Result};
use crate::model::ddl::{Dialect, Family};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use std::time::Duration;

/// Source and target.
pub(super) struct Sides {
    pub source: Server,
    pub dialect: Dialect,
    pub target_server: Server,
    pub target: Target,
}

/// A session on each.
pub(super) struct Pair {
    pub source: Conn,
    pub target: Conn,
}

impl Sides {
    pub async fn open(source: &Endpoint, target: &Endpoint) -> Result<Self> {
        let source = Server::open(source).await?;
        let target_server = Server::open(target).await?;
        let dialect = catalogue::dialect(&mut catalogue::open(&source).await?, &source).await?;
        let mut conn = catalogue::open(&target_server).await?;
        let target = catalogue::target(&mut conn, &target_server).await?;
        Ok(Self {
            source,
            dialect,
            target_server,
            target,
        })
    }

    pub fn family(&self) -> Family {
        self.dialect.family
    }

    pub async fn pair(&self) -> Result<Pair> {
        Ok(Pair {
            source: catalogue::open(&self.source).await?,
            target: ddl_target::session(&self.target_server).await?,
        })
    }

    /// Runs a statement at the target. It may take hours: when the work shall end, it is killed
    /// there, and the session is of no use any more.
    pub async fn run(
        &self,
        conn: &mut Conn,
        what: String,
        sql: &str,
        context: &Context,
    ) -> Result<(), Refused> {
        let id = conn.id();
        tracing::debug!(sql, "changing the target's schema");
        tokio::select! {
            done = conn.query_drop(sql) => done.map_err(|error| Refused::new(what, error)),
            () = context.cancelled() => {
                self.kill(id).await;
                Err(Refused {
                    code: None,
                    error: Error::new(Kind::Interrupted, what),
                })
            }
        }
    }

    /// Ends a statement that nobody waits for any more, if that is possible soon.
    async fn kill(&self, id: u32) {
        let kill = async {
            let mut conn = self.target_server.session(Session::Plain).await?;
            conn.query_drop(format!("KILL {id}"))
                .await
                .map_err(|e| fault("killing our own statement", e))
        };
        match tokio::time::timeout(Duration::from_millis(700), kill).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the statement was not killed"),
            Err(_) => tracing::debug!("the statement was not killed in time"),
        }
    }
}

/// A statement that was not carried out.
pub(super) struct Refused {
    /// The server's number.
    pub code: Option<u16>,
    /// The error.
    pub error: Error,
}

impl Refused {
    fn new(what: String, error: mysql_async::Error) -> Self {
        Self {
            code: server_code(&error),
            error: ddl_target::refused(what, error),
        }
    }

    /// Whether the statement's text is what the server does not take.
    pub fn is_about_the_statement(&self) -> bool {
        self.error.kind() == Kind::SchemaRefused
    }
}
