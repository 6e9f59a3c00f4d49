//! What must be equal at the target when all is done.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::harness::Server;

/// Fails unless the shop's indexes, foreign keys, comments and its view are at the target, and the
/// application can write there.
pub async fn same_schema(source: &Server, target: &Server) {
    let (mut here, mut there) = (source.conn().await, target.conn().await);
    for (what, sql) in [
        ("indexes", INDEXES),
        ("foreign keys", FOREIGN_KEYS),
        ("columns", COLUMNS),
        ("table comments", TABLES),
    ] {
        let wanted = lines(&mut here, sql).await;
        let found = lines(&mut there, sql).await;
        let missing: Vec<_> = wanted.difference(&found).collect();
        let extra: Vec<_> = found.difference(&wanted).collect();
        assert!(!wanted.is_empty(), "the source has no {what}");
        assert!(
            missing.is_empty(),
            "{what} missing at {}: {missing:#?}; there instead: {extra:#?}",
            target.url()
        );
    }
    let sql = "SELECT CONCAT_WS(' ', COUNT(*), SUM(total), SUM(items), MIN(email)) FROM shop.order_totals";
    assert_eq!(
        lines(&mut there, sql).await,
        lines(&mut here, sql).await,
        "the view order_totals"
    );
    // Automatic numbers go on behind those that were moved.
    there
        .query_drop(
            "INSERT INTO shop.addresses (customer_id, street, city) VALUES (1, 'new', 'new')",
        )
        .await
        .expect("a new row at the target");
    there
        .query_drop("DELETE FROM shop.addresses WHERE street = 'new' AND city = 'new'")
        .await
        .expect("take it back");
}

/// Names of indexes are free: MySQL and MariaDB make some for foreign keys by themselves.
const INDEXES: &str = "SELECT CONCAT_WS(' ', MAX(table_name), IF(MAX(non_unique), 'key', 'unique'), \
     GROUP_CONCAT(CONCAT_WS(':', column_name, sub_part) ORDER BY seq_in_index)) \
     FROM information_schema.statistics WHERE table_schema = 'shop' GROUP BY table_name, index_name";

const FOREIGN_KEYS: &str = "SELECT CONCAT_WS(' ', table_name, column_name, referenced_table_name, referenced_column_name) \
     FROM information_schema.key_column_usage WHERE table_schema = 'shop' AND referenced_table_name IS NOT NULL";

const COLUMNS: &str = "SELECT CONCAT_WS(' ', c.table_name, c.column_name, c.is_nullable, IF(c.extra LIKE '%auto_increment%', 'auto', ''), \
     c.column_comment) FROM information_schema.columns c JOIN information_schema.tables t \
     ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE' \
     WHERE c.table_schema = 'shop'";

const TABLES: &str = "SELECT CONCAT_WS(' ', table_name, table_comment) FROM information_schema.tables \
     WHERE table_schema = 'shop' AND table_type = 'BASE TABLE'";

async fn lines(conn: &mut Conn, sql: &str) -> BTreeSet<String> {
    let rows: Result<Vec<Option<String>>, _> = conn.query(sql).await;
    match rows {
        Ok(rows) => rows.into_iter().flatten().collect(),
        Err(error) => panic!("{error}; the SQL was: {sql}"),
    }
}

/// Everything that stands on a server, by name: to see that nothing was touched.
pub async fn contents(server: &Server) -> BTreeSet<String> {
    let mut conn = server.conn().await;
    let mut found = lines(
        &mut conn,
        "SELECT CONCAT_WS('.', table_schema, table_name) FROM information_schema.tables",
    )
    .await;
    found.extend(
        lines(
            &mut conn,
            "SELECT schema_name FROM information_schema.schemata",
        )
        .await,
    );
    found
}
