//! Struct-Transfer and Index-Transfer between real servers.

use super::notebook::Notebook;
use super::{endpoint, open};
use crate::harness::server::{Kind, Server};
use mysql_async::prelude::Queryable;
use oms::component::contract::{Assignment, Context, Finish, ProgressCell, Work};
use oms::component::struct_transfer::{IndexTransfer, StructTransfer};
use oms::datasource::mysql::catalogue;
use oms::datasource::mysql::ddl::{Scope, convert, differences};
use oms::error::{Kind as ErrorKind, Result};
use oms::model::filter::ObjectFilter;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Tables and views that every flavour can have, in one way or another.
const COMMON: &str = include_str!("common.sql");

/// Tables that some targets can't have: the target and what the failure says.
const ODD: &[(&str, &str, &[Kind])] = &[
    (
        "CREATE TABLE schema_a.odd_prefix (a text, b int, PRIMARY KEY (a(20)))",
        "table schema_a.odd_prefix",
        &[Kind::OceanBase],
    ),
    (
        "CREATE TABLE schema_a.odd_gen (a int primary key, b int as (a + 1), c int as (b + 1))",
        "table schema_a.odd_gen",
        &[Kind::OceanBase],
    ),
];

fn filter() -> ObjectFilter {
    ObjectFilter {
        include: vec!["schema_*.*".into(), "shop.*".into()],
        exclude: vec!["schema_a.left_out*".into()],
    }
}

fn context(token: &CancellationToken) -> (Context, Arc<ProgressCell>) {
    let progress = Arc::new(ProgressCell::default());
    let assignment = Assignment {
        component: "c".into(),
        project: "np_x".into(),
        step: "s_x".into(),
        epoch: 1,
    };
    (
        Context::new(assignment, token.clone(), Arc::clone(&progress)),
        progress,
    )
}

async fn structure(source: &Server, target: &Server, log: &Arc<Notebook>) -> Result<Finish> {
    let token = log
        .cancel
        .as_ref()
        .map_or_else(CancellationToken::new, |(_, token)| token.clone());
    let (context, progress) = context(&token);
    let log = Arc::clone(log);
    let work = StructTransfer::new(endpoint(source), endpoint(target), filter(), log);
    let end = Box::new(work).run(context).await;
    let read = progress.read();
    if end.is_ok() && !token.is_cancelled() {
        assert_eq!((read.done, read.total > 0), (read.total, true));
        let others = read.detail["not_migrated"].to_string();
        assert!(others.contains("trigger schema_a.tr"), "{others}");
    }
    end
}

async fn indexes(source: &Server, target: &Server, log: &Arc<Notebook>) -> Result<Finish> {
    let token = log
        .cancel
        .as_ref()
        .map_or_else(CancellationToken::new, |(_, token)| token.clone());
    let (context, progress) = context(&token);
    let log = Arc::clone(log);
    let work = IndexTransfer::new(endpoint(source), endpoint(target), filter(), log);
    let end = Box::new(work).run(context).await;
    let read = progress.read();
    if end.is_ok() && !token.is_cancelled() {
        assert_eq!(read.done, read.total);
    }
    end
}

/// The whole: begun and told to end at several places, run to its end, run again.
pub async fn carries(source: &Server, target: &Server) {
    prepare(source).await;
    let pair = format!("{:?} to {:?}", source.kind(), target.kind());
    for limit in [1, 4, 9] {
        let log = Arc::new(Notebook {
            cancel: Some((limit, CancellationToken::new())),
            ..Notebook::default()
        });
        let end = structure(source, target, &log).await.expect(&pair);
        assert_eq!(end, Finish::Cancelled, "{pair}");
    }
    let log = Arc::new(Notebook::default());
    let end = structure(source, target, &log).await;
    let failures = log.failures();
    let expected: Vec<&str> = ODD
        .iter()
        .filter(|(_, _, targets)| targets.contains(&target.kind()))
        .map(|(_, object, _)| *object)
        .collect();
    let failed: Vec<&str> = failures.keys().map(String::as_str).collect();
    let mut wanted = expected.clone();
    wanted.sort_unstable();
    assert_eq!(failed, wanted, "{pair}");
    assert_eq!(end.is_err(), !expected.is_empty(), "{pair}: {end:?}");

    index_transfer(source, target, &pair, &expected).await;
    again(source, target, &pair, &expected).await;
    all_is_there(source, target, &pair, &expected).await;
    mismatches_show(source, target).await;
}

async fn prepare(source: &Server) {
    source.load_shop().await;
    let mut conn = source.conn().await;
    conn.query_drop("DROP DATABASE IF EXISTS schema_a; DROP DATABASE IF EXISTS schema_b")
        .await
        .expect("drops");
    for sql in COMMON.split(";;\n").filter(|s| !s.trim().is_empty()) {
        if let Err(error) = conn.query_drop(sql).await {
            panic!("{error}: {sql}");
        }
    }
    for (sql, _, _) in ODD {
        conn.query_drop(*sql).await.expect(sql);
    }
}

async fn index_transfer(source: &Server, target: &Server, pair: &str, odd: &[&str]) {
    let log = Arc::new(Notebook {
        cancel: Some((3, CancellationToken::new())),
        ..Notebook::default()
    });
    let _ = indexes(source, target, &log).await;
    let log = Arc::new(Notebook::default());
    let end = indexes(source, target, &log).await;
    let failures = log.failures();
    assert!(failures.is_empty(), "{pair}: {failures:#?}");
    assert_eq!(end.expect(pair), Finish::Done);
    assert!(log.notes("key schema_a.keys_of_all_kinds.plain").is_some());
    assert!(log.notes("foreign key schema_b.child.fk_child").is_some());
    let _ = odd;
}

/// A second run finds everything there.
async fn again(source: &Server, target: &Server, pair: &str, odd: &[&str]) {
    let log = Arc::new(Notebook::default());
    let end = structure(source, target, &log).await;
    assert_eq!(end.is_err(), !odd.is_empty(), "{pair}: {end:?}");
    assert_eq!(
        log.failures().len(),
        odd.len(),
        "{pair}: {:#?}",
        log.failures()
    );
    for (object, notes) in &*log.done.lock().expect("lock") {
        let there = notes.iter().any(|n| n.starts_with("it was there already"));
        assert!(
            there || object.starts_with("database"),
            "{object}: {notes:?}"
        );
    }
    let log = Arc::new(Notebook::default());
    indexes(source, target, &log).await.expect(pair);
    for (object, notes) in &*log.done.lock().expect("lock") {
        assert_eq!(notes, &["it was there already"], "{pair}: {object}");
    }
}

/// Every table has all its keys, and rows go in and come back.
async fn all_is_there(source: &Server, target: &Server, pair: &str, odd: &[&str]) {
    let (opened, mut from) = open(source).await;
    let dialect = catalogue::dialect(&mut from, &opened)
        .await
        .expect("dialect");
    let (opened, mut to) = open(target).await;
    let facts = catalogue::target(&mut to, &opened).await.expect("target");
    let objects = catalogue::objects(&mut from, &filter())
        .await
        .expect("objects");
    assert!(objects.tables.len() > 20);
    for table in &objects.tables {
        let name = &table.name;
        if odd.contains(&format!("table {name}").as_str()) {
            continue;
        }
        let definition = catalogue::definition(&mut from, name, &dialect)
            .await
            .expect("understood")
            .expect("there");
        let wanted = convert(&definition, dialect.family, &facts)
            .expect("converts")
            .table;
        let there = catalogue::definition(&mut to, name, &facts.dialect)
            .await
            .expect("understood")
            .unwrap_or_else(|| panic!("{pair}: {name} is not there"))
            .table;
        // the key beneath a foreign key is the target's own choice where the source has none
        let mut found = differences(&wanted, &there, Scope::All);
        found.retain(|d| !d.starts_with("there is a key too many"));
        assert!(found.is_empty(), "{pair}: {name}: {found:?}");
        assert_eq!(wanted.comment, there.comment, "{pair}: {name}");
    }
    let found = catalogue::objects(&mut to, &filter())
        .await
        .expect("objects");
    assert_eq!(found.views.len(), objects.views.len(), "{pair}");
    let row: Option<(u32, String)> = to
        .query_first("SELECT n, label FROM schema_a.v_outer ORDER BY n")
        .await
        .expect("the view works");
    assert_eq!(row, None);
}

/// A table that is there and differs, a view that is broken, a name that matches nothing.
async fn mismatches_show(source: &Server, target: &Server) {
    target
        .exec("ALTER TABLE schema_a.plain MODIFY b varchar(77)")
        .await;
    let log = Arc::new(Notebook::default());
    let error = structure(source, target, &log).await.expect_err("differs");
    let failures = log.failures();
    let why = &failures["table schema_a.plain"];
    assert!(
        why.starts_with("STR-0003") && why.contains("Varchar(77)"),
        "{why}"
    );
    assert!(error.to_string().contains("schema_a.plain"), "{error}");
    let log = Arc::new(Notebook {
        skipped: failures.keys().cloned().collect(),
        ..Notebook::default()
    });
    structure(source, target, &log).await.expect("skipped");
    target
        .exec("ALTER TABLE schema_a.plain MODIFY b varchar(50)")
        .await;

    let token = CancellationToken::new();
    let (context, _) = context(&token);
    let none = ObjectFilter {
        include: vec!["nothing.*".into()],
        exclude: Vec::new(),
    };
    let log = Arc::new(Notebook::default());
    let work = StructTransfer::new(endpoint(source), endpoint(target), none, log);
    let error = Box::new(work).run(context).await.expect_err("nothing");
    assert_eq!(error.kind(), ErrorKind::NothingMatches);
}
