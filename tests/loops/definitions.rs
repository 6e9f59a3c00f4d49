//! Tables whose definitions are not the same on both sides: what cannot be carried is said, by table and
//! column, and nothing is lost.

use crate::harness::server::{start_all, wait_for_value};
use crate::harness::{Kind, Options, Server, same_rows};
use crate::link::{LONG, Link, Plan};
use oms::error::Kind as ErrorKind;
use oms::model::options::DdlMode;
use std::sync::Arc;

const REVERSE: &str = "np_1/reverse_incr_sync";

async fn servers(kind: Kind, tables: &str) -> [Arc<Server>; 2] {
    let servers = start_all([(kind, Options::default()), (kind, Options::default())]).await;
    for server in &servers {
        server
            .exec("CREATE DATABASE d DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
            .await;
        server.exec(tables).await;
    }
    servers
}

fn plan(b: &Server, a: &Server, compare: bool) -> Plan {
    Plan {
        ddl_mode: DdlMode::Ignore,
        compare,
        ..Plan::new(REVERSE, b, a).leaving_out(&["np_1/"])
    }
}

/// A column that only the writing side has: the error names it, and once the other side has it too, the
/// same transaction goes on.
async fn a_column_is_missing(kind: Kind, compare: bool) {
    let tables = "CREATE TABLE d.t (id int NOT NULL PRIMARY KEY, v varchar(20)); \
        CREATE TABLE d.h (n int, v varchar(20))";
    let [a, b] = servers(kind, tables).await;
    for (table, values, update, component) in [
        (
            "d.t",
            "(1, 'a', 'first')",
            "UPDATE d.t SET v = 'b'",
            REVERSE,
        ),
        (
            "d.h",
            "(1, 'a', 'first')",
            "DELETE FROM d.h LIMIT 1",
            "np_2/reverse_incr_sync",
        ),
    ] {
        let plan = Plan {
            component,
            ..plan(&b, &a, compare)
        };
        let mut link = Link::started(plan).await;
        b.exec(&format!("ALTER TABLE {table} ADD COLUMN extra varchar(30)"))
            .await;
        b.exec(&format!("INSERT INTO {table} VALUES {values}"))
            .await;
        let error = link.error().await;
        assert_eq!(error.kind(), ErrorKind::ApplyRefused, "{error}");
        let text = error.to_string();
        assert!(text.contains(table) && text.contains("extra"), "{text}");
        a.exec(&format!("ALTER TABLE {table} ADD COLUMN extra varchar(30)"))
            .await;
        link.start_sync();
        link.catch_up().await;
        wait_for_value(&a, &format!("SELECT extra FROM {table}"), "first", LONG).await;
        b.exec(update).await;
        link.catch_up().await;
        same_rows(&b, &a, "d").await;
        link.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_is_named_on_mariadb() {
    a_column_is_missing(Kind::MariaDb, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_is_named_on_mysql() {
    a_column_is_missing(Kind::MySql, true).await;
}

/// A unique key that only the side that is written to has: REPLACE would take a row away there.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_there_only_replaces_no_row() {
    let tables = "CREATE TABLE d.t (id int NOT NULL PRIMARY KEY, u int, v varchar(20), UNIQUE KEY u (u)); \
        INSERT INTO d.t VALUES (1, 1, 'a')";
    let [a, b] = servers(Kind::MariaDb, tables).await;
    let mut link = Link::started(plan(&b, &a, true)).await;
    b.exec("UPDATE d.t SET v = 'b'").await;
    link.catch_up().await;
    b.exec("ALTER TABLE d.t DROP KEY u").await;
    b.exec("INSERT INTO d.t VALUES (2, 1, 'same u')").await;
    let error = link.error().await;
    assert_eq!(error.kind(), ErrorKind::ApplyRefused, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("d.t") && text.contains("unique key 'u'"),
        "{text}"
    );
    wait_for_value(&a, "SELECT GROUP_CONCAT(id) FROM d.t", "1", LONG).await;
    a.exec("ALTER TABLE d.t DROP KEY u").await;
    link.start_sync();
    link.catch_up().await;
    same_rows(&b, &a, "d").await;
    link.stop().await;
}
