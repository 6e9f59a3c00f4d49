//! Bounds: too many differences, tables that cannot be compared, work that is resumed.

use oms::component::contract::Finish;
use oms::component::full_verification::ResultType;
use oms::error::Kind as ErrorKind;

use crate::fixture::{Verification, both, pair};
use crate::harness::Kind;

#[tokio::test(flavor = "multi_thread")]
async fn too_many_differences_end_a_table_early() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, "
        CREATE DATABASE l;
        CREATE TABLE l.ints (id INT PRIMARY KEY, v INT);
        CREATE TABLE l.texts (id VARCHAR(9) PRIMARY KEY, v INT);
        CREATE TABLE l.enums (e ENUM('a','b'), id INT, v INT, PRIMARY KEY (e, id));
        CREATE TABLE l.keyless (id INT, v INT);
        CREATE TABLE l.few (id INT PRIMARY KEY, v INT);
        INSERT INTO l.ints SELECT seq, 1 FROM seq_1_to_5000; INSERT INTO l.texts SELECT seq, 1 FROM seq_1_to_5000;
        INSERT INTO l.enums SELECT 'a', seq, 1 FROM seq_1_to_5000; INSERT INTO l.keyless SELECT seq, 1 FROM seq_1_to_5000;
        INSERT INTO l.few SELECT seq, 1 FROM seq_1_to_5000").await;
    target.exec("UPDATE l.ints SET v = 2 WHERE id > 100; UPDATE l.texts SET v = 2; UPDATE l.enums SET v = 2; UPDATE l.keyless SET v = 2;
        UPDATE l.few SET v = 2 WHERE id % 1000 = 0").await;
    let mut check = Verification::new(&source, &target, "l").await;
    check.options.table_diff_max = 150;
    check.options.table_nonunique_max = 150;
    assert_eq!(check.run().await.expect("comparing"), Finish::Done);
    for table in ["l.ints", "l.texts", "l.enums"] {
        let said = check.said(table);
        assert_eq!(said.result(), ResultType::MismatchLimit, "{table}");
        assert_eq!(said.outcome().counts.mismatched, 150, "{table}");
        let found = said.found();
        assert!(
            found.windows(2).all(|w| w[0] != w[1]),
            "{table}: no key twice"
        );
        assert!(said.outcome().message.contains("not compared"));
    }
    assert_eq!(
        check.said("l.keyless").result(),
        ResultType::MismatchLimitNoPk
    );
    assert_eq!(check.said("l.keyless").outcome().counts.differences(), 150);
    assert_eq!(check.said("l.few").result(), ResultType::Inconsistent);
    assert_eq!(check.said("l.few").outcome().counts.mismatched, 5);

    // with corrections the limit bounds what is open at a time, not the whole
    let mut check = Verification::new(&source, &target, "l").await;
    check.options.table_diff_max = 150;
    check.options.table_nonunique_max = 1500;
    check.options.correct = true;
    check.run().await.expect("correcting");
    for table in ["l.ints", "l.texts", "l.enums", "l.keyless", "l.few"] {
        assert_eq!(
            check.said(table).result(),
            ResultType::Consistent,
            "{table}: {:?}",
            check.said(table).outcome
        );
    }
    assert_eq!(check.said("l.ints").outcome().counts.corrected, 4900);
    assert_eq!(check.said("l.enums").outcome().counts.corrected, 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_cannot_be_compared_say_so() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, "
        CREATE DATABASE l; CREATE TABLE l.missing (id INT PRIMARY KEY); CREATE TABLE l.columns (id INT PRIMARY KEY, a INT, b INT);
        CREATE TABLE l.fine (id INT PRIMARY KEY); INSERT INTO l.fine VALUES (1);
        CREATE TABLE l.gone (id INT PRIMARY KEY); INSERT INTO l.gone VALUES (1)").await;
    target
        .exec("DROP TABLE l.missing; ALTER TABLE l.columns DROP a, ADD c INT")
        .await;
    let check = Verification::new(&source, &target, "l").await;
    source.exec("DROP TABLE l.gone").await;
    let error = check
        .run()
        .await
        .expect_err("one table could not be compared");
    assert_eq!(error.kind(), ErrorKind::ObjectMissing, "{error}");
    assert_eq!(
        check.said("l.missing").result(),
        ResultType::TargetTableNotExist
    );
    let columns = check.said("l.columns");
    assert_eq!(columns.result(), ResultType::SchemaMismatch);
    assert!(
        columns.outcome().message.contains("lacks column a")
            && columns.outcome().message.contains("column c")
    );
    assert_eq!(check.said("l.fine").result(), ResultType::Consistent);
    assert_eq!(check.said("l.gone").result(), ResultType::RuntimeException);

    // the same run goes on: what was compared is not compared again, what failed is
    source
        .exec("CREATE TABLE l.gone (id INT PRIMARY KEY); INSERT INTO l.gone VALUES (1)")
        .await;
    assert_eq!(check.run().await.expect("comparing the rest"), Finish::Done);
    assert_eq!(check.said("l.gone").result(), ResultType::Consistent);
    assert_eq!(
        (
            check.said("l.gone").begun,
            check.said("l.fine").begun,
            check.said("l.missing").begun
        ),
        (2, 1, 1)
    );
    assert_eq!(check.progress.read().detail["tables_compared"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_work_ends_at_once_and_goes_on_later() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(
        &source,
        &target,
        "
        CREATE DATABASE l; CREATE TABLE l.big (id INT PRIMARY KEY, v VARCHAR(200));
        INSERT INTO l.big SELECT seq, REPEAT('x', 180) FROM seq_1_to_200000;
        CREATE TABLE l.keyless (id INT, v VARCHAR(200)); INSERT INTO l.keyless SELECT * FROM l.big",
    )
    .await;
    // a target that does not answer any more
    let mut check = Verification::new(&source, &target, "l").await;
    let running = tokio::spawn(check.start());
    let begun = || async { Ok::<_, String>((check.progress.read().done > 1000).then_some(())) };
    crate::harness::wait_until("rows compared", std::time::Duration::from_secs(60), begun).await;
    target.pause();
    check.cancel.cancel();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(2), running).await;
    target.resume();
    let finish = ended.expect("it ends within 2 s").expect("no panic");
    assert_eq!(finish.expect("no error"), Finish::Cancelled);
    check.cancel = tokio_util::sync::CancellationToken::new();
    assert_eq!(check.run().await.expect("comparing"), Finish::Done);
    assert_eq!(check.said("l.big").outcome().counts.consistent, 200_000);
    assert_eq!(check.said("l.keyless").outcome().counts.consistent, 200_000);
}
