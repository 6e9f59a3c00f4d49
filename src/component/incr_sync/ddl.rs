//! DDL in the log: what is to be done about it. Pure, except for the two traits at the end.
//!
//! A DDL statement is a barrier: everything before it is applied, then it, then what follows.
//! Statements about tables that are not in scope are ignored; those that cannot be applied stop
//! the work with a task, and when an operator skips the task the work goes on behind the
//! statement. In a direction that carries no DDL ([`DdlMode`]) a statement in scope is passed over,
//! or stops the work like one that cannot be applied.

use crate::error::Result;
use crate::model::change::DdlEvent;
use crate::model::ddl::{AlterAction, Ddl};
use crate::model::ids::TxnId;
use crate::model::options::DdlMode;
use crate::model::table::TableName;
use futures::future::BoxFuture;

/// What to do about a DDL statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it is about nothing in scope.
    Ignore,
    /// Apply it, as narrowed to what is in scope.
    Apply(Ddl),
    /// A person must look at it; why, in words.
    Stop(String),
    /// It is in scope and not applied, which is right; why, in words.
    PassOver(&'static str),
}

/// What is left of a decision where DDL is not simply applied.
pub fn restrict(decision: Decision, ddl: &Ddl, mode: DdlMode) -> Decision {
    match (mode, &decision, ddl) {
        (DdlMode::Apply, ..) | (_, Decision::Ignore | Decision::PassOver(_), _) => decision,
        (DdlMode::Refuse, ..) => Decision::Stop(
            "DDL is not carried over in this direction (incr_sync.ddl_mode is refuse)".to_owned(),
        ),
        (DdlMode::Ignore, _, Ddl::TruncateTable(name)) => Decision::Stop(format!(
            "{name} is emptied: DDL is not carried over in this direction (incr_sync.ddl_mode is ignore), and the rows would stay at the other side"
        )),
        // what is not understood, or moves a table into scope or out of it
        (DdlMode::Ignore, Decision::Stop(_), _) if !matches!(ddl, Ddl::DropSchema(_)) => decision,
        (DdlMode::Ignore, ..) => Decision::PassOver("DDL goes the other way only"),
    }
}

/// Decides about a statement; `concerns` says whether a table is in scope, and was not copied
/// behind the statement.
pub fn decide(ddl: &Ddl, concerns: &dyn Fn(&TableName) -> bool) -> Decision {
    let apply_if = |name: &TableName| {
        if concerns(name) {
            Decision::Apply(ddl.clone())
        } else {
            Decision::Ignore
        }
    };
    match ddl {
        Ddl::Irrelevant | Ddl::SchemaDefault { .. } => Decision::Ignore,
        // its tables are not named: whether one of them is in scope, only a person can say
        Ddl::DropSchema(schema) => Decision::Stop(format!("database {schema} is dropped")),
        Ddl::CreateTable { table, .. } => apply_if(&table.name),
        Ddl::CreateTableLike { name, .. } | Ddl::TruncateTable(name) => apply_if(name),
        Ddl::DropTable { names, if_exists } => {
            let names: Vec<_> = names.iter().filter(|n| concerns(n)).cloned().collect();
            if names.is_empty() {
                return Decision::Ignore;
            }
            let if_exists = *if_exists;
            Decision::Apply(Ddl::DropTable { names, if_exists })
        }
        Ddl::AlterTable { name, actions } => {
            for action in actions {
                if let AlterAction::RenameTo(to) = action
                    && concerns(to) != concerns(name)
                {
                    return crossing(name, to, concerns);
                }
            }
            apply_if(name)
        }
        Ddl::RenameTable(pairs) => renames(pairs, concerns),
        Ddl::Unsupported { tables, why } => {
            if !tables.is_empty() && !tables.iter().any(concerns) {
                return Decision::Ignore;
            }
            Decision::Stop(why.clone())
        }
    }
}

fn renames(pairs: &[(TableName, TableName)], concerns: &dyn Fn(&TableName) -> bool) -> Decision {
    let inside: Vec<_> = pairs
        .iter()
        .filter(|(from, to)| concerns(from) && concerns(to))
        .cloned()
        .collect();
    let crossed = pairs
        .iter()
        .find(|(from, to)| concerns(from) != concerns(to));
    match crossed {
        Some((from, to)) => crossing(from, to, concerns),
        None if inside.is_empty() => Decision::Ignore,
        None => Decision::Apply(Ddl::RenameTable(inside)),
    }
}

fn crossing(from: &TableName, to: &TableName, concerns: &dyn Fn(&TableName) -> bool) -> Decision {
    Decision::Stop(if concerns(to) {
        format!("{from}, which is not in scope, becomes {to}, which is: its rows were never copied")
    } else {
        format!("{from}, which is in scope, becomes {to}, which is not")
    })
}

/// Applies DDL to the target.
pub trait DdlApplier: Send + Sync {
    /// Applies a statement. It must be idempotent: after a crash it is applied again, and finds
    /// the target as it was before, or as it is to be, or (several tables) somewhere between.
    fn apply<'a>(&'a self, event: &'a DdlEvent) -> BoxFuture<'a, Result<()>>;
}

/// State of the task of a DDL statement that could not be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DdlTaskState {
    /// It waits for an operator.
    Pending,
    /// An operator has dealt with it: go on behind the statement.
    Skipped,
}

/// The tasks of DDL statements that could not be applied.
pub trait DdlTasks: Send + Sync {
    /// Records that a statement can't be applied; its task's state, which is `Pending` if it is
    /// new. The same id is always the same task.
    fn record<'a>(
        &'a self,
        id: TxnId,
        sql: &'a str,
        why: &'a str,
    ) -> BoxFuture<'a, Result<DdlTaskState>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: &str) -> TableName {
        TableName::new("s", n)
    }

    fn scope(name: &TableName) -> bool {
        !name.name.starts_with('x')
    }

    #[test]
    fn scope_decides() {
        let f = scope;
        let drop = |names: &[&str]| Ddl::DropTable {
            names: names.iter().map(|n| name(n)).collect(),
            if_exists: false,
        };
        assert_eq!(decide(&drop(&["x1"]), &f), Decision::Ignore);
        assert_eq!(
            decide(&drop(&["x1", "a"]), &f),
            Decision::Apply(drop(&["a"]))
        );
        assert_eq!(decide(&Ddl::Irrelevant, &f), Decision::Ignore);
        let truncate = Ddl::TruncateTable(name("a"));
        assert_eq!(decide(&truncate, &f), Decision::Apply(truncate.clone()));
        let unsupported = |tables: Vec<TableName>| Ddl::Unsupported {
            tables,
            why: "odd".to_owned(),
        };
        assert_eq!(decide(&unsupported(vec![name("x")]), &f), Decision::Ignore);
        assert_eq!(
            decide(&unsupported(vec![]), &f),
            Decision::Stop("odd".to_owned())
        );
    }

    #[test]
    fn a_direction_without_ddl_passes_over_what_changes_no_rows() {
        let in_mode = |mode, ddl: &Ddl| restrict(decide(ddl, &scope), ddl, mode);
        let alter = Ddl::AlterTable {
            name: name("a"),
            actions: Vec::new(),
        };
        let drop = Ddl::DropTable {
            names: vec![name("a")],
            if_exists: false,
        };
        let unsupported = Ddl::Unsupported {
            tables: vec![name("a")],
            why: "odd".to_owned(),
        };
        let truncate = Ddl::TruncateTable(name("a"));
        let crossing = Ddl::RenameTable(vec![(name("x"), name("a"))]);
        let outside = Ddl::TruncateTable(name("x"));
        let gone = Ddl::DropSchema("s".to_owned());
        for ddl in [&alter, &drop, &gone] {
            let decision = in_mode(DdlMode::Ignore, ddl);
            assert!(matches!(decision, Decision::PassOver(_)), "{decision:?}");
        }
        for ddl in [&truncate, &unsupported, &crossing] {
            let decision = in_mode(DdlMode::Ignore, ddl);
            assert!(matches!(decision, Decision::Stop(_)), "{decision:?}");
        }
        for ddl in [&alter, &drop, &gone, &truncate, &unsupported, &crossing] {
            let decision = in_mode(DdlMode::Refuse, ddl);
            assert!(matches!(decision, Decision::Stop(_)), "{decision:?}");
            assert_eq!(in_mode(DdlMode::Apply, ddl), decide(ddl, &scope));
        }
        for mode in [DdlMode::Apply, DdlMode::Ignore, DdlMode::Refuse] {
            assert_eq!(in_mode(mode, &outside), Decision::Ignore);
            assert_eq!(in_mode(mode, &Ddl::Irrelevant), Decision::Ignore);
        }
    }

    #[test]
    fn renames_across_the_scope_stop() {
        let f = scope;
        let rename = |a: &str, b: &str| Ddl::RenameTable(vec![(name(a), name(b))]);
        assert_eq!(
            decide(&rename("a", "b"), &f),
            Decision::Apply(rename("a", "b"))
        );
        assert_eq!(decide(&rename("x1", "x2"), &f), Decision::Ignore);
        assert!(matches!(decide(&rename("a", "x"), &f), Decision::Stop(_)));
        assert!(matches!(decide(&rename("x", "a"), &f), Decision::Stop(_)));
    }
}
