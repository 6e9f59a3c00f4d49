//! Definitions as statements make and change them.

use super::{alter, create, keys, names, t};
use crate::model::ddl::*;
use crate::model::table::{ColumnType, KeyWhat};

#[test]
fn unnamed_keys_get_the_servers_names() {
    let dialect = Dialect::default();
    let table = create(
        "CREATE TABLE many (id int auto_increment, a int unique, b int, key(id), unique key(a,b), key(a), primary key(b,a), key((a+1)), key((b+1)), foreign key (b) references p (x), check (a > 0))",
        &dialect,
    );
    assert_eq!(
        keys(&table),
        [
            "a",
            "id",
            "a_2",
            "a_3",
            "PRIMARY",
            "functional_index",
            "functional_index_2"
        ]
    );
    assert_eq!(table.foreign_keys[0].name, "many_ibfk_1");
    assert_eq!(table.foreign_keys[0].references, t("d", "p"));
    assert_eq!(table.checks[0].name.as_deref(), Some("many_chk_1"));
    assert!(!table.columns[1].nullable && !table.columns[2].nullable);
    let table = alter(
        &table,
        "ALTER TABLE many ADD KEY (id), ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES q(x), RENAME TO d.few",
        &dialect,
    );
    assert!(keys(&table).contains(&"id_2"));
    assert_eq!(table.name, t("d", "few"));
    assert_eq!(table.foreign_keys[0].name, "few_ibfk_1");
    assert_eq!(table.checks[0].name.as_deref(), Some("few_chk_1"));
}

#[test]
fn an_alter_happens_at_once() {
    let dialect = Dialect::default();
    let table = create(
        "CREATE TABLE a (a int, b varchar(3), c int, d int, key ab (a, b), key c (c), primary key (d))",
        &dialect,
    );
    let swapped = alter(
        &table,
        "ALTER TABLE a CHANGE a b int, CHANGE b a varchar(3)",
        &dialect,
    );
    assert_eq!(names(&swapped), ["b", "a", "c", "d"]);
    assert_eq!(
        swapped.keys[0]
            .parts
            .iter()
            .map(|p| p.what.clone())
            .collect::<Vec<_>>(),
        [KeyWhat::Column("b".into()), KeyWhat::Column("a".into())]
    );
    let again = alter(
        &table,
        "ALTER TABLE a DROP a, DROP c, ADD a bigint AFTER d, ADD COLUMN (e int, f int), MODIFY b varchar(9) FIRST, ADD x int AFTER b, ADD KEY x (x)",
        &dialect,
    );
    assert_eq!(names(&again), ["b", "x", "d", "a", "e", "f"]);
    assert_eq!(keys(&again), ["ab", "PRIMARY", "x"]);
    let renamed = alter(
        &table,
        "ALTER TABLE a RENAME COLUMN a TO b, RENAME COLUMN b TO a, RENAME KEY ab TO ba, DROP PRIMARY KEY, ALTER c SET DEFAULT 5, COMMENT 'x' AUTO_INCREMENT 7",
        &dialect,
    );
    assert_eq!(names(&renamed), ["b", "a", "c", "d"]);
    assert_eq!(keys(&renamed), ["ba", "c"]);
    assert_eq!(
        renamed.columns[2].default,
        Some(DefaultValue::Literal("5".into()))
    );
    assert_eq!(renamed.auto_increment, Some(7));
    assert!(!renamed.columns[3].nullable);
}

#[test]
fn what_does_not_fit_is_an_error_unless_it_may() {
    let dialect = Dialect::mariadb();
    let table = create("CREATE TABLE a (a int, b int)", &dialect);
    for sql in [
        "ALTER TABLE a ADD a int",
        "ALTER TABLE a DROP x",
        "ALTER TABLE a DROP a, DROP b",
        "ALTER TABLE a ADD c int AFTER x",
        "ALTER TABLE a DROP KEY x",
        "ALTER TABLE a ADD KEY (x)",
        "ALTER TABLE a DROP CONSTRAINT x",
        "ALTER TABLE a RENAME COLUMN a TO b",
    ] {
        match parse_with(sql, "d", &dialect) {
            Ddl::AlterTable { actions, .. } => {
                assert!(apply(&table, &actions, &dialect).is_err(), "{sql}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    let same = alter(
        &table,
        "ALTER TABLE a ADD COLUMN IF NOT EXISTS a bigint, DROP COLUMN IF EXISTS x, DROP KEY IF EXISTS k, MODIFY COLUMN IF EXISTS z int",
        &dialect,
    );
    assert_eq!(same, table);
    let more = alter(
        &table,
        "CREATE INDEX IF NOT EXISTS k ON a (a) COMMENT 'c' NOWAIT",
        &dialect,
    );
    assert_eq!(keys(&more), ["k"]);
    assert_eq!(alter(&more, "DROP INDEX k ON a", &dialect), table);
    let json = alter(&table, "ALTER TABLE a ADD j json, MODIFY a int", &dialect);
    let json = alter(&json, "ALTER TABLE a MODIFY j json NOT NULL", &dialect);
    assert_eq!(json.checks.len(), 1);
    assert_eq!(json.columns[2].collation.as_deref(), Some("utf8mb4_bin"));
}

#[test]
fn old_timestamps_and_session_modes() {
    let dialect = Dialect {
        explicit_timestamp_defaults: false,
        ansi_quotes: true,
        no_backslash_escapes: true,
        ..Dialect::default()
    };
    let table = create(
        r#"CREATE TABLE "a" ("t" timestamp, u timestamp(2), v timestamp null, c char(5) default '\')"#,
        &dialect,
    );
    assert_eq!(table.columns[0].default, Some(DefaultValue::Now(0)));
    assert_eq!(table.columns[0].on_update_now, Some(0));
    assert_eq!(
        table.columns[1].default,
        Some(DefaultValue::Literal("0000-00-00 00:00:00.00".into()))
    );
    assert!(table.columns[2].nullable && !table.columns[1].nullable);
    assert_eq!(
        table.columns[3].default,
        Some(DefaultValue::Literal("\\".into()))
    );
}

#[test]
fn like_leaves_foreign_keys_behind() {
    let dialect = Dialect::default();
    let table = create(
        "CREATE TABLE a (a int auto_increment primary key, b int, foreign key (b) references c (d), check (b > 1)) auto_increment = 5",
        &dialect,
    );
    let copy = like(&table, &t("e", "x"), &dialect);
    assert_eq!(copy.name, t("e", "x"));
    assert!(copy.foreign_keys.is_empty() && copy.auto_increment.is_none());
    assert_eq!(keys(&copy), ["PRIMARY", "b"]);
    assert_eq!(copy.checks[0].name.as_deref(), Some("x_chk_1"));
}

#[test]
fn character_sets_follow_the_nearest_clause() {
    let mut dialect = Dialect::default();
    dialect.schemas.insert(
        "d".into(),
        CharsetDefault {
            charset: "latin1".into(),
            collation: "latin1_german1_ci".into(),
        },
    );
    let table = create(
        "CREATE TABLE a (a char(3), b varchar(9) charset utf8, c text collate utf8mb4_bin, d char binary, e char(2) byte, f text(200), g text(300), h nchar(3), i enum('x') binary, j varchar(3) character set binary, k varchar(40000) charset utf8mb4)",
        &dialect,
    );
    let charsets: Vec<_> = table
        .columns
        .iter()
        .map(|c| c.collation.as_deref().unwrap_or("-"))
        .collect();
    assert_eq!(
        charsets,
        [
            "latin1_german1_ci",
            "utf8mb3_general_ci",
            "utf8mb4_bin",
            "latin1_bin",
            "-",
            "latin1_german1_ci",
            "latin1_german1_ci",
            "utf8mb3_general_ci",
            "latin1_bin",
            "-",
            "utf8mb4_0900_ai_ci",
        ]
    );
    let types: Vec<_> = table.columns.iter().map(|c| c.ty.clone()).collect();
    assert_eq!(types[4], ColumnType::Binary(2));
    assert_eq!(types[5], ColumnType::Text(1));
    assert_eq!(types[6], ColumnType::Text(2));
    assert_eq!(types[9], ColumnType::Varbinary(3));
    assert_eq!(types[10], ColumnType::Text(3));
    let table = alter(
        &table,
        "ALTER TABLE a ADD x varchar(5), ADD y char(1) binary FIRST, ADD z char(1) collate utf8mb4_general_ci",
        &dialect,
    );
    assert_eq!(table.columns[0].collation.as_deref(), Some("latin1_bin"));
    let x = &table.columns[table.column_index("x").expect("x")];
    assert_eq!(x.collation.as_deref(), Some("latin1_german1_ci"));
    let converted = alter(
        &table,
        "ALTER TABLE a CONVERT TO CHARACTER SET utf8mb4",
        &dialect,
    );
    assert_eq!(converted.collation, "utf8mb4_0900_ai_ci");
    assert!(
        converted
            .columns
            .iter()
            .all(|c| c.charset.as_deref().is_none_or(|s| s == "utf8mb4"))
    );
    // 255 latin1 characters may need 1,020 bytes
    assert_eq!(
        converted.columns[converted.column_index("f").expect("f")].ty,
        ColumnType::Text(2)
    );
}
