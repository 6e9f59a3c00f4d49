//! Commands with the actions that they run: every action of the API has one.

use serde_json::{Value, json};

use crate::listener::{Request, success};

/// Answers as a server would that has one of each.
pub fn answer(request: &Request) -> (u16, String) {
    let data = match request.action.as_str() {
        "ListProjects" => json!([{ "id": "np_1", "name": "shop", "status": "RUNNING" }]),
        "ListDataSource" => json!([{ "id": "e_1", "name": "from" }]),
        "ListAllLabels" => json!([{ "id": "l_1", "name": "nightly" }]),
        "CreateLabel" => json!("l_2"),
        "CreateUser" => json!("u_2"),
        "StartProjectsByLabel" | "StopProjectsByLabel" => {
            json!({ "total": 2, "succeedProjectIds": ["np_1"], "failedProjectIds": ["np_2"] })
        }
        "CreateProject" => json!("np_2"),
        "DescribeProject" => json!({ "id": "np_1", "name": "shop", "status": "SUSPEND" }),
        "DescribeProjectSteps" => json!([{ "name": "FULL_TRANSFER", "status": "RUNNING" }]),
        "DescribeProjectComponents" => json!({ "storeList": [{ "name": "store-1" }] }),
        "DescribeProjectProgress" => json!({ "projectId": "np_1", "status": "RUNNING" }),
        "DescribeProjectStepMetric" => {
            json!({ "metrics": [{ "dataPoints": [{ "timestamp": 60, "value": 12.5 }] }] })
        }
        "ListFullVerifyCorrectionsResult" => json!(["DELETE FROM s.t WHERE id = 1;"]),
        "ListProjectFullVerifyResult" => {
            let table = json!({
                "sourceSchemaName": "s", "sourceTableName": "t", "mismatchedCount": 0,
            });
            let tables: Vec<Value> = (request.body["pageNumber"] == 1)
                .then_some(table)
                .into_iter()
                .collect();
            json!({ "differentNumber": 0, "fullVerifyTableStatistics": tables })
        }
        "GetPreCheckResult" => json!({ "preCheckStatus": "FINISHED", "items": [
            { "name": "DEST-DB_TRIGGER", "status": "WARNING", "skipConsequence": "run again" },
        ]}),
        "ListDepartments" => json!([{ "id": "d_1", "name": "sales" }]),
        "CreateDepartment" => json!("d_2"),
        "ListApiTokens" => json!([{ "id": "k_1", "name": "ci" }]),
        "CreateProjectModifyRecords" => json!("m_1"),
        "ListProjectModifyRecords" => json!([{ "id": "m_1", "status": "SUCCESS" }]),
        "CloneProject" => json!("np_3"),
        "DescribeAppSwitch" => crate::cases_switch::of(&request.body["id"]),
        "RehearseAppSwitch" => crate::cases_switch::rehearsal(true),
        "CreateSession" => json!({ "id": "w_2", "token": "oms_s_token" }),
        "ListSessions" => json!([{ "id": "w_1", "account": "admin" }]),
        "CreateApiToken" => json!({ "id": "k_2", "token": "oms_token" }),
        "ListAuditLogs" => json!([{ "account": "admin", "action": "CreateUser" }]),
        "CreateMySqlDataSource" => json!("e_2"),
        "ListOmTasks" => json!([{ "id": 7, "projectId": "np_1", "status": "FAILED" }]),
        "DescribeOmTask" => json!({
            "id": 7, "status": "SUCCESSFUL",
            "subTasks": [{ "id": "t_1", "taskType": "PAUSE_COMPONENT", "status": "FINISHED" }],
        }),
        "StartComponent"
        | "PauseComponent"
        | "ResumeComponent"
        | "RerunComponent"
        | "DeleteComponent"
        | "UpdateIncrSync"
        | "UpdateFullImport"
        | "UpdateStore"
        | "UpdateFullVerification"
        | "RepairProjectStep" => json!(7),
        "ListSystemParameters" => json!([{ "name": "ha.config", "value": { "enable": true } }]),
        "ListServers" => json!([{ "name": "node-1", "ip": "10.0.0.1", "status": "ONLINE" }]),
        "ListUsers" => json!([{ "id": "u_1", "account": "admin", "role": "ROOT" }]),
        _ => Value::Null,
    };
    (200, success(data))
}

/// A command, the last action that it runs with its parameters, and a part of what it prints.
pub type Case = (&'static str, &'static str, Value, &'static str);

pub fn id(id: &str) -> Value {
    json!({ "id": id })
}

pub fn name(name: &str) -> Value {
    json!({ "name": name })
}

fn of_projects() -> Vec<Case> {
    let oceanbase = json!({
        "name": "ob", "ip": "10.0.0.2", "port": 2881, "username": "root", "tenant": "sys",
        "password": "of a file", "useSsl": false, "description": "",
    });
    let with_log = json!({
        "name": "ob", "ip": "10.0.0.2", "port": 2881, "username": "root", "useSsl": false,
        "password": "of a file", "description": "", "binlogAddress": { "host": "::1", "port": 2983 },
    });
    let create =
        "datasource create ob oceanbase://root@10.0.0.2 --tenant sys --password-file secret";
    vec![
        ("project pause shop", "StopProject", id("np_1"), "is paused"),
        (
            "project resume np_9",
            "ResumeProject",
            id("np_9"),
            "goes on",
        ),
        (
            "project release shop",
            "ReleaseProject",
            id("np_1"),
            "is being released",
        ),
        (
            "project delete shop",
            "DeleteProject",
            id("np_1"),
            "is deleted",
        ),
        (create, "CreateOceanBaseDataSource", oceanbase, ""),
        (
            "datasource create ob oceanbase://root@10.0.0.2 --password-file secret --binlog-address [::1]:2983",
            "CreateOceanBaseDataSource",
            with_log,
            "",
        ),
        (
            "datasource create my mysql://root@10.0.0.2 --password-file secret",
            "CreateMySqlDataSource",
            Value::Null,
            "e_2",
        ),
        ("datasource list", "ListDataSource", Value::Null, "from"),
        (
            "project create -f project.yaml",
            "CreateProject",
            json!({ "name": "x" }),
            "np_2",
        ),
        (
            "project start np_1",
            "StartProject",
            id("np_1"),
            "is started",
        ),
        ("project list", "ListProjects", Value::Null, "shop"),
        (
            "project show shop",
            "DescribeProject",
            id("np_1"),
            "SUSPEND",
        ),
        (
            "project steps shop",
            "DescribeProjectSteps",
            id("np_1"),
            "FULL_TRANSFER",
        ),
        (
            "project progress shop",
            "DescribeProjectProgress",
            id("np_1"),
            "RUNNING",
        ),
        (
            "project components shop",
            "DescribeProjectComponents",
            id("np_1"),
            "store-1",
        ),
        (
            "component list shop",
            "DescribeProjectComponents",
            id("np_1"),
            "store-1",
        ),
        (
            "project metric shop full_transfer rps --average",
            "DescribeProjectStepMetric",
            Value::Null,
            "12.5",
        ),
        (
            "project verify-result shop",
            "ListProjectFullVerifyResult",
            Value::Null,
            "0 differences",
        ),
        (
            "project corrections shop s.t",
            "ListFullVerifyCorrectionsResult",
            json!({
                "projectId": "np_1", "schema": "s", "table": "t", "pageNumber": 1, "pageSize": 150,
            }),
            "DELETE FROM s.t",
        ),
        (
            "project labels shop nightly l_7",
            "UpdateProjectLabels",
            json!({ "id": "np_1", "labelIds": ["l_1", "l_7"] }),
            "2 label(s)",
        ),
        (
            "project labels shop --none",
            "UpdateProjectLabels",
            json!({ "id": "np_1", "labelIds": [] }),
            "0 label(s)",
        ),
        (
            "project configure shop --speed FAST --full-rps 5 --incr-iops 0",
            "UpdateProjectConfig",
            json!({
                "id": "np_1",
                "fullTransferConfig": { "throttleRps": 5, "fullTransferSpeedMode": "FAST" },
                "incrTransferConfig": { "throttleIOPS": 0 },
            }),
            "from now on",
        ),
        (
            "precheck submit shop",
            "SubmitPreCheck",
            id("np_1"),
            "is being checked",
        ),
        (
            "precheck result shop",
            "GetPreCheckResult",
            id("np_1"),
            "pre-check: FINISHED",
        ),
        (
            "precheck submit np_1 --wait",
            "GetPreCheckResult",
            id("np_1"),
            "FINISHED",
        ),
        (
            "precheck retry shop --skip DEST-DB_TRIGGER --remove DEST-RDB_TABLE_EMPTY",
            "RetryPreCheck",
            json!({
                "id": "np_1", "skipItems": ["DEST-DB_TRIGGER"],
                "removeItems": ["DEST-RDB_TABLE_EMPTY"],
            }),
            "is being checked",
        ),
        (
            "datasource test from",
            "TestDataSource",
            id("e_1"),
            "can be used",
        ),
        (
            "datasource delete e_3",
            "DeleteDataSource",
            id("e_3"),
            "is deleted",
        ),
        ("label create x", "CreateLabel", name("x"), "l_2"),
        ("label list", "ListAllLabels", json!({}), "nightly"),
        (
            "label delete nightly",
            "DeleteLabel",
            id("l_1"),
            "is deleted",
        ),
        (
            "label start l_1",
            "StartProjectsByLabel",
            id("l_1"),
            "started: np_1",
        ),
        (
            "label stop l_1",
            "StopProjectsByLabel",
            id("l_1"),
            "failed: np_2",
        ),
    ]
}

fn of_settings() -> Vec<Case> {
    let set = "param set ha.config {\"enable\":false}";
    let value = json!({ "name": "ha.config", "value": { "enable": false } });
    let found = json!({ "searchKey": "ha" });
    let users = json!({ "searchKey": "", "pageNumber": 1, "pageSize": 150 });
    let create = "user create b --role USER --password-file secret";
    let made = json!({ "account": "b", "password": "of a file", "role": "USER" });
    let passwd = "user passwd --new-password-file new";
    let passwords = json!({ "oldPassword": "of the env", "newPassword": "a new one" });
    vec![
        ("param list", "ListSystemParameters", json!({}), "ha.config"),
        ("param list ha", "ListSystemParameters", found, "enable"),
        (set, "UpdateSystemParameter", value, "is set"),
        (
            "param reset x",
            "ResetSystemParameter",
            name("x"),
            "default",
        ),
        ("user list", "ListUsers", users, "ROOT"),
        (create, "CreateUser", made, "u_2"),
        ("user delete admin", "DeleteUser", id("u_1"), "is deleted"),
        ("user unlock admin", "UnlockUser", id("u_1"), "not locked"),
        (
            "user update admin --role USER --department sales --mail a@b.c --password-file secret",
            "UpdateUser",
            json!({
                "id": "u_1", "role": "USER", "departmentId": "d_1", "mail": "a@b.c",
                "password": "of a file",
            }),
            "is changed",
        ),
        ("department list", "ListDepartments", Value::Null, "sales"),
        ("department create x", "CreateDepartment", name("x"), "d_2"),
        (
            "department delete sales",
            "DeleteDepartment",
            id("d_1"),
            "is deleted",
        ),
        ("session list", "ListSessions", Value::Null, "admin"),
        ("session open", "CreateSession", json!({}), "oms_s_token"),
        ("session end w_1", "DeleteSession", id("w_1"), "has ended"),
        ("token list", "ListApiTokens", Value::Null, "ci"),
        (
            "token create ci --days 7",
            "CreateApiToken",
            json!({ "name": "ci", "expireDays": 7 }),
            "oms_token",
        ),
        (
            "token delete ci",
            "DeleteApiToken",
            id("k_1"),
            "nothing any more",
        ),
        (
            "audit list --account admin --action CreateUser --limit 5",
            "ListAuditLogs",
            json!({ "account": "admin", "action": "CreateUser", "pageNumber": 1, "pageSize": 150 }),
            "CreateUser",
        ),
        (passwd, "ChangePassword", passwords, "is changed"),
    ]
}

/// All of them.
pub fn cases() -> impl Iterator<Item = Case> {
    [
        of_projects(),
        crate::cases_works::of_works(),
        crate::cases_works::of_objects(),
        crate::cases_switch::of_switches(),
        of_settings(),
    ]
    .into_iter()
    .flatten()
}
