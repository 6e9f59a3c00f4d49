//! Trying again what failed for a reason that may pass.

use crate::error::{Error, Result};
use std::time::Duration;

/// Waits before the second, third and fourth attempt.
const WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Attempts that failed so far.
#[derive(Debug, Default)]
pub struct Attempts(usize);

/// Waits before the next attempt; gives the error back where another attempt makes no sense.
pub async fn again(attempts: &mut Attempts, error: Error) -> Result<()> {
    let Some(&wait) = WAITS.get(attempts.0).filter(|_| error.is_transient()) else {
        return Err(error);
    };
    attempts.0 += 1;
    tracing::info!(attempt = attempts.0, error = %error, "trying again");
    tokio::time::sleep(wait).await;
    Ok(())
}
