//! How many logins may fail from one address: a bucket of tokens for each, that fills again slowly.
//!
//! A login takes a token before its password is looked at, and a right password gives it back; so
//! only wrong ones are counted, however many come at once.

use crate::error::{Error, Kind, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

/// Failures at once.
const BURST: f64 = 20.0;
/// One more failure is allowed after so many seconds.
pub const REFILL_SECS: f64 = 2.0;
/// Addresses that are remembered; all others share one bucket.
const ADDRESSES: usize = 4096;

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn filled(&self, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + since / REFILL_SECS).min(BURST)
    }
}

/// Failed logins by address.
#[derive(Default)]
pub struct Limiter(Mutex<HashMap<IpAddr, Bucket>>);

impl Limiter {
    /// Takes a token.
    ///
    /// # Errors
    /// `TooManyLogins` where there is none.
    pub fn take(&self, address: IpAddr, now: Instant) -> Result<()> {
        let mut buckets = self.0.lock();
        let mut key = network(address);
        if buckets.len() >= ADDRESSES && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| bucket.filled(now) < BURST);
            if buckets.len() >= ADDRESSES {
                key = Ipv6Addr::UNSPECIFIED.into();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket {
            tokens: BURST,
            at: now,
        });
        let tokens = bucket.filled(now);
        if tokens < 1.0 {
            return Err(
                Error::new(Kind::TooManyLogins, format!("logins from {address}"))
                    .detail("too many failed: the next is looked at in a few seconds"),
            );
        }
        *bucket = Bucket {
            tokens: tokens - 1.0,
            at: now,
        };
        Ok(())
    }

    /// Gives a token back.
    pub fn give_back(&self, address: IpAddr, now: Instant) {
        if let Some(bucket) = self.0.lock().get_mut(&network(address)) {
            *bucket = Bucket {
                tokens: (bucket.filled(now) + 1.0).min(BURST),
                at: now,
            };
        }
    }
}

/// Who has one IPv6 address has the other 2^64 of its network, too.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => four.into(),
            None => Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64)).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn failures_are_counted_by_address_and_forgotten() {
        let (limiter, begun) = (Limiter::default(), Instant::now());
        let (one, two) = (ip("10.0.0.1"), ip("10.0.0.2"));
        for _ in 0..20 {
            limiter.take(one, begun).expect("a token");
        }
        let error = limiter.take(one, begun).expect_err("no token");
        assert_eq!(error.kind(), Kind::TooManyLogins);
        limiter.take(two, begun).expect("another address");
        let later = begun + Duration::from_secs(3);
        limiter.take(one, later).expect("one came back");
        limiter.take(one, later).expect_err("but one only");
        limiter.give_back(one, later);
        limiter.take(one, later).expect("it was right");
    }

    #[test]
    fn neighbours_share_and_strangers_are_bounded() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        for host in 0..20u32 {
            let address = format!("2001:db8::{host:x}");
            limiter.take(ip(&address), now).expect("a token");
        }
        limiter.take(ip("2001:db8::ffff"), now).expect_err("shared");
        limiter.take(ip("::ffff:10.0.0.1"), now).expect("a token");
        for number in 0..10_000u32 {
            let _ = limiter.take(IpAddr::V4(number.into()), now);
        }
        assert!(limiter.0.lock().len() <= ADDRESSES + 1);
    }
}
