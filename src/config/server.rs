//! Configuration of `oms server`: a YAML file, and environment variables that outweigh it.

use super::yaml;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// With so many for each core one project alone reaches its target's ceiling (`docs/performance.md`).
const TURNS_OF_A_CORE: usize = 4;
/// Also on one core.
const TURNS_LEAST: usize = 8;

/// The keys of the file; `deploy/oms.yaml` shows them with their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port of the API (`OMS_LISTEN`).
    pub listen: String,
    /// The rm database: a file, `mysql://user@host:port/database`, or
    /// `postgresql://user@host:port/database` (`OMS_RM`).
    pub rm: String,
    /// Folder of the Stores and of verification files (`OMS_DATA_DIR`).
    pub data_dir: PathBuf,
    /// Key file with which stored passwords are encrypted (`OMS_KEY_FILE`); empty: the default.
    pub key_file: PathBuf,
    /// Largest request, bytes.
    pub request_bytes_max: usize,
    /// Requests of an account each second, at most, and two seconds' worth at once; 0: no limit.
    pub requests_per_second: u32,
    /// Batches that copies and verifications of several projects move at the same time, all together;
    /// 0: four for each core.
    pub turns: usize,
    /// Certificate and key of the API; empty: plain HTTP.
    pub tls: TlsFiles,
    /// Plain HTTP may be listened to from other machines: something in front of it has TLS.
    pub allow_plain_http: bool,
}

/// PEM files of the API's TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsFiles {
    /// The certificate chain, the server's own first (`OMS_TLS_CERT`).
    pub cert: PathBuf,
    /// Its key (`OMS_TLS_KEY`).
    pub key: PathBuf,
}

impl TlsFiles {
    /// Both files, where TLS is wanted.
    pub fn both(&self) -> Option<(&Path, &Path)> {
        let given = |path: &Path| !path.as_os_str().is_empty();
        (given(&self.cert) && given(&self.key)).then_some((&*self.cert, &*self.key))
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8089".to_owned(),
            rm: "oms_rm.db".to_owned(),
            data_dir: PathBuf::from("oms_data"),
            key_file: PathBuf::new(),
            request_bytes_max: 1 << 20,
            requests_per_second: 500,
            turns: 0,
            tls: TlsFiles::default(),
            allow_plain_http: false,
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
            ("OMS_TLS_CERT", &mut config.tls.cert),
            ("OMS_TLS_KEY", &mut config.tls.key),
        ] {
            if let Some(value) = env(name) {
                *place = PathBuf::from(value);
            }
        }
        config.address(&from)?;
        Ok(config)
    }

    /// How many turns the node has.
    pub fn turns(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        match self.turns {
            0 => (TURNS_OF_A_CORE * cores()).max(TURNS_LEAST),
            turns => turns,
        }
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
        let tls = self.tls.both().is_some();
        if !tls && self.tls != TlsFiles::default() {
            return Err(Error::new(Kind::ConfigInvalid, "tls")
                .detail("cert and key belong together: one of them is missing"));
        }
        if !tls && !self.allow_plain_http && !address.ip().is_loopback() {
            return Err(invalid(
                "passwords would cross the network in plain text".to_owned(),
            )
            .remedy(
                "Give tls.cert and tls.key, or listen on 127.0.0.1; allow_plain_http: true is for an address that only a proxy with TLS can reach.",
            ));
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

    #[test]
    fn other_machines_need_tls_or_an_explicit_word() {
        let config = |tls: (&str, &str), allow_plain_http| ServerConfig {
            listen: "0.0.0.0:8089".to_owned(),
            tls: TlsFiles {
                cert: tls.0.into(),
                key: tls.1.into(),
            },
            allow_plain_http,
            ..ServerConfig::default()
        };
        config(("", ""), false).listen().expect_err("plain");
        config(("", ""), true).listen().expect("explicit");
        let both = config(("a", "b"), false);
        both.listen().expect("TLS");
        assert_eq!(both.tls.both(), Some((Path::new("a"), Path::new("b"))));
        for half in [("a", ""), ("", "b")] {
            let error = config(half, true).listen().expect_err("half");
            assert!(error.to_string().starts_with("tls:"), "{error}");
        }
    }
}
