//! How a connection to a server is encrypted, with the modes that MySQL's own clients have.
//!
//! Sessions of the driver, those of [`super::wire`], and the binlog's stream all go by the same
//! [`Tls`]. [`kind_of`] tells what an error of TLS means.

use super::endpoint::Secret;
use crate::error::{Error, Kind, Result};
use mysql_async::{ClientIdentity, DriverError, Error as MyError, IoError, SslOpts, TlsError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio_rustls::rustls::{self, AlertDescription, CertificateError};

/// Whether a connection is encrypted, and what is checked of the server's certificate.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TlsMode {
    /// Not encrypted.
    #[default]
    Disabled,
    /// Encrypted where the server offers it; nothing is checked.
    Preferred,
    /// Encrypted, or no connection; nothing is checked.
    Required,
    /// As REQUIRED, and the certificate must be signed by a trusted authority.
    VerifyCa,
    /// As VERIFY_CA, and it must be made out to the host's name or address.
    VerifyIdentity,
}

const MODES: &[(TlsMode, &str)] = &[
    (TlsMode::Disabled, "DISABLED"),
    (TlsMode::Preferred, "PREFERRED"),
    (TlsMode::Required, "REQUIRED"),
    (TlsMode::VerifyCa, "VERIFY_CA"),
    (TlsMode::VerifyIdentity, "VERIFY_IDENTITY"),
];

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = MODES.iter().find(|(mode, _)| mode == self);
        f.write_str(name.map_or("", |(_, name)| name))
    }
}

impl FromStr for TlsMode {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = MODES
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text));
        found.map(|(mode, _)| *mode).ok_or_else(|| {
            let names: Vec<&str> = MODES.iter().map(|(_, name)| *name).collect();
            format!("'{text}' is none of {}", names.join(", "))
        })
    }
}

/// How connections to a server are encrypted; certificates and key in PEM.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// What is encrypted and checked.
    pub mode: TlsMode,
    /// The authorities that are trusted; `None`: the well-known ones.
    pub ca: Option<String>,
    /// Our certificate, with the chain behind it.
    pub cert: Option<String>,
    /// Its key.
    pub key: Option<Secret>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("mode", &self.mode)
            .field("ca", &self.ca.is_some())
            .field("cert", &self.cert.is_some())
            .finish_non_exhaustive()
    }
}

/// What is wrong with the settings: which one (`mode`, `ca`, `cert`, `key`), and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsProblem {
    /// Which setting.
    pub part: &'static str,
    /// Why it cannot be used.
    pub why: String,
}

impl TlsProblem {
    pub(super) fn new(part: &'static str, why: impl fmt::Display) -> Self {
        let why = why.to_string();
        Self { part, why }
    }
}

impl Tls {
    /// A mode, with well-known authorities and without a certificate of ours.
    pub fn of(mode: TlsMode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    /// What cannot work, before a connection is tried: settings that do not belong together, and what
    /// is no PEM.
    pub fn check(&self) -> std::result::Result<(), TlsProblem> {
        let mode = self.mode;
        let unused = |part, only| {
            Err(TlsProblem::new(
                part,
                format!("{mode} does not use it: {only}"),
            ))
        };
        if self.ca.is_some() && mode < TlsMode::VerifyCa {
            return unused("ca", "VERIFY_CA and VERIFY_IDENTITY do");
        }
        if self.cert.is_some() && mode == TlsMode::Disabled {
            return unused("cert", "choose a mode with TLS");
        }
        match (&self.cert, &self.key) {
            (Some(_), None) => {
                return Err(TlsProblem::new("key", "the certificate's key is missing"));
            }
            (None, Some(_)) => {
                return Err(TlsProblem::new("cert", "the key's certificate is missing"));
            }
            _ => {}
        }
        if mode == TlsMode::Disabled {
            return Ok(());
        }
        super::wire::tls_config(self).map(drop)
    }

    /// The driver's options.
    pub(super) fn driver(&self) -> Option<SslOpts> {
        let mut opts = match self.mode {
            TlsMode::Disabled => return None,
            TlsMode::Preferred | TlsMode::Required => {
                SslOpts::default().with_danger_accept_invalid_certs(true)
            }
            // The driver knows the error for a wrong name by this word, which rustls no longer says
            // itself: it repeats the name that was expected. A test on a real server proves that it
            // is the name alone that is not checked.
            TlsMode::VerifyCa => SslOpts::default()
                .with_danger_skip_domain_validation(true)
                .with_danger_tls_hostname_override(Some("NotValidForName.invalid")),
            TlsMode::VerifyIdentity => SslOpts::default(),
        };
        if let Some(ca) = &self.ca {
            opts = opts
                .with_root_certs(vec![ca.clone().into_bytes().into()])
                .with_disable_built_in_roots(true);
        }
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            let key = key.reveal().as_bytes().to_vec();
            let identity = ClientIdentity::new(cert.clone().into_bytes().into(), key.into());
            opts = opts.with_client_identity(Some(identity));
        }
        Some(opts)
    }

    /// Writes all but the key into the options of a stored data source.
    pub fn write_options(&self, options: &mut Value) {
        options["tls"] = json!(self.mode != TlsMode::Disabled);
        options["sslMode"] = json!(self.mode);
        for (name, pem) in [("sslCa", &self.ca), ("sslCert", &self.cert)] {
            match pem {
                Some(pem) => options[name] = json!(pem),
                None => {
                    if let Some(options) = options.as_object_mut() {
                        options.remove(name);
                    }
                }
            }
        }
    }

    /// Reads the options of a stored data source. Those of an earlier version say only whether there is
    /// TLS: then everything was checked.
    ///
    /// # Errors
    /// Why the mode cannot be understood.
    pub fn read_options(options: &Value, key: Option<Secret>) -> std::result::Result<Self, String> {
        let text = |name: &str| options.get(name).and_then(Value::as_str).map(str::to_owned);
        let mode = match text("sslMode") {
            Some(mode) => mode.parse()?,
            None if options.get("tls").and_then(Value::as_bool) == Some(true) => {
                TlsMode::VerifyIdentity
            }
            None => TlsMode::Disabled,
        };
        Ok(Self {
            mode,
            ca: text("sslCa"),
            cert: text("sslCert"),
            key,
        })
    }
}

/// The same settings with the names of files, as a command line or a configuration file gives them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsFiles {
    /// What is encrypted and checked.
    pub mode: TlsMode,
    /// The authorities that are trusted.
    pub ca: Option<PathBuf>,
    /// Our certificate, with the chain behind it.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads the files, and checks the whole; `of` says whose settings they are.
    ///
    /// # Errors
    /// `ConfigUnreadable`, `ConfigInvalid`: the setting and its file, never what is in it.
    pub fn read(&self, of: &str) -> Result<Tls> {
        let file = |part: &str, path: &Option<PathBuf>| {
            let text = |path: &PathBuf| {
                std::fs::read_to_string(path).map_err(|e| {
                    let what = format!("{of}: ssl {part} = {}", path.display());
                    Error::new(Kind::ConfigUnreadable, what).caused_by(e)
                })
            };
            path.as_ref().map(text).transpose()
        };
        let tls = Tls {
            mode: self.mode,
            ca: file("ca", &self.ca)?,
            cert: file("cert", &self.cert)?,
            key: file("key", &self.key)?.map(Secret::new),
        };
        tls.check().map_err(|problem| {
            let given = match problem.part {
                "ca" => self.ca.as_deref(),
                "cert" => self.cert.as_deref(),
                "key" => self.key.as_deref(),
                _ => None,
            };
            let given = given.map_or(String::new(), |path: &Path| {
                format!(" = {}", path.display())
            });
            let what = format!("{of}: ssl {}{given}", problem.part);
            Error::new(Kind::ConfigInvalid, what).detail(problem.why)
        })?;
        Ok(tls)
    }
}

/// What an error of a connection says about TLS; `None`: it is about something else.
pub(super) fn kind_of(error: &MyError) -> Option<Kind> {
    match error {
        MyError::Driver(DriverError::NoClientSslFlagFromServer) => Some(Kind::TlsUnavailable),
        MyError::Server(server) if server.code == SECURE_TRANSPORT_REQUIRED => {
            Some(Kind::TlsNeeded)
        }
        MyError::Io(IoError::Io(io)) => io.get_ref()?.downcast_ref().map(kind_of_rustls),
        MyError::Io(IoError::Tls(TlsError::Tls(tls))) => Some(kind_of_rustls(tls)),
        MyError::Io(IoError::Tls(TlsError::InvalidDnsName(_))) => Some(Kind::TlsHostName),
        MyError::Io(IoError::Tls(_)) => Some(Kind::TlsFailed),
        _ => None,
    }
}

/// The server's error number where it wants TLS.
const SECURE_TRANSPORT_REQUIRED: u16 = 3159;

fn kind_of_rustls(error: &rustls::Error) -> Kind {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Kind::TlsHostName,
        rustls::Error::InvalidCertificate(_) => Kind::TlsUntrusted,
        rustls::Error::InconsistentKeys(_) => Kind::TlsClientCertificate,
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => Kind::TlsClientCertificate,
        _ => Kind::TlsFailed,
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
