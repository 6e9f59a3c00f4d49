//! What verifications found (reference 5.10).

use super::answer::understood;
use super::page::Page;
use super::registry::Call;
use super::{Answer, Api, Outcome};
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    DiffFilter, DiffType, VerifyDiff, VerifyResult, VerifyResultType, VerifyStatus,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Parameters of `ListProjectFullVerifyResult`.
#[derive(Debug, Deserialize, JsonSchema)]
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

/// What a verification found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Rows that differ, in all tables.
    different_number: i64,
    /// By table.
    full_verify_table_statistics: Vec<TableStatistics>,
}

/// What a verification found in a table.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TableStatistics {
    source_schema_name: String,
    source_table_name: String,
    dest_schema_name: String,
    dest_table_name: String,
    /// Rows that only the source has.
    source_only_count: i64,
    /// Rows that only the target has.
    dest_only_count: i64,
    /// Rows that both have, with different values.
    mismatched_count: i64,
    /// Rows that are equal.
    consistent_count: i64,
    /// Percent.
    progress: i32,
    message: String,
    status: VerifyStatus,
    result_type: VerifyResultType,
    result_desc: String,
    /// Not used: `message` has it.
    error_details: Vec<Value>,
}

impl From<&VerifyResult> for TableStatistics {
    fn from(r: &VerifyResult) -> Self {
        Self {
            source_schema_name: r.key.source_schema.clone(),
            source_table_name: r.key.source_table.clone(),
            dest_schema_name: r.dest_schema.clone(),
            dest_table_name: r.dest_table.clone(),
            source_only_count: r.source_only_count,
            dest_only_count: r.dest_only_count,
            mismatched_count: r.mismatched_count,
            consistent_count: r.consistent_count,
            progress: r.progress,
            message: r.message.clone(),
            status: r.status,
            result_type: r.result_type,
            result_desc: r.result_desc.clone(),
            error_details: Vec::new(),
        }
    }
}

/// A row that differs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inconsistency {
    r#type: DiffType,
    /// Its key: `[{columnName, columnValue}]`.
    failed_record_unique_keys: Value,
    /// Its columns: `[{columnName, sourceValue, destValue}]`.
    failed_record_details: Value,
}

/// Parameters of the lists of rows.
#[derive(Debug, Deserialize, JsonSchema)]
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
pub async fn results(call: &Call<'_>, wanted: Results) -> Outcome {
    let api = call.api;
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let sub_id = last(api, &wanted.project_id).await?;
    let rows = api
        .metadata
        .verify()
        .list(&wanted.project_id, sub_id, 0, 0)
        .await?;
    let any = |list: &[String], name: &String| list.is_empty() || list.contains(name);
    let (rows, broken) = understood(rows);
    let rows: Vec<VerifyResult> = rows
        .into_iter()
        .filter(|r| any(&wanted.source_schemas, &r.key.source_schema))
        .filter(|r| any(&wanted.dest_schemas, &r.dest_schema))
        .filter(|r| wanted.status.is_empty() || wanted.status.contains(&r.status))
        .collect();
    let different: i64 = rows.iter().map(VerifyResult::differences).sum();
    let (rows, info) = page.cut(rows);
    let statistics = Statistics {
        different_number: different,
        full_verify_table_statistics: rows.iter().map(TableStatistics::from).collect(),
    };
    Ok(Answer::page(statistics, info)?.without(call.who, &broken))
}

async fn diffs<T: Serialize>(
    call: &Call<'_>,
    wanted: OfTable,
    show: fn(&VerifyDiff) -> T,
) -> Outcome {
    let api = call.api;
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
    let (rows, broken) = understood(rows);
    let (rows, info) = page.cut(rows);
    let items: Vec<_> = rows.iter().map(show).collect();
    Ok(Answer::page(items, info)?.without(call.who, &broken))
}

/// `ListFullVerifyInconsistenciesResult`.
pub async fn inconsistencies(call: &Call<'_>, wanted: OfTable) -> Outcome {
    let show = |d: &VerifyDiff| Inconsistency {
        r#type: d.kind,
        failed_record_unique_keys: d.unique_keys.clone(),
        failed_record_details: d.details.clone(),
    };
    diffs(call, wanted, show).await
}

/// `ListFullVerifyCorrectionsResult`.
pub async fn corrections(call: &Call<'_>, wanted: OfTable) -> Outcome {
    diffs(call, wanted, |d| d.correction_sql.clone()).await
}
