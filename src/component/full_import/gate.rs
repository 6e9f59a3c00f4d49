//! How many slices are copied at the same time: all that the settings allow, fewer while a server
//! says that it is too busy, and one more again after a while without a complaint; and never more than
//! the project's share of its node.

use parking_lot::Mutex;
use tokio::sync::Notify;

/// So many slices must be copied without a complaint before one more may be at work.
const CALM: u32 = 8;

/// Lets workers in.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug)]
struct State {
    /// It began with so many.
    whole: usize,
    most: usize,
    limit: usize,
    /// What the node's other projects leave.
    share: usize,
    inside: usize,
    calm: u32,
}

impl Gate {
    /// For so many at most.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            state: Mutex::new(State {
                whole: most,
                most,
                limit: most,
                share: most,
                inside: 0,
                calm: 0,
            }),
            wake: Notify::new(),
        }
    }

    /// Waits until there is room.
    pub(super) async fn enter(&self) -> Pass<'_> {
        loop {
            // registered before the look, so that no wake-up is missed
            let mut woken = std::pin::pin!(self.wake.notified());
            woken.as_mut().enable();
            {
                let mut state = self.state.lock();
                if state.inside < state.limit.min(state.share) {
                    state.inside += 1;
                    return Pass(self);
                }
            }
            woken.await;
        }
    }

    /// So many at most from now on, of those that it began with; who is inside goes on.
    pub(super) fn set_most(&self, most: usize) {
        let mut state = self.state.lock();
        let most = most.clamp(1, state.whole);
        if most == state.most {
            return;
        }
        tracing::info!(
            slices = most,
            "the setting of slices at the same time was changed"
        );
        // one that a busy server has narrowed further stays so
        let untouched = state.limit == state.most;
        state.most = most;
        state.limit = if untouched {
            most
        } else {
            state.limit.min(most)
        };
        drop(state);
        self.wake.notify_waiters();
    }

    /// How many the settings allow.
    pub(super) fn most(&self) -> usize {
        self.state.lock().most
    }

    /// What the node's other projects leave; who is inside goes on.
    pub(super) fn set_share(&self, share: usize) {
        let before = std::mem::replace(&mut self.state.lock().share, share.max(1));
        if before < share {
            self.wake.notify_waiters();
        }
    }

    /// A server is too busy: one fewer from now on.
    pub(super) fn narrow(&self) {
        let mut state = self.state.lock();
        state.calm = 0;
        if state.limit > 1 {
            state.limit -= 1;
            tracing::info!(
                slices = state.limit,
                "a server is too busy: fewer slices at the same time"
            );
        }
    }

    /// A slice went through.
    pub(super) fn went_well(&self) {
        let mut state = self.state.lock();
        state.calm += 1;
        if state.calm >= CALM && state.limit < state.most {
            state.calm = 0;
            state.limit += 1;
            drop(state);
            self.wake.notify_waiters();
        }
    }
}

/// The right to copy a slice.
#[derive(Debug)]
pub(super) struct Pass<'g>(&'g Gate);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.state.lock().inside -= 1;
        self.0.wake.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn a_setting_narrows_it_and_widens_it_again() {
        let gate = Gate::new(3);
        let [first, second] = [gate.enter().await, gate.enter().await];
        gate.set_most(1);
        drop(first);
        assert!(gate.enter().now_or_never().is_none(), "one is inside");
        drop(second);
        let one = gate.enter().now_or_never().expect("nobody is inside");
        gate.set_most(100);
        let _more = [gate.enter().await, gate.enter().await];
        assert!(
            gate.enter().now_or_never().is_none(),
            "never wider than it began"
        );
        drop(one);
        gate.narrow();
        gate.set_most(2);
        gate.narrow();
        gate.set_most(3);
        assert!(
            gate.enter().now_or_never().is_none(),
            "a busy server counts"
        );
    }

    #[tokio::test]
    async fn a_share_counts_beside_the_setting() {
        let gate = Gate::new(3);
        gate.set_share(1);
        assert_eq!(gate.most(), 3);
        let one = gate.enter().await;
        assert!(gate.enter().now_or_never().is_none(), "its share is one");
        gate.set_share(2);
        let two = gate.enter().now_or_never().expect("its share is two");
        gate.set_most(1);
        gate.set_share(3);
        drop(two);
        assert!(gate.enter().now_or_never().is_none(), "the setting counts");
        drop(one);
        assert!(gate.enter().now_or_never().is_some());
    }

    #[tokio::test]
    async fn complaints_narrow_it_and_calm_widens_it() {
        let gate = Gate::new(3);
        let all = [gate.enter().await, gate.enter().await, gate.enter().await];
        assert!(gate.enter().now_or_never().is_none());
        gate.narrow();
        gate.narrow();
        let [first, second, third] = all;
        drop(first);
        drop(second);
        assert!(gate.enter().now_or_never().is_none(), "one is inside");
        drop(third);
        let one = gate.enter().now_or_never().expect("nobody is inside");
        gate.narrow();
        drop(one);
        assert!(gate.enter().now_or_never().is_some(), "never closed");
        for _ in 0..2 * CALM {
            gate.went_well();
        }
        let _all = [gate.enter().await, gate.enter().await, gate.enter().await];
        for _ in 0..9 * CALM {
            gate.went_well();
        }
        assert!(
            gate.enter().now_or_never().is_none(),
            "never wider than set"
        );
    }
}
