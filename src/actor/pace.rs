//! How often to look: at once where a bell rings, quickly while things change, seldom while they stay
//! as they are. A link that only follows an idle source must cost next to nothing.

use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Things that have not changed for so long are looked at seldom.
const CALM_AFTER: Duration = Duration::from_secs(5);

/// Rung by whoever changes something in this process that others should look at: a hint, that saves
/// them from waiting for their next look. What counts is what they find then.
#[derive(Debug, Clone)]
pub struct Bell(watch::Sender<()>);

impl Default for Bell {
    fn default() -> Self {
        Self(watch::channel(()).0)
    }
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        self.0.send_replace(());
    }

    /// Listens, from now on.
    pub fn listen(&self) -> Ear {
        Ear(self.0.subscribe())
    }
}

/// Hears a bell. A ring while nobody waits is heard by the next wait.
#[derive(Debug, Clone)]
pub struct Ear(watch::Receiver<()>);

impl Ear {
    /// Waits so long, or until the bell rings; gives whether it did.
    pub async fn wait(mut self, longest: Duration) -> (Self, bool) {
        // a bell that is gone rings no more
        let ring = async {
            if self.0.changed().await.is_err() {
                std::future::pending().await
            }
        };
        let rung = tokio::time::timeout(longest, ring).await.is_ok();
        (self, rung)
    }
}

/// The time between two looks at something that is seen as a `T`.
#[derive(Debug)]
pub struct Pace<T> {
    quick: Duration,
    calm: Duration,
    last: Option<T>,
    since: Instant,
}

impl<T: PartialEq> Pace<T> {
    /// Looks after `quick` while things change, after `calm` once they have not for a while.
    pub fn new(quick: Duration, calm: Duration) -> Self {
        Self {
            quick,
            calm,
            last: None,
            since: Instant::now(),
        }
    }

    /// Tells what was seen; gives whether that is news.
    pub fn saw(&mut self, now: T) -> bool {
        let is_news = self.last.as_ref() != Some(&now);
        if is_news {
            self.last = Some(now);
            self.since = Instant::now();
        }
        is_news
    }

    /// Forgets what was seen: something is about to change.
    pub fn stir(&mut self) {
        self.last = None;
        self.since = Instant::now();
    }

    /// How long to wait until the next look.
    pub fn delay(&self) -> Duration {
        if self.last.is_some() && self.since.elapsed() >= CALM_AFTER {
            self.calm
        } else {
            self.quick
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ring_is_heard_once_even_by_who_comes_late() {
        let bell = Bell::default();
        let ear = bell.listen();
        bell.ring();
        bell.ring();
        let hour = Duration::from_secs(3600);
        let begun = Instant::now();
        let (ear, rung) = ear.wait(hour).await;
        assert_eq!((rung, begun.elapsed()), (true, Duration::ZERO));
        let (ear, rung) = ear.wait(hour).await;
        assert_eq!((rung, begun.elapsed()), (false, hour));
        drop(bell);
        ear.wait(hour).await;
        assert_eq!(begun.elapsed(), 2 * hour);
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_as_it_is_is_looked_at_seldom() {
        let (quick, calm) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut pace = Pace::new(quick, calm);
        pace.saw(1);
        tokio::time::advance(CALM_AFTER).await;
        assert_eq!(pace.delay(), calm);
        pace.saw(1);
        assert_eq!(pace.delay(), calm);
        pace.saw(2);
        assert_eq!(pace.delay(), quick);
        tokio::time::advance(CALM_AFTER).await;
        pace.stir();
        assert_eq!(pace.delay(), quick);
    }
}
