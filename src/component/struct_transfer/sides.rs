//! Both servers of a project as the works need them, and statements that change the target's
//! schema.

use crate::component::contract::Context;
use crate::datasource::mysql::ddl::Target;
use crate::datasource::mysql::ddl_target::Refused;
use crate::datasource::mysql::marks::Mark;
use crate::datasource::mysql::{Connection, Endpoint, Server, catalogue, ddl_target};
use crate::error::Result;
use crate::model::ddl::{Dialect, Family};

/// Source and target.
pub(super) struct Sides {
    pub source: Server,
    pub dialect: Dialect,
    pub target_server: Server,
    pub target: Target,
}

/// A session on each.
pub(super) struct Pair {
    pub source: Connection,
    pub target: Connection,
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
        conn: &mut Connection,
        what: String,
        sql: &str,
        context: &Context,
    ) -> Result<(), Refused> {
        let end = context.cancelled();
        let server = &self.target_server;
        // the other direction of the project must not carry it back
        let mark = Mark::of(&format!("{}/struct_transfer", context.assignment.project));
        let sql = mark.put(sql, server.flavour);
        ddl_target::execute(server, conn, what, &sql, end).await
    }
}
