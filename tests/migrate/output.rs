//! What scripts read: the shape of every JSON document.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::server::start_all;
use crate::harness::{Kind, Migration, Options};

/// A document with its figures, ids and times replaced by their kinds; names of states stay.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        // One of each shape is enough.
        Value::Array(items) => {
            let mut shapes: Vec<_> = items.iter().map(shape).collect();
            shapes.dedup();
            Value::Array(shapes)
        }
        Value::Number(_) => json!("(number)"),
        Value::Bool(_) => json!("(boolean)"),
        Value::Null => Value::Null,
        Value::String(text) => {
            let state =
                !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if state {
                value.clone()
            } else {
                json!("(text)")
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_keep_their_shape() {
    let options = Options::default;
    let [source, target] =
        start_all([(Kind::MariaDb, options()), (Kind::MariaDb, options())]).await;
    source.exec(
        "CREATE DATABASE small; CREATE TABLE small.a (id INT PRIMARY KEY, v INT); INSERT INTO small.a VALUES (1, 1)",
    ).await;
    let migration = Migration::new(source.url(), target.url())
        .include("small.*")
        .arg("--name")
        .arg("small");
    let ended = migration.caught_up().await.expect(0);
    insta::assert_json_snapshot!("migrate", shape(&ended.json()));
    target.exec("UPDATE small.a SET v = 2").await;
    migration.caught_up().await.expect(1);
    let list = migration
        .project(&["list", "--output", "json"])
        .await
        .expect(0);
    insta::assert_json_snapshot!("project_list", shape(&list.json()));
    let result = migration
        .project(&["verify-result", "small", "--output", "json"])
        .await
        .expect(1);
    insta::assert_json_snapshot!("verify_result", shape(&result.json()));
    let show = migration
        .project(&["show", "small", "--output", "json"])
        .await
        .expect(0);
    insta::assert_json_snapshot!("project_show", shape(&show.json()));
    let none = migration
        .project(&["show", "nobody", "--output", "json"])
        .await
        .expect(2);
    insta::assert_json_snapshot!("error", shape(&none.json()));

    // And the words for people.
    for arguments in [["list", "--output", "text"], ["show", "small", "--steps"]] {
        let text = migration.project(&arguments).await.expect(0);
        assert!(
            text.stdout.contains("small") && text.stdout.contains("INCR_TRANSFER")
                || arguments[0] == "list",
            "{text}"
        );
    }
    let help = migration
        .run(vec!["help".into(), "migrate".into()])
        .ended(Duration::from_secs(10))
        .await
        .expect(0);
    assert!(help.stdout.contains("--include"), "{help}");
    let wrong = migration
        .run(vec!["migrate".into(), "--inklude".into()])
        .ended(Duration::from_secs(10))
        .await
        .expect(2);
    assert!(wrong.stderr.contains("--inklude"), "{wrong}");
}
