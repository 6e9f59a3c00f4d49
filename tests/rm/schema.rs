//! The schema: made, made again, and the same as the entities.

use std::collections::BTreeMap;

use entity::{ColumnShape, TableShape, all_tables, all_views};
use oms::metadata::{MetaErrorKind, Metadata};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

pub async fn migrates_twice_and_at_once(url: &str, meta: &Metadata) {
    let other = Metadata::open(url).await.expect("opens a second time");
    let (one, two) = tokio::join!(meta.migrate(), other.migrate());
    one.expect("the schema is made");
    two.expect("the schema is made by two at once");
    meta.migrate().await.expect("nothing is left to do");
    a_database_without_the_views_gets_them(url, meta).await;
    other.close().await.expect("closes");
}

/// As a database of an earlier version is, which has tables and rows already.
async fn a_database_without_the_views_gets_them(url: &str, meta: &Metadata) {
    let raw = super::raw(url).await;
    for sql in [
        "DROP VIEW oms_v_projects",
        "DROP VIEW oms_v_components",
        "DELETE FROM seaql_migrations WHERE version LIKE '%oms_v_%'",
    ] {
        raw.execute_unprepared(sql).await.expect(sql);
    }
    meta.migrate().await.expect("the views are made");
    for view in all_views() {
        let sql = format!("SELECT COUNT(*) FROM {}", view.name);
        raw.execute_unprepared(&sql).await.expect("a view");
    }
    raw.close().await.expect("closes");
}

/// The server's own words, and not the password.
pub async fn a_wrong_password_is_refused(url: &str) {
    let Some((_, place)) = url.split_once('@') else {
        return;
    };
    let (scheme, _) = url.split_once("://").expect("a URL");
    for account in ["oms_nobody", "oms"] {
        let wrong = format!("{scheme}://{account}:not-the-password@{place}");
        let error = Metadata::open(&wrong).await.expect_err("no such login");
        assert_eq!(error.kind(), MetaErrorKind::Refused, "{error}");
        assert!(!format!("{error} {error:?}").contains("not-the-password"));
    }
}

pub async fn entities_and_tables_agree(raw: &DatabaseConnection) {
    let mut found = tables(raw).await;
    for table in all_tables() {
        let columns = found.remove(&table.name);
        let columns = columns.unwrap_or_else(|| panic!("{} has no migration", table.name));
        assert_eq!(
            TableShape {
                columns,
                ..table.clone()
            },
            table
        );
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        // As an operator writes it: no name needs quotes.
        let sql = format!(
            "SELECT {} FROM {} WHERE 1 = 0",
            names.join(", "),
            table.name
        );
        raw.query_all_raw(Statement::from_string(raw.get_database_backend(), sql))
            .await
            .expect("names without quotes");
    }
    for view in all_views() {
        let columns = found.remove(view.name);
        let columns = columns.unwrap_or_else(|| panic!("{} has no migration", view.name));
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, view.columns, "{}", view.name);
    }
    assert!(found.is_empty(), "tables without an entity: {found:?}");
}

/// Tables and columns as the database says, in the shape of the entities.
async fn tables(raw: &DatabaseConnection) -> BTreeMap<String, Vec<ColumnShape>> {
    let backend = raw.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => {
            "SELECT m.name AS t, c.name AS c, CASE c.\"notnull\" WHEN 0 THEN 'YES' ELSE 'NO' END AS n, \
             CASE c.pk WHEN 0 THEN '' ELSE 'PRI' END AS k \
             FROM sqlite_master m, pragma_table_info(m.name) c \
             WHERE m.type IN ('table', 'view') AND m.name LIKE 'oms%' ORDER BY m.name, c.cid"
        }
        DbBackend::Postgres => {
            "SELECT CAST(c.table_name AS text) AS t, CAST(c.column_name AS text) AS c, \
             CAST(c.is_nullable AS text) AS n, CASE WHEN EXISTS (SELECT 1 FROM pg_index i \
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
               WHERE i.indisprimary AND i.indrelid = CAST(CAST(c.table_name AS text) AS regclass) \
                 AND a.attname = c.column_name) THEN 'PRI' ELSE '' END AS k \
             FROM information_schema.columns c \
             WHERE table_schema = current_schema() AND table_name LIKE 'oms%' \
             ORDER BY c.table_name, c.ordinal_position"
        }
        _ => {
            "SELECT table_name AS t, column_name AS c, is_nullable AS n, column_key AS k \
             FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name LIKE 'oms%' \
             ORDER BY table_name, ordinal_position"
        }
    };
    let rows = raw
        .query_all_raw(Statement::from_string(backend, sql))
        .await
        .expect("the schema can be read");
    let mut tables: BTreeMap<String, Vec<ColumnShape>> = BTreeMap::new();
    for row in rows {
        let cell = |name: &str| row.try_get::<String>("", name).expect("a cell");
        tables.entry(cell("t")).or_default().push(ColumnShape {
            name: cell("c"),
            nullable: cell("n") == "YES",
            key: cell("k") == "PRI",
        });
    }
    tables
}
