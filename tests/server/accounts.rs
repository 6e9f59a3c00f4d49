//! The first start, wrong passwords, and what is reachable without one.

use serde_json::json;

use crate::client::{OmsServer, PASSWORD};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_password_must_be_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    // a start that fails because its port is taken uses the first password up for nobody
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let failed = OmsServer::fails(folder.path(), &address).await;
    assert!(
        failed.contains("CMP-0004") && failed.contains(&address),
        "{failed}"
    );
    let mut server = OmsServer::start(folder.path(), None).await;
    for path in ["/oms/health", "/livez", "/readyz"] {
        let reply = server.get(path).await;
        assert_eq!(
            (reply.status, &reply.body["status"]),
            (200, &json!("UP")),
            "{path}"
        );
    }
    server
        .get("/api/v2?Action=ListProjects")
        .await
        .refused(405, "API-0001", "posted");

    // nobody, somebody unknown, a wrong password, other ways to prove oneself
    let list = "/api/v2?Action=ListProjects";
    let first = server.account.clone();
    let accounts = [
        None,
        Some(("nobody".to_owned(), first.1.clone())),
        Some((first.0.clone(), "wrong".to_owned())),
        Some((first.0.clone(), String::new())),
    ];
    for account in &accounts {
        let reply = server.post(list, "{}", account.as_ref()).await;
        reply.refused(401, "API-0002", "the request's account");
    }

    let reply = server.call("ListProjects", json!({})).await;
    reply.refused(403, "API-0003", "account admin");
    for (new, says) in [("short", "newPassword"), (first.1.as_str(), "newPassword")] {
        let body = json!({ "oldPassword": first.1, "newPassword": new });
        let reply = server.call("ChangePassword", body).await;
        reply.refused(400, "API-0001", says);
    }
    let body = json!({ "oldPassword": "not this", "newPassword": PASSWORD });
    let reply = server.call("ChangePassword", body).await;
    reply.refused(400, "API-0001", "oldPassword");
    server.change_password(PASSWORD).await;
    let reply = server.call("ListProjects", json!({})).await;
    assert_eq!(reply.data(), &json!([]));
    assert_eq!(reply.body["totalCount"], 0);
    server
        .post(list, "{}", Some(&first))
        .await
        .refused(401, "API-0002", "");

    // a second start prints no password, and takes the new one; no secret is in a log or in rm
    assert_eq!(server.terminate().await, Some(0));
    let server = OmsServer::start(folder.path(), Some(PASSWORD)).await;
    server.call("ListProjects", json!({})).await.data();
    let log = server.log();
    server.kill9();
    let rm = std::fs::read(folder.path().join("rm.db")).expect("rm");
    let rm = String::from_utf8_lossy(&rm).into_owned();
    for secret in [first.1.as_str(), PASSWORD] {
        assert!(!log.contains(secret) && !rm.contains(secret));
    }
}
