//! What statements do to the tables that are tracked.

use super::*;

fn tracker() -> Tracker {
    let filter = ObjectFilter {
        include: vec!["a.t*".to_owned()],
        exclude: vec!["a.tmp*".to_owned()],
    };
    let mut tracker = Tracker::new(Tables::new(1), Arc::new(filter), Dialect::mariadb());
    for name in ["a.t1", "a.t2", "a.other"] {
        run(
            &mut tracker,
            &format!("CREATE TABLE {name} (id INT PRIMARY KEY)"),
        );
    }
    tracker
}

/// Applies a statement; gives its effect.
fn run(tracker: &mut Tracker, sql: &str) -> Effect {
    let ddl = tracker.parse(sql, "a", Modes::default());
    let effect = tracker.effect(ddl);
    tracker.take(effect.change.clone());
    effect
}

fn columns(tracker: &Tracker, name: &str) -> Option<usize> {
    tracker
        .tables
        .version(&TableName::new("a", name))
        .map(|v| v.table.columns.len())
}

#[test]
fn every_change_makes_a_new_version() {
    let mut tracker = tracker();
    let before = tracker.tables.version(&TableName::new("a", "t1")).cloned();
    let effect = run(&mut tracker, "ALTER TABLE t1 ADD c INT");
    assert!(effect.in_scope && effect.reread.is_empty());
    assert_eq!(effect.touched, [TableName::new("a", "t1")]);
    let after = tracker.tables.version(&TableName::new("a", "t1")).cloned();
    assert_ne!(before.map(|v| v.id), after.map(|v| v.id));
    assert_eq!(columns(&tracker, "t1"), Some(2));
}

#[test]
fn tables_out_of_scope_are_tracked_and_not_told() {
    let mut tracker = tracker();
    let effect = run(&mut tracker, "ALTER TABLE other ADD c INT");
    assert!(!effect.in_scope && !effect.change.is_empty());
    let effect = run(&mut tracker, "CREATE TABLE b.t1 (id INT)");
    assert!(!effect.in_scope && effect.change.is_empty());
    // an online DDL tool's last step
    let effect = run(&mut tracker, "RENAME TABLE t1 TO t1_old, other TO t1");
    assert!(effect.in_scope && effect.reread.is_empty());
    assert_eq!(columns(&tracker, "t1"), Some(2));
    assert_eq!(columns(&tracker, "t1_old"), Some(1));
    assert_eq!(columns(&tracker, "other"), None);
}

#[test]
fn a_swap_of_names_keeps_both_definitions() {
    let mut tracker = tracker();
    run(&mut tracker, "ALTER TABLE t2 ADD c INT");
    run(&mut tracker, "RENAME TABLE t1 TO tx, t2 TO t1, tx TO t2");
    assert_eq!(columns(&tracker, "t1"), Some(2));
    assert_eq!(columns(&tracker, "t2"), Some(1));
    assert_eq!(columns(&tracker, "tx"), None);
}

#[test]
fn what_is_not_known_must_be_read_again() {
    let mut tracker = tracker();
    let names = |names: &[&str]| -> Vec<TableName> {
        names.iter().map(|n| TableName::new("a", *n)).collect()
    };
    let effect = run(&mut tracker, "RENAME TABLE elsewhere.x TO t5");
    assert_eq!(effect.reread, names(&["t5"]));
    let effect = run(&mut tracker, "CREATE TABLE t6 LIKE elsewhere.x");
    assert_eq!(effect.reread, names(&["t6"]));
    let effect = run(&mut tracker, "ALTER TABLE t1 SOMETHING NEW");
    assert!(matches!(effect.ddl, Ddl::Unsupported { .. }));
    assert!(effect.in_scope);
    assert_eq!(effect.reread, names(&["t1"]));
    assert_eq!(columns(&tracker, "t1"), None);
    // a column that is not there: the tracked definition is not the source's
    let effect = run(&mut tracker, "ALTER TABLE t2 DROP COLUMN nothing");
    assert!(matches!(effect.ddl, Ddl::Unsupported { .. }));
    assert_eq!(effect.reread, names(&["t2"]));
}

#[test]
fn a_database_that_is_dropped_takes_its_tables() {
    let mut tracker = tracker();
    let effect = run(&mut tracker, "DROP DATABASE a");
    assert!(effect.in_scope);
    assert_eq!(effect.change.drop.len(), 3);
    assert_eq!(columns(&tracker, "t1"), None);
    let effect = run(&mut tracker, "CREATE DATABASE a CHARACTER SET latin1");
    assert!(!effect.in_scope);
    run(&mut tracker, "CREATE TABLE t1 (v VARCHAR(10))");
    let version = tracker.tables.version(&TableName::new("a", "t1"));
    let table = &version.expect("table").table;
    assert_eq!(table.columns[0].charset.as_deref(), Some("latin1"));
}

#[test]
fn a_snapshot_holds_everything() {
    let mut tracker = tracker();
    run(&mut tracker, "CREATE DATABASE a2");
    run(&mut tracker, "ALTER DATABASE a CHARACTER SET latin1");
    tracker.take(SchemaChange {
        unknown: vec![(TableName::new("a", "t9"), "why".to_owned())],
        ..SchemaChange::default()
    });
    for size in [1, 2, 100] {
        let mut again = Tables::new(1);
        for part in tracker.tables.snapshot(size) {
            again.take(part);
        }
        assert_eq!(again.known, tracker.tables.known);
        assert_eq!(again.defaults, tracker.tables.defaults);
        assert_eq!(again.next_version(), tracker.tables.next_version());
    }
}

#[test]
fn words_at_the_end_are_cut() {
    let cut = |sql| strip_suffix_words(sql, "START TRANSACTION");
    assert_eq!(
        cut("CREATE TABLE t (a INT) start  transaction ; "),
        "CREATE TABLE t (a INT)"
    );
    assert_eq!(cut("CREATE TABLE t (a INT)"), "CREATE TABLE t (a INT)");
    assert_eq!(cut("ä"), "ä");
}

#[test]
fn the_servers_own_databases_are_never_in_scope() {
    let filter = ObjectFilter {
        include: vec!["*.*".to_owned()],
        exclude: Vec::new(),
    };
    let tracker = Tracker::new(Tables::new(1), Arc::new(filter), Dialect::default());
    for schema in ["mysql", "sys", "drc"] {
        assert!(!tracker.watches(schema));
        assert!(!tracker.in_scope(&TableName::new(schema, "heartbeat")));
    }
    assert!(tracker.watches("shop"));
}
