//! Commands about components, O&M tasks, nodes and the objects of projects: what each sends.

use serde_json::{Value, json};

use crate::cases::{Case, id, name};

pub fn of_works() -> Vec<Case> {
    let listed = json!({
        "projectId": "np_1", "status": ["FAILED"], "pageNumber": 1, "pageSize": 150,
    });
    vec![
        (
            "component start c",
            "StartComponent",
            name("c"),
            "O&M task 7",
        ),
        (
            "component pause c --wait",
            "DescribeOmTask",
            json!({ "id": 7 }),
            "PAUSE_COMPONENT",
        ),
        (
            "component resume c",
            "ResumeComponent",
            name("c"),
            "O&M task 7",
        ),
        (
            "component rerun c",
            "RerunComponent",
            name("c"),
            "O&M task 7",
        ),
        (
            "component delete c",
            "DeleteComponent",
            name("c"),
            "O&M task 7",
        ),
        (
            "component update p-incr_trans-1-0:0000000001 sink.workerNum=8",
            "UpdateIncrSync",
            json!({
                "dimension": "NAME", "key": "p-incr_trans-1-0:0000000001", "cmRegion": "",
                "config": { "sink": { "workerNum": 8 } }, "allowDelete": false,
            }),
            "O&M task 7",
        ),
        (
            "project rename shop store",
            "RenameProject",
            json!({ "id": "np_1", "name": "store" }),
            "is now called store",
        ),
        (
            "project clone shop twin",
            "CloneProject",
            json!({ "id": "np_1", "name": "twin" }),
            "np_3",
        ),
        (
            "project alarm-level shop high",
            "UpdateProjectAlarmLevel",
            json!({ "id": "np_1", "alarmLevel": "HIGH" }),
            "HIGH",
        ),
        (
            "project repair shop INCR_TRANSFER",
            "RepairProjectStep",
            json!({ "id": "np_1", "stepName": "INCR_TRANSFER" }),
            "O&M task 7",
        ),
        (
            "task list --project shop --status FAILED",
            "ListOmTasks",
            listed,
            "FAILED",
        ),
        (
            "task show 7",
            "DescribeOmTask",
            json!({ "id": 7 }),
            "PAUSE_COMPONENT",
        ),
        (
            "task skip 7",
            "SkipOmTask",
            json!({ "id": 7 }),
            "goes on without",
        ),
        (
            "task retry 7 --sub-task t_1",
            "RetryOmTask",
            json!({ "id": 7, "subTaskId": "t_1" }),
            "runs again",
        ),
        ("node list", "ListServers", json!({}), "node-1"),
        (
            "component pause c",
            "PauseComponent",
            name("c"),
            "O&M task 7",
        ),
        (
            "component update p:verifier:x a=1",
            "UpdateFullVerification",
            Value::Null,
            "O&M task 7",
        ),
        (
            "component update p-full_trans-1-0:1 sink.a=1",
            "UpdateFullImport",
            Value::Null,
            "O&M task 7",
        ),
        (
            "component update p:store:1 a=1",
            "UpdateStore",
            Value::Null,
            "O&M task 7",
        ),
        (
            "node quota n --stores 3 --connectors none",
            "UpdateServerQuota",
            json!({ "name": "n", "storeQuota": 3, "connectorQuota": null }),
            "this quota",
        ),
    ]
}

pub fn of_objects() -> Vec<Case> {
    let added = json!({
        "id": "np_1", "type": "INCREASE_OBJECT",
        "databases": [{ "name": "a", "tables": [{ "name": "t" }] }],
    });
    let mut removed = added.clone();
    removed["type"] = json!("DECREASE_OBJECT");
    vec![
        (
            "project objects add shop a.t",
            "CreateProjectModifyRecords",
            added,
            "m_1",
        ),
        (
            "project objects add shop a.t --wait",
            "ListProjectModifyRecords",
            Value::Null,
            "change m_1 is SUCCESS",
        ),
        (
            "project objects remove shop a.t --wait --timeout 9",
            "ListProjectModifyRecords",
            Value::Null,
            "change m_1 is SUCCESS",
        ),
        (
            "project objects remove shop a.t",
            "CreateProjectModifyRecords",
            removed,
            "m_1",
        ),
        (
            "project objects list shop",
            "ListProjectModifyRecords",
            Value::Null,
            "m_1",
        ),
        (
            "project objects cancel m_1",
            "CancelProjectModifyRecord",
            id("m_1"),
            "is cancelled",
        ),
        (
            "project objects abort m_1",
            "StopProjectModifyRecords",
            id("m_1"),
            "is aborted",
        ),
        (
            "project objects retry m_1",
            "RetryProjectModifyRecords",
            id("m_1"),
            "goes on",
        ),
    ]
}
