//! A server that is made read-only: who still writes, who is waited for, and what the log says of it.

use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server, same_rows, wait_until};
use crate::link::{LONG, Link, Plan, opened};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use oms::component::writes::writes_between;
use oms::datasource::mysql::Server as Opened;
use oms::datasource::mysql::binlog::status::position_now;
use oms::datasource::mysql::readonly::{is_read_only, require_may_write, set_read_only};
use oms::error::Kind as ErrorKind;
use oms::model::filter::ObjectFilter;
use std::time::Instant;

const SCHEMA: &str = "CREATE DATABASE d; CREATE TABLE d.t (id int NOT NULL PRIMARY KEY, v int); \
    INSERT INTO d.t VALUES (1, 1), (2, 2); \
    CREATE USER shop IDENTIFIED BY 'shop-secret'; GRANT ALL ON d.* TO shop; \
    CREATE USER mover IDENTIFIED BY 'mover-secret'";

/// What the mover needs, one after the other.
fn rights(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::MySql => &["SYSTEM_VARIABLES_ADMIN", "CONNECTION_ADMIN"],
        Kind::MariaDb => &["READ_ONLY ADMIN"],
        Kind::OceanBase => &["SUPER", "PROCESS"],
    }
}

fn url(server: &Server, user: &str) -> String {
    format!("mysql://{user}:{user}-secret@127.0.0.1:{}", server.port())
}

async fn shop(server: &Server) -> Conn {
    let opts = OptsBuilder::from_opts(server.opts())
        .user(Some("shop"))
        .pass(Some("shop-secret"));
    Conn::new(opts).await.expect("the application's session")
}

async fn start(kind: Kind) -> (Server, Opened) {
    let server = Server::start(kind, Options::default()).await;
    for sql in SCHEMA.split(';') {
        server.exec(sql).await;
    }
    let mover = opened(&url(&server, "mover")).await.expect("server");
    (server, mover)
}

fn refused_as_read_only(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Server(e) if e.code == 1290)
}

async fn a_privilege_is_named_before_anything_changes(kind: Kind) {
    let (server, mover) = start(kind).await;
    for right in rights(kind) {
        let error = set_read_only(&mover, true)
            .await
            .expect_err("a right lacks");
        assert_eq!(error.kind(), ErrorKind::PrivilegeMissing, "{error}");
        assert!(error.to_string().contains(right), "{error}");
        let error = require_may_write(&mover).await.expect_err("a right lacks");
        assert!(error.to_string().contains(right), "{error}");
        assert!(!is_read_only(&mover).await.expect("state"));
        server.exec(&format!("GRANT {right} ON *.* TO mover")).await;
    }
    if kind == Kind::OceanBase {
        server.exec("GRANT SELECT ON oceanbase.* TO mover").await;
    }
    require_may_write(&mover).await.expect("all is there");
    server.exec("GRANT ALL ON d.* TO mover").await;
    let mut open = shop(&server).await;
    open.query_drop("BEGIN").await.expect("begin");
    if kind != Kind::OceanBase {
        open.query_drop("UPDATE d.t SET v = 10 WHERE id = 1")
            .await
            .expect("update");
    }
    assert!(
        !set_read_only(&mover, true).await.expect("on"),
        "it was off"
    );
    assert!(
        set_read_only(&mover, true).await.expect("again"),
        "it was on"
    );
    assert!(is_read_only(&mover).await.expect("state"));
    // what was not committed will not be
    let update = "UPDATE d.t SET v = 11 WHERE id = 1";
    let error = match kind {
        Kind::OceanBase => open.query_drop(update).await,
        _ => open.query_drop("COMMIT").await,
    };
    assert!(refused_as_read_only(&error.expect_err("refused")));
    let mut other = shop(&server).await;
    let error = other.query_drop(update).await.expect_err("refused");
    assert!(refused_as_read_only(&error), "{error}");
    let mut ours = mover
        .session(oms::datasource::mysql::Session::Write)
        .await
        .expect("session");
    ours.query_drop("UPDATE d.t SET v = 12 WHERE id = 2")
        .await
        .expect("we may write");
    assert!(
        set_read_only(&mover, false).await.expect("off"),
        "it was on"
    );
    assert!(
        !set_read_only(&mover, false).await.expect("again"),
        "it was off"
    );
    let _ = open.query_drop("ROLLBACK").await;
    other.query_drop(update).await.expect("it may write again");
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_made_read_only() {
    a_privilege_is_named_before_anything_changes(Kind::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_is_made_read_only() {
    a_privilege_is_named_before_anything_changes(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oceanbase_is_made_read_only() {
    a_privilege_is_named_before_anything_changes(Kind::OceanBase).await;
}

/// Who writes for long is waited for in bounds, and named; the server stays as it was.
#[tokio::test(flavor = "multi_thread")]
async fn who_stands_in_the_way_is_named() {
    for kind in [Kind::MySql, Kind::MariaDb] {
        let (server, _) = start(kind).await;
        let root = opened(&server.url()).await.expect("server");
        let mut busy = shop(&server).await;
        for (begin, end) in [("LOCK TABLES d.t WRITE", "UNLOCK TABLES"), ("DO 0", "DO 0")] {
            busy.query_drop(begin).await.expect("begin");
            let id = busy.id();
            // a statement that writes, and takes its time
            let slow = (begin == "DO 0").then(|| {
                let opts = OptsBuilder::from_opts(server.opts());
                tokio::spawn(async move {
                    let mut conn = Conn::new(opts).await.expect("session");
                    let id = conn.id();
                    let slow =
                        conn.query_drop("UPDATE d.t SET v = 5 WHERE id = 1 AND SLEEP(60) = 0");
                    let _ = tokio::time::timeout(LONG, slow).await;
                    id
                })
            });
            if slow.is_some() {
                let running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'";
                crate::harness::server::wait_for_value(&server, running, "1", LONG).await;
            }
            let error = set_read_only(&root, true)
                .await
                .expect_err("somebody writes");
            assert_eq!(error.kind(), ErrorKind::ServerBusy, "{error}");
            let text = error.to_string();
            match slow {
                None => assert!(
                    text.contains(&format!("{id} (account shop")),
                    "{kind:?}: {text}"
                ),
                Some(slow) => {
                    assert!(text.contains("(account root"), "{kind:?}: {text}");
                    slow.abort();
                    kill_sleepers(&server).await;
                }
            }
            assert!(!is_read_only(&root).await.expect("state"), "as it was");
            busy.query_drop(end).await.expect("end");
        }
        assert!(!set_read_only(&root, true).await.expect("nobody writes"));
    }
}

async fn kill_sleepers(server: &Server) {
    let mut conn = server.conn().await;
    let ids: Vec<u32> = conn
        .query("SELECT ID FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'")
        .await
        .expect("sessions");
    for id in ids {
        let _ = conn.query_drop(format!("KILL {id}")).await;
    }
    let sleeping = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'";
    crate::harness::server::wait_for_value(server, sleeping, "0", LONG).await;
}

/// OceanBase lets an open transaction commit on a read-only server, so it is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn oceanbase_waits_for_open_transactions() {
    let (server, _) = start(Kind::OceanBase).await;
    let root = opened(&server.url()).await.expect("server");
    let mut open = shop(&server).await;
    open.query_drop("BEGIN").await.expect("begin");
    open.query_drop("UPDATE d.t SET v = 10 WHERE id = 1")
        .await
        .expect("update");
    let error = set_read_only(&root, true).await.expect_err("one is open");
    assert_eq!(error.kind(), ErrorKind::ServerBusy, "{error}");
    assert!(!is_read_only(&root).await.expect("state"), "as it was");
    // one that only read is not waited for
    let mut reads = shop(&server).await;
    reads
        .query_drop("BEGIN; SELECT * FROM d.t")
        .await
        .expect("read");
    let switching = tokio::spawn({
        let root = root.clone();
        async move { set_read_only(&root, true).await }
    });
    let state = opened(&server.url()).await.expect("server");
    wait_until("the server to refuse writes", LONG, || async {
        let on = is_read_only(&state).await.map_err(|e| e.to_string())?;
        Ok::<_, String>(on.then_some(()))
    })
    .await;
    open.query_drop("COMMIT")
        .await
        .expect("it commits after all");
    assert!(
        !switching.await.expect("no panic").expect("on"),
        "it was off"
    );
    let mut conn = server.conn().await;
    let v: Option<i32> = conn
        .query_first("SELECT v FROM d.t WHERE id = 1")
        .await
        .expect("row");
    assert_eq!(v, Some(10), "it was there when the switch was over");
    set_read_only(&root, false).await.expect("off");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_super_read_only_nobody_writes() {
    let (server, _) = start(Kind::MySql).await;
    let root = opened(&server.url()).await.expect("server");
    server.exec("SET GLOBAL super_read_only = 1").await;
    for on in [true, false] {
        let error = set_read_only(&root, on).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    }
    assert!(is_read_only(&root).await.expect("state"));
    server.exec("SET GLOBAL super_read_only = 0").await;
    assert!(set_read_only(&root, false).await.expect("off"), "it was on");
}

/// MySQL keeps the setting over a restart, and forgets it with it (the harness starts it with
/// `--no-defaults`, under which it does not read what it kept).
#[tokio::test(flavor = "multi_thread")]
async fn mysql_keeps_it_over_a_restart() {
    let (server, _) = start(Kind::MySql).await;
    let root = opened(&server.url()).await.expect("server");
    let kept = async |value: Option<&str>| {
        let mut conn = server.conn().await;
        let sql = "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = 'read_only'";
        let found: Option<String> = conn.query_first(sql).await.expect("kept");
        assert_eq!(found.as_deref(), value);
    };
    kept(None).await;
    set_read_only(&root, true).await.expect("on");
    kept(Some("ON")).await;
    set_read_only(&root, false).await.expect("off");
    kept(None).await;
    // the rights that are asked for are enough to leave nothing behind
    server
        .exec("GRANT SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN ON *.* TO mover; SET PERSIST max_connections = 200")
        .await;
    let mover = opened(&url(&server, "mover")).await.expect("server");
    set_read_only(&mover, true).await.expect("on");
    kept(Some("ON")).await;
    set_read_only(&mover, false).await.expect("off");
    kept(None).await;
    let others: Option<u8> = server
        .conn()
        .await
        .query_first("SELECT COUNT(*) FROM performance_schema.persisted_variables")
        .await
        .expect("kept");
    assert_eq!(others, Some(1), "what others keep stays");
}

/// MariaDB cannot: after a restart it is to be set again, which is what setting it again does.
#[tokio::test(flavor = "multi_thread")]
async fn mariadb_loses_it_with_a_restart() {
    let (server, _) = start(Kind::MariaDb).await;
    let root = opened(&server.url()).await.expect("server");
    set_read_only(&root, true).await.expect("on");
    server.restart().await;
    assert!(
        !set_read_only(&root, true).await.expect("again"),
        "it was lost"
    );
    assert!(is_read_only(&root).await.expect("state"));
}

/// The application moved from A to B; A is read-only. The way back writes there, A's own Store beats
/// there, and a write at A that comes after all is found.
#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_writes_to_a_read_only_server() {
    for kind in [Kind::MySql, Kind::MariaDb] {
        let [a, b] = start_all([(kind, Options::default()), (kind, Options::default())]).await;
        for server in [&a, &b] {
            for sql in SCHEMA.split(';') {
                server.exec(sql).await;
            }
            for right in rights(kind) {
                server.exec(&format!("GRANT {right} ON *.* TO mover")).await;
            }
            server
                .exec("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES ON *.* TO mover")
                .await;
        }
        let plan = |component, from: &Server, to: &Server| Plan {
            source: url(from, "mover"),
            target: url(to, "mover"),
            ..Plan::new(component, from, to).leaving_out(&["np_1/"])
        };
        let mut forward = Link::started(plan("np_1/incr_sync", &a, &b)).await;
        let mut back = Link::new(plan("np_1/reverse_incr_sync", &b, &a));
        back.start_store();
        back.pulls().await;
        shop(&a)
            .await
            .query_drop("INSERT INTO d.t VALUES (3, 3)")
            .await
            .expect("insert");
        let mover = opened(&url(&a, "mover")).await.expect("server");
        let begun = Instant::now();
        set_read_only(&mover, true).await.expect("read-only");
        let stopped = forward.catch_up().await;
        println!(
            "{kind:?}: {} ms from writes stopped to all applied",
            begun.elapsed().as_millis()
        );
        back.start_sync();
        shop(&b)
            .await
            .query_drop("INSERT INTO d.t VALUES (4, 4); UPDATE d.t SET v = 0 WHERE id = 3")
            .await
            .expect("write");
        back.catch_up().await;
        same_rows(&b, &a, "d").await;
        // the heartbeat at A goes on: the Store's log comes to what is written there now
        let now = position_now(&mover).await.expect("position");
        let everything = ObjectFilter {
            include: vec!["*.*".to_owned()],
            exclude: Vec::new(),
        };
        let log = forward.open_log();
        let writes = writes_between(&log, &everything, &stopped, &now, LONG).await;
        assert_eq!(writes.expect("writes"), [], "only ours since then");
        let mut late = a.conn().await;
        late.query_drop("BEGIN; INSERT INTO d.t VALUES (5, 5), (6, 6); UPDATE d.t SET v = 9 WHERE id = 5; COMMIT")
            .await
            .expect("an account that is exempt");
        late.query_drop("INSERT INTO d.t VALUES (7, 7)")
            .await
            .expect("insert");
        late.query_drop("ALTER TABLE d.t ADD COLUMN late int")
            .await
            .expect("alter");
        let now = position_now(&mover).await.expect("position");
        let writes = writes_between(&log, &everything, &stopped, &now, LONG)
            .await
            .expect("writes");
        let [t] = writes.as_slice() else {
            panic!("{writes:?}");
        };
        assert_eq!(
            (
                t.table.to_string().as_str(),
                t.transactions,
                t.changes,
                t.ddl
            ),
            ("d.t", 2, 4, 1)
        );
        assert!(
            t.first >= stopped.txn_id() && t.last > t.first && t.last < now.txn_id(),
            "{t:?}"
        );
        for link in [&mut forward, &mut back] {
            link.stop().await;
        }
    }
}
