//! Ids of what people call by a name.

use super::client::Client;
use super::columns::text_at;
use crate::cli::failure::Outcome;
use crate::error::{Error, Kind};
use serde_json::{Value, json};

/// The id of a project.
pub async fn project(client: &Client, text: &str) -> Outcome<String> {
    if text.starts_with("np_") {
        return Ok(text.to_owned());
    }
    let found = client
        .pages("ListProjects", json!({ "searchKey": text }))
        .await?;
    let living = found.into_iter().filter(|p| p["status"] != "DELETED");
    one(
        "project",
        text,
        living,
        "`oms project list` shows what there is.",
    )
}

/// The id of a data source.
pub async fn datasource(client: &Client, text: &str) -> Outcome<String> {
    if text.starts_with("e_") {
        return Ok(text.to_owned());
    }
    let found = client
        .pages("ListDataSource", json!({ "searchKey": text }))
        .await?;
    let there = "`oms datasource list` shows what there is.";
    one("data source", text, found.into_iter(), there)
}

/// The id of a label.
pub async fn label(client: &Client, text: &str) -> Outcome<String> {
    if text.starts_with("l_") {
        return Ok(text.to_owned());
    }
    let found = client.list("ListAllLabels", json!({})).await?;
    let found = found.as_array().cloned().unwrap_or_default();
    one(
        "label",
        text,
        found.into_iter(),
        "`oms label list` shows what there is.",
    )
}

/// The id of an account.
pub async fn user(client: &Client, text: &str) -> Outcome<String> {
    let mut found = client
        .pages("ListUsers", json!({ "searchKey": text }))
        .await?;
    for user in &mut found {
        user["name"] = user["account"].clone();
    }
    let there = "`oms user list` shows what there is.";
    one("account", text, found.into_iter(), there)
}

/// The id of a department.
pub async fn department(client: &Client, text: &str) -> Outcome<String> {
    if text.starts_with("d_") {
        return Ok(text.to_owned());
    }
    let search = json!({ "searchKey": text });
    let found = client.pages("ListDepartments", search).await?;
    let there = "`oms department list` shows what there is.";
    one("department", text, found.into_iter(), there)
}

/// The id of a token.
pub async fn token(client: &Client, text: &str) -> Outcome<String> {
    if text.starts_with("k_") {
        return Ok(text.to_owned());
    }
    let found = client.pages("ListApiTokens", json!({})).await?;
    let there = "`oms token list` shows what there is.";
    one("token", text, found.into_iter(), there)
}

/// The one item with exactly this name or id.
fn one(what: &str, text: &str, items: impl Iterator<Item = Value>, there: &str) -> Outcome<String> {
    let ids: Vec<String> = items
        .filter(|item| item["name"] == text || item["id"] == text)
        .map(|item| text_at(&item, "id"))
        .collect();
    let wrong = |kind: Kind| Error::new(kind, format!("{what} '{text}'"));
    match ids.as_slice() {
        [id] => Ok(id.clone()),
        [] => Err(wrong(Kind::NotFound)
            .detail("the server has none with this id or name")
            .remedy(there)
            .into()),
        several => Err(wrong(Kind::ConfigInvalid)
            .detail(format!("{} have this name", several.len()))
            .remedy(format!("Give the id of one: {}.", several.join(", ")))
            .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_found_by_its_whole_name() {
        let items = || {
            let items = json!([
                { "id": "1", "name": "shop" }, { "id": "2", "name": "shop2" },
                { "id": "3", "name": "twice" }, { "id": "4", "name": "twice" },
            ]);
            items.as_array().cloned().unwrap_or_default().into_iter()
        };
        let found = |name: &str| one("project", name, items(), "look").map_err(|f| f.report);
        assert_eq!(found("shop").expect("found"), "1");
        assert_eq!(found("2").expect("found"), "2");
        assert_eq!(found("sho").expect_err("none").code, Kind::NotFound.code());
        assert!(found("twice").expect_err("two").proposal.contains("3, 4"));
    }
}
