//! Logins: lock-out, the limit for an address, expiry, lost passwords, accounts of earlier versions.

use std::time::{Duration, Instant};

use futures::future::join_all;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::client::{OmsServer, PASSWORD};
use crate::harness::{Rm, wait_until};

type Account = (String, String);

/// What an operator writes into rm.
async fn sql(folder: &std::path::Path, sql: &str) {
    let rm = Rm::open(&folder.join("rm.db")).await.expect("rm");
    rm.connection().execute_unprepared(sql).await.expect(sql);
}

async fn logs_in(server: &OmsServer, account: &Account) -> u16 {
    let reply = server.call_as(account, "ListProjects", json!({})).await;
    reply.status
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_passwords_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = OmsServer::ready(folder.path()).await;
    let bob = server.user("bob", "USER", "d_default").await;
    let wrong = |name: &str| (name.to_owned(), "Wrong-Pass_00".to_owned());
    let mut said = Vec::new();
    for account in [wrong("bob"), wrong("nobody")] {
        let begun = Instant::now();
        let reply = server.call_as(&account, "ListProjects", json!({})).await;
        reply.refused(401, "API-0002", "");
        said.push(reply.body["errorDetail"].clone());
        // what the database does for the one that there is hides behind this
        assert!(begun.elapsed() >= Duration::from_millis(250));
    }
    assert_eq!(said[0], said[1], "nobody learns which accounts there are");
    for _ in 0..3 {
        assert_eq!(logs_in(&server, &wrong("bob")).await, 401);
    }
    // a right one forgets the wrong ones
    assert_eq!(server.terminate().await, Some(0));
    server = OmsServer::start(folder.path(), Some(PASSWORD)).await;
    assert_eq!(logs_in(&server, &bob).await, 200);
    for _ in 0..5 {
        assert_eq!(logs_in(&server, &wrong("bob")).await, 401);
    }
    assert_eq!(
        logs_in(&server, &bob).await,
        401,
        "though it was right lately"
    );
    // the lock outlives the process, and ends by an administrator
    assert_eq!(server.terminate().await, Some(0));
    server = OmsServer::start(folder.path(), Some(PASSWORD)).await;
    assert_eq!(logs_in(&server, &bob).await, 401);
    let body = json!({ "searchKey": "bob" });
    let shown = server.call("ListUsers", body).await.data()[0].clone();
    assert_eq!(shown["isLocked"], true, "{shown:#}");
    assert!(shown["lockedUntil"].is_string(), "{shown:#}");
    let unlock = json!({ "id": shown["id"] });
    server.call("UnlockUser", unlock).await.data();
    assert_eq!(logs_in(&server, &bob).await, 200);
    // and by itself
    for _ in 0..5 {
        assert_eq!(logs_in(&server, &wrong("bob")).await, 401);
    }
    assert_eq!(logs_in(&server, &bob).await, 401);
    let past = "UPDATE oms_user SET locked_until = '2020-01-01 00:00:00.001' WHERE account = 'bob'";
    sql(folder.path(), past).await;
    assert_eq!(logs_in(&server, &wrong("bob")).await, 401);
    assert_eq!(logs_in(&server, &bob).await, 200);

    // one address cannot try for ever
    let reply = wait_until("the limit", Duration::from_secs(60), || async {
        let account = wrong("nobody");
        let reply = server.call_as(&account, "ListProjects", json!({})).await;
        match reply.status {
            401 => Ok::<_, String>(None),
            _ => Ok(Some(reply)),
        }
    })
    .await;
    reply.refused(429, "API-0005", "127.0.0.1");
    assert!(reply.head.contains("retry-after: 2"), "{}", reply.head);
    assert_eq!(
        logs_in(&server, &bob).await,
        200,
        "it is known, and needs no look"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_side_by_side_are_counted_one_by_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    server.user("bob", "USER", "d_default").await;
    let guesses: Vec<Account> = (10..22)
        .map(|number| ("bob".to_owned(), format!("Wrong-Pass_{number}")))
        .collect();
    let all = guesses.iter().map(|guess| logs_in(&server, guess));
    assert_eq!(join_all(all).await, [401; 12]);
    let rm = Rm::open(&folder.path().join("rm.db")).await.expect("rm");
    let bob = entity::oms_user::Entity::find()
        .filter(entity::oms_user::Column::Account.eq("bob"))
        .one(rm.connection())
        .await
        .expect("a look")
        .expect("it is there");
    assert_eq!((bob.is_locked, bob.login_failure_times), (true, 5));
    let locks = server
        .call("ListAuditLogs", json!({ "action": "LockUser" }))
        .await;
    assert_eq!(locks.body["totalCount"], 1, "{:#}", locks.body);
    assert_eq!(locks.data()[0]["account"], "bob");

    // a row that cannot be understood lets nobody in, and tells strangers nothing
    sql(
        folder.path(),
        "UPDATE oms_user SET user_role = 'KING' WHERE account = 'bob'",
    )
    .await;
    let reply = server.call_as(&guesses[0], "ListProjects", json!({})).await;
    reply.refused(401, "API-0002", "");
    assert!(!reply.body.to_string().contains("KING"), "{:#}", reply.body);
    assert!(server.log().contains("KING"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_expire_and_are_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = OmsServer::ready(folder.path()).await;
    let header = "x-oms-password-expires-in-days";
    let reply = server.call("ListProjects", json!({})).await;
    assert!(!reply.head.contains(header), "{}", reply.head);
    sql(
        folder.path(),
        "INSERT INTO oms_normal_config (cfg_name, cfg_value, gmt_created, gmt_modified) VALUES \
         ('oms.user.password.expiration.date.config', '{\"days\": 40, \"reminder\": 10}', \
          '2026-01-01 00:00:00.001', '2026-01-01 00:00:00.001')",
    )
    .await;
    let age = |days: u32| {
        format!(
            "UPDATE oms_user SET password_changed_at = \
             strftime('%Y-%m-%d %H:%M:%f', 'now', '-{days} days', '-1 hours')"
        )
    };
    sql(folder.path(), &age(35)).await;
    let reply = server.call("ListUsers", json!({})).await;
    assert_eq!(reply.data()[0]["passwordExpireSoon"], true);
    assert!(
        reply.head.contains(&format!("{header}: 5")),
        "{}",
        reply.head
    );
    sql(folder.path(), &age(40)).await;
    let reply = server.call("ListUsers", json!({})).await;
    reply.refused(403, "API-0003", "too old");
    server.change_password("Newer-Pass_43").await;
    server.call("ListUsers", json!({})).await.data();

    // who lost it asks on the server's machine, while the server runs
    let rm = folder.path().join("rm.db");
    let nobody = std::process::Command::new(env!("CARGO_BIN_EXE_oms"))
        .args(["rm", "reset-password", "--account", "nobody", "--rm"])
        .arg(&rm)
        .output()
        .expect("oms starts");
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(
        said.contains("MDB-0006") && said.contains("nobody"),
        "{said}"
    );
    assert_eq!(nobody.status.code(), Some(2), "{said}");
    let reset = |json: bool| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_oms"));
        command
            .args(["rm", "reset-password", "--account", "admin", "--rm"])
            .arg(&rm);
        if json {
            command.args(["--output", "json"]);
        }
        let ended = command.output().expect("oms starts");
        assert!(ended.status.success(), "{ended:?}");
        String::from_utf8(ended.stdout).expect("text")
    };
    let said = reset(false);
    let (_, rest) = said.split_once("password ").expect("a password");
    let printed = rest.split(':').next().expect("a password").to_owned();
    let old = server.account.clone();
    assert_eq!(logs_in(&server, &old).await, 401);
    server.account.1 = printed;
    let reply = server.call("ListUsers", json!({})).await;
    reply.refused(403, "API-0003", "chosen by another");
    server.change_password(PASSWORD).await;
    let said: Value = serde_json::from_str(&reset(true)).expect("JSON");
    server.account.1 = said["password"].as_str().expect("a password").to_owned();
    server.change_password(PASSWORD).await;
    let lines = server
        .call("ListAuditLogs", json!({ "action": "ResetPassword" }))
        .await;
    assert_eq!(lines.body["totalCount"], 2, "{:#}", lines.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_an_earlier_version_is_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    assert_eq!(server.terminate().await, Some(0));
    sql(
        folder.path(),
        "INSERT INTO oms_normal_config (cfg_name, cfg_value, gmt_created, gmt_modified) \
         SELECT 'oms.account.admin', \
           json_object('passwordHash', password_hash, 'mustChange', json('false')), \
           gmt_created, gmt_modified FROM oms_user",
    )
    .await;
    sql(folder.path(), "DELETE FROM oms_user").await;
    // no password is printed: the one that was is good
    let server = OmsServer::start(folder.path(), Some(PASSWORD)).await;
    let users = server.call("ListUsers", json!({})).await;
    assert_eq!(users.names("account"), ["admin"]);
    assert_eq!(users.data()[0]["role"], "ROOT");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_asks_too_often_waits_and_others_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "listen: 127.0.0.1:0\nrequests_per_second: 5\n";
    let mut server = OmsServer::start_with(folder.path(), config, None).await;
    server.change_password(PASSWORD).await;
    let bob = server.user("bob", "USER", "d_default").await;
    // ten at once, and five a second: sooner or later there is none
    let mut last = server.call("ListAllLabels", json!({})).await;
    for _ in 0..10_000 {
        if last.status == 429 {
            break;
        }
        last = server.call("ListAllLabels", json!({})).await;
    }
    last.refused(429, "API-0006", "more often than 5 times a second");
    assert!(
        last.head.to_lowercase().contains("retry-after: 1"),
        "{}",
        last.head
    );
    let other = server.call_as(&bob, "ListAllLabels", json!({})).await;
    other.data();
    wait_until(
        "the account to be served again",
        Duration::from_secs(30),
        || async {
            let reply = server.call("ListAllLabels", json!({})).await;
            match reply.status {
                200 => Ok(Some(())),
                _ => Err(format!("{:#}", reply.body)),
            }
        },
    )
    .await;
}
