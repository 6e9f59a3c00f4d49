//! Differences of every kind, planted in tables of every shape: all of them are found, and nothing
//! else is.

use oms::component::contract::Finish;
use oms::component::full_verification::DiffKind::{self, ImageOnly, MasterOnly, Mismatched};
use oms::component::full_verification::ResultType;

use crate::fixture::{Verification, both, pair};
use crate::harness::Kind;

/// A table of each shape, with rows (in `numbers` floats of 0 beside other columns: tiflow 12533 lost
/// the row's whole checksum there); each is the same on both sides at first.
const TABLES: &str = "
SET SESSION sql_mode = '';
CREATE DATABASE v CHARACTER SET utf8mb4;
CREATE TABLE v.numbers (id INT PRIMARY KEY, n BIGINT NULL, d DECIMAL(20,4), f FLOAT, g DOUBLE, z INT(8) ZEROFILL);
INSERT INTO v.numbers SELECT seq, seq * 3, seq / 7, seq / 3, seq / 9, seq FROM seq_1_to_5000;
INSERT INTO v.numbers VALUES (-5, NULL, NULL, NULL, NULL, NULL), (0, 0, 0, 0, 0, 0), (6001, 1, 1, 0, 0, 1);
CREATE TABLE v.composite (a INT, b DATETIME(3), c VARBINARY(8), v TEXT, PRIMARY KEY (a, b, c));
INSERT INTO v.composite SELECT seq % 7, '2024-01-01' + INTERVAL seq SECOND, CHAR(seq % 256), REPEAT('x', seq % 50) FROM seq_1_to_3000;
CREATE TABLE v.names (name VARCHAR(40) COLLATE utf8mb4_unicode_ci PRIMARY KEY, v VARCHAR(100));
INSERT INTO v.names SELECT CONCAT(ELT(seq % 4 + 1, 'a', 'É', 'ß', '表'), seq), seq FROM seq_1_to_3000;
CREATE TABLE v.mixed (t CHAR(10) COLLATE utf8mb4_general_ci, n INT, v BLOB, PRIMARY KEY (t, n));
INSERT INTO v.mixed SELECT CONCAT('k', seq % 50), seq, UNHEX(SHA1(seq)) FROM seq_1_to_2000;
CREATE TABLE v.enums (e ENUM('z','a','m'), n INT, s SET('x','y','w'), v INT, PRIMARY KEY (e, n));
INSERT INTO v.enums SELECT seq % 3 + 1, seq, seq % 8, seq FROM seq_1_to_1000;
CREATE TABLE v.enumtext (e ENUM('z','a','m'), t VARCHAR(9), v INT, PRIMARY KEY (e, t));
INSERT INTO v.enumtext SELECT seq % 3 + 1, seq, seq FROM seq_1_to_1000;
CREATE TABLE v.keyless (a INT, b VARCHAR(20) NULL, c DOUBLE);
INSERT INTO v.keyless SELECT seq % 20, IF(seq % 20 = 3, NULL, 'b'), 0.5 FROM seq_1_to_2000;
CREATE TABLE v.unikey (id INT NULL, k BINARY(4) NOT NULL, v INT, UNIQUE KEY k (k), UNIQUE KEY id (id));
INSERT INTO v.unikey SELECT IF(seq % 2, NULL, seq), CONCAT('\\0', CHAR(seq DIV 256), CHAR(seq % 256)), seq FROM seq_1_to_1500;
CREATE TABLE v.values_ (id INT PRIMARY KEY, t VARCHAR(20) NULL, c CHAR(9), x TEXT, b BLOB, bi BIT(12), j JSON,
  d DATE, ti TIME(3), ts TIMESTAMP NULL, y YEAR, l VARCHAR(9) CHARACTER SET latin1, r VARCHAR(9) CHARACTER SET latin2, g INT AS (id * 2) STORED);
INSERT INTO v.values_ (id, t, c, x, b, bi, j, d, ti, ts, y, l, r) SELECT seq, 'text', 'char', 'x', 'b', 5, '{\"a\": 1}', '2024-02-29', '-10:00:00.5', '2024-01-01 00:00:00', 2024, 'é', 'ł' FROM seq_1_to_40;
INSERT INTO v.values_ (id, d, ts) VALUES (100, '0000-00-00', '0000-00-00 00:00:00');
CREATE TABLE v.floats (k FLOAT, m DOUBLE, v INT, PRIMARY KEY (k, m));
INSERT INTO v.floats SELECT seq / 7 - 20, seq / 11, seq FROM seq_1_to_800;
CREATE TABLE v.decimals (k DECIMAL(12,3), t TIME, v INT, PRIMARY KEY (k, t));
INSERT INTO v.decimals SELECT (CAST(seq AS SIGNED) - 300) / 8, SEC_TO_TIME(CAST(seq AS SIGNED) - 400), seq FROM seq_1_to_700;
CREATE TABLE v.bits (k BIT(20) PRIMARY KEY, v INT);
INSERT INTO v.bits SELECT seq * 5, seq FROM seq_1_to_700;
CREATE TABLE v.empty (id INT PRIMARY KEY);
CREATE TABLE v.source_only (id INT PRIMARY KEY);
CREATE TABLE v.target_only (id VARCHAR(9) PRIMARY KEY);
CREATE TABLE v.prefix (t TEXT, v INT, UNIQUE KEY p (t(10)));
INSERT INTO v.prefix SELECT seq, seq FROM seq_1_to_100;
";

/// Table, statement at the target, the differences that it makes.
type Plant = (
    &'static str,
    &'static str,
    &'static [(DiffKind, &'static str)],
);

/// What is planted.
const PLANTS: &[Plant] = &[
    (
        "numbers",
        "DELETE FROM v.numbers WHERE id IN (-5, 2500); INSERT INTO v.numbers (id) VALUES (-9), (7000);
         UPDATE v.numbers SET n = NULL WHERE id = 1; UPDATE v.numbers SET n = 0 WHERE id = 2;
         UPDATE v.numbers SET g = g + 1e-13 WHERE id = 3; UPDATE v.numbers SET f = 0.33333334 * 4.0000005 WHERE id = 4;
         UPDATE v.numbers SET d = d + 0.0001 WHERE id = 5; UPDATE v.numbers SET f = NULL WHERE id = 0;
         UPDATE v.numbers SET n = 2 WHERE id = 6001",
        &[
            (MasterOnly, "-5"), (MasterOnly, "2500"), (ImageOnly, "-9"), (ImageOnly, "7000"),
            (Mismatched, "0"), (Mismatched, "1"), (Mismatched, "2"), (Mismatched, "3"), (Mismatched, "4"),
            (Mismatched, "5"), (Mismatched, "6001"),
        ],
    ),
    (
        "composite",
        "DELETE FROM v.composite WHERE b = '2024-01-01 00:00:05'; UPDATE v.composite SET v = CONCAT(v, ' ') WHERE b = '2024-01-01 00:00:06';
         INSERT INTO v.composite VALUES (1, '2024-01-01 00:00:08.001', '', 'new')",
        &[(MasterOnly, "5,2024-01-01 00:00:05.000,0x05"), (ImageOnly, "1,2024-01-01 00:00:08.001,0x"), (Mismatched, "6,2024-01-01 00:00:06.000,0x06")],
    ),
    (
        "names",
        "DELETE FROM v.names WHERE name = 'É1'; INSERT INTO v.names VALUES ('zzz', 'new'); UPDATE v.names SET name = 'A100' WHERE name = 'a100';
         UPDATE v.names SET name = 'e1001' WHERE name = 'É1001'; UPDATE v.names SET v = '3 ' WHERE name = '表3'",
        &[(MasterOnly, "É1"), (ImageOnly, "zzz"), (Mismatched, "a100"), (Mismatched, "É1001"), (Mismatched, "表3")],
    ),
    (
        "mixed",
        "DELETE FROM v.mixed WHERE n = 77; UPDATE v.mixed SET v = CONCAT(v, '\\0') WHERE n = 78; INSERT INTO v.mixed VALUES ('k', 0, '')",
        &[(MasterOnly, "k27,77"), (ImageOnly, "k,0"), (Mismatched, "k28,78")],
    ),
    (
        "enums",
        "DELETE FROM v.enums WHERE n = 10; UPDATE v.enums SET s = 'y' WHERE n = 11; INSERT INTO v.enums VALUES ('a', 5000, '', 1)",
        &[(MasterOnly, "a,10"), (ImageOnly, "a,5000"), (Mismatched, "m,11")],
    ),
    (
        "enumtext",
        "DELETE FROM v.enumtext WHERE t = '10'; UPDATE v.enumtext SET v = 0 WHERE t = '11'; INSERT INTO v.enumtext VALUES ('a', 'new', 1)",
        &[(MasterOnly, "a,10"), (ImageOnly, "a,new"), (Mismatched, "m,11")],
    ),
    (
        "unikey",
        "DELETE FROM v.unikey WHERE v = 5; UPDATE v.unikey SET id = 99999 WHERE v = 6; INSERT INTO v.unikey VALUES (NULL, 'zz', 1)",
        &[(MasterOnly, "0x00000500"), (ImageOnly, "0x7a7a0000"), (Mismatched, "0x00000600")],
    ),
    (
        "values_",
        "UPDATE v.values_ SET t = '' WHERE id = 1; UPDATE v.values_ SET t = NULL WHERE id = 2; UPDATE v.values_ SET t = 'text ' WHERE id = 3;
         UPDATE v.values_ SET c = 'Char' WHERE id = 4; UPDATE v.values_ SET x = 'x\\n' WHERE id = 5; UPDATE v.values_ SET b = 'b\\0' WHERE id = 6;
         UPDATE v.values_ SET bi = 1280 WHERE id = 7; UPDATE v.values_ SET j = '{\"a\":2}' WHERE id = 8; UPDATE v.values_ SET d = '2024-02-28' WHERE id = 9;
         UPDATE v.values_ SET ti = '10:00:00.5' WHERE id = 10; UPDATE v.values_ SET ts = '2024-01-01 00:00:01' WHERE id = 11; UPDATE v.values_ SET y = 0 WHERE id = 12;
         UPDATE v.values_ SET l = 'e' WHERE id = 13; UPDATE v.values_ SET r = 'l' WHERE id = 14; UPDATE v.values_ SET x = '' WHERE id = 15;
         UPDATE v.values_ SET d = NULL WHERE id = 100; UPDATE v.values_ SET c = 'char   ' WHERE id = 20",
        &[
            (Mismatched, "1"), (Mismatched, "10"), (Mismatched, "100"), (Mismatched, "11"), (Mismatched, "12"), (Mismatched, "13"),
            (Mismatched, "14"), (Mismatched, "15"), (Mismatched, "2"), (Mismatched, "3"), (Mismatched, "4"), (Mismatched, "5"),
            (Mismatched, "6"), (Mismatched, "7"), (Mismatched, "8"), (Mismatched, "9"),
        ],
    ),
    ("floats", "UPDATE v.floats SET v = 0 WHERE v = 140; DELETE FROM v.floats WHERE v = 7", &[
        (MasterOnly, "-19,0.636363636"), (Mismatched, "0,12.727272727"),
    ]),
    ("decimals", "UPDATE v.decimals SET v = 0 WHERE v = 300; DELETE FROM v.decimals WHERE v = 1; INSERT INTO v.decimals VALUES (0, '-00:00:01', 1)", &[
        (MasterOnly, "-37.375,-00:06:39"), (ImageOnly, "0.000,-00:00:01"), (Mismatched, "0.000,-00:01:40"),
    ]),
    ("bits", "DELETE FROM v.bits WHERE v = 60; UPDATE v.bits SET v = 0 WHERE v = 400", &[
        (MasterOnly, "0x00012c"), (Mismatched, "0x0007d0"),
    ]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_difference_is_found_and_nothing_else() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, TABLES).await;
    let equal = Verification::new(&source, &target, "v").await;
    assert_eq!(
        equal.run().await.expect("comparing equal tables"),
        Finish::Done
    );
    for (table, said) in equal.log.0.lock().iter() {
        assert!(
            said.result().is_equal(),
            "{table}: {:?} {:?}",
            said.outcome,
            said.found()
        );
        assert_eq!(said.differences, []);
        let empty = matches!(table.name.as_str(), "empty" | "source_only" | "target_only");
        assert_eq!(said.result() == ResultType::BothEmpty, empty, "{table}");
    }
    assert_eq!(equal.said("v.numbers").outcome().counts.consistent, 5003);

    for (table, sql, _) in PLANTS {
        target.exec(&format!("SET sql_mode = ''; {sql}")).await;
        let _ = table;
    }
    source
        .exec("INSERT INTO v.source_only VALUES (1), (2)")
        .await;
    target
        .exec("INSERT INTO v.target_only VALUES ('1'), ('2'), ('3')")
        .await;
    target.exec("DELETE FROM v.keyless WHERE a = 5 LIMIT 3; INSERT INTO v.keyless VALUES (1, 'b', 0.5), (1, 'b', 0.5), (99, '', -0.25); UPDATE v.keyless SET b = '' WHERE a = 3 LIMIT 1").await;
    target
        .exec("UPDATE v.prefix SET v = 0 WHERE t = '50'")
        .await;

    for workers in [1, 4] {
        let mut check = Verification::new(&source, &target, "v").await;
        check.options.workers = workers;
        assert_eq!(check.run().await.expect("comparing"), Finish::Done);
        for (table, _, expected) in PLANTS {
            let said = check.said(&format!("v.{table}"));
            let expected: Vec<_> = expected
                .iter()
                .map(|(k, v)| (*k, (*v).to_owned()))
                .collect();
            assert_eq!(said.found(), expected, "{table}");
            assert_eq!(said.result(), ResultType::Inconsistent, "{table}");
            assert_eq!(said.outcome().counts.differences(), expected.len() as u64);
        }
        assert_eq!(
            check.said("v.source_only").result(),
            ResultType::TargetEmpty
        );
        assert_eq!(
            check.said("v.target_only").result(),
            ResultType::SourceEmpty
        );
        assert_eq!(check.said("v.target_only").found().len(), 3);
        assert_eq!(check.said("v.empty").result(), ResultType::BothEmpty);
        let keyless = check.said("v.keyless");
        let mut rows: Vec<_> = keyless
            .differences
            .iter()
            .map(|d| (d.kind as u8, d.rows))
            .collect();
        rows.sort_unstable();
        assert_eq!(rows, [(0, 1), (0, 3), (1, 1), (1, 1), (1, 2)]);
        assert_eq!(keyless.outcome().counts.source_only, 4);
        assert_eq!(keyless.outcome().counts.dest_only, 4);
        assert_eq!(check.said("v.prefix").outcome().counts.differences(), 2);
        assert_eq!(check.progress.read().detail["tables_compared"], 16);
        assert_eq!(check.progress.read().detail["inconsistencies"], {
            let logged = check.log.0.lock();
            logged
                .values()
                .map(|s| s.outcome().counts.differences())
                .sum::<u64>()
        });
        files_say_the_same(&check);
    }
}

/// The files hold what the log holds.
fn files_say_the_same(check: &Verification) {
    let said = check.said("v.numbers");
    let diff = check.folder().join("verify/1/v/diff/numbers.diff");
    assert_eq!(said.outcome().diff_file.as_deref(), diff.to_str());
    let text = std::fs::read_to_string(diff).expect("the diff file");
    assert_eq!(text.lines().count(), said.differences.len());
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
        assert!(
            value["type"].is_string() && value["key"].is_array(),
            "{line}"
        );
    }
    let sql = std::fs::read_to_string(check.folder().join("verify/1/v/sql/numbers.sql"))
        .expect("the SQL file");
    assert!(
        sql.contains("DELETE FROM `v`.`numbers` WHERE `id`=-9;\n"),
        "{sql}"
    );
    assert!(sql.contains("INSERT INTO `v`.`numbers` (`id`,`n`,`d`,`f`,`g`,`z`) VALUES (-5,NULL,NULL,NULL,NULL,NULL);\n"), "{sql}");
    assert!(
        sql.contains("UPDATE `v`.`numbers` SET `n`=3 WHERE `id`=1;\n"),
        "{sql}"
    );
    assert!(check.said("v.empty").outcome().diff_file.is_none());
}
