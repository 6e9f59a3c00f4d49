//! Applies DDL of the log to a server of the MySQL family; [`DdlTarget`] knows how to do that so
//! that a statement which comes again after a crash does no harm.

use super::ddl::DdlApplier;
use crate::datasource::mysql::Server;
use crate::datasource::mysql::ddl_target::DdlTarget;
use crate::datasource::mysql::marks::Mark;
use crate::error::Result;
use crate::model::change::DdlEvent;
use crate::model::ddl::Family;
use futures::future::BoxFuture;

/// Applies DDL to one target.
pub struct MySqlDdl {
    server: Server,
    /// What the source is.
    from: Family,
    mark: Mark,
}

impl MySqlDdl {
    /// DDL of a source of this family, for this target.
    pub fn new(server: Server, from: Family) -> Self {
        Self {
            server,
            from,
            mark: Mark::default(),
        }
    }

    /// Marks the statements with the name of the component that runs them (`np_x/incr_sync`), by which
    /// the Store of the other direction leaves them out; not all servers keep the mark of all
    /// statements ([`crate::datasource::mysql::marks`]).
    #[must_use]
    pub fn marked(mut self, component: &str) -> Self {
        self.mark = Mark::of(component);
        self
    }

    async fn run(&self, event: &DdlEvent) -> Result<()> {
        // DDL is rare, and the target may have been upgraded since the last one
        let target = DdlTarget::open(&self.server, self.from).await?;
        let target = target.marked(self.mark.clone());
        let after: Vec<_> = event.after.iter().map(|version| &version.table).collect();
        for note in target.apply(&event.ddl, &after).await? {
            tracing::info!(txn = %event.id, note, "DDL was applied with a conversion");
        }
        Ok(())
    }
}

impl DdlApplier for MySqlDdl {
    fn apply<'a>(&'a self, event: &'a DdlEvent) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.run(event))
    }
}
