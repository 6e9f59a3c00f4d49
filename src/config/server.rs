//! Configuration of `oms server`: a YAML file, and environment variables that outweigh it.

use super::yaml;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The keys of the file; `deploy/oms.yaml` shows them with their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port of the API (`OMS_LISTEN`).
    pub listen: String,
    /// The rm database: a file, or `mysql://user@host:port/database` (`OMS_RM`).
    pub rm: String,
    /// Folder of the Stores and of verification files (`OMS_DATA_DIR`).
    pub data_dir: PathBuf,
    /// Key file with which stored passwords are encrypted (`OMS_KEY_FILE`); empty: the default.
    pub key_file: PathBuf,
    /// Largest request, bytes.
    pub request_bytes_max: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8089".to_owned(),
            rm: "oms_rm.db".to_owned(),
            data_dir: PathBuf::from("oms_data"),
            key_file: PathBuf::new(),
            request_bytes_max: 1 << 20,
        }
    }
}

impl ServerConfig {
    /// Reads the file, where there is one, and the environment.
    ///
    /// # Errors
    /// `ConfigUnreadable`, `ConfigInvalid`: the key, the value and where it came from.
    pub fn load(path: Option<&Path>, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut config: Self = match path {
            Some(path) => yaml::read(path)?,
            None => Self::default(),
        };
        let mut from = "listen".to_owned();
        if let Some(listen) = env("OMS_LISTEN") {
            config.listen = listen;
            "OMS_LISTEN".clone_into(&mut from);
        }
        config.rm = env("OMS_RM").unwrap_or(config.rm);
        for (name, place) in [
            ("OMS_DATA_DIR", &mut config.data_dir),
            ("OMS_KEY_FILE", &mut config.key_file),
        ] {
            if let Some(value) = env(name) {
                *place = PathBuf::from(value);
            }
        }
        config.address(&from)?;
        Ok(config)
    }

    /// The address to listen on; `from` names where it came from.
    fn address(&self, from: &str) -> Result<SocketAddr> {
        let invalid = |why: String| {
            Error::new(Kind::ConfigInvalid, format!("{from} = {}", self.listen)).detail(why)
        };
        let address: SocketAddr = self
            .listen
            .parse()
            .map_err(|_| invalid("it is not an address and a port".to_owned()))?;
        if !address.ip().is_loopback() {
            return Err(invalid(
                "passwords would cross the network in plain text: the API has no TLS yet"
                    .to_owned(),
            )
            .remedy("Listen on 127.0.0.1, and put a proxy with TLS in front of it."));
        }
        Ok(address)
    }

    /// The address to listen on.
    ///
    /// # Errors
    /// `ConfigInvalid`.
    pub fn listen(&self) -> Result<SocketAddr> {
        self.address("listen")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_sample_shows_the_defaults() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/oms.yaml");
        let config = ServerConfig::load(Some(&sample), nothing).expect("a valid sample");
        assert_eq!(config, ServerConfig::default());
        let text = std::fs::read_to_string(sample).expect("readable");
        let keys = serde_json::to_value(&config).expect("JSON");
        for key in keys.as_object().expect("an object").keys() {
            assert!(text.contains(&format!("\n{key}:")), "{key}");
        }
    }

    #[test]
    fn the_environment_outweighs_the_file_and_errors_name_their_source() {
        let env = |name: &str| (name == "OMS_LISTEN").then(|| "[::1]:9".to_owned());
        let config = ServerConfig::load(None, env).expect("loopback");
        assert_eq!(config.listen().expect("an address").port(), 9);
        let open = |name: &str| (name == "OMS_LISTEN").then(|| "0.0.0.0:8089".to_owned());
        let error = ServerConfig::load(None, open).expect_err("not loopback");
        assert!(
            error.to_string().contains("OMS_LISTEN = 0.0.0.0:8089"),
            "{error}"
        );
    }
}
