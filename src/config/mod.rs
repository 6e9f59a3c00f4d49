//! Configuration: from the command line, the environment and a YAML file, in this order of
//! weight. Unknown keys are refused; an error names the key, the value and where it came from.

pub mod key_ring;
pub mod migrate;
pub mod secret_store;
pub mod server;
pub mod stored;
pub mod yaml;

pub use migrate::{MigrateConfig, Until};
pub use server::ServerConfig;
