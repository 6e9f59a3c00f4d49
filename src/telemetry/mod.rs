//! Logging. One line per event on standard error or in a file, never a secret or a row's value.

use crate::error::{Error, Kind, Result};
use std::path::Path;
use std::sync::Mutex;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The HTTP client's dump of all bytes that it sends and receives: passwords are among them.
const SECRET_TARGET: &str = "ureq_proto::util=off";

/// Starts logging. `OMS_LOG` chooses levels as `RUST_LOG` does; `default` is used without it.
/// With a file, lines are appended to it, else they go to standard error.
pub fn start(default: &str, format: LogFormat, file: Option<&Path>) -> Result<()> {
    let filter = match std::env::var("OMS_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|e| {
            Error::new(
                Kind::ConfigInvalid,
                format!("environment variable OMS_LOG='{text}'"),
            )
            .caused_by(e)
        })?,
        Err(_) => EnvFilter::new(default),
    };
    let filter = match SECRET_TARGET.parse() {
        Ok(never) => filter.add_directive(never),
        Err(e) => return Err(Error::new(Kind::Internal, "starting the log").caused_by(e)),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(true);
    let done = match file {
        Some(path) => {
            let writer = open(path)?;
            let builder = builder.with_writer(Mutex::new(writer)).with_ansi(false);
            match format {
                LogFormat::Text => builder.try_init(),
                LogFormat::Json => builder.json().try_init(),
            }
        }
        None => {
            let builder = builder
                .with_writer(std::io::stderr)
                .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
            match format {
                LogFormat::Text => builder.try_init(),
                LogFormat::Json => builder.json().try_init(),
            }
        }
    };
    done.map_err(|e| Error::new(Kind::Internal, "starting the log").detail(e))
}

fn open(path: &Path) -> Result<std::fs::File> {
    let what = || format!("log file {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::new(Kind::Io, what()).caused_by(e))?;
    }
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|e| Error::new(Kind::Io, what()).caused_by(e))
}
