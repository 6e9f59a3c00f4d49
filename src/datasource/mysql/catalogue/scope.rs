//! The definitions of all tables in scope, and what a target of DDL is.

use super::{definition, dialect, objects, open, target};
use crate::datasource::mysql::connect::Server;
use crate::datasource::mysql::ddl::Target;
use crate::error::Result;
use crate::model::ddl::Dialect;
use crate::model::filter::ObjectFilter;
use crate::model::table::{Table, TableName};

/// The definitions of all base tables in scope, by name. [`crate::error::Kind::SchemaUnsupported`]
/// where one is not understood.
pub async fn tables_in_scope(server: &Server, filter: &ObjectFilter) -> Result<Vec<Table>> {
    let mut conn = open(server).await?;
    let dialect = dialect(&mut conn, server).await?;
    let mut out = Vec::new();
    for info in objects(&mut conn, filter).await?.tables {
        let found = definition(&mut conn, &info.name, &dialect).await?;
        // a table that went since it was listed is not in scope any more
        out.extend(found.map(|definition| definition.table));
    }
    Ok(out)
}

/// A table's definition; None: there is no such table.
pub async fn table(server: &Server, name: &TableName, dialect: &Dialect) -> Result<Option<Table>> {
    let mut conn = open(server).await?;
    let found = definition(&mut conn, name, dialect).await?;
    Ok(found.map(|definition| definition.table))
}

/// What a server knows as a target.
pub async fn target_of(server: &Server) -> Result<Target> {
    let mut conn = open(server).await?;
    target(&mut conn, server).await
}
