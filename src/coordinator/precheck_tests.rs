//! Objects that a pre-check complains of are left out.

use super::*;
use crate::model::options::Options;
use crate::model::table::TableName;
use serde_json::json;

fn item(name: &str, tables: &[(&str, &str)]) -> StoredItem {
    let objects: Vec<TableName> = tables.iter().map(|(s, t)| TableName::new(*s, *t)).collect();
    let item = json!({
        "name": name, "endpointType": "DEST", "status": "FAILED", "message": "", "remedy": "",
        "skippable": false, "skipConsequence": "", "objects": objects,
    });
    serde_json::from_value(item).expect("an item")
}

fn config(include: &[&str]) -> Value {
    let rules = |rules: &[&str]| rules.iter().map(|&rule| rule.to_owned()).collect();
    let config = ProjectConfig {
        filter: ObjectFilter {
            include: rules(include),
            exclude: Vec::new(),
        },
        options: Options::default(),
        data_dir: "d".into(),
        stages: crate::model::project::Stages::default(),
        modified: crate::model::objects::Modified::default(),
        reverse_incr_sync: None,
    };
    config.to_json()
}

fn left(include: &[&str], items: &[StoredItem]) -> Result<ObjectFilter> {
    let items: Vec<&StoredItem> = items.iter().collect();
    let config = without(&config(include), &items)?;
    Ok(config.expect("something is left out").filter)
}

#[test]
fn a_project_of_named_tables_stays_one() {
    let once = [item("RDB_TABLE_EMPTY", &[("a", "t"), ("a", "u")])];
    // two items complain of one table
    let twice = [
        item("RDB_TABLE_EMPTY", &[("a", "t"), ("a", "u")]),
        item("DB_TRIGGER", &[("a", "u")]),
    ];
    for items in [&once[..], &twice] {
        let filter = left(&["a.t", "a.u", "a.w"], items).expect("one is left");
        assert_eq!(filter.tables(), Some(vec![TableName::new("a", "w")]));
    }
}

#[test]
fn what_a_pattern_brings_is_excluded() {
    let items = [item("RDB_TABLE_EMPTY", &[("a", "t"), ("a", "w*")])];
    let filter = left(&["a.t", "a.*"], &items).expect("some are left");
    assert_eq!(filter.include, ["a.*"]);
    assert_eq!(filter.exclude, ["a.t", "a.w[*]"]);
    for (table, moved) in [("t", false), ("w*", false), ("ww", true), ("u", true)] {
        assert_eq!(
            filter.matches(&TableName::new("a", table)),
            moved,
            "{table}"
        );
    }
}

#[test]
fn the_last_object_stays() {
    let items = [item("RDB_TABLE_EMPTY", &[("a", "t")])];
    let refused = left(&["a.t"], &items).expect_err("nothing would be left");
    assert_eq!(refused.kind(), Kind::ParameterInvalid);
    assert!(without(&config(&["a.t"]), &[]).expect("nothing").is_none());
}
