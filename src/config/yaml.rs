//! Reading YAML files whose unknown keys are errors.

use crate::error::{Error, Kind, Result};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads a file into a structure; the error names file, place and key.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let what = || format!("configuration file {}", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::new(Kind::ConfigUnreadable, what()).caused_by(e))?;
    serde_yaml_ng::from_str(&text).map_err(|e| Error::new(Kind::ConfigInvalid, what()).detail(e))
}
