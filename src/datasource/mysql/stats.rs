//! What a server knows about the size of its tables.

use super::connect::Server;
use super::connection::Connection;
use super::endpoint::Flavour;
use super::fault::fault;
use super::literal::push_quoted;
use crate::error::Result;
use crate::model::table::TableName;
use mysql_async::prelude::Queryable;
use std::collections::HashMap;

/// The server's estimate of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableStats {
    /// Rows, about; 0 may also mean: unknown.
    pub rows: u64,
    /// Average size of a row, bytes; 0: unknown.
    pub row_bytes: u64,
    /// Whether its engine has no consistent reads (anything but InnoDB and its like).
    pub untransactional: bool,
}

/// Estimates of all tables of the given databases.
///
/// # Errors
/// As the server refuses it.
pub async fn table_stats(
    server: &Server,
    conn: &mut Connection,
    schemas: &[&str],
) -> Result<HashMap<TableName, TableStats>> {
    let what = || format!("reading the sizes of the tables on {}", server.endpoint);
    if schemas.is_empty() {
        return Ok(HashMap::new());
    }
    if server.flavour == Flavour::MySql && server.version_numbers() >= (8, 0, 0) {
        // else the figures may be a day old
        conn.query_drop("SET SESSION information_schema_stats_expiry = 0")
            .await
            .map_err(|e| fault(what(), e))?;
    }
    let mut sql = b"SELECT CAST(TABLE_SCHEMA AS CHAR), CAST(TABLE_NAME AS CHAR), \
        COALESCE(TABLE_ROWS, 0), COALESCE(AVG_ROW_LENGTH, 0), COALESCE(DATA_LENGTH, 0), \
        COALESCE(CAST(ENGINE AS CHAR), '') \
        FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA IN ("
        .to_vec();
    for (at, schema) in schemas.iter().enumerate() {
        if at > 0 {
            sql.push(b',');
        }
        push_quoted(&mut sql, schema.as_bytes());
    }
    sql.push(b')');
    let rows: Vec<(String, String, u64, u64, u64, String)> =
        conn.query(&sql[..]).await.map_err(|e| fault(what(), e))?;
    Ok(rows
        .into_iter()
        .map(|(schema, name, rows, average, data, engine)| {
            let row_bytes = match (average, data.checked_div(rows)) {
                (0, Some(quotient)) => quotient,
                (average, _) => average,
            };
            let transactional = ["innodb", "oceanbase", "rocksdb", "xtradb", ""]
                .contains(&engine.to_ascii_lowercase().as_str());
            let stats = TableStats {
                rows,
                row_bytes,
                untransactional: !transactional,
            };
            (TableName::new(schema, name), stats)
        })
        .collect())
}
