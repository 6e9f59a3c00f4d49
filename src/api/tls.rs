//! The API's certificate and key, from PEM files.

use crate::error::{Error, Kind, Result};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// TLS 1.2 and 1.3 with this certificate chain, the server's own first, and its key.
///
/// # Errors
/// `ConfigUnreadable` or `ConfigInvalid`, which name the key of the configuration and the file.
pub fn load(cert: &Path, key: &Path) -> Result<ServerConfig> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|e| unreadable("tls.cert", cert, e))?;
    if chain.is_empty() {
        let nothing = pem::Error::NoItemsFound;
        return Err(unreadable("tls.cert", cert, nothing));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable("tls.key", key, e))?;
    let wrong = |e| {
        let pair = format!("tls = {} and {}", cert.display(), key.display());
        Error::new(Kind::ConfigInvalid, pair).caused_by(e)
    };
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(wrong)
}

fn unreadable(name: &str, path: &Path, error: pem::Error) -> Error {
    let kind = match error {
        pem::Error::Io(_) => Kind::ConfigUnreadable,
        _ => Kind::ConfigInvalid,
    };
    Error::new(kind, format!("{name} = {}", path.display())).caused_by(error)
}
