//! API tokens: shown once, with their owner's rights, and no more once they are deleted or too old.

use oms::api::Accounts;
use oms::metadata::Metadata;
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::client::OmsServer;
use crate::harness::Rm;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_its_owners_rights() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let bob = server.user("bob", "USER", "d_default").await;
    let eve = server.user("eve", "USER", "d_default").await;
    for (body, says) in [
        (json!({ "name": "", "expireDays": 1 }), "name"),
        (json!({ "name": "two words", "expireDays": 1 }), "name"),
        (json!({ "name": "ci", "expireDays": 0 }), "expireDays"),
        (json!({ "name": "ci", "expireDays": 366 }), "expireDays"),
        (json!({ "name": "ci" }), "missing field `expireDays`"),
    ] {
        let reply = server.call_as(&bob, "CreateApiToken", body).await;
        reply.refused(400, "API-0001", says);
    }
    let ci = json!({ "name": "ci", "expireDays": 30 });
    let made = server.call_as(&bob, "CreateApiToken", ci.clone()).await;
    let made = made.data().clone();
    let token = made["token"].as_str().expect("a token");
    assert!(token.starts_with("oms_") && token.len() == 47, "{token}");
    let again = server.call_as(&bob, "CreateApiToken", ci.clone()).await;
    again.refused(400, "API-0001", "there is a token");
    // another's may have the same name
    server.call_as(&eve, "CreateApiToken", ci).await.data();

    let reply = server.call_with(token, "ListProjects", json!({})).await;
    assert_eq!(reply.data(), &json!([]));
    let reply = server.call_with(token, "ListUsers", json!({})).await;
    assert_eq!(reply.data()[0]["account"], "bob", "{:#}", reply.body);
    assert_eq!(reply.body["totalCount"], 1);
    let body = json!({ "name": "west" });
    let reply = server.call_with(token, "CreateDepartment", body).await;
    reply.refused(403, "API-0004", "bob (USER)");
    for (action, body) in [
        ("CreateApiToken", json!({ "name": "x", "expireDays": 1 })),
        (
            "ChangePassword",
            json!({ "oldPassword": bob.1, "newPassword": "Newer-Pass_43" }),
        ),
    ] {
        let reply = server.call_with(token, action, body).await;
        reply.refused(403, "API-0004", "needs the password");
    }
    for wrong in ["", "oms_", &token[..46], &format!("{token}x")] {
        let reply = server.call_with(wrong, "ListProjects", json!({})).await;
        reply.refused(401, "API-0002", "");
    }

    // one's own are listed, without the token, and only one's own can be deleted
    let listed = server.call_as(&bob, "ListApiTokens", json!({})).await;
    assert_eq!(listed.body["totalCount"], 1, "{:#}", listed.body);
    assert_eq!(listed.data()[0]["owner"], "bob");
    assert!(!listed.body.to_string().contains(token));
    let all = server.call("ListApiTokens", json!({})).await;
    assert_eq!(all.body["totalCount"], 2, "{:#}", all.body);
    let by_id = json!({ "id": made["id"] });
    let reply = server.call_as(&eve, "DeleteApiToken", by_id.clone()).await;
    reply.refused(403, "API-0004", "eve");

    let rm = Rm::open(&folder.path().join("rm.db")).await.expect("rm");
    let sql = async |sql: &str| {
        rm.connection()
            .execute_unprepared(sql)
            .await
            .expect("a write")
    };
    // a lock is about passwords
    sql("UPDATE oms_user SET is_locked = 1 WHERE account = 'bob'").await;
    let reply = server.call_as(&bob, "ListProjects", json!({})).await;
    reply.refused(401, "API-0002", "");
    server
        .call_with(token, "ListProjects", json!({}))
        .await
        .data();
    sql("UPDATE oms_api_token SET expires_at = '2020-01-01 00:00:00.001'").await;
    let reply = server.call_with(token, "ListProjects", json!({})).await;
    reply.refused(401, "API-0002", "no longer");
    sql("UPDATE oms_api_token SET expires_at = '2050-01-01 00:00:00.001'").await;
    server
        .call_with(token, "DeleteApiToken", by_id)
        .await
        .data();
    let reply = server.call_with(token, "ListProjects", json!({})).await;
    reply.refused(401, "API-0002", "");

    // the token is nowhere
    let log = server.log();
    server.kill9();
    for file in ["rm.db", "rm.db-wal"] {
        let bytes = std::fs::read(folder.path().join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(token) && !log.contains(token), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_by_another_ends_tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let bob = server.user("bob", "USER", "d_default").await;
    let body = json!({ "name": "ci", "expireDays": 30 });
    let made = server.call_as(&bob, "CreateApiToken", body).await;
    let token = made.data()["token"].as_str().expect("a token").to_owned();
    let users = server
        .call("ListUsers", json!({ "searchKey": "bob" }))
        .await;
    let id = users.data()[0]["id"].clone();
    let body = json!({ "id": id, "password": "Other-Pass_33" });
    server.call("UpdateUser", body).await.data();
    let reply = server.call_with(&token, "ListProjects", json!({})).await;
    reply.refused(401, "API-0002", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_while_it_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let bob = server.user("bob", "USER", "d_default").await;
    let eve = server.user("eve", "USER", "d_default").await;
    let open = || async {
        let opened = server.call_as(&bob, "CreateSession", json!({})).await;
        let opened = opened.data().clone();
        let token = opened["token"].as_str().expect("a token").to_owned();
        (opened["id"].clone(), token)
    };
    let (id, token) = open().await;
    assert!(token.starts_with("oms_s_"), "{token}");
    let listed = server.call_with(&token, "ListSessions", json!({})).await;
    assert_eq!(listed.data()[0]["id"], id, "{:#}", listed.body);
    assert_eq!(listed.data()[0]["account"], "bob", "{:#}", listed.body);
    assert!(!listed.body.to_string().contains(&token));
    for action in ["CreateSession", "CreateApiToken"] {
        let body = match action {
            "CreateSession" => json!({}),
            _ => json!({ "name": "x", "expireDays": 1 }),
        };
        let reply = server.call_with(&token, action, body).await;
        reply.refused(403, "API-0004", "needs the password");
    }
    let by_id = json!({ "id": id });
    let reply = server.call_as(&eve, "DeleteSession", by_id.clone()).await;
    reply.refused(403, "API-0004", "eve");
    server
        .call_with(&token, "DeleteSession", by_id)
        .await
        .data();
    let gone = server.call_with(&token, "ListProjects", json!({})).await;
    gone.refused(401, "API-0002", "");

    // one that nobody used for half an hour, or that is too old, has ended
    let rm = Rm::open(&folder.path().join("rm.db")).await.expect("rm");
    for column in ["last_used_at", "expires_at"] {
        let (_, token) = open().await;
        server
            .call_with(&token, "ListProjects", json!({}))
            .await
            .data();
        let past = format!("UPDATE oms_session SET {column} = '2026-01-01 00:00:00.001'");
        rm.connection()
            .execute_unprepared(&past)
            .await
            .expect("written");
        let gone = server.call_with(&token, "ListProjects", json!({})).await;
        gone.refused(401, "API-0002", "");
        let listed = server.call_as(&bob, "ListSessions", json!({})).await;
        assert_eq!(listed.body["totalCount"], 0, "{:#}", listed.body);
    }
    // a password that is another one since, and an account that is gone, whatever became of their rows
    for edit in [
        "UPDATE oms_user SET password_changed_at = '2099-01-01 00:00:00.001' WHERE account = 'eve'",
        "DELETE FROM oms_user WHERE account = 'eve'",
    ] {
        let opened = server.call_as(&eve, "CreateSession", json!({})).await;
        let token = opened.data()["token"].as_str().expect("a token").to_owned();
        rm.connection()
            .execute_unprepared(edit)
            .await
            .expect("written");
        let gone = server.call_with(&token, "ListProjects", json!({})).await;
        gone.refused(401, "API-0002", "");
    }
    // a new password ends them
    let (_, token) = open().await;
    let change = json!({ "oldPassword": bob.1, "newPassword": "Newer-Pass_43" });
    server.call_as(&bob, "ChangePassword", change).await.data();
    let gone = server.call_with(&token, "ListProjects", json!({})).await;
    gone.refused(401, "API-0002", "");
}

/// Whoever knows the old password may make a token and a session in the moment in which it is replaced.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_during_a_reset_does_not_survive_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let path = folder.path().join("rm.db");
    let rm = Rm::open(&path).await.expect("rm");
    let sql = async |sql: &str| {
        let done = rm.connection().execute_unprepared(sql).await;
        done.expect(sql).rows_affected()
    };
    for name in ["bob", "eve"] {
        let account = server.user(name, "USER", "d_default").await;
        let ci = json!({ "name": "ci", "expireDays": 30 });
        let made = server.call_as(&account, "CreateApiToken", ci).await;
        let token = made.data()["token"].as_str().expect("a token").to_owned();
        let opened = server.call_as(&account, "CreateSession", json!({})).await;
        let session = opened.data()["token"].as_str().expect("a token").to_owned();
        // what was deleted a moment ago is there again just before the new password counts
        for table in ["oms_api_token", "oms_session"] {
            sql(&format!(
                "CREATE TABLE kept_{table} AS SELECT * FROM {table}"
            ))
            .await;
            sql(&format!(
                "CREATE TRIGGER meanwhile_{table} AFTER UPDATE OF password_hash ON oms_user BEGIN \
                 INSERT OR IGNORE INTO {table} SELECT * FROM kept_{table}; END"
            ))
            .await;
        }
        match name {
            "bob" => {
                let users = server.call("ListUsers", json!({ "searchKey": name })).await;
                let id = users.data()[0]["id"].clone();
                let body = json!({ "id": id, "password": "Other-Pass_33" });
                server.call("UpdateUser", body).await.data();
            }
            _ => {
                let metadata = Metadata::open(&path.to_string_lossy()).await.expect("rm");
                let reset = Accounts::new(metadata).reset(name).await;
                reset.expect("a new password");
            }
        }
        for token in [&token, &session] {
            let reply = server.call_with(token, "ListProjects", json!({})).await;
            reply.refused(401, "API-0002", "");
        }
        for table in ["oms_api_token", "oms_session"] {
            assert_eq!(
                sql(&format!("DELETE FROM {table}")).await,
                0,
                "{name}: {table}"
            );
            sql(&format!("DROP TRIGGER meanwhile_{table}")).await;
            sql(&format!("DROP TABLE kept_{table}")).await;
        }
    }
}
