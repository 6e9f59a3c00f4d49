//! What the switchover refuses.
