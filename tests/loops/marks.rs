//! The marks themselves: the copy's and the corrections' as well as Incr-Sync's, what stands in a log
//! that hides them, and heartbeats.

use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};
use crate::link::{Link, Plan, context, opened};
use crate::notebook::Notebook;
use mysql_async::prelude::Queryable;
use oms::component::contract::Work;
use oms::component::struct_transfer::{IndexTransfer, StructTransfer};
use oms::datasource::mysql::fence::Fence;
use oms::datasource::mysql::{Endpoint, Session};
use oms::error::Kind as ErrorKind;
use oms::model::filter::ObjectFilter;
use std::sync::Arc;

const REVERSE: &str = "np_1/reverse_incr_sync";

/// What the copy and corrections write is left out like what Incr-Sync writes.
#[tokio::test(flavor = "multi_thread")]
async fn fenced_writes_are_marked() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let server = Server::start(kind, Options::default()).await;
        server
            .exec("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)")
            .await;
        let plans = [
            Plan::new(REVERSE, &server, &server).leaving_out(&["np_1/"]),
            Plan::new("np_2/reverse_incr_sync", &server, &server).leaving_out(&["np_2/"]),
        ];
        let mut links = Vec::new();
        for plan in plans {
            let mut link = Link::new(plan);
            link.start_store();
            link.pulls().await;
            links.push(link);
        }
        let ours = opened(&server.url()).await.expect("server");
        let mut conn = ours.session(Session::Write).await.expect("session");
        let fence = Fence::acquire(&mut conn, &ours, "np_1/full_verification", 3, 1)
            .await
            .expect("fence");
        // a correction, and another one in the same millisecond
        for id in 1..=5 {
            conn.query_drop("START TRANSACTION").await.expect("begin");
            fence.hold(&mut conn, 0).await.expect("hold");
            conn.query_drop(format!("INSERT INTO d.t VALUES ({id})"))
                .await
                .expect("insert");
            conn.query_drop("COMMIT").await.expect("commit");
        }
        // the copy
        let mut wire = ours.wire(Session::Write).await.expect("session");
        for sql in [
            "SET SESSION autocommit = 0",
            "INSERT INTO d.t VALUES (10)",
            "COMMIT",
        ] {
            if sql.starts_with("INSERT") {
                fence.hold_on_wire(&mut wire, 0).await.expect("hold");
            }
            wire.run(sql.as_bytes()).await.expect("statement");
        }
        // an older generation holds nothing, and marks nothing
        let newer = Fence::acquire(&mut conn, &ours, "np_1/full_verification", 4, 1).await;
        newer.expect("take over");
        for held in [
            fence.hold(&mut conn, 0).await,
            fence.hold_on_wire(&mut wire, 0).await,
        ] {
            assert_eq!(held.expect_err("fenced").kind(), ErrorKind::Fenced);
        }
        // the application
        server.exec("INSERT INTO d.t VALUES (20)").await;
        let end = position(&server).await;
        assert_eq!(links[0].log(&end).await.0, 1, "only the application's");
        assert_eq!(
            links[1].log(&end).await.0,
            7,
            "another project's is carried on"
        );
        for link in &mut links {
            link.stop().await;
        }
    }
}

/// What Struct-Transfer and the transfer of indexes run at the target is left out of the log there, and
/// followed.
#[tokio::test(flavor = "multi_thread")]
async fn the_structure_is_marked() {
    let [source, mysql, mariadb] = start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    source
        .exec(
            "CREATE DATABASE d DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; \
             CREATE TABLE d.t (id int PRIMARY KEY, v int, w int, KEY v (v), UNIQUE KEY w (w)); \
             CREATE TABLE d.c (id int PRIMARY KEY, t int, CONSTRAINT f FOREIGN KEY (t) REFERENCES d.t (id)); \
             CREATE VIEW d.view AS SELECT id FROM d.t",
        )
        .await;
    for target in [mysql, mariadb] {
        let mut link = Link::new(Plan::new(REVERSE, &target, &source).leaving_out(&["np_1/"]));
        link.start_store();
        link.pulls().await;
        for indexes in [false, true] {
            let [from, to] = [&source, &target].map(|s| Endpoint::parse(&s.url()).expect("URL"));
            let filter = ObjectFilter {
                include: vec!["d.*".to_owned()],
                exclude: Vec::new(),
            };
            let log = Arc::new(Notebook::default());
            let work: Box<dyn Work> = match indexes {
                false => Box::new(StructTransfer::new(from, to, filter, log.clone())),
                true => Box::new(IndexTransfer::new(from, to, filter, log.clone())),
            };
            work.run(context(1, Arc::default()))
                .await
                .expect("structure");
            assert!(log.failures().is_empty(), "{:?}", log.failures());
        }
        target.exec("INSERT INTO d.t VALUES (1, 2, 3)").await;
        let end = position(&target).await;
        let (transactions, ddl) = link.log(&end).await;
        assert_eq!((transactions, ddl.as_slice()), (1, [].as_slice()));
        link.stop().await;
    }
}

async fn position(server: &Server) -> oms::model::position::Position {
    let server = opened(&server.url()).await.expect("server");
    oms::datasource::mysql::binlog::status::position_now(&server)
        .await
        .expect("position")
}

/// A log without the marks cannot be told apart: the Store refuses it, unless it leaves out nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_marks_is_refused() {
    for arg in ["--binlog-ignore-db=omstxndb", "--binlog-do-db=d"] {
        let server = Server::start(Kind::MariaDb, Options::default().arg(arg)).await;
        server
            .exec("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)")
            .await;
        let mut plan = Plan::new(REVERSE, &server, &server);
        plan.heartbeat = false;
        let mut plain = Link::new(plan.clone());
        plain.start_store();
        plain.pulls().await;
        plain.stop().await;
        let mut link = Link::new(plan.leaving_out(&["np_1/"]));
        link.start_store();
        // the Store takes the Incr-Sync's place: its error is what is waited for
        link.sync = link.store.take();
        let error = link.error().await;
        assert_eq!(error.kind(), ErrorKind::LogFormat, "{arg}: {error}");
        assert!(error.to_string().contains("omstxndb"), "{arg}: {error}");
    }
}
