//! Which worker does what next: a pure queue of tables to cut and slices to copy.
//!
//! Enough tables are cut ahead that the workers can be on different ones: two writers into the same
//! table get into each other's way. Slices of a table go in the order of their keys.

use super::slices::{Slice, SliceState};
use std::collections::VecDeque;

/// What a worker shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Job {
    /// Cut this table.
    Plan(usize),
    /// Copy this slice of this table.
    Copy(usize, Box<Slice>),
    /// Nothing now; more may come when a table was cut.
    Wait,
    /// Nothing any more.
    Done,
}

#[derive(Debug, Default)]
struct Entry {
    pending: VecDeque<Slice>,
    running: usize,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    tables: Vec<Entry>,
    next_plan: usize,
    planning: usize,
    ahead: usize,
}

impl Queue {
    /// A queue of so many tables for so many workers.
    pub(super) fn new(tables: usize, workers: usize) -> Self {
        Self {
            tables: (0..tables).map(|_| Entry::default()).collect(),
            next_plan: 0,
            planning: 0,
            ahead: workers.max(1),
        }
    }

    /// The next job.
    pub(super) fn take(&mut self) -> Job {
        let unplanned = self.next_plan < self.tables.len();
        let ready = self.tables[..self.next_plan]
            .iter()
            .filter(|t| !t.pending.is_empty())
            .count();
        if unplanned && ready + self.planning < self.ahead {
            return self.plan_next();
        }
        let free = (0..self.next_plan)
            .filter(|&t| !self.tables[t].pending.is_empty())
            .min_by_key(|&t| self.tables[t].running);
        if let Some(table) = free
            && let Some(slice) = self.tables[table].pending.pop_front()
        {
            self.tables[table].running += 1;
            return Job::Copy(table, Box::new(slice));
        }
        if unplanned {
            self.plan_next()
        } else if self.planning > 0 {
            Job::Wait
        } else {
            Job::Done
        }
    }

    fn plan_next(&mut self) -> Job {
        self.planning += 1;
        self.next_plan += 1;
        Job::Plan(self.next_plan - 1)
    }

    /// A table was cut: these are its slices; finished ones are left out.
    pub(super) fn planned(&mut self, table: usize, slices: Vec<Slice>) {
        self.planning -= 1;
        self.tables[table].pending = slices
            .into_iter()
            .filter(|slice| slice.state != SliceState::Finished)
            .collect();
    }

    /// A table could not be cut.
    pub(super) fn plan_failed(&mut self) {
        self.planning -= 1;
    }

    /// A slice was copied. Returns whether it was the last of its table.
    pub(super) fn copied(&mut self, table: usize) -> bool {
        let entry = &mut self.tables[table];
        entry.running -= 1;
        entry.running == 0 && entry.pending.is_empty()
    }

    /// A slice failed: no more slices of this table are begun.
    pub(super) fn failed(&mut self, table: usize) {
        let entry = &mut self.tables[table];
        entry.running -= 1;
        entry.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::full_import::SliceInfo;

    fn slices(count: u32) -> Vec<Slice> {
        (0..count)
            .map(|no| Slice {
                no,
                lower: None,
                upper: None,
                state: SliceState::Init,
                estimated_rows: 0,
                rows: 0,
                bytes: 0,
                info: SliceInfo::default(),
            })
            .collect()
    }

    fn copied(job: Job) -> (usize, u32) {
        match job {
            Job::Copy(table, slice) => (table, slice.no),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn workers_spread_over_tables() {
        let mut queue = Queue::new(3, 2);
        assert_eq!(queue.take(), Job::Plan(0));
        assert_eq!(queue.take(), Job::Plan(1));
        queue.planned(0, slices(3));
        queue.planned(1, slices(3));
        assert_eq!(copied(queue.take()), (0, 0));
        assert_eq!(copied(queue.take()), (1, 0));
        assert!(!queue.copied(0));
        assert_eq!(copied(queue.take()), (0, 1));
    }

    #[test]
    fn all_slices_of_all_tables_are_handed_out_once() {
        let mut queue = Queue::new(5, 3);
        let mut seen = Vec::new();
        loop {
            match queue.take() {
                Job::Plan(table) => queue.planned(table, slices(table as u32)),
                Job::Copy(table, slice) => {
                    seen.push((table, slice.no));
                    queue.copied(table);
                }
                Job::Wait => panic!("nothing is under way"),
                Job::Done => break,
            }
        }
        seen.sort_unstable();
        let all: Vec<_> = (0..5)
            .flat_map(|t| (0..t as u32).map(move |s| (t, s)))
            .collect();
        assert_eq!(seen, all);
    }

    #[test]
    fn a_worker_waits_while_another_cuts() {
        let mut queue = Queue::new(1, 2);
        assert_eq!(queue.take(), Job::Plan(0));
        assert_eq!(queue.take(), Job::Wait);
        queue.plan_failed();
        assert_eq!(queue.take(), Job::Done);
    }

    #[test]
    fn a_failed_table_is_left_and_finished_slices_are_skipped() {
        let mut queue = Queue::new(2, 1);
        assert_eq!(queue.take(), Job::Plan(0));
        let mut all = slices(3);
        all[0].state = SliceState::Finished;
        queue.planned(0, all);
        assert_eq!(copied(queue.take()), (0, 1));
        queue.failed(0);
        assert_eq!(queue.take(), Job::Plan(1));
        queue.planned(1, slices(1));
        assert_eq!(copied(queue.take()), (1, 0));
        assert!(queue.copied(1));
        assert_eq!(queue.take(), Job::Done);
    }
}
