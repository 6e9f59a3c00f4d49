//! DDL statements of a source, applied to a target twice each: the second time changes nothing.

use super::{endpoint, open};
use crate::harness::server::{Kind, Server as Running};
use mysql_async::prelude::Queryable;
use oms::datasource::mysql::ddl::{Scope, convert, differences};
use oms::datasource::mysql::ddl_target::DdlTarget;
use oms::datasource::mysql::{Server, catalogue};
use oms::error::Kind as ErrorKind;
use oms::model::ddl::{Ddl, parse_with};
use oms::model::table::{Table, TableName};

const STATEMENTS: &[&str] = &[
    "CREATE TABLE a (id int auto_increment primary key, v varchar(10), w int, key kw (w), unique key (v))",
    "ALTER TABLE a ADD x bit(3) default b'101' AFTER id, ADD COLUMN y json, ADD KEY (x), DROP KEY kw",
    "ALTER TABLE a MODIFY v varchar(30) NOT NULL DEFAULT 'it''s', ADD UNIQUE uw (w)",
    "ALTER TABLE a CHANGE w ww bigint, COMMENT 'c'",
    "ALTER TABLE a RENAME COLUMN ww TO w, RENAME KEY uw TO uw2",
    "ALTER TABLE a ALTER w SET DEFAULT 7, ADD d datetime(3) default current_timestamp(3) on update current_timestamp(3)",
    "ALTER TABLE a ADD CONSTRAINT pos CHECK (w > 0)",
    "ALTER TABLE a ADD l varchar(5) character set latin1, ADD s set('a','b') default 'a'",
    "ALTER TABLE a CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "ALTER TABLE a DROP x, DROP l, ADD CONSTRAINT two UNIQUE (w, v)",
    "CREATE INDEX dd ON a (d, v)",
    "DROP INDEX dd ON a",
    "CREATE TABLE b LIKE a",
    "CREATE TABLE child (id int primary key, w int, constraint fk foreign key (w) references p (id) on delete cascade)",
    "ALTER TABLE child DROP FOREIGN KEY fk",
    "ALTER TABLE child ADD CONSTRAINT fk2 FOREIGN KEY (w) REFERENCES p (id)",
    "CREATE TABLE a_new LIKE a",
    "RENAME TABLE a TO a_old, a_new TO a",
    "ALTER TABLE a RENAME TO a2",
    "ALTER TABLE a2 RENAME TO a3, ADD late int",
    "TRUNCATE TABLE a_old",
    "DROP TABLE a_old, b",
    "CREATE VIEW v AS SELECT 1",
    "ALTER TABLE p DROP COLUMN id, ADD COLUMN id2 int not null primary key",
];

/// Follows the source statement by statement.
pub async fn follows(source: &Running, target: &Running) {
    let pair = format!("{:?} to {:?}", source.kind(), target.kind());
    let (server, mut from) = open(source).await;
    let (_, mut to) = open(target).await;
    for conn in [&mut from, &mut to] {
        conn.query_drop("DROP DATABASE IF EXISTS replay")
            .await
            .expect("drops");
        conn.query_drop("CREATE DATABASE replay")
            .await
            .expect("creates");
        conn.query_drop("USE replay").await.expect("uses");
        conn.query_drop("CREATE TABLE p (id int primary key, x int)")
            .await
            .expect("creates");
    }
    let dialect = catalogue::dialect(&mut from, &server)
        .await
        .expect("dialect");
    let opened = Server::open(&endpoint(target)).await.expect("answers");
    let replay = DdlTarget::open(&opened, dialect.family)
        .await
        .expect("opens");
    let facts = catalogue::target(&mut to, &opened).await.expect("target");
    for sql in STATEMENTS {
        // foreign keys hold the dropped column's table
        if sql.starts_with("ALTER TABLE p") {
            from.query_drop("DROP TABLE child").await.expect("drops");
            to.query_drop("DROP TABLE child").await.expect("drops");
        }
        from.query_drop(*sql)
            .await
            .unwrap_or_else(|e| panic!("{pair}: {e}: {sql}"));
        let ddl = parse_with(sql, "replay", &dialect);
        let names = touched(&ddl);
        let mut after: Vec<Table> = Vec::new();
        for name in &names {
            let found = catalogue::definition(&mut from, name, &dialect)
                .await
                .expect("understood");
            after.extend(found.map(|d| d.table));
        }
        let after: Vec<&Table> = after.iter().collect();
        for time in ["first", "second"] {
            if let Err(error) = replay.apply(&ddl, &after).await {
                // OceanBase can't drop a primary key's column, nor change one that a check is about
                assert!(
                    target.kind() == Kind::OceanBase
                        && (sql.starts_with("ALTER TABLE p") || sql.contains("CONVERT TO")),
                    "{pair}: {time} time: {error}: {sql}"
                );
                assert_eq!(error.kind(), ErrorKind::SchemaRefused);
                return;
            }
            for table in &after {
                let definition = catalogue::definition(&mut from, &table.name, &dialect)
                    .await
                    .expect("understood")
                    .expect("there");
                let wanted = convert(&definition, dialect.family, &facts)
                    .expect("converts")
                    .table;
                let there = catalogue::definition(&mut to, &table.name, &facts.dialect)
                    .await
                    .expect("understood")
                    .unwrap_or_else(|| panic!("{pair}: {} is missing after {sql}", table.name))
                    .table;
                let mut found = differences(&wanted, &there, Scope::All);
                // the key beneath a foreign key is the server's own affair
                found.retain(|d| !(d.contains("key fk") || d.ends_with("too many, fk")));
                assert!(found.is_empty(), "{pair}: {time} time: {sql}: {found:?}");
            }
        }
    }
}

fn touched(ddl: &Ddl) -> Vec<TableName> {
    match ddl {
        Ddl::CreateTable { table, .. } => vec![table.name.clone()],
        Ddl::CreateTableLike { name, .. } => vec![name.clone()],
        Ddl::AlterTable { name, actions } => vec![
            actions
                .iter()
                .find_map(|a| match a {
                    oms::model::ddl::AlterAction::RenameTo(to) => Some(to.clone()),
                    _ => None,
                })
                .unwrap_or_else(|| name.clone()),
        ],
        Ddl::RenameTable(pairs) => pairs
            .iter()
            .map(|(_, to)| to.clone())
            .filter(|to| !pairs.iter().any(|(from, _)| from == to) || to.name == "a")
            .collect(),
        _ => Vec::new(),
    }
}
