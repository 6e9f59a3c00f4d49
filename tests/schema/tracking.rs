//! Statements run on a server; the definition that is tracked by reading them is compared with
//! the one that the server prints after each.

use super::open;
use crate::harness::server::{Kind, Server};
use mysql_async::prelude::Queryable;
use oms::datasource::mysql::catalogue;
use oms::datasource::mysql::ddl::{Scope, differences};
use oms::model::ddl::{Ddl, Dialect, apply, like, parse_with};
use oms::model::table::{Table, TableName};
use std::collections::BTreeMap;

/// Statements that both MySQL and MariaDB take. What a server refuses is left out.
const STATEMENTS: &[&str] = &[
    "CREATE DATABASE track CHARACTER SET latin1",
    "CREATE TABLE track.a (id int auto_increment, v varchar(10), t text(300), u text(200), c char(3) character set utf8mb4, n nchar(2), e enum('x','y ') default 'x', key(id))",
    "ALTER TABLE track.a ADD PRIMARY KEY (id), DROP KEY id",
    "ALTER TABLE track.a ADD w varchar(20) NOT NULL DEFAULT 'it''s' AFTER id, ADD x bit(3) default b'101' FIRST",
    "ALTER TABLE track.a ADD COLUMN (y date, z time(3) default '10:00:00'), ADD INDEX (w), ADD UNIQUE (v, w(5)), ADD KEY (v)",
    "ALTER TABLE track.a CHANGE v vv varchar(30) charset utf8mb4 collate utf8mb4_bin, MODIFY w text, DROP KEY w",
    "ALTER TABLE track.a CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "ALTER TABLE track.a ADD later varchar(5), ADD bb varchar(4) binary, ADD lb char(3) charset latin1 binary",
    "ALTER TABLE track.a DROP y, ADD y datetime(6) default current_timestamp(6) on update current_timestamp(6)",
    "ALTER TABLE track.a ALTER later SET DEFAULT 'q', ALTER w DROP DEFAULT, COMMENT='c' AUTO_INCREMENT=50, ENGINE=InnoDB",
    "ALTER TABLE track.a CHARACTER SET latin1, ADD l2 varchar(3)",
    "ALTER TABLE track.a RENAME COLUMN later TO sooner, RENAME INDEX v_2 TO v9",
    "ALTER TABLE track.a DROP KEY v, DROP COLUMN vv",
    "CREATE INDEX byy ON track.a (y DESC, x)",
    "DROP INDEX byy ON track.a",
    "CREATE TABLE track.p (a int, b int, primary key (a, b), unique (b, a), unique ba (b))",
    "CREATE TABLE track.f (id serial, x int, y int, z int unsigned zerofill, foreign key (x, y) references p (a, b) on delete cascade, constraint named foreign key (y) references p (b), check (x > 0), index xx (x))",
    "ALTER TABLE track.f ADD FOREIGN KEY (x) REFERENCES track.p (b), ADD CONSTRAINT cc CHECK (y < 9)",
    "ALTER TABLE track.f DROP FOREIGN KEY named, DROP CONSTRAINT cc",
    "ALTER TABLE track.f RENAME TO track.g",
    "RENAME TABLE track.g TO track.f",
    "CREATE TABLE track.l LIKE track.f",
    "CREATE TABLE track.types (a bool, b dec(6), c fixed, d numeric(8,3) unsigned, e float(20), f float(40), g real, h float(7,2), i int8 unsigned, j bit, k year, l long varchar, m long varbinary, n blob(300), o blob(70000), p national varchar(4), q char(2) byte, r binary, s varbinary(3), t timestamp null default null, u timestamp(2) null, v mediumtext charset utf8mb4, w longblob, x tinytext, y set('a','b') charset utf8mb4 collate utf8mb4_bin, z geometry not null, aa point, ab integer(7), ac json, ad varchar(3) collate utf8mb4_unicode_ci, ae smallint zerofill) comment 'all''types'",
    "ALTER TABLE track.types CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "ALTER TABLE track.types DROP a, DROP b, MODIFY ac json FIRST, ADD SPATIAL KEY (z), ADD FULLTEXT KEY ft (l, v)",
    "CREATE TABLE track.gen (a int, b int as (a + 1), c int generated always as (a * 2) stored comment 'x', d int default (1 + 1), e varchar(40) default (uuid()), f int invisible default 5)",
    "ALTER TABLE track.gen ADD g int as (c + 1) virtual AFTER c, DROP d",
    "CREATE TABLE track.old (a varchar(10) default '', primary key (a), key (a), key (a), unique a_4 (a), unique (a))",
    "ALTER TABLE track.old ADD b int /*!50000 COMMENT 'x' */ /* , ADD c int */",
    "CREATE TABLE IF NOT EXISTS `track`.`quo``ted` (`a``b` int COMMENT 'c', `select` int, KEY `k``` (`a``b`))",
    "ALTER TABLE track.`quo``ted` CHANGE `a``b` ab int, ADD KEY (`select`)",
    "CREATE TABLE track.part (a int not null, b date, primary key (a)) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "ALTER TABLE track.part ADD c varchar(3), ALGORITHM=DEFAULT, LOCK=DEFAULT",
    "ALTER DATABASE track CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "CREATE TABLE track.late (a varchar(3), b text(70))",
    "DROP TABLE track.late, track.l",
];

/// Statements of MariaDB alone.
const MARIADB: &[&str] = &[
    "ALTER TABLE track.a ADD COLUMN IF NOT EXISTS x bigint, ADD COLUMN IF NOT EXISTS nn int, DROP COLUMN IF EXISTS none, DROP KEY IF EXISTS none",
    "CREATE INDEX IF NOT EXISTS inn ON track.a (nn)",
    "CREATE INDEX IF NOT EXISTS inn ON track.a (x)",
    "ALTER TABLE track.a ADD u uuid, ADD i inet6, ADD d date default curdate()",
    "CREATE TABLE track.inline_fk (a int references p (a), b int check (b > 0))",
];

/// Statements of MySQL alone.
const MYSQL: &[&str] = &[
    "ALTER TABLE track.f DROP CHECK f_chk_1",
    "ALTER TABLE track.a ADD KEY ((x + 1)), ADD vec vector(3)",
    "ALTER TABLE track.a ADD CHECK (x > 0) NOT ENFORCED, ALTER COLUMN sooner SET INVISIBLE",
    "ALTER TABLE track.a ALTER CHECK a_chk_1 ENFORCED",
    "CREATE TABLE track.inline_fk (a int references p (b), b int check (b > 0))",
];

/// Runs the statements and compares after each.
pub async fn agrees(server: &Server) {
    let (opened, mut conn) = open(server).await;
    let mut dialect = catalogue::dialect(&mut conn, &opened)
        .await
        .expect("dialect");
    let own = if server.kind() == Kind::MariaDb {
        MARIADB
    } else {
        MYSQL
    };
    let mut tables: BTreeMap<TableName, Table> = BTreeMap::new();
    let mut refused = Vec::new();
    let mut wrong = Vec::new();
    for sql in STATEMENTS.iter().chain(own) {
        if let Err(error) = conn.query_drop(*sql).await {
            refused.push(format!("{error}: {sql}"));
            continue;
        }
        follow(&mut tables, &mut dialect, sql);
        for (name, tracked) in &tables {
            let shown = catalogue::definition(&mut conn, name, &dialect)
                .await
                .expect("understood")
                .unwrap_or_else(|| panic!("{name} is tracked but not there after {sql}"))
                .table;
            wrong.extend(
                compare(tracked, &shown)
                    .into_iter()
                    .map(|d| format!("{sql}\n    {name}: {d}")),
            );
        }
        if !wrong.is_empty() {
            panic!("{}", wrong.join("\n"));
        }
    }
    assert!(refused.len() <= 1, "{refused:#?}");
}

fn follow(tables: &mut BTreeMap<TableName, Table>, dialect: &mut Dialect, sql: &str) {
    match parse_with(sql, "track", dialect) {
        Ddl::CreateTable { table, .. } => {
            tables.insert(table.name.clone(), *table);
        }
        Ddl::CreateTableLike {
            name, like: model, ..
        } => {
            let table = like(&tables[&model], &name, dialect);
            tables.insert(name, table);
        }
        Ddl::AlterTable { name, actions } => {
            let after = apply(&tables[&name], &actions, dialect).expect(sql);
            tables.remove(&name);
            tables.insert(after.name.clone(), after);
        }
        Ddl::RenameTable(pairs) => {
            for (from, to) in pairs {
                let renamed = [oms::model::ddl::AlterAction::RenameTo(to.clone())];
                let table = tables.remove(&from).expect("tracked");
                tables.insert(to, apply(&table, &renamed, dialect).expect(sql));
            }
        }
        Ddl::DropTable { names, .. } => {
            for name in names {
                tables.remove(&name);
            }
        }
        Ddl::SchemaDefault { schema, default } => {
            if let Some(default) = default {
                dialect.schemas.insert(schema, default);
            }
        }
        other => panic!("{sql}: {other:?}"),
    }
}

/// Differences in what the log's reader needs, and in all keys.
fn compare(tracked: &Table, shown: &Table) -> Vec<String> {
    let mut out = differences(shown, tracked, Scope::All);
    out.extend(differences(tracked, shown, Scope::All));
    let names = |t: &Table| t.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    if names(tracked) != names(shown) {
        out.push(format!("{:?} / {:?}", names(tracked), names(shown)));
    }
    if (&tracked.charset, &tracked.collation) != (&shown.charset, &shown.collation) {
        out.push(format!(
            "default {} / {}",
            tracked.collation, shown.collation
        ));
    }
    if tracked.comment != shown.comment {
        out.push(format!("comment {} / {}", tracked.comment, shown.comment));
    }
    for (t, s) in tracked.columns.iter().zip(&shown.columns) {
        if (&t.comment, t.invisible) != (&s.comment, s.invisible) {
            out.push(format!("column {}: comment or visibility", t.name));
        }
    }
    out
}
