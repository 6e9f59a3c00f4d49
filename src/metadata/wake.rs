//! Waking an OceanBase that holds the rm database, where a schema statement of ours has no answer: see
//! [`crate::datasource::mysql::nudge`], which this gives sessions of its own driver.

use std::sync::Arc;

use futures::future::BoxFuture;
use sea_orm::sqlx::{
    self, ConnectOptions, Executor, Row,
    mysql::{MySqlConnectOptions, MySqlConnection},
};

use crate::datasource::mysql::nudge::{Open, Opened, Pace, SecondSession, nudged_by};

/// Waits for a statement, or for a session that chooses its database. `server` says how to connect
/// without one.
pub(super) async fn nudged<T>(server: &MySqlConnectOptions, answer: impl Future<Output = T>) -> T {
    let server = server.clone();
    let open: Open = Arc::new(move || Box::pin(second(server.clone())));
    nudged_by(Pace::Steady, answer, open).await
}

struct Second(MySqlConnection);

async fn second(server: MySqlConnectOptions) -> Opened {
    let mut second = Second(server.connect().await.map_err(|error| error.to_string())?);
    let version = second.names("SELECT VERSION()".to_owned()).await?;
    if !version.iter().any(|text| text.contains("OceanBase")) {
        return Ok(None);
    }
    // else what is dropped is kept for a while, where the server is set so
    let _ = second.run("SET SESSION recyclebin = 0".to_owned()).await;
    Ok(Some(Box::new(second)))
}

impl SecondSession for Second {
    fn run(&mut self, sql: String) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let ran = self.0.execute(sqlx::AssertSqlSafe(sql)).await;
            ran.map(drop).map_err(|error| error.to_string())
        })
    }

    fn names(&mut self, sql: String) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(async move {
            let rows = self.0.fetch_all(sqlx::AssertSqlSafe(sql)).await;
            let rows = rows.map_err(|error| error.to_string())?;
            let name = |row: &sqlx::mysql::MySqlRow| row.try_get_unchecked::<String, _>(0);
            let names: Result<Vec<String>, _> = rows.iter().map(name).collect();
            names.map_err(|error| error.to_string())
        })
    }
}
