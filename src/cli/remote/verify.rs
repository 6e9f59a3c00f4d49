//! `oms project verify-result` at a server.

use super::client::Client;
use super::columns::{self, Column, text_at};
use super::{find, tell};
use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Outcome;
use crate::error::{Error, Kind};
use serde_json::{Value, json};

/// Most items that a page may have.
const PAGE: u64 = 150;

/// Shows the last full verification's results by table, and at most `limit` of its differences.
pub async fn verify_result(
    client: &Client,
    id: &str,
    limit: u64,
    incr: bool,
    output: Output,
) -> Outcome {
    if incr {
        return Err(Error::new(Kind::ConfigInvalid, "--incr")
            .detail("the API does not give what the incremental verification found")
            .remedy("Read it from the rm database with --rm.")
            .into());
    }
    let id = find::project(client, id).await?;
    let (mut result, tables) = tables(client, &id).await?;
    let mut left = limit;
    let mut found = Vec::new();
    for table in tables.iter().filter(|t| differences(t) > 0) {
        if left == 0 {
            break;
        }
        let wanted = json!({
            "projectId": id, "schema": table["sourceSchemaName"], "table": table["sourceTableName"],
            "pageNumber": 1, "pageSize": left.min(PAGE),
        });
        let reply = client
            .call("ListFullVerifyInconsistenciesResult", wanted)
            .await?;
        for row in reply.data.as_array().into_iter().flatten() {
            let mut row = row.clone();
            row["schema"] = table["sourceSchemaName"].clone();
            row["table"] = table["sourceTableName"].clone();
            found.push(row);
            left = left.saturating_sub(1);
        }
    }
    let different = result["differentNumber"].as_i64().unwrap_or(0);
    result["fullVerifyTableStatistics"] = tables.into();
    result["inconsistencies"] = found.into();
    tell(output, &result, text)?;
    Ok(match different {
        0 => ExitCode::Equal,
        _ => ExitCode::Differences,
    })
}

/// The result's figures, and the results of all tables.
async fn tables(client: &Client, id: &str) -> Outcome<(Value, Vec<Value>)> {
    let mut tables = Vec::new();
    for number in 1.. {
        let wanted = json!({ "projectId": id, "pageNumber": number, "pageSize": PAGE });
        let reply = client.call("ListProjectFullVerifyResult", wanted).await?;
        let mut result = reply.data;
        let page = result["fullVerifyTableStatistics"].take();
        let Value::Array(page) = page else {
            return Ok((result, tables));
        };
        let last = page.is_empty();
        tables.extend(page);
        if last || reply.total.is_none_or(|total| tables.len() as u64 >= total) {
            return Ok((result, tables));
        }
    }
    Ok((Value::Null, tables))
}

fn differences(table: &Value) -> u64 {
    ["sourceOnlyCount", "destOnlyCount", "mismatchedCount"]
        .iter()
        .map(|key| table[*key].as_u64().unwrap_or(0))
        .sum()
}

const TABLES: &[Column] = &[
    ("TABLE", "name"),
    ("RESULT", "resultType"),
    ("EQUAL", "consistentCount"),
    ("SOURCE ONLY", "sourceOnlyCount"),
    ("TARGET ONLY", "destOnlyCount"),
    ("MISMATCHED", "mismatchedCount"),
    ("MESSAGE", "message"),
];

const ROWS: &[Column] = &[
    ("TABLE", "name"),
    ("TYPE", "type"),
    ("KEY", "failedRecordUniqueKeys"),
    ("SOURCE AND TARGET", "failedRecordDetails"),
];

fn text(result: &Value) -> String {
    let named = |key: &str, schema: &str, table: &str| -> Vec<Value> {
        let mut items = result[key].as_array().cloned().unwrap_or_default();
        for item in &mut items {
            item["name"] = format!("{}.{}", text_at(item, schema), text_at(item, table)).into();
        }
        items
    };
    let tables = named(
        "fullVerifyTableStatistics",
        "sourceSchemaName",
        "sourceTableName",
    );
    let mut out = columns::rows(&tables, TABLES);
    let found = named("inconsistencies", "schema", "table");
    if !found.is_empty() {
        out = format!("{out}\n{}", columns::rows(&found, ROWS));
    }
    format!("{out}\n{} differences", text_at(result, "differentNumber"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_rows_are_shown() {
        let table = json!({
            "sourceSchemaName": "shop", "sourceTableName": "orders", "resultType": "DIFFERENT",
            "sourceOnlyCount": 1, "destOnlyCount": 0, "mismatchedCount": 2,
        });
        assert_eq!(differences(&table), 3);
        let result = json!({
            "differentNumber": 3,
            "fullVerifyTableStatistics": [table],
            "inconsistencies": [{ "schema": "shop", "table": "orders", "type": "MISMATCHED" }],
        });
        let shown = text(&result);
        for part in ["shop.orders", "MISMATCHED", "3 differences"] {
            assert!(shown.contains(part), "{part}:\n{shown}");
        }
    }
}
