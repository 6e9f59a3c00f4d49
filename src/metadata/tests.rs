//! What is particular to SQLite and to opening. The suite that every database passes is in
//! `tests/rm`.

use std::path::Path;

use entity::{all_enums, all_tables, all_views};
use sea_orm::{ConnectionTrait, Database};
use serde_json::json;

use super::*;

async fn migrated(path: &Path) -> Metadata {
    let url = format!("sqlite://{}", path.display());
    let meta = Metadata::open(&url).await.expect("a new file");
    meta.migrate().await.expect("a schema");
    meta
}

#[tokio::test]
async fn a_file_and_its_folder_are_made_and_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("some where/rm.db");
    let meta = migrated(&path).await;
    meta.configs().set("a", &json!([1])).await.expect("a write");
    let place = meta.place().to_owned();
    assert!(place.ends_with("some where/rm.db"), "{place}");
    meta.close().await.expect("closes");

    let again = Metadata::open(path.to_str().expect("a text"))
        .await
        .expect("the plain path");
    again.ping().await.expect("answers");
    let value = again.configs().get("a").await.expect("a read");
    assert_eq!(value, Some(json!([1])));
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let kind = async |url: &str| match Metadata::open(url).await {
        Ok(_) => panic!("{url} opens"),
        Err(error) => {
            assert!(!error.to_string().contains("secret"), "{error}");
            error.kind()
        }
    };
    assert_eq!(
        kind("redis://u:secret@h/1").await,
        MetaErrorKind::UnsupportedUrl
    );
    assert_eq!(
        kind("mysql://u:secret@h:99999/x").await,
        MetaErrorKind::UnsupportedUrl
    );
    assert_eq!(kind("sqlite::memory:").await, MetaErrorKind::UnsupportedUrl);
    assert_eq!(
        kind("mysql://u:secret@127.0.0.1:1/x").await,
        MetaErrorKind::Unreachable
    );
    assert_eq!(
        kind("/proc/no/such/folder/rm.db").await,
        MetaErrorKind::Refused
    );
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(
        kind(folder.path().to_str().expect("a text")).await,
        MetaErrorKind::Refused
    );
    let other = folder.path().join("no.db");
    std::fs::write(
        &other,
        "this is no database, and long enough to be seen as none",
    )
    .expect("a file");
    assert_eq!(
        kind(other.to_str().expect("a text")).await,
        MetaErrorKind::Other
    );
}

#[tokio::test]
async fn a_lock_of_another_process_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rm.db");
    let meta = migrated(&path).await;
    let other = Database::connect(format!("sqlite://{}", path.display()))
        .await
        .expect("another process");
    let sql = async |sql: &str| other.execute_unprepared(sql).await.expect("a statement");
    sql("BEGIN IMMEDIATE").await;
    let value = json!(1);
    let configs = meta.configs();
    let mut write = std::pin::pin!(configs.set("a", &value));
    for _ in 0..20 {
        let waits = futures::poll!(&mut write).is_pending();
        assert!(waits, "it was written under another's lock");
        // Readers do not wait for a writer.
        assert_eq!(meta.configs().get("a").await.expect("a read"), None);
    }
    sql("COMMIT").await;
    write.await.expect("the lock is waited for");
}

#[tokio::test]
async fn two_processes_share_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rm.db");
    let (one, two) = tokio::join!(migrated(&path), migrated(&path));
    let count = async |meta: &Metadata| {
        for _ in 0..50 {
            meta.components().next_sequence().await.expect("a number");
        }
    };
    tokio::join!(count(&one), count(&two));
    assert_eq!(
        one.components().next_sequence().await.expect("a number"),
        101
    );
}

#[test]
fn ids_and_times_look_as_they_should() {
    let id = new_id("np_");
    assert!(id.len() == 17 && id.starts_with("np_"), "{id}");
    assert_ne!(id, new_id("np_"));
    let whole = "2026-01-31T12:00:00".parse().expect("a time");
    assert_eq!(row::stamp(whole).to_string(), "2026-01-31 12:00:00.001");
    let exact = "2026-01-31T12:00:00.123456".parse().expect("a time");
    assert_eq!(row::stamp(exact).to_string(), "2026-01-31 12:00:00.123");
}

#[test]
fn outcomes_become_errors() {
    let kind = |written: Written| written.require("oms_step", "s_1", 3).map_err(|e| e.kind());
    assert_eq!(kind(Written::Applied), Ok(()));
    assert_eq!(kind(Written::NotFound), Err(MetaErrorKind::NotFound));
    assert_eq!(
        kind(Written::Fenced { found: 4 }),
        Err(MetaErrorKind::Fenced)
    );
    let changed = Written::Changed {
        found: "FAILED".to_owned(),
    };
    assert_eq!(kind(changed), Err(MetaErrorKind::Conflict));
}

/// The words between backquotes at the beginning of the rows of each section of `docs/rm.md`.
fn documented() -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in include_str!("../../docs/rm.md").lines() {
        let quoted = |rest: &str| rest.split('`').next().unwrap_or_default().to_owned();
        if let Some(rest) = line.trim_start_matches('#').strip_prefix(" `oms_") {
            sections.push((format!("oms_{}", quoted(rest)), Vec::new()));
        } else if let (Some(rest), Some(section)) = (line.strip_prefix("| `"), sections.last_mut())
        {
            section.1.push(quoted(rest));
        }
    }
    sections
}

#[test]
fn the_page_names_every_table_view_column_and_state() {
    let mut enums = all_enums();
    let mut expected = Vec::new();
    for table in all_tables() {
        let columns = table
            .columns
            .into_iter()
            .map(|column| column.name)
            .collect();
        let prefix = format!("{}.", table.name);
        expected.push((table.name, columns));
        enums.retain(|shape| {
            let here = shape.column.starts_with(&prefix);
            if here {
                expected.push((shape.column.to_owned(), shape.values.clone()));
            }
            !here
        });
    }
    assert!(enums.is_empty(), "states without a table: {enums:?}");
    for view in all_views() {
        let columns = view.columns.iter().map(|&column| column.to_owned());
        expected.push((view.name.to_owned(), columns.collect()));
    }
    assert_eq!(documented(), expected, "docs/rm.md");
}
