//! What a running Store tells of itself.

use super::Pull;
use crate::component::contract::Context;
use std::time::Duration;

impl Pull {
    /// Tells how far the log was read, how far that is behind, and what is on disk.
    pub(super) fn report(&self, context: &Context) {
        let progress = context.progress();
        let proved = if self.with_heartbeat {
            self.beats.is_proved()
        } else {
            // nothing can be proved; transactions that were on their way have long arrived
            self.caught_up && self.opened.elapsed() >= Duration::from_secs(2)
        };
        if proved {
            progress.set_ready(true);
        }
        let position = self.puller.assembler.position();
        if self.with_heartbeat {
            if let Some(lag) = self.beats.lag() {
                progress.set_lag_ms(lag.as_millis() as u64);
            }
        } else if self.caught_up {
            progress.set_lag_ms(0);
        }
        let (bytes, segments) = self.live.size();
        progress.set_done(self.puller.changes, self.log_bytes);
        progress.set_detail("position", position.to_string());
        progress.set_detail("source_time_ms", position.time_ms);
        progress.set_detail("bytes_on_disk", bytes);
        progress.set_detail("segments", segments);
        if self.puller.ours.left_out > 0 {
            progress.set_detail("left_out", self.puller.ours.left_out);
        }
    }
}
