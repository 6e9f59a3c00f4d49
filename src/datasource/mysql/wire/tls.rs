//! Encryption of a connection, with the same rules as the driver's: the server's certificate must
//! be signed by a well-known authority and be made out to its host name.

use super::link::{Socket, io_error};
use mysql_async::Error as MyError;
use std::io;
use std::sync::{Arc, OnceLock};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Encrypts a socket to `host`.
pub async fn encrypt(socket: Box<dyn Socket>, host: &str) -> Result<Box<dyn Socket>, MyError> {
    static CONNECTOR: OnceLock<TlsConnector> = OnceLock::new();
    let connector = CONNECTOR.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    });
    let name = ServerName::try_from(host.to_owned())
        .map_err(|e| io_error(io::Error::new(io::ErrorKind::InvalidInput, e)))?;
    let stream = connector.connect(name, socket).await.map_err(io_error)?;
    Ok(Box::new(stream))
}
