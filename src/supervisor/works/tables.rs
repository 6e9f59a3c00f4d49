//! The tables in scope, as the source defines them now.

use crate::component::full_verification::TablePair;
use crate::component::{full_import, full_verification};
use crate::datasource::mysql::catalogue::tables_in_scope;
use crate::datasource::mysql::{Endpoint, Server};
use crate::error::Result;
use crate::model::filter::ObjectFilter;
use crate::model::table::Table;
use futures::future::BoxFuture;
use std::sync::Arc;

/// Reads the definitions of the tables in scope from the source.
pub struct SourceTables {
    source: Endpoint,
    filter: ObjectFilter,
}

impl SourceTables {
    /// The tables of this source that match.
    pub fn new(source: Endpoint, filter: ObjectFilter) -> Self {
        Self { source, filter }
    }

    async fn read(&self) -> Result<Vec<Table>> {
        let server = Server::open(&self.source).await?;
        tables_in_scope(&server, &self.filter).await
    }
}

impl full_import::TableProvider for SourceTables {
    fn tables(&self) -> BoxFuture<'_, Result<Vec<Table>>> {
        Box::pin(self.read())
    }
}

impl full_verification::TableProvider for SourceTables {
    fn tables(&self) -> BoxFuture<'_, Result<Vec<TablePair>>> {
        Box::pin(async move {
            let tables = self.read().await?;
            Ok(tables
                .into_iter()
                .map(|table| TablePair {
                    target: table.name.clone(),
                    source: Arc::new(table),
                })
                .collect())
        })
    }
}
