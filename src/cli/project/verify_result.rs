//! `oms project verify-result`.

use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::migrate::progress::count;
use crate::cli::{print, table};
use crate::component::full_verification::INCR_SUB_ID;
use crate::error::{Error, Kind, Result};
use crate::metadata::{DiffFilter, Metadata, Project, Step, StepName, VerifyDiff, VerifyResult};
use serde_json::json;

/// What is to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// At most so many differences.
    pub limit: u64,
    /// Those of the incremental verification.
    pub incr: bool,
}

/// Shows the last verification's results by table, and its differences.
pub async fn verify_result(
    metadata: &Metadata,
    id: &str,
    wanted: Wanted,
    output: Output,
) -> Result<ExitCode> {
    let project = super::find(metadata, id).await?;
    let (sub_id, limit) = (sub_id(metadata, &project, wanted.incr).await?, wanted.limit);
    let results: Vec<_> = metadata
        .verify()
        .list(&project.id, sub_id, 0, 0)
        .await?
        .into_iter()
        .flatten()
        .collect();
    let filter = DiffFilter {
        sub_id,
        limit,
        ..DiffFilter::default()
    };
    let diffs: Vec<_> = if limit == 0 {
        Vec::new()
    } else {
        metadata
            .verify()
            .list_diffs(&project.id, &filter)
            .await?
            .into_iter()
            .flatten()
            .collect()
    };
    let different: i64 = results.iter().map(VerifyResult::differences).sum();
    match output {
        Output::Text => text(&results, &diffs, different),
        output => print::document(
            output,
            &json!({
                "projectId": project.id,
                "subId": sub_id,
                "differentNumber": different,
                "fullVerifyTableStatistics": results.iter().map(result_json).collect::<Vec<_>>(),
                "inconsistencies": diffs.iter().map(diff_json).collect::<Vec<_>>(),
            }),
        )?,
    }
    Ok(if different > 0 {
        ExitCode::Differences
    } else {
        ExitCode::Equal
    })
}

/// The number of the verification that is to be shown.
async fn sub_id(metadata: &Metadata, project: &Project, incr: bool) -> Result<i32> {
    if incr {
        let steps = metadata.steps().list(&project.id).await?;
        let verifies = |s: &Step| s.name == StepName::IncrVerifier;
        return match steps.into_iter().flatten().any(|s| verifies(&s)) {
            true => Ok(INCR_SUB_ID),
            false => Err(Error::new(
                Kind::NotFound,
                format!("incremental verification of project {}", project.id),
            )
            .detail("the project has none")
            .remedy("A project that is made with --incr-verify has one.")),
        };
    }
    let last = metadata.verify().last_sub_id(&project.id).await?;
    last.ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            format!("verification of project {}", project.id),
        )
        .detail("it has not been verified yet")
        .remedy("`oms project show ID --steps` shows where it is.")
    })
}

fn result_json(r: &VerifyResult) -> serde_json::Value {
    json!({
        "sourceSchemaName": r.key.source_schema, "sourceTableName": r.key.source_table,
        "destSchemaName": r.dest_schema, "destTableName": r.dest_table,
        "sourceOnlyCount": r.source_only_count, "destOnlyCount": r.dest_only_count,
        "mismatchedCount": r.mismatched_count, "consistentCount": r.consistent_count,
        "progress": r.progress, "status": r.status, "resultType": r.result_type, "resultDesc": r.result_desc,
        "message": r.message, "extraInfo": r.extra_info,
    })
}

fn diff_json(d: &VerifyDiff) -> serde_json::Value {
    json!({
        "type": d.kind, "schema": d.key.source_schema, "table": d.key.source_table,
        "failedRecordUniqueKeys": d.unique_keys, "failedRecordDetails": d.details,
        "correctionSql": d.correction_sql, "corrected": d.corrected,
    })
}

fn text(results: &[VerifyResult], diffs: &[VerifyDiff], different: i64) {
    let mut t = table::headed([
        "TABLE",
        "RESULT",
        "EQUAL",
        "SOURCE ONLY",
        "TARGET ONLY",
        "MISMATCHED",
        "MESSAGE",
    ]);
    let n = |n: i64| count(u64::try_from(n).unwrap_or(0));
    for r in results {
        t.add_row([
            format!("{}.{}", r.key.source_schema, r.key.source_table),
            r.result_type.to_string(),
            n(r.consistent_count),
            n(r.source_only_count),
            n(r.dest_only_count),
            n(r.mismatched_count),
            r.message.clone(),
        ]);
    }
    print::out(&t.to_string());
    if !diffs.is_empty() {
        let mut t = table::headed(["TABLE", "TYPE", "KEY", "SOURCE AND TARGET", "CORRECTED"]);
        for d in diffs {
            t.add_row([
                format!("{}.{}", d.key.source_schema, d.key.source_table),
                d.kind.to_string(),
                d.unique_keys.to_string(),
                d.details.to_string(),
                if d.corrected { "yes" } else { "no" }.to_owned(),
            ]);
        }
        print::out(&t.to_string());
    }
    print::out(&format!("{} differences", n(different)));
}
