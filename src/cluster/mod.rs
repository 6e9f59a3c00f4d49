//! Who leads: election, and the lease behind it.
//!
//! [`solo`] is the mode without a cluster: the process that holds the lease in the `rm` database
//! leads. Its epoch rises with each take-over, so that what a forgotten process still writes
//! changes nothing.

pub mod solo;
