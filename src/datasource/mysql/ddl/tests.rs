//! What is written is read again as the same, and what is converted fits the target.

use super::*;
use crate::datasource::mysql::Flavour;
use crate::error::Kind;
use crate::model::ddl::{Ddl, Definition, Dialect, Family, apply, parse_definition, parse_with};
use crate::model::table::*;
use std::collections::BTreeMap;

mod generated;

fn definition(sql: &str, dialect: &Dialect) -> Definition {
    parse_definition(sql, &TableName::new("d", "a"), dialect).expect(sql)
}

fn mysql() -> Target {
    Target::typical(Flavour::MySql, (9, 7, 0))
}

fn mariadb() -> Target {
    Target::typical(Flavour::MariaDb, (10, 11, 0))
}

fn oceanbase() -> Target {
    Target::typical(Flavour::OceanBase, (1, 4, 0))
}

const WIDE: &str = "CREATE TABLE `a` (`id` bigint unsigned NOT NULL AUTO_INCREMENT, `name` varchar(20) COLLATE utf8mb4_0900_as_cs NOT NULL, `mail` varchar(50) DEFAULT 'x''y', `j` json DEFAULT (json_array()), `t` text DEFAULT (_utf8mb4'q'), `g` int GENERATED ALWAYS AS ((`id` + 1)) STORED NOT NULL, `e` enum('a','b') CHARACTER SET latin1 DEFAULT 'a', PRIMARY KEY (`id`), UNIQUE KEY `u` (`name`), UNIQUE KEY `m` (`mail`), KEY `k` (`mail`(5) DESC), KEY `f` ((`id` + 1)), FULLTEXT KEY `ft` (`t`) /*!50100 WITH PARSER `ngram` */, CONSTRAINT `fk` FOREIGN KEY (`mail`) REFERENCES `o` (`p`) ON DELETE CASCADE, CONSTRAINT `a_chk_1` CHECK ((`id` > 0)) /*!80016 NOT ENFORCED */) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='c'";

#[test]
fn the_table_comes_first_and_its_keys_later() {
    let d = definition(WIDE, &Dialect::default());
    let c = convert(&d, Family::MySql, &mysql()).expect("same flavour");
    assert!(c.notes.is_empty(), "{:?}", c.notes);
    let sql = create_table(&c.table, &mysql());
    let back = definition(&sql, &mysql().dialect).table;
    assert!(differences(&c.table, &back, Scope::Rows).is_empty());
    assert!(!differences(&c.table, &back, Scope::All).is_empty());
    assert_eq!(back.auto_increment, Some(7));
    assert!(back.foreign_keys.is_empty());
    let deferred = deferred_keys(&c.table);
    let names: Vec<_> = deferred.iter().map(|k| k.name.as_str()).collect();
    assert_eq!(names, ["k", "f", "ft"]);
    assert_eq!(
        add_keys(&c.table.name, &deferred, &c.parsers),
        "ALTER TABLE `d`.`a` ADD KEY `k` (`mail`(5) DESC), ADD KEY `f` ((`id` + 1)), ADD FULLTEXT KEY `ft` (`t`) WITH PARSER `ngram`"
    );
    assert_eq!(
        add_foreign_key(&c.table.name, &c.table.foreign_keys[0]),
        "ALTER TABLE `d`.`a` ADD CONSTRAINT `fk` FOREIGN KEY (`mail`) REFERENCES `d`.`o` (`p`) ON DELETE CASCADE"
    );
}

#[test]
fn an_auto_increment_keeps_its_only_key() {
    let d = definition(
        "CREATE TABLE `a` (`id` int NOT NULL AUTO_INCREMENT, `b` int, KEY `b` (`b`), KEY `i` (`id`))",
        &Dialect::default(),
    );
    let names: Vec<_> = deferred_keys(&d.table)
        .iter()
        .map(|k| k.name.clone())
        .collect();
    assert_eq!(names, ["b"]);
    assert!(create_table(&d.table, &mysql()).contains("KEY `i`"));
}

#[test]
fn conversion_to_mariadb() {
    let d = definition(WIDE, &Dialect::default());
    let c = convert(&d, Family::MySql, &mariadb()).expect("converts");
    let column = |name: &str| &c.table.columns[c.table.column_index(name).expect(name)];
    assert_eq!(column("j").ty, ColumnType::Text(4));
    assert_eq!(
        column("name").collation.as_deref(),
        Some("utf8mb4_uca1400_nopad_as_cs")
    );
    assert_eq!(
        column("mail").collation.as_deref(),
        Some("utf8mb4_uca1400_nopad_ai_ci")
    );
    assert!(c.table.keys.iter().all(|k| k.name != "f"));
    let checks: Vec<_> = c
        .table
        .checks
        .iter()
        .map(|k| k.expression.as_str())
        .collect();
    assert_eq!(checks, ["json_valid(`j`)"]);
    assert!(c.parsers.is_empty());
    for word in [
        "JSON",
        "key f",
        "check a_chk_1",
        "parser ngram",
        "utf8mb4_0900_ai_ci becomes",
    ] {
        assert!(
            c.notes.iter().any(|n| n.contains(word)),
            "{word}: {:?}",
            c.notes
        );
    }
    let sql = create_table(&c.table, &mariadb());
    assert!(!sql.contains("STORED NOT NULL"), "{sql}");
    let back = definition(&sql, &mariadb().dialect).table;
    assert_eq!(
        differences(&c.table, &back, Scope::Rows),
        Vec::<String>::new()
    );
}

#[test]
fn conversion_to_oceanbase() {
    let d = definition(WIDE, &Dialect::default());
    let c = convert(&d, Family::MySql, &oceanbase()).expect("converts");
    let column = |name: &str| &c.table.columns[c.table.column_index(name).expect(name)];
    assert_eq!(column("name").collation.as_deref(), Some("utf8mb4_bin"));
    assert_eq!(
        column("mail").collation.as_deref(),
        Some("utf8mb4_general_ci")
    );
    assert_eq!(column("e").charset.as_deref(), Some("utf8mb4"));
    assert_eq!(column("j").default, None);
    assert!(
        c.notes
            .iter()
            .any(|n| n.starts_with("unique values of mail are equal there if they end in")),
        "{:?}",
        c.notes
    );
    let sql = create_table(&c.table, &oceanbase());
    assert!(!sql.contains("ENGINE"));
    let back = definition(&sql, &oceanbase().dialect).table;
    assert_eq!(
        differences(&c.table, &back, Scope::Rows),
        Vec::<String>::new()
    );
}

#[test]
fn a_type_without_counterpart_is_refused() {
    for (sql, dialect, from, target) in [
        (
            "CREATE TABLE `a` (`u` uuid)",
            Dialect::mariadb(),
            Family::MariaDb,
            mysql(),
        ),
        (
            "CREATE TABLE `a` (`u` inet6)",
            Dialect::mariadb(),
            Family::MariaDb,
            oceanbase(),
        ),
        (
            "CREATE TABLE `a` (`v` vector(3))",
            Dialect::default(),
            Family::MySql,
            mariadb(),
        ),
        (
            "CREATE TABLE `a` (`v` int DEFAULT nextval(`d`.`s`))",
            Dialect::mariadb(),
            Family::MariaDb,
            mariadb(),
        ),
    ] {
        let error = convert(&definition(sql, &dialect), from, &target).expect_err(sql);
        assert_eq!(error.kind(), Kind::SchemaUnsupported);
        assert!(error.to_string().contains("of table d.a for"), "{error}");
    }
}

#[test]
fn differences_are_named_and_spellings_are_not() {
    let wanted = definition(
        "CREATE TABLE `a` (`i` int DEFAULT '1', `d` decimal(5,2) DEFAULT '1.5', `t` datetime(3) DEFAULT '2020-01-01 00:00:00', `b` bit(5) DEFAULT b'101', `x` float DEFAULT '1e10', UNIQUE KEY `u` (`i`))",
        &Dialect::default(),
    )
    .table;
    let same = definition(
        "CREATE TABLE `a` (`I` int(11) DEFAULT 1, `d` decimal(5,2) DEFAULT 1.50, `t` datetime(3) DEFAULT '2020-01-01 00:00:00.000', `b` bit(5) DEFAULT 0x05, `x` float DEFAULT 10000000000, KEY `more` (`d`), UNIQUE KEY `other` (`i`)) COMMENT='y'",
        &Dialect::default(),
    )
    .table;
    assert_eq!(
        differences(&wanted, &same, Scope::Rows),
        Vec::<String>::new()
    );
    for (sql, word) in [
        (
            "`i` bigint DEFAULT 1, `d` decimal(5,2) DEFAULT 1.5",
            "columns are",
        ),
        (
            "`i` bigint DEFAULT 1, `d` decimal(5,2) DEFAULT 1.5, `t` datetime(3) DEFAULT '2020-01-01', `b` bit(5) DEFAULT 5, `x` float DEFAULT 1",
            "column i is",
        ),
        (
            "`i` int NOT NULL, `d` decimal(5,2), `t` datetime(3), `b` bit(5), `x` float",
            "NOT NULL",
        ),
        (
            "`i` int, `d` decimal(5,2), `t` datetime(3), `b` bit(5), `x` float, PRIMARY KEY (`d`)",
            "primary key",
        ),
        (
            "`i` int, `d` decimal(5,2), `t` datetime(3), `b` bit(5), `x` float",
            "unique key over (i) is missing",
        ),
        (
            "`i` int, `d` decimal(5,2), `t` datetime(3), `b` bit(5), `x` float, UNIQUE KEY (`i`), UNIQUE KEY (`x`)",
            "too many",
        ),
    ] {
        let actual = definition(&format!("CREATE TABLE `a` ({sql})"), &Dialect::default()).table;
        let found = differences(&wanted, &actual, Scope::Rows);
        assert!(found.iter().any(|d| d.contains(word)), "{sql}: {found:?}");
    }
}

/// The table behind the statement at the source, and the plan for the target.
fn plan(before: &Table, sql: &str, target: &Target) -> (Table, Vec<String>) {
    let source = Dialect::default();
    let Ddl::AlterTable { actions, .. } = parse_with(sql, "d", &source) else {
        panic!("{sql}");
    };
    let after = apply(before, &actions, &source).expect(sql);
    let at_target = |table: &Table| {
        let definition = Definition {
            table: table.clone(),
            parsers: BTreeMap::new(),
            invisible_keys: vec![],
            engine: None,
        };
        convert(&definition, Family::MySql, target)
            .expect(sql)
            .table
    };
    let plan = |now: &Table| {
        plan_alter(now, &actions, &after, Family::MySql, target)
            .expect(sql)
            .statements
    };
    // what is done is not done again, but for what can't be seen or does no harm
    let again = plan(&at_target(&after));
    assert!(
        again
            .iter()
            .all(|s| !s.contains("ADD ") && !s.contains("DROP ") && !s.contains("CHANGE ")),
        "{again:?}"
    );
    (after.clone(), plan(&at_target(before)))
}

#[test]
fn alter_statements_for_each_flavour() {
    let before = definition(
        "CREATE TABLE `a` (`id` int NOT NULL, `v` varchar(9), `w` int, PRIMARY KEY (`id`), KEY `w` (`w`)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci",
        &Dialect::default(),
    )
    .table;
    let sql = "ALTER TABLE a ADD KEY (x), ADD x varchar(5) DEFAULT 'q' AFTER id, RENAME COLUMN v TO y, DROP KEY w, ADD j json, COMMENT 'z', ALGORITHM=INPLACE";
    assert_eq!(
        plan(&before, sql, &mysql()).1,
        [
            "ALTER TABLE `d`.`a` DROP KEY `w`, ADD COLUMN `x` varchar(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL DEFAULT 'q' AFTER `id`, CHANGE COLUMN `v` `y` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL, ADD COLUMN `j` json NULL, COMMENT='z', ADD KEY `x` (`x`)"
        ]
    );
    assert!(
        plan(&before, sql, &mariadb()).1[0]
            .contains("`j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    );
    let (_, ob) = plan(&before, sql, &oceanbase());
    assert_eq!(ob.len(), 6);
    assert_eq!(ob[0], "ALTER TABLE `d`.`a` DROP KEY `w`");
    assert_eq!(ob[5], "ALTER TABLE `d`.`a` ADD KEY `x` (`x`)");
    assert!(ob[1].contains("utf8mb4_general_ci"));
}

#[test]
fn more_alterations() {
    let before = definition(
        "CREATE TABLE `a` (`id` int NOT NULL, `v` varchar(9), `w` int, PRIMARY KEY (`id`), UNIQUE KEY `w` (`w`), CONSTRAINT `c` CHECK ((`w` > 1)), CONSTRAINT `f` FOREIGN KEY (`w`) REFERENCES `o` (`p`))",
        &Dialect::default(),
    )
    .table;
    let first = |sql: &str, target: &Target| plan(&before, sql, target).1.join("; ");
    for (sql, wanted) in [
        (
            "ALTER TABLE a DROP CONSTRAINT c",
            "ALTER TABLE `d`.`a` DROP CONSTRAINT `c`",
        ),
        (
            "ALTER TABLE a DROP CONSTRAINT w",
            "ALTER TABLE `d`.`a` DROP KEY `w`",
        ),
        (
            "ALTER TABLE a DROP CONSTRAINT f",
            "ALTER TABLE `d`.`a` DROP FOREIGN KEY `f`",
        ),
        (
            "ALTER TABLE a DROP PRIMARY KEY, ADD PRIMARY KEY (w)",
            "ALTER TABLE `d`.`a` DROP PRIMARY KEY, ADD PRIMARY KEY (`w`)",
        ),
        (
            "ALTER TABLE a ADD CHECK (id > 0)",
            "ALTER TABLE `d`.`a` ADD CONSTRAINT `a_chk_1` CHECK (id > 0)",
        ),
        (
            "ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES o (p)",
            "ALTER TABLE `d`.`a` ADD CONSTRAINT `a_ibfk_1` FOREIGN KEY (`id`) REFERENCES `d`.`o` (`p`)",
        ),
        (
            "ALTER TABLE a ALTER w SET DEFAULT 5",
            "ALTER TABLE `d`.`a` ALTER COLUMN `w` SET DEFAULT '5'",
        ),
        (
            "ALTER TABLE a ALTER w SET INVISIBLE",
            "ALTER TABLE `d`.`a` MODIFY COLUMN `w` int NULL DEFAULT NULL INVISIBLE",
        ),
        (
            "ALTER TABLE a DROP v, ADD v int FIRST",
            "ALTER TABLE `d`.`a` DROP COLUMN `v`, ADD COLUMN `v` int NULL FIRST",
        ),
        (
            "ALTER TABLE a RENAME KEY w TO z",
            "ALTER TABLE `d`.`a` RENAME KEY `w` TO `z`",
        ),
        ("ALTER TABLE a ENGINE=InnoDB", ""),
        (
            "ALTER TABLE a DROP COLUMN v, RENAME TO e.b",
            "ALTER TABLE `d`.`a` DROP COLUMN `v`, RENAME TO `e`.`b`",
        ),
    ] {
        if sql.contains("DROP v") {
            // dropping and adding the same name looks the same before and behind it
            let before =
                definition("CREATE TABLE `a` (`id` int, `v` text)", &Dialect::default()).table;
            let actions = match parse_with(sql, "d", &Dialect::default()) {
                Ddl::AlterTable { actions, .. } => actions,
                other => panic!("{other:?}"),
            };
            let after = apply(&before, &actions, &Dialect::default()).expect(sql);
            let got = plan_alter(&before, &actions, &after, Family::MySql, &mariadb()).expect(sql);
            assert_eq!(got.statements, [wanted]);
            continue;
        }
        if sql.contains("PRIMARY") {
            continue;
        }
        assert_eq!(
            first(sql, &mariadb()).replace(" DEFAULT NULL", ""),
            wanted.replace(" DEFAULT NULL", ""),
            "{sql}"
        );
    }
}

#[test]
fn columns_that_swap_names_are_refused() {
    let before = definition("CREATE TABLE `a` (`a` int, `b` int)", &Dialect::default()).table;
    let sql = "ALTER TABLE a CHANGE a b int, CHANGE b a int";
    let Ddl::AlterTable { actions, .. } = parse_with(sql, "d", &Dialect::default()) else {
        panic!("{sql}");
    };
    let after = apply(&before, &actions, &Dialect::default()).expect(sql);
    let error = plan_alter(&before, &actions, &after, Family::MySql, &mysql()).expect_err(sql);
    assert_eq!(error.kind(), Kind::SchemaUnsupported);
}

#[test]
fn conversions_of_character_sets_become_columns() {
    let before = definition(
        "CREATE TABLE `a` (`v` varchar(9), `w` int) DEFAULT CHARSET=latin1",
        &Dialect::default(),
    )
    .table;
    let sql = "ALTER TABLE a CONVERT TO CHARACTER SET utf8mb4";
    assert_eq!(
        plan(&before, sql, &mysql()).1,
        [
            "ALTER TABLE `d`.`a` MODIFY COLUMN `v` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL, DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci"
        ]
    );
    assert!(plan(&before, sql, &oceanbase()).1.is_empty());
}
