//! Waiting for something observable instead of sleeping.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

/// How long to rest between two looks.
const POLL: Duration = Duration::from_millis(50);

/// Looks every 50 ms until `probe` finds what it looks for, and returns that.
///
/// `Ok(None)` means "not yet"; `Err` means "not yet, and this is what I saw".
///
/// # Panics
/// When `deadline` has passed, with what was waited for and what was last seen.
pub async fn wait_until<T, E, F, Fut>(what: &str, deadline: Duration, probe: F) -> T
where
    E: Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>, E>>,
{
    match try_wait_until(what, deadline, probe).await {
        Ok(found) => found,
        Err(message) => panic!("{message}"),
    }
}

/// Like [`wait_until`], with the message as an error.
pub async fn try_wait_until<T, E, F, Fut>(
    what: &str,
    deadline: Duration,
    mut probe: F,
) -> Result<T, String>
where
    E: Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>, E>>,
{
    let start = Instant::now();
    let mut last = String::from("nothing yet");
    loop {
        let left = deadline.saturating_sub(start.elapsed());
        match tokio::time::timeout(left.max(POLL), probe()).await {
            Ok(Ok(Some(found))) => return Ok(found),
            Ok(Ok(None)) => {}
            Ok(Err(seen)) => last = seen.to_string(),
            Err(_) => last = format!("a look that did not return (before it: {last})"),
        }
        if start.elapsed() >= deadline {
            let waited = start.elapsed().as_secs_f64();
            return Err(format!(
                "waited {waited:.1} s in vain for {what}; last seen: {last}"
            ));
        }
        tokio::time::sleep(POLL).await;
    }
}
