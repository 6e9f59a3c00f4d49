//! Encryption of a connection, with the same rules as the driver's.

use super::link::{Socket, io_error};
use crate::datasource::mysql::tls::{Tls, TlsMode, TlsProblem};
use mysql_async::Error as MyError;
use std::io;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as RustlsError, RootCertStore,
    SignatureScheme,
};

/// Instead of what the parser says, which quotes the line.
const MALFORMED: &str = "it is not well-formed (PEM)";

/// Encrypts a socket to `host`.
pub async fn encrypt(
    socket: Box<dyn Socket>,
    host: &str,
    tls: &Tls,
) -> Result<Box<dyn Socket>, MyError> {
    let wrong = |e: String| io_error(io::Error::new(io::ErrorKind::InvalidInput, e));
    let config = tls_config(tls).map_err(|problem| wrong(problem.why))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|e| wrong(e.to_string()))?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, socket).await.map_err(io_error)?;
    Ok(Box::new(stream))
}

/// What the settings mean to the library; or what is wrong with them.
pub fn tls_config(tls: &Tls) -> Result<ClientConfig, TlsProblem> {
    let mut roots = RootCertStore::empty();
    match &tls.ca {
        Some(ca) => {
            for certificate in certificates("ca", ca)? {
                roots
                    .add(certificate)
                    .map_err(|e| TlsProblem::new("ca", e))?;
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(default_provider());
    let checker = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|e| TlsProblem::new("ca", e))?;
    let verifier = Verifier {
        mode: tls.mode,
        checker,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| TlsProblem::new("mode", e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let (Some(cert), Some(key)) = (&tls.cert, &tls.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates("cert", cert)?;
    let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes()).map_err(|e| match e {
        pem::Error::NoItemsFound if key.reveal().contains("BEGIN ENCRYPTED PRIVATE KEY") => {
            TlsProblem::new("key", "it is encrypted with a passphrase: give it without")
        }
        pem::Error::NoItemsFound => TlsProblem::new("key", "there is no private key in it (PEM)"),
        _ => TlsProblem::new("key", MALFORMED),
    })?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|e| match e {
            RustlsError::InconsistentKeys(_) => {
                TlsProblem::new("key", "it does not belong to the certificate")
            }
            e => TlsProblem::new("cert", e),
        })
}

fn certificates(
    part: &'static str,
    text: &str,
) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    // a key may have been pasted here by mistake
    let found = found.map_err(|_| TlsProblem::new(part, MALFORMED))?;
    match found.is_empty() {
        true => Err(TlsProblem::new(part, "there is no certificate in it (PEM)")),
        false => Ok(found),
    }
}

/// Checks as much of the server's certificate as the mode says; that the server has its key, always.
#[derive(Debug)]
struct Verifier {
    mode: TlsMode,
    checker: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        if self.mode < TlsMode::VerifyCa {
            return Ok(ServerCertVerified::assertion());
        }
        let checked = self
            .checker
            .verify_server_cert(certificate, chain, name, ocsp, now);
        match checked {
            // the name is looked at last, when the rest is proved
            Err(RustlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.mode == TlsMode::VerifyCa => Ok(ServerCertVerified::assertion()),
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.checker
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.checker
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.checker.supported_verify_schemes()
    }
}
