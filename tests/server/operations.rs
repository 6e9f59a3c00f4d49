//! Components operated by people: each operation is an O&M task whose sub-tasks can be seen, retried
//! and skipped, and repaired with SQL; nothing is lost by it.

use serde_json::json;

use crate::following::{Following, MINUTES, sql, subs};
use crate::harness::server::wait_for_value;
use crate::harness::{same_rows, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn components_are_paused_started_and_updated() {
    let p = Following::start().await;
    let sync = p.name("incrSyncComponents").await;
    let by_name = json!({ "name": sync });
    let number = p.ask("PauseComponent", by_name.clone()).await;
    let task = p.task(number, "SUCCESSFUL").await;
    assert_eq!(
        subs(&task),
        ["PAUSE_COMPONENT FINISHED", "AWAIT_PAUSED FINISHED"]
    );
    assert_eq!(task["projectId"], json!(p.id));
    assert_eq!(task["owner"], "admin");
    // it stays so when the project is paused and goes on
    p.source.exec("UPDATE a.t SET v = 2 WHERE id = 1").await;
    let by_id = json!({ "id": p.id });
    p.server.call("StopProject", by_id.clone()).await.data();
    p.server.project_is(&p.id, "SUSPEND", MINUTES).await;
    let refused = p.server.call("StartComponent", by_name.clone()).await;
    refused.refused(409, "CMP-0003", "ResumeProject");
    p.server.call("ResumeProject", by_id).await.data();
    let store = p.name("storeList").await;
    wait_until("the Store to run", MINUTES, || async {
        let found = p.newest("storeList").await;
        match found["status"] == "RUNNING" {
            true => Ok(Some(())),
            false => Err(format!("{found:#}")),
        }
    })
    .await;
    assert_eq!(p.newest("incrSyncComponents").await["status"], "PAUSED");
    wait_for_value(&p.target, "SELECT v FROM a.t WHERE id = 1", "1", MINUTES).await;

    // settings of one that is paused: they are written, and it stays paused
    let update = json!({
        "dimension": "NAME", "key": sync, "cmRegion": "", "config": { "sink": { "workerNum": 2 } },
    });
    let number = p.ask("UpdateIncrSync", update.clone()).await;
    let task = p.task(number, "SUCCESSFUL").await;
    assert_eq!(subs(&task), ["UPDATE_CONFIG FINISHED"]);
    assert_eq!(p.newest("incrSyncComponents").await["status"], "PAUSED");
    let number = p.ask("StartComponent", by_name).await;
    p.task(number, "SUCCESSFUL").await;
    let number = p.ask("UpdateIncrSync", update).await;
    let task = p.task(number, "SUCCESSFUL").await;
    assert_eq!(
        subs(&task),
        [
            "UPDATE_CONFIG FINISHED",
            "PAUSE_COMPONENT FINISHED",
            "AWAIT_PAUSED FINISHED",
            "START_COMPONENT FINISHED",
            "AWAIT_RUNNING FINISHED",
        ]
    );
    wait_for_value(&p.target, "SELECT v FROM a.t WHERE id = 1", "2", MINUTES).await;
    let live = json!({
        "dimension": "TASK_NAME", "key": sync, "cmRegion": "", "config": { "coordinator": { "throttleRps": 1000 } },
    });
    let number = p.ask("UpdateIncrSync", live).await;
    let task = p.task(number, "SUCCESSFUL").await;
    assert_eq!(subs(&task), ["UPDATE_CONFIG FINISHED"]);
    let node = p.newest("incrSyncComponents").await["ip"].clone();
    let on_node = json!({
        "dimension": "IP", "key": node, "cmRegion": "", "config": { "sink": { "batch_rows": 500 } },
    });
    let number = p.ask("UpdateIncrSync", on_node).await;
    p.task(number, "SUCCESSFUL").await;
    let update = json!({
        "dimension": "NAME", "key": store, "cmRegion": "", "config": { "store.clearer.outdated": 7200 },
    });
    let number = p.ask("UpdateStore", update).await;
    p.task(number, "SUCCESSFUL").await;
    p.follows(3).await;

    for (action, key, config, says) in [
        (
            "UpdateIncrSync",
            &sync,
            json!({ "sink": { "nonsense": 1 } }),
            "config.sink.nonsense",
        ),
        (
            "UpdateIncrSync",
            &sync,
            json!({ "condition": { "whiteCondition": [] } }),
            "config.condition",
        ),
        (
            "UpdateIncrSync",
            &store,
            json!({ "sink": { "workerNum": 2 } }),
            "not a INCR_SYNC",
        ),
        (
            "UpdateStore",
            &store,
            json!({ "segment_bytes": 1 }),
            "segment_bytes",
        ),
        ("UpdateStore", &store, json!({}), "names no setting"),
    ] {
        let body = json!({ "dimension": "NAME", "key": key, "cmRegion": "", "config": config });
        p.server
            .call(action, body)
            .await
            .refused(400, "API-0001", says);
    }
    let reply = p
        .server
        .call("PauseComponent", json!({ "name": "none" }))
        .await;
    reply.refused(404, "MDB-0006", "none");
    let listed = p
        .server
        .call(
            "ListOmTasks",
            json!({ "projectId": p.id, "status": ["SUCCESSFUL"] }),
        )
        .await;
    assert_eq!(
        listed.data().as_array().map(Vec::len),
        Some(7),
        "{:#}",
        listed.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn components_are_run_again_and_deleted() {
    let p = Following::start().await;
    // while the project runs its components stay
    let old = p.name("incrSyncComponents").await;
    let reply = p
        .server
        .call("DeleteComponent", json!({ "name": old }))
        .await;
    reply.refused(409, "CMP-0003", "StopProject");
    let import = p.name("fullImportComponents").await;
    let reply = p
        .server
        .call("RerunComponent", json!({ "name": import }))
        .await;
    reply.refused(409, "CMP-0003", "FINISHED");
    let reply = p
        .server
        .call("StartComponent", json!({ "name": import }))
        .await;
    reply.refused(409, "CMP-0003", "RerunComponent");

    for (list, action) in [
        ("incrSyncComponents", "RerunComponent"),
        ("storeList", "RerunComponent"),
    ] {
        let old = p.name(list).await;
        let number = p.ask(action, json!({ "name": old })).await;
        let task = p.task(number, "SUCCESSFUL").await;
        assert_eq!(
            subs(&task),
            ["REMAKE_COMPONENT FINISHED", "AWAIT_RUNNING FINISHED"]
        );
        assert_ne!(p.name(list).await, old);
    }
    p.follows(5).await;
    let reply = p
        .server
        .call("PauseComponent", json!({ "name": old }))
        .await;
    reply.refused(409, "CMP-0003", "another component");
    let number = p.ask("DeleteComponent", json!({ "name": old })).await;
    p.task(number, "SUCCESSFUL").await;
    assert_eq!(p.components("incrSyncComponents").await.len(), 1);

    let number = p
        .ask(
            "RepairProjectStep",
            json!({ "id": p.id, "stepName": "INCR_TRANSFER" }),
        )
        .await;
    p.task(number, "SUCCESSFUL").await;
    let reply = p
        .server
        .call(
            "RepairProjectStep",
            json!({ "id": p.id, "stepName": "TRANSFER_APP_SWITCH" }),
        )
        .await;
    reply.refused(400, "API-0001", "no such step");
    // a verification begins anew, and finds what is different now
    p.follows(6).await;
    p.target.exec("DELETE FROM a.t").await;
    let verifier = p.name("fullVerifyComponents").await;
    let number = p.ask("RerunComponent", json!({ "name": verifier })).await;
    p.task(number, "SUCCESSFUL").await;
    p.verified(2).await;
    let found = p
        .server
        .call("ListProjectFullVerifyResult", json!({ "projectId": p.id }))
        .await;
    assert_eq!(found.data()["differentNumber"], 1, "{:#}", found.body);
    p.target.exec("INSERT INTO a.t VALUES (1, 6)").await;
    // one that is done may go while the project runs; the next run has nothing of its results
    let verifier = p.name("fullVerifyComponents").await;
    let number = p.ask("DeleteComponent", json!({ "name": verifier })).await;
    p.task(number, "SUCCESSFUL").await;
    let number = p
        .ask(
            "RepairProjectStep",
            json!({ "id": p.id, "stepName": "FULL_VERIFIER" }),
        )
        .await;
    p.task(number, "SUCCESSFUL").await;
    // whoever waits for another one, waits for another name
    assert_ne!(p.name("fullVerifyComponents").await, verifier);
    p.verified(2).await;
    let found = p
        .server
        .call("ListProjectFullVerifyResult", json!({ "projectId": p.id }))
        .await;
    assert_eq!(found.data()["differentNumber"], 0, "{:#}", found.body);

    // of a project that is paused all may go; its steps make others
    p.server
        .call("StopProject", json!({ "id": p.id }))
        .await
        .data();
    p.server.project_is(&p.id, "SUSPEND", MINUTES).await;
    for list in ["storeList", "incrSyncComponents", "fullImportComponents"] {
        for component in p.components(list).await {
            let number = p
                .ask("DeleteComponent", json!({ "name": component["name"] }))
                .await;
            p.task(number, "SUCCESSFUL").await;
        }
        assert_eq!(p.components(list).await.len(), 0, "{list}");
    }
    p.source.exec("INSERT INTO a.t VALUES (2, 2)").await;
    p.server
        .call("ResumeProject", json!({ "id": p.id }))
        .await
        .data();
    p.follows(7).await;
    same_rows(&p.source, &p.target, "a").await;
    p.server
        .call("StopProject", json!({ "id": p.id }))
        .await
        .data();
    p.server.project_is(&p.id, "SUSPEND", MINUTES).await;
    p.server
        .call("ReleaseProject", json!({ "id": p.id }))
        .await
        .data();
    p.server.project_is(&p.id, "RELEASED", MINUTES).await;
    p.server
        .call("DeleteProject", json!({ "id": p.id }))
        .await
        .data();
    let listed = p.server.call("ListOmTasks", json!({})).await;
    assert_eq!(listed.data(), &json!([]), "they went with their project");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_retried_or_skipped_by_the_api_and_by_sql() {
    let p = Following::start().await;
    let sync = p.name("incrSyncComponents").await;
    let by_name = json!({ "name": sync });
    let rm = p.rm().await;
    // its login is refused: it cannot start
    let number = p.ask("PauseComponent", by_name.clone()).await;
    p.task(number, "SUCCESSFUL").await;
    sql(
        &rm,
        "UPDATE oms_datasource SET username = username || '_gone' WHERE name = 'to'",
    )
    .await;
    let number = p.ask("StartComponent", by_name.clone()).await;
    let second = p.server.call("PauseComponent", by_name.clone()).await;
    second.refused(409, "CMP-0003", &format!("O&M task {number}"));
    let failed = p.task(number, "FAILED").await;
    assert_eq!(
        subs(&failed),
        ["START_COMPONENT FINISHED", "AWAIT_RUNNING FAILED"]
    );
    let why = failed["subTasks"][1]["errorMsg"]
        .as_str()
        .unwrap_or_default();
    assert!(why.starts_with("SRC-0003"), "{failed:#}");
    let none = p
        .server
        .call(
            "RetryOmTask",
            json!({ "id": number, "subTaskId": "t_none" }),
        )
        .await;
    none.refused(409, "CMP-0003", "t_none");
    p.server
        .call("DescribeOmTask", json!({ "id": 77 }))
        .await
        .refused(404, "MDB-0006", "om_77");
    // skipped: the task is over, the component is not
    p.server
        .call("SkipOmTask", json!({ "id": number }))
        .await
        .data();
    let skipped = p.task(number, "SUCCESSFUL").await;
    assert_eq!(
        subs(&skipped),
        ["START_COMPONENT FINISHED", "AWAIT_RUNNING SKIPPED"]
    );
    p.server
        .call("RetryOmTask", json!({ "id": number }))
        .await
        .refused(409, "CMP-0003", "SUCCESSFUL");
    p.server.project_is(&p.id, "FAILED", MINUTES).await;

    // retried by the API: it fails again, and works once its login does
    let number = p.ask("StartComponent", by_name.clone()).await;
    p.task(number, "FAILED").await;
    sql(
        &rm,
        "UPDATE oms_datasource SET username = replace(username, '_gone', '') WHERE name = 'to'",
    )
    .await;
    p.server
        .call("RetryOmTask", json!({ "id": number }))
        .await
        .data();
    p.task(number, "SUCCESSFUL").await;
    p.server.project_is(&p.id, "RUNNING", MINUTES).await;
    p.follows(8).await;

    // by SQL: a sub-task without retries is left alone, one with retries runs; nonsense is put right
    let number = p.ask("PauseComponent", by_name.clone()).await;
    p.task(number, "SUCCESSFUL").await;
    sql(
        &rm,
        "UPDATE oms_datasource SET username = username || '_gone' WHERE name = 'to'",
    )
    .await;
    let number = p.ask("StartComponent", by_name).await;
    p.task(number, "FAILED").await;
    sql(
        &rm,
        "UPDATE oms_datasource SET username = replace(username, '_gone', '') WHERE name = 'to'",
    )
    .await;
    sql(&rm, &format!("UPDATE oms_task SET task_status = 'PENDING', retry_count = 4 WHERE task_group = 'om_{number}'")).await;
    sql(
        &rm,
        &format!("UPDATE oms_om_task SET task_status = 'NONSENSE' WHERE id = 'om_{number}'"),
    )
    .await;
    let refused = p.task_says(number, "refused").await;
    assert_eq!(refused["status"], "FAILED", "{refused:#}");
    assert_eq!(
        subs(&refused),
        ["START_COMPONENT PENDING", "AWAIT_RUNNING PENDING"]
    );
    sql(
        &rm,
        &format!("UPDATE oms_task SET retry_count = 0 WHERE task_group = 'om_{number}'"),
    )
    .await;
    p.task(number, "SUCCESSFUL").await;
    p.follows(9).await;
    // a repair with SQL is seen where the others are
    sql(
        &rm,
        "UPDATE oms_step SET step_status = 'FAILED', step_info = '{}' WHERE step_name = 'INCR_TRANSFER'",
    )
    .await;
    let task = wait_until("the repair to be an O&M task", MINUTES, || async {
        let listed = p
            .server
            .call("ListOmTasks", json!({ "projectId": p.id, "pageSize": 1 }))
            .await;
        let newest = listed.data()[0].clone();
        let repaired = newest["taskType"] == "REPAIR_STEP" && newest["status"] == "SUCCESSFUL";
        match repaired {
            true => Ok(Some(newest)),
            false => Err(format!("{newest:#}")),
        }
    })
    .await;
    assert_eq!(
        (&task["taskName"], &task["owner"]),
        (&json!("INCR_TRANSFER"), &json!(null))
    );
    p.follows(10).await;
}
