//! Tables are added to projects and removed from them: while they follow a source that is written to,
//! during the copy, before the start; and what is refused, cancelled, aborted and tried again.

use serde_json::{Value, json};

use crate::harness::server::wait_for_value;
use crate::harness::wait_until;
use crate::objects_load::Load;
use crate::objects_scene::{MINUTES, Scene, databases, project};

const NEW: [&str; 3] = ["shop.new_a", "shop.new_loose", "extra.e"];
const ALL: [&str; 5] = [
    "extra.e",
    "shop.new_a",
    "shop.new_loose",
    "shop.old_a",
    "shop.old_loose",
];

#[tokio::test(flavor = "multi_thread")]
async fn tables_come_and_go_while_a_project_follows() {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = Scene::new(folder.path()).await;
    let load = Load::start(&scene.source, 1);
    scene.start().await;
    scene.step_is("FULL_VERIFIER", "FINISHED").await;
    assert_eq!(scene.verified().await, ALL[3..]);

    let record = scene.change("INCREASE_OBJECT", &NEW).await;
    let refused = scene.ask("DECREASE_OBJECT", &["shop.old_a"]).await;
    refused.refused(409, "CMP-0003", "");
    let done = scene.record_is(&record, "SUCCESS").await;
    let child = done["subProjectId"].as_str().expect("one").to_owned();
    assert_eq!(done["errorDetail"], Value::Null, "{done:#}");
    scene
        .server
        .project_is(&scene.project, "RUNNING", MINUTES)
        .await;
    // the sub-project goes, and takes the old Store with it
    scene.server.project_is(&child, "RELEASED", MINUTES).await;
    let listed = scene.server.call("ListProjects", json!({})).await;
    assert_eq!(listed.names("id"), std::slice::from_ref(&scene.project));
    let all = json!({ "visibleSubProject": true });
    assert_eq!(
        scene
            .server
            .call("ListProjects", all)
            .await
            .names("id")
            .len(),
        2
    );
    let stores = folder.path().join("data").join("store");
    assert_eq!(std::fs::read_dir(stores).expect("a folder").count(), 1);
    for action in ["ResumeProject", "StopProject", "DeleteProject"] {
        let reply = scene.server.call(action, json!({ "id": child })).await;
        reply.refused(409, "CMP-0003", "sub-project");
    }
    // the verification was not of the new tables, so it is made anew
    wait_until("all tables to be verified", MINUTES, || async {
        scene.step_is("FULL_VERIFIER", "FINISHED").await;
        let names = scene.verified().await;
        match names == ALL {
            true => Ok(Some(())),
            false => Err(format!("{names:?}")),
        }
    })
    .await;

    // a table goes, the others are followed
    let record = scene.change("DECREASE_OBJECT", &["shop.new_a"]).await;
    scene.record_is(&record, "SUCCESS").await;
    let left = "SELECT COUNT(*) FROM shop.new_a";
    scene
        .source
        .exec("INSERT INTO shop.new_a (u) VALUES (-77)")
        .await;
    scene
        .source
        .exec("INSERT INTO shop.old_a (u) VALUES (-77)")
        .await;
    wait_for_value(
        &scene.target,
        "SELECT COUNT(*) FROM shop.old_a WHERE u = -77",
        "1",
        MINUTES,
    )
    .await;
    load.stop().await;
    scene
        .same(&["shop.old_a", "shop.old_loose", "shop.new_loose", "extra.e"])
        .await;
    wait_for_value(
        &scene.target,
        &format!("{left} WHERE u = -77"),
        "0",
        MINUTES,
    )
    .await;
    assert!(!scene.verified().await.contains(&"shop.new_a".to_owned()));
    // what stayed at the target is in the way of its coming back
    let refused = scene.ask("INCREASE_OBJECT", &["shop.new_a"]).await;
    refused.refused(409, "CMP-0003", "already");
    scene.target.exec("DROP TABLE shop.new_a").await;
    let record = scene.change("INCREASE_OBJECT", &["shop.new_a"]).await;
    scene.record_is(&record, "SUCCESS").await;
    scene
        .source
        .exec("UPDATE shop.new_a SET v = v + 1 LIMIT 3")
        .await;
    scene.same(&ALL).await;
    end(&scene).await;
}

/// Releases and deletes a project with its sub-projects.
async fn end(scene: &Scene) {
    let by_id = json!({ "id": scene.project });
    for (action, status) in [("StopProject", "SUSPEND"), ("ReleaseProject", "RELEASED")] {
        scene.server.call(action, by_id.clone()).await.data();
        scene
            .server
            .project_is(&scene.project, status, MINUTES)
            .await;
    }
    wait_until("the sub-projects to be released", MINUTES, || async {
        let reply = scene.server.call("DeleteProject", by_id.clone()).await;
        match reply.status {
            200 => Ok(Some(())),
            _ => Err(format!("{:#}", reply.body)),
        }
    })
    .await;
    for id in &scene.sides {
        let gone = scene
            .server
            .call("DeleteDataSource", json!({ "id": id }))
            .await;
        gone.data();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_come_before_the_start_and_during_the_copy() {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = Scene::new(folder.path()).await;
    scene
        .source
        .exec("INSERT INTO shop.old_a (v) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s")
        .await;
    // before the start it is done at once
    let record = scene.change("INCREASE_OBJECT", &["shop.new_loose"]).await;
    let found = scene.record(&record).await;
    assert_eq!(found["status"], "SUCCESS", "{found:#}");
    assert_eq!(found["subProjectId"], Value::Null);
    let record = scene.change("DECREASE_OBJECT", &["shop.old_loose"]).await;
    assert_eq!(scene.record(&record).await["status"], "SUCCESS");
    let refused = scene
        .ask("DECREASE_OBJECT", &["shop.old_a", "shop.new_loose"])
        .await;
    refused.refused(409, "CMP-0003", "no table would be left");
    // a copy that takes its time
    let slow = json!({ "id": scene.project, "fullTransferConfig": { "throttleRps": 100 } });
    scene.server.call("UpdateProjectConfig", slow).await.data();
    let load = Load::start(&scene.source, 2);
    scene.start().await;
    scene.step_is("FULL_TRANSFER", "RUNNING").await;
    let record = scene
        .change("INCREASE_OBJECT", &["shop.new_a", "extra.e"])
        .await;
    scene.record_is(&record, "RUNNING").await;
    assert_eq!(scene.status(&scene.project).await, "RUNNING_MODIFYING");
    assert_ne!(
        scene.step_is("FULL_TRANSFER", "RUNNING").await["progress"],
        100
    );
    let fast = json!({ "id": scene.project, "fullTransferConfig": { "throttleRps": 0 } });
    scene.server.call("UpdateProjectConfig", fast).await.data();
    scene.record_is(&record, "SUCCESS").await;
    load.stop().await;
    let all = ["extra.e", "shop.new_a", "shop.new_loose", "shop.old_a"];
    scene.same(&all).await;
    wait_until("all tables to be verified", MINUTES, || async {
        scene.step_is("FULL_VERIFIER", "FINISHED").await;
        let names = scene.verified().await;
        match names == all {
            true => Ok(Some(())),
            false => Err(format!("{names:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn additions_fail_are_tried_again_paused_and_aborted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut scene = Scene::new(folder.path()).await;
    // an account that may not make anything in `extra`
    scene
        .target
        .exec(
            "CREATE DATABASE extra; CREATE USER few IDENTIFIED BY 'Few_Pass-1'; \
             GRANT PROCESS, RELOAD ON *.* TO few; \
             GRANT ALL ON shop.* TO few; GRANT ALL ON omstxndb.* TO few; GRANT ALL ON drc.* TO few; \
             GRANT SELECT ON extra.* TO few",
        )
        .await;
    let body = json!({
        "name": "few", "ip": "127.0.0.1", "port": scene.target.port(), "username": "few",
        "password": "Few_Pass-1",
    });
    let few = scene.server.call("CreateMysqlDataSource", body).await;
    let few = few.data().as_str().expect("an id").to_owned();
    let sides = [scene.sides[0].clone(), few];
    let mut body = project("few", &sides, &["shop.old_a"]);
    body["enableIncrVerify"] = false.into();
    let made = scene.server.call("CreateProject", body).await;
    scene.project = made.data().as_str().expect("an id").to_owned();
    scene.start().await;
    scene.step_is("FULL_VERIFIER", "FINISHED").await;
    let by_id = |id: &str| json!({ "id": id });

    let record = scene.change("INCREASE_OBJECT", &["extra.e"]).await;
    let failed = scene.record_is(&record, "FAILED").await;
    assert_eq!(failed["errorDetail"]["errorCode"], "PRE-0001", "{failed:#}");
    assert_eq!(scene.status(&scene.project).await, "RUNNING_MODIFYING");
    let refused = scene.ask("INCREASE_OBJECT", &["shop.new_a"]).await;
    refused.refused(409, "CMP-0003", "RUNNING_MODIFYING");
    let refused = scene
        .server
        .call("CancelProjectModifyRecord", by_id(&record))
        .await;
    refused.refused(409, "CMP-0003", "FAILED");
    scene.target.exec("GRANT ALL ON extra.* TO few").await;
    let retried = scene
        .server
        .call("RetryProjectModifyRecords", by_id(&record))
        .await;
    retried.data();
    scene.record_is(&record, "SUCCESS").await;
    scene.same(&["extra.e", "shop.old_a"]).await;

    // one that waits for a lock of ours is paused and goes on with its parent
    let mut blocker = scene.source.conn().await;
    use mysql_async::prelude::Queryable;
    let lock = "LOCK TABLES shop.new_loose WRITE";
    blocker.query_drop(lock).await.expect("locked");
    let record = scene.change("INCREASE_OBJECT", &["shop.new_loose"]).await;
    let running = scene.record_is(&record, "RUNNING").await;
    let child = running["subProjectId"].as_str().expect("one").to_owned();
    scene
        .server
        .call("StopProject", by_id(&scene.project))
        .await
        .data();
    scene
        .server
        .project_is(&scene.project, "SUSPEND", MINUTES)
        .await;
    scene.server.project_is(&child, "SUSPEND", MINUTES).await;
    scene
        .server
        .call("ResumeProject", by_id(&scene.project))
        .await
        .data();
    scene.server.project_is(&child, "RUNNING", MINUTES).await;
    scene
        .server
        .project_is(&scene.project, "RUNNING_MODIFYING", MINUTES)
        .await;
    scene
        .server
        .call("StopProjectModifyRecords", by_id(&record))
        .await
        .data();
    scene.record_is(&record, "TERMINATED").await;
    blocker.query_drop("UNLOCK TABLES").await.expect("unlocked");
    scene
        .server
        .project_is(&scene.project, "RUNNING", MINUTES)
        .await;
    scene.server.project_is(&child, "RELEASED", MINUTES).await;
    let refused = scene
        .server
        .call("RetryProjectModifyRecords", by_id(&record))
        .await;
    refused.refused(409, "CMP-0003", "TERMINATED");
    // the others were followed all the time
    scene
        .source
        .exec("INSERT INTO shop.old_a (v) VALUES (5)")
        .await;
    scene.same(&["extra.e", "shop.old_a"]).await;

    // the project's end is the end of what comes
    blocker.query_drop(lock).await.expect("locked");
    scene
        .target
        .exec("DROP TABLE IF EXISTS shop.new_loose")
        .await;
    let record = scene.change("INCREASE_OBJECT", &["shop.new_loose"]).await;
    scene.record_is(&record, "RUNNING").await;
    scene
        .server
        .call("StopProject", by_id(&scene.project))
        .await
        .data();
    scene
        .server
        .project_is(&scene.project, "SUSPEND", MINUTES)
        .await;
    scene
        .server
        .call("ReleaseProject", by_id(&scene.project))
        .await
        .data();
    scene.record_is(&record, "TERMINATED").await;
    blocker.query_drop("UNLOCK TABLES").await.expect("unlocked");
    scene
        .server
        .project_is(&scene.project, "RELEASED", MINUTES)
        .await;
    wait_until("the project to be deleted", MINUTES, || async {
        let reply = scene
            .server
            .call("DeleteProject", by_id(&scene.project))
            .await;
        match reply.status {
            200 => Ok(Some(())),
            _ => Err(format!("{:#}", reply.body)),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changed_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = Scene::new(folder.path()).await;
    let ask = async |kind: &str, tables: &[&str], status: u16, code: &str, says: &str| {
        scene.ask(kind, tables).await.refused(status, code, says);
    };
    ask(
        "INCREASE_OBJECT",
        &["shop.none"],
        400,
        "SRC-0009",
        "no such table",
    )
    .await;
    ask(
        "INCREASE_OBJECT",
        &["shop.old_a"],
        409,
        "CMP-0003",
        "already",
    )
    .await;
    ask(
        "DECREASE_OBJECT",
        &["shop.new_a"],
        409,
        "CMP-0003",
        "none of its tables",
    )
    .await;
    ask(
        "INCREASE_OBJECT",
        &["shop.new_a", "shop.new_a"],
        400,
        "API-0001",
        "twice",
    )
    .await;
    ask("INCREASE_OBJECT", &["shop.new_*"], 400, "API-0001", "rules").await;
    ask("INCREASE_OBJECT", &[], 400, "API-0001", "no table").await;
    // one whose objects are given by rules
    let mut body = project("rules", &scene.sides, &[]);
    body["transferMapping"] =
        json!({ "mode": "WILDCARD", "tableAndViewWhiteList": ["shop.old_*"] });
    let made = scene.server.call("CreateProject", body).await;
    let rules = made.data().as_str().expect("an id").to_owned();
    let body =
        json!({ "id": rules, "type": "INCREASE_OBJECT", "databases": databases(&["shop.new_a"]) });
    let refused = scene.server.call("CreateProjectModifyRecords", body).await;
    refused.refused(409, "CMP-0003", "by rules");

    // paused before the copy, what comes waits and can be cancelled
    scene.start().await;
    let by_id = json!({ "id": scene.project });
    scene.server.call("StopProject", by_id.clone()).await.data();
    scene
        .server
        .project_is(&scene.project, "SUSPEND", MINUTES)
        .await;
    let record = scene.change("INCREASE_OBJECT", &["shop.new_a"]).await;
    assert_eq!(scene.record(&record).await["status"], "PENDING");
    ask("INCREASE_OBJECT", &["extra.e"], 409, "CMP-0003", &record).await;
    let cancelled = json!({ "id": record });
    scene
        .server
        .call("CancelProjectModifyRecord", cancelled.clone())
        .await
        .data();
    assert_eq!(scene.record(&record).await["status"], "CANCEL");
    let refused = scene
        .server
        .call("StopProjectModifyRecords", cancelled)
        .await;
    refused.refused(409, "CMP-0003", "CANCEL");
    // what goes does not wait
    let record = scene.change("DECREASE_OBJECT", &["shop.old_loose"]).await;
    scene.record_is(&record, "SUCCESS").await;
    assert_eq!(scene.status(&scene.project).await, "SUSPEND");
    scene
        .server
        .call("ResumeProject", by_id.clone())
        .await
        .data();
    scene.step_is("INCR_TRANSFER", "MONITORING").await;
    // paused in the incremental step, nothing comes
    scene.server.call("StopProject", by_id).await.data();
    scene.step_is("INCR_TRANSFER", "SUSPEND").await;
    ask(
        "INCREASE_OBJECT",
        &["shop.new_a"],
        409,
        "CMP-0003",
        "INCR_TRANSFER",
    )
    .await;
    let listed = json!({ "id": scene.project });
    let listed = scene.server.call("ListProjectModifyRecords", listed).await;
    assert_eq!(listed.body["totalCount"], 2, "{:#}", listed.body);
    let wrong = scene
        .server
        .call("CancelProjectModifyRecord", json!({ "id": "mr_x" }))
        .await;
    wrong.refused(404, "MDB-0006", "mr_x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_only_copies_gets_tables_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut scene = Scene::new(folder.path()).await;
    scene
        .source
        .exec("INSERT INTO shop.old_a (v) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s; INSERT INTO shop.new_loose VALUES (1, 'a'), (1, 'a'), (2, 'b')")
        .await;
    let mut body = project("copy", &scene.sides, &["shop.old_a"]);
    body["enableIncrTransfer"] = false.into();
    body["enableIncrVerify"] = false.into();
    body["fullTransferConfig"] = json!({ "throttleRps": 100 });
    let made = scene.server.call("CreateProject", body).await;
    scene.project = made.data().as_str().expect("an id").to_owned();
    scene.start().await;
    scene.step_is("FULL_TRANSFER", "RUNNING").await;
    let record = scene
        .change("INCREASE_OBJECT", &["shop.new_a", "shop.new_loose"])
        .await;
    scene.record_is(&record, "RUNNING").await;
    let fast = json!({ "id": scene.project, "fullTransferConfig": { "throttleRps": 0 } });
    scene.server.call("UpdateProjectConfig", fast).await.data();
    scene.record_is(&record, "SUCCESS").await;
    scene
        .server
        .project_is(&scene.project, "FINISHED", MINUTES)
        .await;
    let all = ["shop.new_a", "shop.new_loose", "shop.old_a"];
    assert_eq!(scene.verified().await, all);
    scene.same(&all).await;
    let refused = scene.ask("DECREASE_OBJECT", &["shop.old_a"]).await;
    refused.refused(409, "CMP-0003", "FINISHED");
}
