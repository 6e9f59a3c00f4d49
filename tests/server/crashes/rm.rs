//! What stands in the rm database: nothing hangs on what is gone, every answer has its line in the audit
//! log, and at the end nothing is left.

use std::collections::HashMap;
use std::path::Path;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use super::player::Answered;
use crate::harness::Rm;

/// Rows that must not be there, in words and as SQL.
const BROKEN: &[(&str, &str)] = &[
    (
        "an account in a department that is gone",
        "SELECT account FROM oms_user WHERE department_id <> ''
            AND department_id NOT IN (SELECT id FROM oms_department)",
    ),
    (
        "a token of an account that is gone",
        "SELECT id FROM oms_api_token WHERE user_id NOT IN (SELECT id FROM oms_user)",
    ),
    (
        "a session of an account that is gone",
        "SELECT id FROM oms_session WHERE user_id NOT IN (SELECT id FROM oms_user)",
    ),
    (
        "a session that was opened with an earlier password",
        "SELECT s.id FROM oms_session s JOIN oms_user u ON u.id = s.user_id
            WHERE s.gmt_created < u.password_changed_at",
    ),
    (
        "a project of an account that is gone",
        "SELECT id FROM oms_project WHERE project_status <> 'DELETED'
            AND owner NOT IN (SELECT id FROM oms_user)",
    ),
    (
        "a data source of an account that is gone",
        "SELECT id FROM oms_datasource WHERE owner NOT IN (SELECT id FROM oms_user)",
    ),
    (
        "a project of data sources that are gone",
        "SELECT id FROM oms_project WHERE project_status <> 'DELETED'
            AND (source_id NOT IN (SELECT id FROM oms_datasource)
                OR target_id NOT IN (SELECT id FROM oms_datasource))",
    ),
    (
        "a label that is gone, on a project",
        "SELECT label_id || ' on ' || project_id FROM oms_project_label
            WHERE label_id NOT IN (SELECT id FROM oms_label)",
    ),
    (
        "a project without steps",
        "SELECT id FROM oms_project p WHERE project_status <> 'DELETED' AND parent_id IS NULL
            AND NOT EXISTS (SELECT 1 FROM oms_step s WHERE s.project_id = p.id)",
    ),
    (
        "a task of a step, or of an O&M task, that is gone",
        "SELECT id FROM oms_task WHERE task_group NOT IN (SELECT id FROM oms_step)
            AND task_group NOT IN (SELECT id FROM oms_om_task)",
    ),
    (
        "a pre-check that has passed with an item that failed",
        "SELECT s.id FROM oms_step s JOIN oms_task t ON t.task_group = s.id
            WHERE s.step_name = 'TRANSFER_PRECHECK' AND s.step_status = 'FINISHED'
            AND t.task_status = 'FAILED'",
    ),
    (
        "a data source whose version nobody knows",
        "SELECT id FROM oms_datasource WHERE version = ''",
    ),
];
/// Rows that stay: of the first account, of the service itself, and what was.
const STAY: &[(&str, &str)] = &[
    ("oms_project", "project_status = 'DELETED'"),
    ("oms_user", "account = 'admin'"),
    ("oms_department", "id = 'd_default'"),
    ("oms_normal_config", "cfg_name LIKE 'oms.sequence.%'"),
    ("oms_lease", "1 = 1"),
    ("oms_node", "1 = 1"),
    ("oms_audit_log", "1 = 1"),
];

async fn rows(rm: &Rm, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(DbBackend::Sqlite, sql.to_owned());
    let rows = rm.connection().query_all_raw(statement).await;
    rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Runs statements.
pub async fn sql(path: &Path, statements: &[String]) {
    let rm = Rm::open(path).await.expect("rm");
    for statement in statements {
        let done = rm.connection().execute_unprepared(statement).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    rm.close().await;
}

/// The tables whose rows belong to a project.
fn of_projects() -> Vec<String> {
    let tables = entity::all_tables().into_iter();
    let of_project = tables.filter(|t| t.columns.iter().any(|c| c.name == "project_id"));
    of_project.map(|table| table.name).collect()
}

/// Nothing hangs on what is gone.
pub async fn sound(folder: &Path) {
    let rm = Rm::open(&folder.join("rm.db")).await.expect("rm");
    let mut broken = Vec::new();
    for (what, sql) in BROKEN {
        for row in rows(&rm, sql).await {
            let id: String = row.try_get_by_index(0).expect("an id");
            broken.push(format!("{what}: {id}"));
        }
    }
    for table in of_projects() {
        let sql = format!(
            "SELECT DISTINCT project_id FROM {table} WHERE project_id <> '' AND project_id NOT IN
                (SELECT id FROM oms_project WHERE project_status <> 'DELETED')"
        );
        for row in rows(&rm, &sql).await {
            let id: String = row.try_get_by_index(0).expect("an id");
            broken.push(format!("{table} of project {id}, which is gone"));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    rm.close().await;
}

/// Every answer has its line, which says the same.
pub async fn audited(folder: &Path, answered: &[Answered]) {
    let rm = Rm::open(&folder.join("rm.db")).await.expect("rm");
    let sql = "SELECT request_id, action_name, result_code FROM oms_audit_log";
    let mut lines = HashMap::new();
    for row in rows(&rm, sql).await {
        let text = |at| row.try_get_by_index::<String>(at).expect("a text");
        lines.insert(text(0), (text(1), text(2)));
    }
    for one in answered {
        let expected = (one.action.to_owned(), one.code.clone());
        assert_eq!(lines.get(&one.request), Some(&expected), "{}", one.request);
    }
    rm.close().await;
}

/// No row is left of what was deleted.
pub async fn nothing_is_left(folder: &Path) {
    let rm = Rm::open(&folder.join("rm.db")).await.expect("rm");
    let mut left = Vec::new();
    for table in entity::all_tables() {
        let name = table.name.as_str();
        let stays = STAY.iter().find(|(table, _)| *table == name);
        let stays = stays.map_or("1 = 0", |(_, which)| which);
        let sql = format!("SELECT COUNT(*) FROM {name} WHERE NOT ({stays})");
        let count: i64 = rows(&rm, &sql).await[0]
            .try_get_by_index(0)
            .expect("a number");
        if count > 0 {
            left.push(format!("{name}: {count}"));
        }
    }
    assert!(left.is_empty(), "{left:#?}");
    rm.close().await;
}
