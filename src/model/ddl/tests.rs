//! Statements as servers log and print them.

use super::*;
use crate::model::table::{ColumnType, KeyKind, KeyWhat};
use proptest::prelude::*;

mod tracking;

fn t(schema: &str, name: &str) -> TableName {
    TableName::new(schema, name)
}

fn create(sql: &str, dialect: &Dialect) -> Table {
    match parse_with(sql, "d", dialect) {
        Ddl::CreateTable { table, .. } => *table,
        other => panic!("{sql}: {other:?}"),
    }
}

fn alter(table: &Table, sql: &str, dialect: &Dialect) -> Table {
    match parse_with(sql, "d", dialect) {
        Ddl::AlterTable { name, actions } => {
            assert_eq!(name, table.name);
            apply(table, &actions, dialect).expect(sql)
        }
        other => panic!("{sql}: {other:?}"),
    }
}

fn names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|c| c.name.as_str()).collect()
}

fn keys(table: &Table) -> Vec<&str> {
    table.keys.iter().map(|k| k.name.as_str()).collect()
}

/// The definitions of a fixture: what a real server printed.
fn shown(fixture: &str, dialect: &Dialect) -> Vec<Result<Definition, String>> {
    fixture
        .split(";;\n")
        .filter(|sql| !sql.trim().is_empty())
        .map(|sql| parse_definition(sql, &t("sink", "x"), dialect))
        .collect()
}

#[test]
fn reads_all_that_servers_print() {
    let mysql = shown(include_str!("fixtures/mysql_9_7.sql"), &Dialect::default());
    for definition in &mysql {
        assert!(definition.is_ok(), "{definition:?}");
    }
    let ob = shown(
        include_str!("fixtures/oceanbase_seekdb_1_4.sql"),
        &Dialect::oceanbase(),
    );
    let refused: Vec<&String> = ob.iter().filter_map(|d| d.as_ref().err()).collect();
    assert_eq!(
        refused,
        ["FLOAT and DOUBLE with ZEROFILL are not supported"]
    );
    let maria = shown(
        include_str!("fixtures/mariadb_10_11.sql"),
        &Dialect::mariadb(),
    );
    let refused: Vec<&String> = maria.iter().filter_map(|d| d.as_ref().err()).collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused.iter().any(|why| why.contains("periods")));
    assert!(refused.iter().any(|why| why.contains("versioning")));
}

fn one(fixture: &str, table: &str, dialect: &Dialect) -> Definition {
    let head = format!("CREATE TABLE `{table}`");
    let sql = fixture
        .split(";;\n")
        .find(|sql| sql.starts_with(&head))
        .expect("in the fixture");
    parse_definition(sql, &t("sink", table), dialect).expect("parses")
}

#[test]
fn a_large_table_of_mysql() {
    let d = one(
        include_str!("fixtures/mysql_9_7.sql"),
        "k1",
        &Dialect::default(),
    );
    let k1 = d.table;
    let column = |name: &str| &k1.columns[k1.column_index(name).expect(name)];
    assert_eq!(
        column("en").ty,
        ColumnType::Enum(vec!["a".into(), "b'c".into(), "d,e".into(), String::new()])
    );
    assert_eq!(column("en").comment, "an 'enum' \\ \"x\" `y`\nline2");
    assert_eq!(
        column("ch").default,
        Some(DefaultValue::Literal("it's \\ \"q\"".into()))
    );
    assert_eq!(
        column("bi").default,
        Some(DefaultValue::Bits("b'101'".into()))
    );
    assert_eq!(
        column("bn").default,
        Some(DefaultValue::Literal("a\0\0".into()))
    );
    assert_eq!(column("mt").collation.as_deref(), Some("utf8mb4_bin"));
    assert_eq!(
        column("tx").collation.as_deref(),
        Some("utf8mb4_0900_ai_ci")
    );
    assert_eq!(column("js").collation, None);
    assert_eq!(column("dtm").on_update_now, Some(6));
    assert_eq!(
        column("ge2")
            .generated
            .as_ref()
            .expect("generated")
            .expression,
        "concat(`vc`,_utf8mb4')')"
    );
    assert!(column("inv").invisible && column("we`ird name").nullable);
    assert_eq!(
        column("mi").ty,
        ColumnType::Int {
            bytes: 3,
            unsigned: true,
            width: Some(8),
            zerofill: true
        }
    );
    assert_eq!(k1.auto_increment, Some(100));
    assert_eq!(k1.comment, "table's \\ comment");
    assert_eq!(k1.foreign_keys[0].references, t("sink", "parent2"));
    assert_eq!(k1.foreign_keys[0].on_update.as_deref(), Some("SET NULL"));
    assert_eq!(k1.checks.len(), 2);
    let kd = k1.keys.iter().find(|k| k.name == "kd").expect("kd");
    assert!(kd.parts[0].descending && !kd.parts[1].descending);
    let u1 = k1.keys.iter().find(|k| k.name == "u1").expect("u1");
    assert_eq!(u1.parts[1].prefix, Some(20));
    assert_eq!(k1.row_key(), Some(vec![0]));
}

#[test]
fn enum_values_that_oceanbase_does_not_escape() {
    let fixture = include_str!("fixtures/oceanbase_seekdb_1_4.sql");
    let values = |table: &str, column: usize| match one(fixture, table, &Dialect::oceanbase())
        .table
        .columns[column]
        .ty
        .clone()
    {
        ColumnType::Enum(values) => values,
        other => panic!("{other:?}"),
    };
    assert_eq!(values("e21", 0), ["x\\y", "it's", ""]);
    assert_eq!(values("k1", 27), ["a", "b'c", "d,e", ""]);
}

#[test]
fn parts_only_mysql_and_mariadb_have() {
    let d = one(
        include_str!("fixtures/mysql_9_7.sql"),
        "m1",
        &Dialect::default(),
    );
    assert_eq!(d.parsers["ngr"], "ngram");
    assert_eq!(d.invisible_keys, ["inv"]);
    assert!(!d.table.checks[0].enforced && d.table.checks[1].enforced);
    let key = |name: &str| d.table.keys.iter().find(|k| k.name == name).expect("key");
    assert_eq!(
        key("fn").parts[0].what,
        KeyWhat::Expression("(`a` + 1)".into())
    );
    assert_eq!(
        key("mv").parts[0].what,
        KeyWhat::Expression("cast(json_extract(`j`,_utf8mb4'$.x') as unsigned array)".into())
    );
    assert_eq!(
        d.table.columns[6].ty,
        ColumnType::Other("point srid 4326".into())
    );
    let d = one(
        include_str!("fixtures/mysql_9_7.sql"),
        "p1",
        &Dialect::default(),
    );
    assert!(
        d.table
            .partition
            .as_ref()
            .is_some_and(|p| p.starts_with("PARTITION BY RANGE (`a`)\n(PARTITION p0"))
    );
    let d = one(
        include_str!("fixtures/mariadb_10_11.sql"),
        "k1",
        &Dialect::mariadb(),
    );
    let js = &d.table.columns[d.table.column_index("js").expect("js")];
    assert_eq!(js.ty, ColumnType::Text(4));
    assert_eq!(js.collation.as_deref(), Some("utf8mb4_bin"));
    assert_eq!(d.table.checks[0].expression, "json_valid(`js`)");
    let d = one(
        include_str!("fixtures/mysql_9_7.sql"),
        "u3",
        &Dialect::default(),
    );
    assert_eq!(d.table.charset, "utf8mb3");
    assert_eq!(d.table.collation, "utf8mb3_general_ci");
}

#[test]
fn what_is_not_about_tables() {
    for sql in [
        "",
        "-- nothing",
        "# Dummy event replacing event type 160 that slave cannot handle.",
        "SAVEPOINT `a`",
        "FLUSH TABLES",
        "ALTER USER 'a'@'%' IDENTIFIED WITH 'x' RETAIN CURRENT PASSWORD",
        "CREATE USER IF NOT EXISTS 'a'@'%'",
        "CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1 union select 2",
        "CREATE OR REPLACE DEFINER='root'@'localhost' VIEW `v` AS select 1",
        "CREATE DEFINER=CURRENT_USER() TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = 1",
        "CREATE DEFINER=`root`@`%` PROCEDURE p() BEGIN DROP TABLE x; END",
        "CREATE DEFINER=CURRENT_USER AGGREGATE FUNCTION f() RETURNS int RETURN 1",
        "CREATE DEFINER=root@localhost EVENT e ON SCHEDULE EVERY 1 DAY DO DROP TABLE x",
        "CREATE TEMPORARY TABLE x (a int)",
        "DROP TEMPORARY TABLE IF EXISTS `x` /* generated by server */",
        "DROP VIEW IF EXISTS v",
        "ALTER EVENT e DISABLE",
        "ALTER DEFINER=`root`@`%` EVENT e DISABLE",
        "ALTER ALGORITHM=MERGE VIEW v AS select 1",
        "ANALYZE TABLE t",
        "OPTIMIZE TABLE t",
        "GRANT ALL ON *.* TO a",
        "RENAME USER a TO b",
        "CREATE SPATIAL REFERENCE SYSTEM 1 NAME 'x'",
        "CREATE SEQUENCE s",
        "XA START X'31',X'',1",
        "/*!50003 SET sql_mode = '' */",
        "INSTALL PLUGIN a SONAME 'b'",
        "CREATE ROLE r",
    ] {
        assert_eq!(parse(sql, "d"), Ddl::Irrelevant, "{sql}");
    }
}

#[test]
fn what_is_refused_names_its_tables() {
    for (sql, table) in [
        ("CREATE TABLE a AS SELECT 1", "a"),
        ("CREATE TABLE a (b int) SELECT 1", "a"),
        ("CREATE TABLE a (b int) ENGINE=InnoDB AS SELECT 1", "a"),
        ("CREATE OR REPLACE TABLE a (b int)", "a"),
        ("CREATE TABLE a (b frob)", "a"),
        ("CREATE TABLE a (b int FROBNICATED)", "a"),
        ("CREATE TABLE a (b int) FROB=1", "a"),
        ("CREATE TABLE a (b int", "a"),
        ("CREATE TABLE a (b double zerofill)", "a"),
        ("CREATE TABLE a (b int, b int)", "a"),
        ("CREATE TABLE a (b int, key (c))", "a"),
        ("ALTER TABLE a DROP PARTITION p0", "a"),
        ("ALTER TABLE a TRUNCATE PARTITION p0", "a"),
        ("ALTER TABLE a EXCHANGE PARTITION p0 WITH TABLE b", "a"),
        ("ALTER TABLE a DISCARD TABLESPACE", "a"),
        ("ALTER TABLE a IMPORT TABLESPACE", "a"),
        ("ALTER TABLE a FROBNICATE", "a"),
        ("ALTER TABLE a ADD COLUMN b int FROBNICATED", "a"),
        ("TRUNCATE TABLE a FROB", "a"),
        ("DELETE FROM `a`", "a"),
        ("INSERT INTO a VALUES (1)", "a"),
        ("CREATE VECTOR INDEX i ON a (v)", ""),
    ] {
        match parse(sql, "d") {
            Ddl::Unsupported { tables, why } => {
                let expected: Vec<TableName> = [table]
                    .iter()
                    .filter(|n| !n.is_empty())
                    .map(|n| t("d", n))
                    .collect();
                assert_eq!(tables, expected, "{sql}: {why}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    for sql in ["FROB x", "UPDATE a, b SET a.x = 1", "CREATE FROB x", "'"] {
        assert!(
            matches!(parse(sql, "d"), Ddl::Unsupported { tables, .. } if tables.is_empty()),
            "{sql}"
        );
    }
}

#[test]
fn tables_come_and_go() {
    assert_eq!(
        parse(
            "DROP TABLE IF EXISTS `a`, e.b /* generated by server */",
            "d"
        ),
        Ddl::DropTable {
            names: vec![t("d", "a"), t("e", "b")],
            if_exists: true
        }
    );
    assert_eq!(
        parse("truncate `d`.`a`;", "x"),
        Ddl::TruncateTable(t("d", "a"))
    );
    assert_eq!(
        parse("RENAME TABLE a TO b, e.`table` TO c", "d"),
        Ddl::RenameTable(vec![
            (t("d", "a"), t("d", "b")),
            (t("e", "table"), t("d", "c"))
        ])
    );
    assert_eq!(
        parse("ALTER TABLE a RENAME TO e.b, ALGORITHM=INPLACE", "d"),
        Ddl::RenameTable(vec![(t("d", "a"), t("e", "b"))])
    );
    assert_eq!(
        parse("CREATE TABLE IF NOT EXISTS a (LIKE e.b)", "d"),
        Ddl::CreateTableLike {
            name: t("d", "a"),
            like: t("e", "b"),
            if_not_exists: true
        }
    );
    assert_eq!(
        parse("DROP DATABASE IF EXISTS `e`", "d"),
        Ddl::DropSchema("e".into())
    );
    assert_eq!(
        parse("ALTER DATABASE e CHARACTER SET latin1", "d"),
        Ddl::SchemaDefault {
            schema: "e".into(),
            default: Some(CharsetDefault {
                charset: "latin1".into(),
                collation: "latin1_swedish_ci".into()
            })
        }
    );
}

#[test]
fn types_by_all_their_names() {
    let table = create(
        "CREATE TABLE dflt (a bool, b boolean default true, c serial, d dec(5), e fixed(5,2), f real, g double precision, h int8, i int4, j integer, k middleint, l long, m long varchar, n character varying(10), o varchar(0), p text(100), q blob(70000), r char(3) byte, s varchar(3) ascii, t varchar(4) unicode, u float(30), v national varchar(3), w year(4), x int zerofill, y timestamp default now() on update now(), z float(7,3))",
        &Dialect::default(),
    );
    let shown = one(
        include_str!("fixtures/mysql_9_7.sql"),
        "dflt",
        &Dialect::default(),
    )
    .table;
    for (mine, theirs) in table.columns.iter().zip(&shown.columns).take(20) {
        assert_eq!(mine.ty, theirs.ty, "{}", mine.name);
        assert_eq!(mine.collation, theirs.collation, "{}", mine.name);
        assert_eq!(mine.nullable, theirs.nullable, "{}", mine.name);
    }
    assert_eq!(table.keys[0].kind, KeyKind::Unique);
    let other = |i: usize| table.columns[i].ty.clone();
    assert_eq!(
        other(20),
        ColumnType::Double {
            unsigned: false,
            digits: None
        }
    );
    assert_eq!(table.columns[24].on_update_now, Some(0));
    assert_eq!(
        other(25),
        ColumnType::Float {
            unsigned: false,
            digits: Some((7, 3))
        }
    );
}

proptest! {
    #[test]
    fn no_statement_panics(sql in "\\PC{0,200}") {
        let _ = parse(&sql, "d");
        let _ = parse_with(&sql, "d", &Dialect::mariadb());
    }

    #[test]
    fn no_mixture_of_clauses_panics(words in proptest::collection::vec(prop_oneof![
        Just("CREATE TABLE a ("), Just("ALTER TABLE a "), Just("ADD"), Just("DROP"), Just("COLUMN"),
        Just("a"), Just("`b`"), Just("int"), Just("varchar(3)"), Just("enum('a','b')"), Just("DEFAULT"),
        Just("NULL"), Just("'x'"), Just("5"), Just("b'1'"), Just("("), Just(")"), Just(","), Just(";"),
        Just("KEY"), Just("PRIMARY KEY"), Just("UNIQUE"), Just("CHECK"), Just("FOREIGN KEY"),
        Just("REFERENCES"), Just("ON UPDATE"), Just("CONSTRAINT"), Just("COLLATE"), Just("CHARACTER SET"),
        Just("MODIFY"), Just("CHANGE"), Just("RENAME"), Just("TO"), Just("AFTER"), Just("FIRST"), Just("."),
        Just("/*!50000"), Just("*/"), Just("@"), Just("="), Just("GENERATED ALWAYS AS"), Just("CREATE"),
        Just("INDEX"), Just("ON"), Just("DEFINER"), Just("VIEW"), Just("PARTITION BY"), Just("COMMENT"),
        Just("IF NOT EXISTS"), Just("IF EXISTS"), Just("-"), Just("timestamp"), Just("text(9)"), Just("json"),
    ], 0..40)) {
        let table = create("CREATE TABLE a (a int primary key, b int)", &Dialect::default());
        for sql in [words.join(" "), format!("ALTER TABLE a {}", words.join(" "))] {
            for dialect in [Dialect::default(), Dialect::mariadb(), Dialect::oceanbase()] {
                if let Ddl::AlterTable { actions, .. } = parse_with(&sql, "d", &dialect) {
                    let _ = apply(&table, &actions, &dialect);
                }
            }
        }
    }
}
