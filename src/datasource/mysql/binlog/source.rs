//! A source whose log is to be read: its settings, the end of its log, and its definitions of
//! tables as they are now.
//!
//! The log can be served elsewhere than where the tables are ([`Endpoint::of_log`]): definitions
//! are the database's, positions and settings are those of who serves the log.

use super::super::catalogue;
use super::super::connect::Server;
use super::super::connection::Connection;
use super::super::endpoint::{Endpoint, Flavour};
use super::super::fault::fault;
use super::status::{LogEnd, LogSettings, clock_ms, end_without_time};
use crate::error::{Error, Kind, Result};
use crate::model::ddl::{CharsetDefault, Dialect};
use crate::model::table::{Table, TableName};
use mysql_async::prelude::Queryable;
use std::collections::BTreeMap;

/// A table's definition, or why it is not understood.
pub type Defined = std::result::Result<Table, String>;

/// A source that was looked at, with a session for questions.
#[derive(Debug)]
pub struct Source {
    /// The server.
    pub server: Server,
    /// Who serves its log: itself, unless its address says otherwise.
    pub log: Server,
    /// How the log is written, and whose it is.
    pub settings: LogSettings,
    /// How its statements are read.
    pub dialect: Dialect,
    conn: Connection,
    /// A session where the log is served, where that is elsewhere.
    log_conn: Option<Connection>,
}

impl Source {
    /// Connects, and refuses a source whose log cannot be used (`LogFormat`).
    pub async fn open(endpoint: &Endpoint) -> Result<Self> {
        let server = Server::open(endpoint).await?;
        let mut conn = catalogue::open(&server).await?;
        let (log, mut log_conn) = match endpoint.of_log() {
            None => (server.clone(), None),
            Some(address) => {
                let (log, conn) = Server::open_log(&address, server.flavour).await?;
                (log, Some(conn))
            }
        };
        let asked = log_conn.as_mut().unwrap_or(&mut conn);
        let settings = LogSettings::read(asked, &log).await?;
        let refused = |why: String| {
            let what = format!("reading the log of {}", log.endpoint);
            Err(Error::new(Kind::LogFormat, what).detail(why))
        };
        if let Some(problem) = settings.problem() {
            return refused(problem);
        }
        let families = [server.flavour, log.flavour];
        if log_conn.is_some() && server.flavour != Flavour::OceanBase && families[0] != families[1]
        {
            return refused(format!(
                "the database is {}, and its binlog address answers as {}",
                families[0], families[1]
            ));
        }
        let dialect = catalogue::dialect(&mut conn, &server).await?;
        Ok(Self {
            server,
            log,
            settings,
            dialect,
            conn,
            log_conn,
        })
    }

    /// Whether the log is served elsewhere than where the tables are: what the database shows
    /// already may not be in the log yet.
    pub fn is_apart(&self) -> bool {
        self.log_conn.is_some()
    }

    /// The end of the log, with GTIDs only where they can be used to go on.
    pub async fn end(&mut self) -> Result<LogEnd> {
        let asked = self.log_conn.as_mut().unwrap_or(&mut self.conn);
        let mut end = end_without_time(asked, &self.log).await?;
        end.position.time_ms = clock_ms(&mut self.conn, &self.server).await?;
        if !self.settings.uses_gtid(&self.log) {
            end.position.gtid = None;
        }
        Ok(end)
    }

    /// A base table's definition; None: there is none of this name.
    pub async fn definition(&mut self, name: &TableName) -> Result<Option<Defined>> {
        match catalogue::kind_of(&mut self.conn, name).await?.as_deref() {
            Some("BASE TABLE" | "SYSTEM VERSIONED") => {}
            _ => return Ok(None),
        }
        match catalogue::definition(&mut self.conn, name, &self.dialect).await {
            Ok(found) => Ok(found.map(|definition| Ok(definition.table))),
            Err(error) if error.kind() == Kind::SchemaUnsupported => {
                Ok(Some(Err(error.to_string())))
            }
            Err(error) => Err(error),
        }
    }

    /// Defaults of the databases that are wanted.
    pub async fn schemas(
        &mut self,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, CharsetDefault>> {
        Ok(catalogue::schemas(&mut self.conn)
            .await?
            .into_iter()
            .filter(|schema| wanted(&schema.name))
            .map(|schema| (schema.name, schema.default))
            .collect())
    }

    /// All base tables of a database.
    pub async fn tables(&mut self, schema: &str) -> Result<Vec<(TableName, Defined)>> {
        let names: Vec<String> = self
            .conn
            .exec(
                "SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
                 WHERE table_schema = ? AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')",
                (schema,),
            )
            .await
            .map_err(|e| fault(format!("reading the tables of database {schema}"), e))?;
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            let name = TableName::new(schema, name);
            if let Some(defined) = self.definition(&name).await? {
                tables.push((name, defined));
            }
        }
        Ok(tables)
    }
}
