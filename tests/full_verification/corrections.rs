//! Corrections: by the work itself, and by hand with the file.

use oms::component::contract::Finish;
use oms::component::full_verification::ResultType;

use crate::fixture::{Verification, both, pair};
use crate::harness::{Kind, compare_tables, process, tables_of};

const TABLES: &str = "
CREATE DATABASE c CHARACTER SET utf8mb4;
CREATE TABLE c.swaps (id INT PRIMARY KEY, u INT NOT NULL, v VARCHAR(50), UNIQUE KEY u (u));
INSERT INTO c.swaps SELECT seq, seq, CONCAT('it''s \\\\ ', seq, '\\n') FROM seq_1_to_2000;
CREATE TABLE c.names (k VARCHAR(20) COLLATE utf8mb4_unicode_ci PRIMARY KEY, b BLOB, x TEXT, f FLOAT, bi BIT(9), g INT AS (LENGTH(x)) VIRTUAL, r VARCHAR(9) CHARACTER SET latin2);
INSERT INTO c.names (k, b, x, f, bi, r) SELECT CONCAT('k', seq), UNHEX(SHA1(seq)), REPEAT('é', seq), seq / 3, seq, 'ł' FROM seq_1_to_500;
CREATE TABLE c.keyless (a INT, b VARCHAR(20) NULL, f FLOAT, x BLOB, bi BIT(9), r VARCHAR(9) CHARACTER SET latin2, d DATETIME(2));
INSERT INTO c.keyless SELECT seq % 50, IF(seq % 5, NULL, 'B'), seq % 3 / 7, 'x', seq % 4, 'ł', '2024-01-01' FROM seq_1_to_1000;
CREATE TABLE c.empty (id INT PRIMARY KEY, j JSON);
";

const DAMAGE: &str = "
UPDATE c.swaps SET u = -u WHERE id IN (1, 2); UPDATE c.swaps SET u = 1 WHERE id = 2; UPDATE c.swaps SET u = 2 WHERE id = 1;
DELETE FROM c.swaps WHERE id = 10; INSERT INTO c.swaps VALUES (9999, 10, 'holds the missing row''s value');
UPDATE c.swaps SET v = NULL WHERE id BETWEEN 100 AND 900;
UPDATE c.names SET k = 'K1' WHERE k = 'k1'; UPDATE c.names SET b = '' , x = 'e', f = 1, bi = 3, r = 'l' WHERE k = 'k2';
DELETE FROM c.names WHERE k IN ('k3', 'k4'); INSERT INTO c.names (k, x) VALUES ('new', 'x');
DELETE FROM c.keyless WHERE a = 7; UPDATE c.keyless SET b = 'b' WHERE a = 10 LIMIT 2; INSERT INTO c.keyless (a) VALUES (1), (1), (1);
INSERT INTO c.empty VALUES (1, '[1, 2]'), (2, NULL);
";

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_target_is_equal() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, TABLES).await;
    target.exec(DAMAGE).await;
    let mut check = Verification::new(&source, &target, "c").await;
    check.options.correct = true;
    assert_eq!(check.run().await.expect("correcting"), Finish::Done);
    for (table, said) in check.log.0.lock().iter() {
        assert!(said.result().is_equal(), "{table}: {:?}", said.outcome);
        assert!(said.outcome().counts.corrected > 0, "{table}");
        assert_eq!(said.corrected.len(), said.differences.len(), "{table}");
    }
    let swaps = check.said("c.swaps").outcome().counts;
    assert_eq!((swaps.corrected, swaps.differences()), (2 + 2 + 801, 0));
    assert_eq!(check.said("c.empty").result(), ResultType::Consistent);
    assert_equal(&source, &target).await;
    let again = Verification::new(&source, &target, "c").await;
    again.run().await.expect("comparing again");
    assert!(
        again
            .log
            .0
            .lock()
            .values()
            .all(|said| said.result().is_equal())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_correction_files_can_be_run_by_hand() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, TABLES).await;
    target.exec(DAMAGE).await;
    let check = Verification::new(&source, &target, "c").await;
    check.run().await.expect("comparing");
    for table in ["names", "keyless", "empty"] {
        let file = check.folder().join(format!("verify/1/c/sql/{table}.sql"));
        let input = std::fs::File::open(&file).expect("the SQL file");
        let status = process::bound("mariadb")
            .args(["--no-defaults", "-h127.0.0.1", "-uroot", "-P"])
            .arg(target.port().to_string())
            .stdin(input)
            .status()
            .expect("the client runs");
        assert!(status.success(), "{}", file.display());
    }
    let again = Verification::new(&source, &target, "c").await;
    again.run().await.expect("comparing again");
    for table in ["c.names", "c.keyless", "c.empty"] {
        assert!(
            again.said(table).result().is_equal(),
            "{table}: {:?}",
            again.said(table)
        );
    }
}

/// By another hand: the harness's own comparison.
async fn assert_equal(source: &crate::harness::Server, target: &crate::harness::Server) {
    let (mut s, mut t) = (source.conn().await, target.conn().await);
    let tables = tables_of(&mut s, "c").await.expect("tables");
    let found = compare_tables(&mut s, &mut t, &tables, 5)
        .await
        .expect("compare");
    assert_eq!(found, []);
}
