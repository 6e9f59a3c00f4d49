//! The views say what the rows say, and nonsense in a row is not their end.

use oms::metadata::{
    AlarmLevel, ComponentType, DataSourceType, DesiredStatus, Metadata, NewComponent,
    NewDataSource, NewProject, Project, ProjectStatus, ProjectType, Report, Step, StepStatus,
    StepUpdate, new_id,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use serde_json::{Value, json};

use super::{first_steps, good};

const LEADER: i64 = 5;

async fn select(raw: &DatabaseConnection, sql: &str) -> QueryResult {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let row = raw.query_one_raw(statement).await.expect(sql);
    row.unwrap_or_else(|| panic!("no row: {sql}"))
}

fn text(row: &QueryResult, column: &str) -> Option<String> {
    row.try_get("", column)
        .unwrap_or_else(|e| panic!("{column}: {e}"))
}

/// SQLite joins NULL as an empty text.
fn as_text(column: &str) -> String {
    format!("CASE WHEN {column} IS NOT NULL THEN CONCAT({column}, '') END")
}

async fn edit(raw: &DatabaseConnection, sql: &str) {
    let done = raw.execute_unprepared(sql).await.expect(sql);
    assert_eq!(done.rows_affected(), 1, "{sql}");
}

/// A project between two data sources, with its first steps.
async fn made(meta: &Metadata) -> (Project, Vec<Step>) {
    let id = new_id("np_");
    let side = async |name: &str| {
        let new = NewDataSource {
            id: None,
            name: format!("{name} of {id}"),
            kind: DataSourceType::Mysql,
            host: format!("{id}.{name}"),
            port: 3306,
            username: "oms".to_owned(),
            password_cipher: String::new(),
            options: json!({}),
            tls_key_cipher: None,
            version: String::new(),
        };
        meta.datasources().create(new).await.expect("made").id
    };
    let project = NewProject {
        name: format!("views of {id}"),
        source_id: side("shop").await,
        target_id: side("archive").await,
        id,
        kind: ProjectType::Migration,
        config: json!({}),
        alarm_level: AlarmLevel::High,
    };
    let project = meta.projects().create(project).await.expect("a project");
    let steps = meta.steps().create_all(&project.id, first_steps()).await;
    (project, good(steps.expect("steps")))
}

async fn set(meta: &Metadata, step: &Step, status: StepStatus, extra: Value) {
    let update = StepUpdate {
        status: Some(status),
        progress: Some(40),
        extra_info: Some(extra),
        ..StepUpdate::default()
    };
    let written = meta.steps().update(&step.id, update, LEADER).await;
    assert!(written.expect("a write").applied());
}

async fn component(meta: &Metadata, project: &Project, kind: ComponentType) -> String {
    let id = format!("{}:{kind}", project.id);
    let new = NewComponent {
        id: id.clone(),
        project_id: project.id.clone(),
        step_id: "s_x".to_owned(),
        kind,
        desired_status: DesiredStatus::Running,
        node: "n".to_owned(),
        config: json!({}),
        checkpoint: json!({}),
    };
    meta.components().create(new).await.expect("made");
    id
}

async fn report(meta: &Metadata, id: &str, report: Report) {
    let written = meta.components().report(id, 0, report).await;
    assert!(written.expect("a write").applied());
}

pub async fn projects(meta: &Metadata, raw: &DatabaseConnection) {
    let (project, steps) = made(meta).await;
    let view = async || {
        let sql = format!(
            "SELECT v.*, {} AS late FROM oms_v_projects v WHERE project_id='{}'",
            as_text("lag_seconds"),
            project.id
        );
        select(raw, &sql).await
    };
    let row = view().await;
    assert_eq!(text(&row, "project_name"), Some(project.name.clone()));
    assert_eq!(text(&row, "project_status"), Some("INIT".to_owned()));
    let shop = format!("shop of {}", project.id);
    assert_eq!(text(&row, "source_name"), Some(shop));
    let archive = format!("archive of {}", project.id);
    assert_eq!(text(&row, "target_name"), Some(archive));
    assert_eq!(text(&row, "step_name"), Some("TRANSFER_PRECHECK".into()));
    assert_eq!(text(&row, "late"), None);
    assert_eq!(text(&row, "error_code"), None);

    set(meta, &steps[0], StepStatus::Finished, json!({})).await;
    let failed = json!({ "errorCode": "SCH-0001", "errorMsg": "a \"quoted\" läden" });
    set(meta, &steps[1], StepStatus::Failed, failed).await;
    let sync = component(meta, &project, ComponentType::IncrSync).await;
    let progress = Report {
        progress: Some(json!({ "lag_ms": 1234, "ready": true })),
        ..Report::default()
    };
    report(meta, &sync, progress).await;
    let row = view().await;
    assert_eq!(text(&row, "step_name"), Some("STRUCT_TRANSFER".into()));
    assert_eq!(text(&row, "step_status"), Some("FAILED".into()));
    let percent: i32 = row.try_get("", "progress").expect("a number");
    assert_eq!(percent, 40);
    assert_eq!(text(&row, "late"), Some("1.234".into()));
    assert_eq!(text(&row, "error_code"), Some("SCH-0001".into()));
    let message = "a \"quoted\" läden".to_owned();
    assert_eq!(text(&row, "error_message"), Some(message));

    // the project's own error comes first, and nonsense is nothing
    let extra = json!({ "errorCode": "MDB-0002", "errorMsg": "nonsense" });
    let status = ProjectStatus::Failed;
    let written = meta.projects();
    let written = written.set_status(&project.id, status, Some(extra), LEADER);
    assert!(written.await.expect("a write").applied());
    assert_eq!(
        text(&view().await, "error_code"),
        Some("MDB-0002".to_owned())
    );
    for sql in [
        format!(
            "UPDATE oms_project SET extra_info='{{\"errorCode\":' WHERE id='{}'",
            project.id
        ),
        format!("UPDATE oms_component SET progress='{{' WHERE id='{sync}'"),
    ] {
        edit(raw, &sql).await;
    }
    let row = view().await;
    assert_eq!(text(&row, "error_code"), Some("SCH-0001".into()));
    assert_eq!(text(&row, "late"), None);

    // one that only follows stands at the step that does
    for step in &steps[..2] {
        set(meta, step, StepStatus::Finished, json!({})).await;
    }
    set(meta, &steps[2], StepStatus::Monitoring, json!({})).await;
    let row = view().await;
    assert_eq!(text(&row, "step_status"), Some("MONITORING".into()));
}

pub async fn components(meta: &Metadata, raw: &DatabaseConnection) {
    let (project, _) = made(meta).await;
    let id = component(meta, &project, ComponentType::Store).await;
    let view = async || {
        let sql = format!(
            "SELECT v.*, {} AS late, {} AS reached, \
             CASE WHEN heartbeat_age_seconds BETWEEN 0 AND 300 THEN 'fresh' ELSE 'old' END AS age, \
             CASE WHEN latest_heartbeat IS NULL THEN 'never' ELSE 'some' END AS beat \
             FROM oms_v_components v WHERE component_id='{id}'",
            as_text("lag_seconds"),
            as_text("checkpoint_time"),
        );
        select(raw, &sql).await
    };
    let row = view().await;
    assert_eq!(text(&row, "project_name"), Some(project.name.clone()));
    assert_eq!(text(&row, "component_type"), Some("STORE".into()));
    assert_eq!(text(&row, "status"), Some("INIT".into()));
    assert_eq!(text(&row, "desired_status"), Some("RUNNING".into()));
    assert_eq!(text(&row, "beat"), Some("never".into()));
    for column in ["late", "reached", "error_code", "error_message"] {
        assert_eq!(text(&row, column), None, "{column}");
    }

    let full = Report {
        attempt: Some(3),
        checkpoint: Some(json!({ "file": "b.1", "offset": 4, "time_ms": 1_700_000_000_123_i64 })),
        progress: Some(json!({ "lag_ms": 50, "done": 7 })),
        error: Some(Some(json!({ "code": "SRC-0001", "message": "gone" }))),
        ..Report::default()
    };
    report(meta, &id, full).await;
    let row = view().await;
    let attempt: i32 = row.try_get("", "attempt").expect("a number");
    assert_eq!(attempt, 3);
    let lag = text(&row, "late").expect("a lag");
    assert_eq!(lag.parse::<f64>().expect("a number"), 0.05);
    assert_eq!(
        text(&row, "reached"),
        Some("2023-11-14 22:13:20.123".into()),
        "UTC, whatever the session's time zone"
    );
    assert_eq!(text(&row, "error_code"), Some("SRC-0001".into()));
    assert_eq!(text(&row, "error_message"), Some("gone".into()));
    assert_eq!(text(&row, "age"), Some("fresh".into()));

    edit(
        raw,
        &format!("UPDATE oms_component SET checkpoint='soon', error='[' WHERE id='{id}'"),
    )
    .await;
    let row = view().await;
    for column in ["reached", "error_code"] {
        assert_eq!(text(&row, column), None, "{column}");
    }
}
