//! How the projects of a node share it: each copy and each comparison has its turns.
//!
//! A node moves so many batches at the same time ([`Shares::new`]); more make nothing faster, but who has
//! many then takes from who has few. So a component asks for a turn for each batch. While all together
//! want no more turns than the node has, or one is alone, each has what it wants. Beyond that all have
//! the same, but for those who want less, whose rest goes to the others (max-min fairness). Everybody has
//! at least one: nobody waits for another's end, however huge that one is.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// The turns of one node. Cheap to clone; the default has no end of them.
#[derive(Debug, Clone, Default)]
pub struct Shares(Option<Arc<Node>>);

#[derive(Debug)]
struct Node {
    places: usize,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: BTreeMap<u64, Arc<Seat>>,
}

/// What a component may do now.
#[derive(Debug)]
struct Seat {
    wanted: AtomicUsize,
    width: AtomicUsize,
    inside: Mutex<usize>,
    woken: Notify,
}

impl Shares {
    /// For so many turns at the same time.
    pub fn new(places: usize) -> Self {
        Self(Some(Arc::new(Node {
            places: places.max(1),
            seats: Mutex::default(),
        })))
    }

    /// A component that works comes in and wants so many turns at the same time. It goes when it is
    /// dropped.
    pub fn join(&self, wanted: usize) -> Share {
        let wanted = wanted.max(1);
        let seat = Arc::new(Seat {
            wanted: AtomicUsize::new(wanted),
            width: AtomicUsize::new(wanted),
            inside: Mutex::new(0),
            woken: Notify::new(),
        });
        let node = self.0.clone();
        let mut number = 0;
        if let Some(node) = &node {
            let mut seats = node.seats.lock();
            number = seats.next;
            seats.next += 1;
            seats.taken.insert(number, Arc::clone(&seat));
            seats.divide(node.places);
        }
        Share { node, number, seat }
    }
}

impl Seats {
    fn divide(&self, places: usize) {
        let wants: Vec<usize> = self
            .taken
            .values()
            .map(|seat| seat.wanted.load(Ordering::Relaxed))
            .collect();
        let level = level(wants, places);
        for seat in self.taken.values() {
            let width = level.min(seat.wanted.load(Ordering::Relaxed));
            if width > seat.width.swap(width, Ordering::Relaxed) {
                seat.woken.notify_waiters();
            }
        }
    }
}

/// The most that any of them has.
fn level(mut wants: Vec<usize>, places: usize) -> usize {
    if wants.len() < 2 {
        return usize::MAX;
    }
    wants.sort_unstable();
    let (mut left, mut others) = (places, wants.len());
    for want in wants {
        let equal = left / others;
        if want > equal {
            return equal.max(1);
        }
        left -= want;
        others -= 1;
    }
    usize::MAX
}

/// A component's part of its node.
#[derive(Debug)]
pub struct Share {
    node: Option<Arc<Node>>,
    number: u64,
    seat: Arc<Seat>,
}

impl Share {
    /// It wants so many turns from now on.
    pub fn want(&self, wanted: usize) {
        let wanted = wanted.max(1);
        let before = self.seat.wanted.swap(wanted, Ordering::Relaxed);
        match &self.node {
            Some(node) if before != wanted => node.seats.lock().divide(node.places),
            Some(_) => {}
            None => self.seat.width.store(wanted, Ordering::Relaxed),
        }
    }

    /// How many turns it may have at the same time now; no more than it wants, and at least one.
    pub fn width(&self) -> usize {
        self.seat.width.load(Ordering::Relaxed)
    }

    /// Waits for a turn; those of one component come in the order in which they were asked for.
    pub async fn turn(&self) -> Turn {
        loop {
            // registered before the look, so that no wake-up is missed
            let mut woken = std::pin::pin!(self.seat.woken.notified());
            woken.as_mut().enable();
            {
                let mut inside = self.seat.inside.lock();
                if *inside < self.width() {
                    *inside += 1;
                    return Turn(Arc::clone(&self.seat));
                }
            }
            woken.await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(node) = &self.node {
            let mut seats = node.seats.lock();
            seats.taken.remove(&self.number);
            seats.divide(node.places);
        }
    }
}

/// A turn; it ends when it is dropped.
#[derive(Debug)]
pub struct Turn(Arc<Seat>);

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.inside.lock() -= 1;
        self.0.woken.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use proptest::prelude::*;

    fn widths(shares: &[&Share]) -> Vec<usize> {
        shares.iter().map(|share| share.width()).collect()
    }

    #[test]
    fn who_is_alone_has_all_and_several_share() {
        let node = Shares::new(8);
        let huge = node.join(32);
        assert_eq!(widths(&[&huge]), [32]);
        let small = node.join(4);
        assert_eq!(widths(&[&huge, &small]), [4, 4]);
        let tiny = node.join(1);
        assert_eq!(widths(&[&huge, &small, &tiny]), [3, 3, 1]);
        tiny.want(100);
        assert_eq!(widths(&[&huge, &small, &tiny]), [2, 2, 2]);
        let many: Vec<Share> = (0..100).map(|_| node.join(4)).collect();
        assert_eq!(widths(&[&huge, &small, &tiny, &many[99]]), [1, 1, 1, 1]);
        drop((many, small, tiny));
        assert_eq!(widths(&[&huge]), [32]);
        assert_eq!(widths(&[&Shares::default().join(7)]), [7]);
    }

    #[tokio::test]
    async fn turns_are_as_many_as_the_width_and_go_on_in_order() {
        let node = Shares::new(4);
        let share = node.join(4);
        let mut turns = Vec::new();
        for _ in 0..4 {
            turns.push(share.turn().now_or_never().expect("room"));
        }
        assert!(share.turn().now_or_never().is_none());
        // another one comes: it has its turns at once, while the first gives back
        let other = node.join(4);
        let others = [other.turn().await, other.turn().await];
        assert!(other.turn().now_or_never().is_none());
        turns.truncate(2);
        assert!(share.turn().now_or_never().is_none());
        turns.truncate(1);
        let mut first = Box::pin(share.turn());
        turns.push(first.as_mut().now_or_never().expect("room"));
        let mut second = Box::pin(share.turn());
        let mut third = Box::pin(share.turn());
        assert!(second.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        turns.pop();
        assert!(third.as_mut().now_or_never().is_none());
        let _second = second.as_mut().now_or_never().expect("it was first");
        // and when the other is gone, there is room again
        drop((others, other));
        assert!(third.as_mut().now_or_never().is_some());
    }

    proptest! {
        #[test]
        fn parts_are_max_min_fair(wants in proptest::collection::vec(1_usize..40, 2..20), places in 1_usize..64) {
            let level = level(wants.clone(), places);
            let widths: Vec<usize> = wants.iter().map(|want| level.min(*want)).collect();
            prop_assert!(widths.iter().all(|width| *width >= 1));
            let sum: usize = widths.iter().sum();
            prop_assert!(sum <= places.max(wants.len()), "{widths:?}");
            if wants.iter().sum::<usize>() <= places {
                prop_assert_eq!(&widths, &wants);
            } else {
                // one more for each who wants more would be too much
                let more = wants.iter().zip(&widths).filter(|(want, width)| want > width).count();
                prop_assert!(sum + more > places, "{widths:?} of {wants:?}");
            }
        }
    }
}
