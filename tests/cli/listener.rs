//! A listener that writes down requests and answers each as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The certificate of the listener that has one: for localhost, made by itself.
pub const CERTIFICATE: &str = include_str!("tls/cert.pem");

/// A request: the action, the `Authorization` header, the body.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub action: String,
    pub authorization: String,
    pub body: Value,
}

/// A listener; its thread ends with the process.
pub struct Listener {
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// A success with this data.
pub fn success(data: Value) -> String {
    let total = data.as_array().map(Vec::len);
    json!({ "success": true, "errorDetail": null, "totalCount": total, "data": data }).to_string()
}

impl Listener {
    /// Answers each request with what `answer` makes of it: status and body.
    pub fn start(answer: impl Fn(&Request) -> (u16, String) + Send + 'static) -> Self {
        Self::with(None, answer)
    }

    /// The same, with [`CERTIFICATE`].
    pub fn encrypted(answer: impl Fn(&Request) -> (u16, String) + Send + 'static) -> Self {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/key.pem"));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.expect("PEM")], key.expect("PEM"));
        Self::with(Some(Arc::new(config.expect("a pair"))), answer)
    }

    fn with(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&Request) -> (u16, String) + Send + 'static,
    ) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        let url = match tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let write = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                match &tls {
                    Some(config) => {
                        let session = ServerConnection::new(Arc::clone(config)).expect("a session");
                        serve(StreamOwned::new(session, stream), &write, &answer);
                    }
                    None => serve(stream, &write, &answer),
                }
            }
        });
        Self { url, seen }
    }

    /// The requests since the last look.
    pub fn seen(&self) -> Vec<Request> {
        std::mem::take(&mut *self.seen.lock().expect("no panic"))
    }
}

/// Writes one request down, then answers it; a client that went away has sent none.
fn serve<S: Read + Write>(
    stream: S,
    seen: &Mutex<Vec<Request>>,
    answer: &impl Fn(&Request) -> (u16, String),
) {
    let mut reader = BufReader::new(stream);
    let Some(request) = read(&mut reader) else {
        return;
    };
    let (status, body) = answer(&request);
    seen.lock().expect("no panic").push(request);
    let mut stream = reader.into_inner();
    let text = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(text.as_bytes());
    let _ = stream.flush();
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.strip_prefix("POST /api/v2?Action=")?;
    let action = target.split(' ').next()?.to_owned();
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        action,
        authorization,
        body: serde_json::from_slice(&body).ok()?,
    })
}
