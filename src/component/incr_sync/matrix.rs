//! The conflict matrix: which transactions may be applied now, and by which lane.
//!
//! It is a dependency graph. Transactions are admitted in the order of the log, each with its
//! [`Lock`]s, and wait for exactly those earlier unfinished ones with which they conflict. A
//! transaction is handed out as soon as
//!
//! * nothing it waits for is unfinished: any lane may take it, or
//! * all it still waits for was handed to one and the same lane: that lane may take it, and as a
//!   lane applies what it took in the order in which it took it, the order is kept. So a chain of
//!   changes of one hot row is taken by one lane at once, and folded there into one change.
//!
//! Pure: no I/O, no time.

use super::locks::Lock;
use std::collections::{HashMap, VecDeque};

/// Number of a transaction in the order of the log, within one run.
pub type Seq = u64;

/// The graph.
#[derive(Debug)]
pub struct Matrix {
    nodes: HashMap<Seq, Node>,
    locks: HashMap<u64, Holders>,
    free: VecDeque<Seq>,
    pinned: Vec<VecDeque<Seq>>,
    waited: u64,
}

#[derive(Debug)]
struct Node {
    locks: Box<[Lock]>,
    /// Those that wait for this one.
    dependents: Vec<Seq>,
    /// Of those this one waits for: how many were not handed out yet…
    unassigned: u32,
    /// … and how many were handed to which lane and are unfinished.
    in_lanes: Vec<(usize, u32)>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Queued,
    Assigned(usize),
}

/// Who claimed a lock, as far as a newcomer must wait for them: those before the last exclusive
/// claim are waited for through it.
#[derive(Debug, Default)]
struct Holders {
    exclusive: Option<Seq>,
    shared: Vec<Seq>,
}

impl Matrix {
    /// An empty graph for so many lanes.
    pub fn new(lanes: usize) -> Self {
        Self {
            nodes: HashMap::new(),
            locks: HashMap::new(),
            free: VecDeque::new(),
            pinned: vec![VecDeque::new(); lanes],
            waited: 0,
        }
    }

    /// Unfinished transactions.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether all are finished.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Transactions that any lane may take.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Whether there is something for this lane to take.
    pub fn has_work(&self, lane: usize) -> bool {
        !self.free.is_empty() || !self.pinned[lane].is_empty()
    }

    /// How many transactions had to wait for another one, since the start.
    pub fn waited(&self) -> u64 {
        self.waited
    }

    /// Takes in the next transaction of the log; `seq` is greater than all before.
    pub fn admit(&mut self, seq: Seq, locks: Box<[Lock]>) {
        let mut waits_for = Vec::new();
        for lock in &locks {
            let holders = self.locks.entry(lock.id).or_default();
            waits_for.extend(holders.exclusive);
            if lock.exclusive {
                waits_for.append(&mut holders.shared);
                holders.exclusive = Some(seq);
            } else {
                holders.shared.push(seq);
            }
        }
        waits_for.sort_unstable();
        waits_for.dedup();
        self.waited += u64::from(!waits_for.is_empty());
        let mut node = Node {
            locks,
            dependents: Vec::new(),
            unassigned: 0,
            in_lanes: Vec::new(),
            state: State::Waiting,
        };
        for earlier in waits_for {
            let Some(other) = self.nodes.get_mut(&earlier) else {
                continue;
            };
            other.dependents.push(seq);
            match other.state {
                State::Assigned(lane) => node.hold(lane),
                _ => node.unassigned += 1,
            }
        }
        self.nodes.insert(seq, node);
        self.queue_if_ready(seq);
    }

    /// The transaction that [`Self::take`] would hand out.
    pub fn peek(&self, lane: usize, free: bool) -> Option<Seq> {
        match self.pinned[lane].front() {
            None if free => self.free.front().copied(),
            pinned => pinned.copied(),
        }
    }

    /// Hands the next transaction to a lane: those that only this lane may take come first, then,
    /// if `free`, those that any lane may take.
    pub fn take(&mut self, lane: usize, free: bool) -> Option<Seq> {
        let seq = self.peek(lane, free)?;
        if self.pinned[lane].pop_front().is_none() {
            self.free.pop_front();
        }
        let node = self.nodes.get_mut(&seq)?;
        node.state = State::Assigned(lane);
        for dependent in node.dependents.clone() {
            if let Some(node) = self.nodes.get_mut(&dependent) {
                node.unassigned -= 1;
                node.hold(lane);
            }
            self.queue_if_ready(dependent);
        }
        Some(seq)
    }

    /// A transaction that was handed out is finished.
    pub fn finish(&mut self, seq: Seq) {
        let Some(node) = self.nodes.remove(&seq) else {
            return;
        };
        for lock in &node.locks {
            self.release(lock.id, seq);
        }
        let State::Assigned(lane) = node.state else {
            debug_assert!(false, "finished before it was handed out");
            return;
        };
        for dependent in node.dependents {
            if let Some(node) = self.nodes.get_mut(&dependent) {
                node.let_go(lane);
            }
            self.queue_if_ready(dependent);
        }
    }

    fn release(&mut self, id: u64, seq: Seq) {
        let Some(holders) = self.locks.get_mut(&id) else {
            return;
        };
        if holders.exclusive == Some(seq) {
            holders.exclusive = None;
        } else if let Some(at) = holders.shared.iter().position(|&s| s == seq) {
            holders.shared.swap_remove(at);
        }
        if holders.exclusive.is_none() && holders.shared.is_empty() {
            self.locks.remove(&id);
        }
    }

    fn queue_if_ready(&mut self, seq: Seq) {
        let Some(node) = self.nodes.get_mut(&seq) else {
            return;
        };
        if node.state != State::Waiting || node.unassigned > 0 {
            return;
        }
        match node.in_lanes.as_slice() {
            [] => self.free.push_back(seq),
            [(lane, _)] => self.pinned[*lane].push_back(seq),
            _ => return,
        }
        node.state = State::Queued;
    }
}

impl Node {
    fn hold(&mut self, lane: usize) {
        match self.in_lanes.iter_mut().find(|(l, _)| *l == lane) {
            Some((_, count)) => *count += 1,
            None => self.in_lanes.push((lane, 1)),
        }
    }

    fn let_go(&mut self, lane: usize) {
        if let Some(at) = self.in_lanes.iter().position(|(l, _)| *l == lane) {
            self.in_lanes[at].1 -= 1;
            if self.in_lanes[at].1 == 0 {
                self.in_lanes.swap_remove(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn locks(of: &[(u64, bool)]) -> Box<[Lock]> {
        let mut locks: Vec<Lock> = of
            .iter()
            .map(|&(id, exclusive)| Lock { id, exclusive })
            .collect();
        locks.sort_unstable_by_key(|lock| (lock.id, !lock.exclusive));
        locks.dedup_by_key(|lock| lock.id);
        locks.into()
    }

    fn conflict(a: &[Lock], b: &[Lock]) -> bool {
        a.iter().any(|x| {
            b.iter()
                .any(|y| x.id == y.id && (x.exclusive || y.exclusive))
        })
    }

    #[test]
    fn a_hot_chain_goes_to_one_lane() {
        let mut m = Matrix::new(2);
        for seq in 0..4 {
            m.admit(seq, locks(&[(7, true)]));
        }
        assert_eq!(m.take(1, true), Some(0));
        assert_eq!(m.take(0, true), None);
        assert_eq!(
            [m.take(1, true), m.take(1, true), m.take(1, true)],
            [Some(1), Some(2), Some(3)]
        );
        (0..4).for_each(|seq| m.finish(seq));
        assert!(m.is_empty() && m.locks.is_empty());
    }

    #[test]
    fn shared_claims_do_not_wait_for_each_other() {
        let mut m = Matrix::new(2);
        m.admit(0, locks(&[(1, false), (10, true)]));
        m.admit(1, locks(&[(1, false), (11, true)]));
        m.admit(2, locks(&[(1, true)]));
        m.admit(3, locks(&[(1, false), (12, true)]));
        assert_eq!((m.take(0, true), m.take(1, true)), (Some(0), Some(1)));
        assert_eq!((m.take(0, true), m.take(1, true)), (None, None));
        m.finish(0);
        // what is left is in lane 1
        assert_eq!(
            (m.take(0, true), m.take(1, true), m.take(1, true)),
            (None, Some(2), Some(3))
        );
    }

    #[derive(Debug, Clone)]
    enum Step {
        Admit(Vec<(u64, bool)>),
        Take(usize),
        Finish(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let lock = (0_u64..6, any::<bool>());
        prop_oneof![
            3 => proptest::collection::vec(lock, 0..4).prop_map(Step::Admit),
            4 => (0_usize..3).prop_map(Step::Take),
            3 => any::<usize>().prop_map(Step::Finish),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        /// Against brute force: a lane is given the transaction it asks for exactly if there is
        /// one whose unfinished earlier conflicts are all in that lane.
        #[test]
        fn hands_out_exactly_what_may_run(steps in proptest::collection::vec(step(), 1..200)) {
            let mut matrix = Matrix::new(3);
            let mut all: Vec<(Box<[Lock]>, Option<usize>, bool)> = Vec::new();
            for step in steps {
                match step {
                    Step::Admit(of) => {
                        let of = locks(&of);
                        matrix.admit(all.len() as u64, of.clone());
                        all.push((of, None, false));
                    }
                    Step::Take(lane) => {
                        let may = |seq: usize| {
                            all[seq].1.is_none() && all[..seq].iter().all(|(earlier, in_lane, done)| {
                                *done || !conflict(earlier, &all[seq].0) || *in_lane == Some(lane)
                            })
                        };
                        let possible: Vec<u64> = (0..all.len()).filter(|&s| may(s)).map(|s| s as u64).collect();
                        match matrix.take(lane, true) {
                            Some(seq) => {
                                prop_assert!(possible.contains(&seq), "{seq} not in {possible:?}");
                                all[seq as usize].1 = Some(lane);
                            }
                            // it may be queued for another lane only if it still is tied to that lane,
                            // or was when it was queued: nothing is lost, the other lane has it
                            None => for seq in possible {
                                prop_assert!(matrix.pinned.iter().any(|q| q.contains(&seq)));
                            },
                        }
                    }
                    Step::Finish(pick) => {
                        let running: Vec<usize> = (0..all.len()).filter(|&s| all[s].1.is_some() && !all[s].2).collect();
                        if running.is_empty() {
                            continue;
                        }
                        // a lane finishes in the order in which it took: any order is fine for the graph
                        // as long as a transaction does not end before one that it waits for
                        let seq = running[pick % running.len()];
                        let early = all[..seq].iter().any(|(earlier, _, done)| !done && conflict(earlier, &all[seq].0));
                        if !early {
                            all[seq].2 = true;
                            matrix.finish(seq as u64);
                        }
                    }
                }
            }
            // in the end all come out
            loop {
                let mut moved = false;
                for lane in 0..3 {
                    while let Some(seq) = matrix.take(lane, true) {
                        all[seq as usize].1 = Some(lane);
                        moved = true;
                    }
                }
                for (seq, (_, lane, done)) in all.iter_mut().enumerate() {
                    if lane.is_some() && !*done {
                        *done = true;
                        matrix.finish(seq as u64);
                        moved = true;
                    }
                }
                if !moved {
                    break;
                }
            }
            prop_assert!(matrix.is_empty() && matrix.locks.is_empty());
            prop_assert!(all.iter().all(|(_, _, done)| *done));
        }
    }
}
