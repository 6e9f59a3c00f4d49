//! Every action of the API has a command.

use std::collections::BTreeSet;

use crate::cases::cases;

/// Actions without a case above, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "CreateMysqlDataSource",
        "another name of CreateMySqlDataSource",
    ),
    (
        "ListFullVerifyInconsistenciesResult",
        "`project verify-result` asks for tables that differ: differences_are_listed_up_to_a_limit",
    ),
];

#[test]
fn every_action_has_a_command() {
    let document = oms::api::document();
    let paths = document["paths"].as_object().expect("paths");
    let actions: BTreeSet<&str> = paths
        .keys()
        .filter_map(|path| path.rsplit('/').next())
        .collect();
    assert!(actions.len() > 40, "{actions:?}");
    let reached: BTreeSet<&str> = cases().map(|(_, action, ..)| action).collect();
    let excepted: BTreeSet<&str> = EXCEPTIONS.iter().map(|(action, _)| *action).collect();
    let missing: Vec<_> = actions
        .iter()
        .filter(|a| !reached.contains(*a) && !excepted.contains(*a))
        .collect();
    assert!(
        missing.is_empty(),
        "actions that no command reaches: {missing:?}"
    );
    let needless: Vec<_> = excepted
        .iter()
        .filter(|a| reached.contains(*a) || !actions.contains(*a))
        .collect();
    assert!(
        needless.is_empty(),
        "exceptions that are none: {needless:?}"
    );
}
