//! What an operator does with SQL.

use oms::metadata::{
    MetaError, MetaErrorKind, Metadata, NewTask, Row, Step, StepStatus, StepUpdate, TaskStatus,
    Written,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::json;

use super::{first_steps, good, project};

async fn edit(raw: &DatabaseConnection, sql: &str) {
    let done = raw.execute_unprepared(sql).await.expect("an edit by hand");
    assert_eq!(done.rows_affected(), 1, "{sql}");
}

async fn made(meta: &Metadata) -> Vec<Step> {
    let project = project(meta).await;
    good(
        meta.steps()
            .create_all(&project.id, first_steps())
            .await
            .expect("steps"),
    )
}

async fn listed(meta: &Metadata, steps: &[Step]) -> Vec<Row<Step>> {
    let id = &steps[0].project_id;
    meta.steps()
        .list(id)
        .await
        .expect("a list with bad rows in it")
}

/// The documented recipes, word for word.
pub async fn repairs_by_hand_are_seen(meta: &Metadata, raw: &DatabaseConnection) {
    let steps = made(meta).await;
    let task = NewTask {
        id: None,
        group: steps[2].id.clone(),
        kind: "CREATE_DEST_STORE".to_owned(),
        name: String::new(),
        max_retry_count: None,
        task_info: json!({}),
    };
    let task = meta.tasks().upsert(task).await.expect("a task");
    let info = StepUpdate {
        step_info: Some(json!({"a": 1})),
        ..StepUpdate::default()
    };
    assert!(
        meta.steps()
            .update(&steps[2].id, info, 5)
            .await
            .expect("a write")
            .applied()
    );
    edit(
        raw,
        &format!(
            "UPDATE oms_step SET step_status='FAILED', step_info='{{}}' \
         WHERE project_id='{}' AND step_name='TRANSFER_INCR_LOG_PULL'",
            steps[2].project_id
        ),
    )
    .await;
    edit(
        raw,
        &format!(
            "UPDATE oms_task SET task_status='SKIPPED', retry_count=9 WHERE task_group='{}'",
            steps[2].id
        ),
    )
    .await;
    let step = meta.steps().get(&steps[2].id).await.expect("a step");
    assert_eq!(
        (step.status, step.step_info),
        (StepStatus::Failed, json!({}))
    );
    let task = meta.tasks().get(&task.id).await.expect("a task");
    assert_eq!(
        (task.status, task.may_retry()),
        (TaskStatus::Skipped, false)
    );
    edit(
        raw,
        &format!(
            "UPDATE oms_step SET step_info=' ' WHERE id='{}'",
            steps[2].id
        ),
    )
    .await;
    let step = meta
        .steps()
        .get(&steps[2].id)
        .await
        .expect("nothing is an empty object");
    assert_eq!(step.step_info, json!({}));
}

pub async fn nonsense_is_a_value(meta: &Metadata, raw: &DatabaseConnection) {
    let steps = made(meta).await;
    let edits = [
        ("step_status", "'Pending'", "is none of INIT, RUNNING"),
        ("step_info", "'{\"a\":'", "is not JSON"),
        ("step_info", "'[1]'", "not a JSON object"),
        ("progress", "101", "is not within 0 and 100"),
        (
            "step_name",
            "'FULL_MIGRATION'",
            "is none of TRANSFER_PRECHECK",
        ),
    ];
    for (column, value, why) in edits {
        let before = steps[1].clone();
        edit(
            raw,
            &format!(
                "UPDATE oms_step SET {column}={value} WHERE id='{}'",
                before.id
            ),
        )
        .await;
        let rows = listed(meta, &steps).await;
        assert!(
            rows[0].is_ok() && rows[2].is_ok(),
            "the other rows are as good as ever"
        );
        let problem = rows[1].clone().expect_err("nonsense");
        assert_eq!((problem.table, &problem.id), ("oms_step", &before.id));
        assert_eq!(problem.column, column);
        assert_eq!(problem.found, value.trim_matches('\''));
        assert!(problem.why.contains(why), "{problem}");
        match meta.steps().get(&before.id).await {
            Err(MetaError::CorruptRow(same)) => assert_eq!(same, problem),
            other => panic!("{other:?}"),
        }
        // The row can still be refused, with its id alone.
        let refuse = StepUpdate {
            status: Some(StepStatus::Failed),
            extra_info: Some(json!({"errorMsg": problem.to_string()})),
            ..StepUpdate::default()
        };
        let refused = meta.steps().update(&before.id, refuse, 1).await;
        assert!(refused.expect("a write").applied());
        edit(
            raw,
            &format!(
                "UPDATE oms_step SET step_status='INIT', step_info='{{}}', progress=0, \
             step_name='STRUCT_TRANSFER' WHERE id='{}'",
                before.id
            ),
        )
        .await;
        assert!(
            listed(meta, &steps).await.iter().all(Row::is_ok),
            "the repair is seen"
        );
    }
}

/// SQLite takes a text where a number or a time belongs; servers refuse that themselves.
pub async fn unreadable_cells_are_values(meta: &Metadata, raw: &DatabaseConnection) {
    if raw.get_database_backend() != DbBackend::Sqlite {
        return;
    }
    let steps = made(meta).await;
    for (column, value) in [
        ("progress", "'half'"),
        ("start_time", "'yesterday'"),
        ("gmt_modified", "'soon'"),
        ("epoch", "'new'"),
    ] {
        let id = &steps[0].id;
        edit(
            raw,
            &format!("UPDATE oms_step SET {column}={value} WHERE id='{id}'"),
        )
        .await;
        let rows = listed(meta, &steps).await;
        assert!(rows[1].is_ok() && rows[2].is_ok());
        let problem = rows[0].clone().expect_err("nonsense");
        assert_eq!(
            (&problem.id, problem.column.as_str()),
            (id, column),
            "{problem}"
        );
        assert_eq!(problem.found, value.trim_matches('\''));
        edit(
            raw,
            &format!(
                "UPDATE oms_step SET progress=0, start_time=NULL, epoch=0, \
             gmt_modified=gmt_created WHERE id='{id}'"
            ),
        )
        .await;
    }
    edit(
        raw,
        &format!(
            "UPDATE oms_project SET alarm_level='LOUD' WHERE id='{}'",
            steps[0].project_id
        ),
    )
    .await;
    let error = meta
        .projects()
        .get(&steps[0].project_id)
        .await
        .expect_err("nonsense");
    assert_eq!(error.kind(), MetaErrorKind::CorruptRow);
    assert!(
        error
            .to_string()
            .contains("alarm_level = 'LOUD' is none of HIGH, MEDIUM"),
        "{error}"
    );
}

pub async fn times_are_readable(meta: &Metadata, raw: &DatabaseConnection) {
    let steps = made(meta).await;
    // PostgreSQL leaves zeros at the end away
    let text = match raw.get_database_backend() {
        DbBackend::Postgres => "to_char(gmt_created, 'YYYY-MM-DD HH24:MI:SS.MS')",
        _ => "CONCAT(gmt_created, '')",
    };
    let sql = format!(
        "SELECT {text} AS t FROM oms_step WHERE project_id='{}'",
        steps[0].project_id
    );
    let rows = raw
        .query_all_raw(Statement::from_string(raw.get_database_backend(), sql))
        .await
        .expect("times as text");
    for row in rows {
        let text: String = row.try_get("", "t").expect("a text");
        assert_eq!(text.len(), "2026-01-31 23:59:59.123".len(), "{text}");
        let time = chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.3f");
        let age = chrono::Utc::now().naive_utc() - time.expect("a time");
        assert!(age.num_seconds().abs() < 120, "UTC: {text}");
    }
}

/// A number out of its range is put back as a number, also where numbers and texts are not compared.
pub async fn a_number_is_put_back(meta: &Metadata, raw: &DatabaseConnection) {
    let steps = made(meta).await;
    let id = &steps[1].id;
    edit(
        raw,
        &format!("UPDATE oms_step SET progress=101, epoch=4 WHERE id='{id}'"),
    )
    .await;
    let problem = listed(meta, &steps).await[1].clone().expect_err("nonsense");
    assert_eq!(
        (problem.column.as_str(), problem.found.as_str()),
        ("progress", "101")
    );
    let row = meta.raw_row(&problem).await.expect("a read");
    assert_eq!(row.expect("the row").get("progress"), Some("101"));
    let back = meta.put_back(&problem, "101", Some("40"), 4).await;
    assert_eq!(back.expect("a write"), Written::Applied);
    assert_eq!(meta.steps().get(id).await.expect("a good row").progress, 40);
    let again = meta.put_back(&problem, "101", Some("0"), 4).await;
    let found = "40".to_owned();
    assert_eq!(again.expect("a write"), Written::Changed { found });
}

/// A person who corrects the cell between the look and the write is right, and so is a newer leader.
pub async fn a_value_is_put_back_only_over_the_nonsense(meta: &Metadata, raw: &DatabaseConnection) {
    let steps = made(meta).await;
    let id = &steps[0].id;
    let set = async |status: &str| {
        edit(
            raw,
            &format!("UPDATE oms_step SET step_status='{status}', epoch=4 WHERE id='{id}'"),
        )
        .await;
    };
    // servers take no notice of spaces at the end when they compare
    for (nonsense, corrected) in [("RUNING", "RUNNING"), ("RUNNING ", "RUNNING")] {
        set(nonsense).await;
        let problem = listed(meta, &steps).await[0].clone().expect_err("nonsense");
        let row = meta.raw_row(&problem).await.expect("a read");
        let row = row.expect("the row is there");
        assert_eq!(row.get("step_status"), Some(nonsense));
        assert_eq!(row.get("step_info"), Some("{}"));
        let back = async |epoch| {
            meta.put_back(&problem, nonsense, Some("INIT"), epoch)
                .await
                .expect("a write")
        };
        assert_eq!(back(3).await, Written::Fenced { found: 4 });
        set(corrected).await;
        let found = corrected.to_owned();
        assert_eq!(back(4).await, Written::Changed { found });
        set(nonsense).await;
        assert_eq!(back(4).await, Written::Applied);
        let step = meta.steps().get(id).await.expect("a good row");
        assert_eq!(step.status, StepStatus::Init);
    }
}
