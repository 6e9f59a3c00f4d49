//! How often something may be done: a bucket of tokens for each who does it, that fills again.
//!
//! Logins are counted by address: one takes a token before its password is looked at, and a right password
//! gives it back; so only wrong ones are counted, however many come at once. Requests are counted by
//! account, behind its login.

use crate::error::{Error, Kind, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

/// Failed logins at once.
const FAILURES: f64 = 20.0;
/// One more failed login is allowed after so many seconds.
pub const REFILL_SECS: f64 = 2.0;
/// Who is remembered, at most; all others share one bucket.
const REMEMBERED: usize = 4096;
/// An account may ask for so many seconds' worth of requests at once.
const BURST_SECS: f64 = 2.0;

struct Bucket {
    tokens: f64,
    at: Instant,
}

/// A bucket for each.
struct Buckets<K> {
    burst: f64,
    /// Tokens each second.
    rate: f64,
    /// Whose bucket those share who are not remembered.
    others: K,
    buckets: Mutex<HashMap<K, Bucket>>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(burst: f64, rate: f64, others: K) -> Self {
        Self {
            burst,
            rate,
            others,
            buckets: Mutex::default(),
        }
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.tokens + since * self.rate).min(self.burst)
    }

    /// Takes a token; false: there is none.
    fn take(&self, mut key: K, now: Instant) -> bool {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= REMEMBERED && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| self.filled(bucket, now) < self.burst);
            if buckets.len() >= REMEMBERED {
                key = self.others.clone();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket {
            tokens: self.burst,
            at: now,
        });
        let tokens = self.filled(bucket, now);
        if tokens < 1.0 {
            return false;
        }
        *bucket = Bucket {
            tokens: tokens - 1.0,
            at: now,
        };
        true
    }

    /// Gives a token back.
    fn give_back(&self, key: &K, now: Instant) {
        if let Some(bucket) = self.buckets.lock().get_mut(key) {
            *bucket = Bucket {
                tokens: (self.filled(bucket, now) + 1.0).min(self.burst),
                at: now,
            };
        }
    }
}

/// Failed logins by address.
pub struct Limiter(Buckets<IpAddr>);

impl Default for Limiter {
    fn default() -> Self {
        let others = Ipv6Addr::UNSPECIFIED.into();
        Self(Buckets::new(FAILURES, 1.0 / REFILL_SECS, others))
    }
}

impl Limiter {
    /// Takes a token.
    ///
    /// # Errors
    /// `TooManyLogins` where there is none.
    pub fn take(&self, address: IpAddr, now: Instant) -> Result<()> {
        if self.0.take(network(address), now) {
            return Ok(());
        }
        Err(
            Error::new(Kind::TooManyLogins, format!("logins from {address}"))
                .detail("too many failed: the next is looked at in a few seconds"),
        )
    }

    /// Gives a token back.
    pub fn give_back(&self, address: IpAddr, now: Instant) {
        self.0.give_back(&network(address), now);
    }
}

/// Requests by account.
pub struct Requests(Option<Buckets<String>>);

impl Requests {
    /// So many each second, and two seconds' worth at once; 0: no limit.
    pub fn new(each_second: u32) -> Self {
        let rate = f64::from(each_second);
        let limited = || Buckets::new(rate * BURST_SECS, rate, String::new());
        Self((each_second > 0).then(limited))
    }

    /// Takes one of an account's.
    ///
    /// # Errors
    /// `TooManyRequests` where there is none.
    pub fn take(&self, user: &str, now: Instant) -> Result<()> {
        match &self.0 {
            Some(buckets) if !buckets.take(user.to_owned(), now) => {
                Err(
                    Error::new(Kind::TooManyRequests, "the account's requests").detail(format!(
                        "it asks more often than {} times a second",
                        buckets.rate
                    )),
                )
            }
            _ => Ok(()),
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
        assert!(limiter.0.buckets.lock().len() <= REMEMBERED + 1);
    }

    #[test]
    fn requests_are_counted_by_account() {
        let (requests, begun) = (Requests::new(5), Instant::now());
        for _ in 0..10 {
            requests.take("u_1", begun).expect("two seconds' worth");
        }
        let error = requests.take("u_1", begun).expect_err("too many");
        assert_eq!(error.kind(), Kind::TooManyRequests);
        requests.take("u_2", begun).expect("another account");
        let later = begun + Duration::from_millis(250);
        requests.take("u_1", later).expect("one came back");
        requests.take("u_1", later).expect_err("but one only");
        let free = Requests::new(0);
        for _ in 0..10_000 {
            free.take("u_1", begun).expect("no limit");
        }
    }
}
