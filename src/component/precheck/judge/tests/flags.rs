//! Which items can be skipped, and the objects that they name.

use super::*;

#[test]
fn items_have_the_names_that_others_know() {
    let names: Vec<String> = pending(&SkippableFlags::default())
        .iter()
        .map(Item::full_name)
        .collect();
    assert_eq!(names, crate::model::precheck::ITEMS);
}

#[test]
fn flags_say_what_is_skippable() {
    let mut facts = good();
    facts.target_tables.push(TargetTable {
        name: TableName::new("shop", "orders"),
        has_rows: Some(true),
        triggers: Vec::new(),
    });
    let name = "DEST-RDB_TABLE_EMPTY";
    facts.scope.skip.insert(name.to_owned());
    let refused = item(&facts, name);
    assert_eq!((refused.status, refused.skippable), (Failed, false));
    assert_eq!(refused.objects, [facts.target_tables[0].name.clone()]);
    facts
        .scope
        .flags
        .0
        .insert("RDB_TABLE_EMPTY".to_owned(), true);
    let skipped = item(&facts, name);
    assert_eq!((skipped.status, skipped.skippable), (Warning, true));
    assert!(!skipped.skip_consequence.is_empty());
    // what was written with SQL around the check of the parameter
    facts.scope.flags.0.insert("RDB_CONNECT".to_owned(), true);
    assert!(!item(&facts, "DEST-RDB_CONNECT").skippable);
    facts
        .scope
        .flags
        .0
        .insert("DEST-DB_TRIGGER".to_owned(), false);
    assert!(!item(&facts, "DEST-DB_TRIGGER").skippable);
}
