//! Differences that somebody made at the target are found, listed, and corrected on request.

use crate::harness::server::start_all;
use crate::harness::{Kind, Migration, Options, same_rows};

async fn finds_and_corrects(from: Kind, to: Kind) {
    let [source, target] = start_all([(from, Options::default()), (to, Options::default())]).await;
    source.load_shop().await;
    let migration = Migration::shop(&source, &target);
    migration.caught_up().await.expect(0);

    // One row missing, one too many, three with other values, and one of equal rows without a key.
    target
        .exec(
            "SET foreign_key_checks = 0; DELETE FROM shop.payments WHERE id = 3; \
         INSERT INTO shop.warehouses VALUES ('WH-X', 'nowhere', '00:00:00', '00:00:00', 1); \
         UPDATE shop.products SET description = CONCAT(description, ' ') WHERE id = 11; \
         UPDATE shop.customers SET credit = credit + 0.0001 WHERE id = 20000; \
         UPDATE shop.stock SET shelf = NULL WHERE shelf = 7; DELETE FROM shop.clicks LIMIT 1",
        )
        .await;
    let found = migration.caught_up().await.expect(1);
    let json = found.json();
    assert_eq!(json["differences"], 6, "{found}");
    assert_eq!(json["tablesConsistent"], 11, "{found}");
    let id = json["projectId"].as_str().expect("an id");
    let listed = migration
        .project(&["verify-result", id, "--output", "json"])
        .await
        .expect(1);
    let json = listed.json();
    assert_eq!(json["differentNumber"], 6, "{listed}");
    let rows = json["inconsistencies"].as_array().expect("a list");
    assert_eq!(rows.len(), 6, "{listed}");
    for row in rows {
        assert!(
            row["correctionSql"]
                .as_str()
                .is_some_and(|sql| !sql.is_empty()),
            "{row:#}"
        );
    }
    let keys = rows
        .iter()
        .map(|row| row["failedRecordUniqueKeys"].to_string())
        .collect::<String>();
    assert!(keys.contains("WH-X") && keys.contains("20000"), "{keys}");
    let text = migration.project(&["verify-result", id]).await.expect(1);
    assert!(
        text.stdout.contains("shop.payments") && text.stdout.contains("INCONSISTENT"),
        "{text}"
    );

    let corrected = migration.arg("--correct").caught_up_again().await;
    corrected.caught_up().await.expect(0);
    same_rows(&source, &target, "shop").await;
}

impl Migration {
    /// Runs with `--correct`: what it corrected is no difference any more.
    async fn caught_up_again(self) -> Self {
        let ended = self.caught_up().await.expect(0);
        let json = ended.json();
        assert_eq!(json["corrected"], 6, "{ended}");
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_oceanbase() {
    finds_and_corrects(Kind::MySql, Kind::OceanBase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_mariadb() {
    finds_and_corrects(Kind::MySql, Kind::MariaDb).await;
}
