//! Bad input: each ends with a code, a remedy and exit code 2, and touches neither server.

use std::time::Duration;

use crate::equal::contents;
use crate::harness::server::start_all;
use crate::harness::{Kind, Migration, Options, Rm, Server};

const SMALL: &str = "CREATE DATABASE small; CREATE TABLE small.a (id INT PRIMARY KEY, v VARCHAR(20)); \
     CREATE TABLE small.b (id INT PRIMARY KEY, v VARCHAR(20)); \
     INSERT INTO small.a VALUES (1, 'one'), (2, 'two'); INSERT INTO small.b VALUES (1, 'uno')";

/// The servers of one test, and what was wrong so far.
struct Trial<'a> {
    source: &'a Server,
    target: &'a Server,
    wrong: Vec<String>,
}

impl<'a> Trial<'a> {
    fn new(source: &'a Server, target: &'a Server) -> Self {
        Self {
            source,
            target,
            wrong: Vec::new(),
        }
    }

    fn small(&self) -> Migration {
        Migration::new(self.source.url(), self.target.url()).include("small.*")
    }

    /// Runs `oms migrate`, which must refuse with this code, and say all these words.
    async fn refuses(&mut self, name: &str, migration: Migration, code: &str, words: &[&str]) {
        let before = (contents(self.source).await, contents(self.target).await);
        let ended = migration
            .start("caught-up")
            .ended(Duration::from_secs(90))
            .await;
        let mut wrong = Vec::new();
        if ended.code != Some(2) {
            wrong.push("the exit code is not 2".to_owned());
        }
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        let error = &json["error"];
        let found = [&error["code"], &error["errorCode"]];
        if !found.iter().any(|found| **found == code) {
            wrong.push(format!("the code is not {code}"));
        }
        if error["proposal"].as_str().is_none_or(str::is_empty) {
            wrong.push("there is no remedy".into());
        }
        let said = format!("{}{}", ended.stdout, ended.stderr).to_lowercase();
        for secret in ["wrong-secret", "hunt", "er2@"] {
            if said.contains(secret) {
                wrong.push(format!("it shows the password: {secret}"));
            }
        }
        for word in words {
            if !said.contains(&word.to_lowercase()) {
                wrong.push(format!("it does not say '{word}'"));
            }
        }
        if before != (contents(self.source).await, contents(self.target).await) {
            wrong.push("it touched a server".into());
        }
        if !wrong.is_empty() {
            self.wrong
                .push(format!("== {name}: {}\n{ended}", wrong.join("; ")));
        }
    }

    fn end(self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_addresses_and_files() {
    let options = Options::default;
    let [source, target] = start_all([(Kind::MySql, options()), (Kind::MariaDb, options())]).await;
    source.exec(SMALL).await;
    let mut trial = Trial::new(&source, &target);
    let (here, there) = (source.url(), target.url());
    let to = |source: &str| Migration::new(source, &there).include("small.*");

    let account = source
        .url_with_password()
        .replace("oms-secret", "wrong-secret");
    trial
        .refuses(
            "wrong password",
            to(&account),
            "SRC-0003",
            &["oms@127.0.0.1"],
        )
        .await;
    let migration = to(&here.replace("root", "oms")).env("OMS_SOURCE_PASSWORD", "wrong-secret");
    trial
        .refuses(
            "wrong password in the environment",
            migration,
            "SRC-0003",
            &["oms@"],
        )
        .await;
    let migration = to(&here.replace("root", "oms"));
    trial
        .refuses(
            "no password",
            migration,
            "SRC-0003",
            &["OMS_SOURCE_PASSWORD"],
        )
        .await;
    let migration = to("mysql://root@no-such-host.invalid:3306");
    trial
        .refuses(
            "unknown host",
            migration,
            "SRC-0002",
            &["no-such-host.invalid"],
        )
        .await;
    let free = crate::harness::process::Port::reserve().expect("a port");
    let url = format!("mysql://root@127.0.0.1:{}", free.number());
    let port = free.number().to_string();
    trial
        .refuses("nobody listens", to(&url), "SRC-0001", &[&port])
        .await;
    for (url, word) in [
        ("mysql:/root@h", "url"),
        ("postgres://root@h", "postgres"),
        ("mysql://root:hunt@er2@h/database", "database"),
        ("mysql://root@h:99999", "port"),
    ] {
        trial.refuses(url, to(url), "CFG-0003", &[word]).await;
    }
    for (yaml, word) in [
        ("include: [small.*\nuntil: x", "project.yaml"),
        ("inclde: ['small.*']", "inclde"),
        ("options: {store: {segment_bites: 3}}", "segment_bites"),
        (
            "options: {full_import: {workers: 0}}",
            "full_import.workers",
        ),
        ("until: tomorrow", "tomorrow"),
    ] {
        trial
            .refuses(yaml, trial.small().config(yaml), "CFG-0001", &[word])
            .await;
    }
    let missing = trial.small().arg("--config").arg("/no/such/file.yaml");
    trial
        .refuses("no such file", missing, "CFG-0002", &["/no/such/file.yaml"])
        .await;
    let missing = trial
        .small()
        .arg("--source-password-file")
        .arg("/no/such/password");
    trial
        .refuses(
            "no password file",
            missing,
            "CFG-0004",
            &["/no/such/password"],
        )
        .await;
    let none = Migration::new(&here, &there);
    trial
        .refuses("no include", none, "CFG-0001", &["--include"])
        .await;
    for rule in ["nosuch.*", "small.none_*", "SMALL.*"] {
        let migration = Migration::new(&here, &there).include(rule);
        trial.refuses(rule, migration, "CFG-0006", &[rule]).await;
    }
    trial.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_not_prepared() {
    let [source, target, silent] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default().no_binlog()),
    ])
    .await;
    source.exec(SMALL).await;
    silent.exec(SMALL).await;

    let mut trial = Trial::new(&silent, &target);
    trial
        .refuses("no binlog", trial.small(), "PRE-0001", &["log_bin"])
        .await;
    trial.end();

    let mut trial = Trial::new(&source, &target);
    source.exec("SET GLOBAL binlog_format = STATEMENT").await;
    trial
        .refuses(
            "statements",
            trial.small(),
            "PRE-0001",
            &["binlog_format", "ROW"],
        )
        .await;
    source
        .exec("SET GLOBAL binlog_format = ROW; SET GLOBAL binlog_row_image = MINIMAL")
        .await;
    trial
        .refuses(
            "short images",
            trial.small(),
            "PRE-0001",
            &["binlog_row_image", "FULL"],
        )
        .await;
    source.exec("SET GLOBAL binlog_row_image = FULL").await;

    let same = Migration::new(source.url(), source.url()).include("small.*");
    trial
        .refuses("source is target", same, "PRE-0001", &["same"])
        .await;
    let name = source.url().replace("127.0.0.1", "localhost");
    let same = Migration::new(source.url(), name).include("small.*");
    trial
        .refuses(
            "source is target by another name",
            same,
            "PRE-0001",
            &["same"],
        )
        .await;

    target
        .exec(
            "CREATE DATABASE small; CREATE TABLE small.b (id INT PRIMARY KEY, v VARCHAR(20)); \
         INSERT INTO small.b VALUES (7, 'mine')",
        )
        .await;
    trial
        .refuses(
            "rows at the target",
            trial.small(),
            "PRE-0001",
            &["small.b", "empty"],
        )
        .await;
    target
        .exec("DROP DATABASE small; SET GLOBAL read_only = 1")
        .await;
    target.exec("CREATE USER writer IDENTIFIED BY 'w'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, \
         INDEX, REFERENCES, CREATE VIEW ON *.* TO writer").await;
    let url = target.url().replace("root", "writer");
    let migration = Migration::new(source.url(), url)
        .include("small.*")
        .env("OMS_TARGET_PASSWORD", "w");
    trial
        .refuses("read-only target", migration, "PRE-0001", &["read_only"])
        .await;
    target.exec("SET GLOBAL read_only = 0").await;
    trial.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_without_a_privilege() {
    let options = Options::default;
    let [source, target] =
        start_all([(Kind::MariaDb, options()), (Kind::MariaDb, options())]).await;
    source.exec(SMALL).await;
    let mut trial = Trial::new(&source, &target);
    let all = "SELECT, REPLICATION SLAVE, REPLICATION CLIENT, RELOAD, LOCK TABLES, CREATE, INSERT, UPDATE, DELETE";
    source
        .exec(&format!("CREATE USER app; GRANT {all} ON *.* TO app"))
        .await;
    let from = |server: &Server| server.url().replace("root", "app");
    for (privilege, word) in [("REPLICATION SLAVE", "REPLICATION"), ("SELECT", "SELECT")] {
        source
            .exec(&format!("REVOKE {privilege} ON *.* FROM app"))
            .await;
        let migration = Migration::new(from(&source), target.url()).include("small.*");
        trial
            .refuses(
                &format!("source without {privilege}"),
                migration,
                "PRE-0001",
                &[word],
            )
            .await;
        source
            .exec(&format!("GRANT {privilege} ON *.* TO app"))
            .await;
    }
    let all = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW";
    target
        .exec(&format!("CREATE USER app; GRANT {all} ON *.* TO app"))
        .await;
    for privilege in ["INSERT", "CREATE", "UPDATE"] {
        target
            .exec(&format!("REVOKE {privilege} ON *.* FROM app"))
            .await;
        let migration = Migration::new(source.url(), from(&target)).include("small.*");
        trial
            .refuses(
                &format!("target without {privilege}"),
                migration,
                "PRE-0001",
                &[privilege],
            )
            .await;
        target
            .exec(&format!("GRANT {privilege} ON *.* TO app"))
            .await;
    }
    trial.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_one_on_the_same_rm_waits_in_vain() {
    let options = Options::default;
    let [source, target] =
        start_all([(Kind::MariaDb, options()), (Kind::MariaDb, options())]).await;
    source.exec(SMALL).await;
    let migration = Migration::new(source.url(), target.url()).include("small.*");
    let mut first = migration.start("forever");
    let rm = Rm::appears(&migration.rm()).await;
    rm.reaches("INCR_TRANSFER", &["MONITORING"], Duration::from_secs(60))
        .await;

    let second = migration
        .start("caught-up")
        .ended(Duration::from_secs(60))
        .await
        .expect(2);
    assert_eq!(second.json()["error"]["code"], "MDB-0005", "{second}");
    assert!(
        first.exited().is_none(),
        "the first one ended: {}",
        first.said()
    );

    // The first one ends politely, and then the second one may.
    first.signal("INT");
    let ended = first.ended(Duration::from_secs(40)).await.expect(130);
    assert_eq!(ended.json()["result"], "INTERRUPTED", "{ended}");
    migration.caught_up().await.expect(0);
}
