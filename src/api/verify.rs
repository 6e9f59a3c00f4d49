//! What verifications found (reference 5.10).

use super::page::Page;
use super::{Answer, Api, Outcome};
use crate::error::{Error, Kind, Result};
use crate::metadata::{DiffFilter, VerifyDiff, VerifyResult, VerifyStatus};
use serde::Deserialize;
use serde_json::{Value, json};

/// Parameters of `ListProjectFullVerifyResult`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Results {
    project_id: String,
    #[serde(default)]
    source_schemas: Vec<String>,
    #[serde(default)]
    dest_schemas: Vec<String>,
    #[serde(default)]
    status: Vec<VerifyStatus>,
    page_number: Option<u64>,
    page_size: Option<u64>,
}

/// Parameters of the lists of rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OfTable {
    project_id: String,
    schema: String,
    table: String,
    page_number: Option<u64>,
    page_size: Option<u64>,
}

async fn last(api: &Api, project: &str) -> Result<i32> {
    let project = api.metadata.projects().get(project).await?;
    let last = api.metadata.verify().last_sub_id(&project.id).await?;
    last.ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            format!("verification of project {}", project.id),
        )
        .detail("it has not been verified yet")
        .remedy("DescribeProjectSteps shows where it is.")
    })
}

/// `ListProjectFullVerifyResult`.
pub async fn results(api: &Api, wanted: Results) -> Outcome {
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let sub_id = last(api, &wanted.project_id).await?;
    let rows = api
        .metadata
        .verify()
        .list(&wanted.project_id, sub_id, 0, 0)
        .await?;
    let any = |list: &[String], name: &String| list.is_empty() || list.contains(name);
    let rows: Vec<VerifyResult> = rows
        .into_iter()
        .flatten()
        .filter(|r| any(&wanted.source_schemas, &r.key.source_schema))
        .filter(|r| any(&wanted.dest_schemas, &r.dest_schema))
        .filter(|r| wanted.status.is_empty() || wanted.status.contains(&r.status))
        .collect();
    let different: i64 = rows.iter().map(VerifyResult::differences).sum();
    let (rows, info) = page.cut(rows);
    let table = |r: &VerifyResult| {
        json!({
            "sourceSchemaName": r.key.source_schema, "sourceTableName": r.key.source_table,
            "destSchemaName": r.dest_schema, "destTableName": r.dest_table,
            "sourceOnlyCount": r.source_only_count, "destOnlyCount": r.dest_only_count,
            "mismatchedCount": r.mismatched_count, "consistentCount": r.consistent_count,
            "progress": r.progress, "message": r.message, "status": r.status,
            "resultType": r.result_type, "resultDesc": r.result_desc, "errorDetails": [],
        })
    };
    Ok(Answer {
        data: json!({
            "differentNumber": different,
            "fullVerifyTableStatistics": rows.iter().map(table).collect::<Vec<_>>(),
        }),
        page: Some(info),
    })
}

async fn diffs(api: &Api, wanted: OfTable, show: fn(&VerifyDiff) -> Value) -> Outcome {
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let filter = DiffFilter {
        sub_id: last(api, &wanted.project_id).await?,
        source_schema: Some(wanted.schema),
        source_table: Some(wanted.table),
        ..DiffFilter::default()
    };
    let rows = api
        .metadata
        .verify()
        .list_diffs(&wanted.project_id, &filter)
        .await?;
    let (rows, info) = page.cut(rows.into_iter().flatten().collect());
    Ok(Answer {
        data: rows.iter().map(show).collect(),
        page: Some(info),
    })
}

/// `ListFullVerifyInconsistenciesResult`.
pub async fn inconsistencies(api: &Api, wanted: OfTable) -> Outcome {
    let show = |d: &VerifyDiff| {
        json!({
            "type": d.kind,
            "failedRecordUniqueKeys": d.unique_keys,
            "failedRecordDetails": d.details,
        })
    };
    diffs(api, wanted, show).await
}

/// `ListFullVerifyCorrectionsResult`.
pub async fn corrections(api: &Api, wanted: OfTable) -> Outcome {
    diffs(api, wanted, |d| json!(d.correction_sql)).await
}
