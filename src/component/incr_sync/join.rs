//! How far the Incr-Sync of a sub-project goes before its tables are merged into the parent.
//!
//! Both have stopped and are fenced, so what their progress rows say is all that they have applied.
//! The boundary is the first place that neither has touched and that the parent will read from or
//! before: the sub-project applies everything of its tables in front of it and nothing behind, and the
//! parent, which then follows its tables too, leaves out what is in front of it.

use super::target::Taken;
use crate::model::ids::TxnId;
use crate::model::position::Position;

/// The boundary between the sub-project's part of the log and the parent's.
///
/// Behind every transaction that one of them applied: one that touches tables of both and that the
/// parent has applied is never read again by it. And not in front of the parent's position: what it
/// passed without applying, because nothing of it was in scope, is not read again either.
pub fn boundary(parent: &Taken, child: &Taken) -> Position {
    let first = [parent, child]
        .into_iter()
        .map(untouched)
        .max()
        .unwrap_or(TxnId::MIN);
    let mut position = parent.watermark.position.clone();
    if position.txn_id() == first {
        return position;
    }
    // a place in the log, not always the end of something in it: nobody reads from here
    position.file = file_with(&position.file, first.file_no());
    position.offset = first.offset();
    position.gtid = None;
    position
}

/// The first place that was neither applied nor passed.
fn untouched(taken: &Taken) -> TxnId {
    let newest = taken.applied.newest().unwrap_or(TxnId::MIN);
    let newest = newest.max(taken.watermark.id);
    TxnId(newest.0 + 1).max(taken.watermark.position.txn_id())
}

/// The name of a source's log file with this number.
fn file_with(like: &str, number: u64) -> String {
    match like.rsplit_once('.') {
        Some((stem, digits)) => format!("{stem}.{number:0width$}", width = digits.len()),
        None => like.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::incr_sync::window::{Applied, Watermark};

    fn taken(id: TxnId, position: u64, applied: &[(TxnId, TxnId)]) -> Taken {
        let ranges: Vec<(u64, u64)> = applied.iter().map(|(a, b)| (a.0, b.0)).collect();
        let applied: Applied = serde_json::from_value(serde_json::json!(ranges)).expect("ranges");
        Taken {
            watermark: Watermark {
                id,
                position: Position {
                    file: "mysql-bin.000007".to_owned(),
                    offset: position,
                    gtid: Some("x:1-9".to_owned()),
                    time_ms: 5,
                },
            },
            applied,
            commits: Vec::new(),
        }
    }

    fn id(offset: u64) -> TxnId {
        TxnId::from_file(7, offset)
    }

    #[test]
    fn nothing_that_one_of_them_applied_or_passed_is_behind_the_boundary() {
        let at = |parent: &Taken, child: &Taken| boundary(parent, child).txn_id();
        // heartbeats moved the parent's position: what is between is not read again
        assert_eq!(
            at(&taken(id(100), 500, &[]), &taken(id(90), 120, &[])),
            id(500)
        );
        // the other one is further
        assert_eq!(
            at(&taken(id(100), 120, &[]), &taken(id(300), 330, &[])),
            id(330)
        );
        // applied above the watermark
        let above = taken(id(100), 120, &[(id(400), id(450))]);
        assert_eq!(at(&above, &taken(id(300), 330, &[])), id(451));
        assert_eq!(at(&taken(id(300), 330, &[]), &above), id(451));
        let next_file = taken(TxnId::from_file(8, 4), 330, &[]);
        let found = boundary(&taken(id(1), 2, &[]), &next_file);
        assert_eq!(found.file, "mysql-bin.000008");
        assert_eq!(found.txn_id(), TxnId::from_file(8, 5));
    }
}
