//! A password on the command line is taken, warned of, and seen nowhere else.

use std::path::Path;
use std::time::Duration;

use crate::harness::server::{PASSWORD, start_all};
use crate::harness::{Kind, Migration, Options, Rm};

#[tokio::test(flavor = "multi_thread")]
async fn passwords_stay_hidden() {
    let options = Options::default;
    let [source, target] = start_all([(Kind::MySql, options()), (Kind::MariaDb, options())]).await;
    source
        .exec("CREATE DATABASE small; CREATE TABLE small.a (id INT PRIMARY KEY)")
        .await;
    let url = target.url().replace("root", "oms");
    let migration = Migration::new(source.url_with_password(), url)
        .include("small.*")
        .env("OMS_TARGET_PASSWORD", PASSWORD)
        .env("OMS_LOG", "trace");
    let running = migration.start("forever");
    let rm = Rm::appears(&migration.rm()).await;
    let cmdline = std::fs::read(format!("/proc/{}/cmdline", running.pid())).expect("its arguments");
    let cmdline = String::from_utf8_lossy(&cmdline).replace('\0', " ");
    assert!(cmdline.contains("oms:***"), "{cmdline}");
    assert!(!cmdline.contains(PASSWORD), "{cmdline}");
    rm.reaches("FULL_VERIFIER", &["FINISHED"], Duration::from_secs(90))
        .await;
    rm.close().await;
    // What a kill leaves behind counts too.
    running.kill9();

    let ended = migration.caught_up().await.expect(0);
    assert!(
        ended.stderr.contains("warning") && ended.stderr.contains("OMS_SOURCE_PASSWORD"),
        "{ended}"
    );
    let list = migration.project(&["list"]).await.expect(0);
    let id = ended.json()["projectId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let shown = migration
        .project(&["show", &id, "--steps", "--output", "json"])
        .await
        .expect(0);
    assert!(!format!("{list}{shown}").contains(PASSWORD));
    let found = files_with(migration.path(), PASSWORD.as_bytes());
    assert!(found.is_empty(), "the password stands in {found:?}");
}

/// All files below a folder that hold these bytes.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else {
            let held = std::fs::read(&path).expect("a file");
            if held.windows(bytes.len()).any(|window| window == bytes) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}
