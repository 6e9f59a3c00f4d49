//! Identifiers as people meet them in the `rm` database and on the command line.
//!
//! Each kind of thing has its own type, so that a step's id can't be handed where a project's is
//! wanted. The text forms are those of OMS: `np_…` a project, `s_…` a step, `e_…` a data source.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text, as it stands in `rm`.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

id! {
    /// A project: `np_` and 12 characters of base 36.
    ProjectId
}
id! {
    /// A step of a project: `s_…`. It is also the `task_group` of the step's tasks.
    StepId
}
id! {
    /// A data source: `e_…`.
    DatasourceId
}
id! {
    /// A component: `<ip>-<port>:<what>:<10 digits>`, as OMS names its processes.
    ComponentId
}

/// Identity of one transaction in one source's log, and its place in it: later transactions of
/// the same log compare greater.
///
/// The upper 26 bits hold the number in the binlog file's name, the lower 38 the offset of
/// the transaction's first event. Whoever pulls the same log again computes the same number, so
/// that a consumer's progress means the same after a Store was made anew.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct TxnId(pub u64);

const OFFSET_BITS: u32 = 38;

impl TxnId {
    /// Before every transaction.
    pub const MIN: Self = Self(0);

    /// The id of the transaction that begins at `offset` bytes in the file with number `file_no`.
    pub fn from_file(file_no: u64, offset: u64) -> Self {
        debug_assert!(offset < 1 << OFFSET_BITS);
        Self((file_no << OFFSET_BITS) | offset)
    }

    /// Number of the binlog file.
    pub fn file_no(self) -> u64 {
        self.0 >> OFFSET_BITS
    }

    /// Offset in the binlog file, bytes.
    pub fn offset(self) -> u64 {
        self.0 & ((1 << OFFSET_BITS) - 1)
    }
}

impl fmt::Display for TxnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file_no(), self.offset())
    }
}
