//! Arguments of the commands about sessions, tokens and departments.

use clap::Subcommand;

/// `oms session`.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Open sessions that one may see, without what proves them.
    List,
    /// Open a session; prints its token, once.
    Open,
    /// End a session.
    End {
        /// Its id.
        id: String,
    },
}

/// `oms token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// All tokens that one may see, without what proves them.
    List,
    /// Make a token with one's own rights; prints it, once.
    Create {
        /// Its name: at most 32 characters, no space.
        name: String,
        /// How long it is good, days: 1 to 365.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=365))]
        days: u32,
    },
    /// End a token.
    Delete {
        /// Its id or name.
        id: String,
    },
}

/// `oms department`.
#[derive(Debug, Subcommand)]
pub enum DepartmentCommand {
    /// All departments.
    List {
        /// Only those whose name or id contains this.
        search: Option<String>,
    },
    /// Make a department; prints its id.
    Create {
        /// Its name.
        name: String,
    },
    /// Delete a department without members.
    Delete {
        /// Its id or name.
        id: String,
    },
}
