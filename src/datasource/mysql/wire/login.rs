//! Connecting: the server's greeting, encryption where it is wanted, and the proof of who we are.

use super::link::{Link, Socket, io_error};
use super::tls;
use crate::datasource::mysql::endpoint::Endpoint;
use crate::datasource::mysql::tls::TlsMode;
use bytes::Bytes;
use mysql_async::consts::CapabilityFlags;
use mysql_async::{DriverError, Error as MyError};
use mysql_common::constants::MariadbCapabilities;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse, SslRequest,
};
use mysql_common::proto::MySerialize;
use std::io;
use tokio::net::TcpStream;

/// The largest packet that we announce, bytes: the protocol's own limit.
const MAX_PACKET: u32 = 1 << 30;
/// `utf8mb4_general_ci`.
const COLLATION: u8 = 45;
/// Bytes of a nonce; one more may follow, which is zero.
const NONCE: usize = 20;

/// A session's connection.
pub struct Login {
    /// The connection.
    pub link: Link,
    /// Its number at the server.
    pub id: u32,
    /// Whether the server takes many rows of parameters with one command (MariaDB).
    pub bulk: bool,
}

/// Connects and proves who we are.
pub async fn login(endpoint: &Endpoint) -> Result<Login, MyError> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(io_error)?;
    stream.set_nodelay(true).map_err(io_error)?;
    let socket: Box<dyn Socket> = Box::new(stream);
    let mut link = Link::new(socket);
    let greeting = link.read().await?;
    refused(&greeting, false)?;
    let greeting = ParseBuf(&greeting)
        .parse::<HandshakePacket<'_>>(())
        .map_err(io_error)?
        .into_owned();
    let mut wanted = CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
        | CapabilityFlags::CLIENT_LOCAL_FILES;
    let offered = greeting
        .capabilities()
        .contains(CapabilityFlags::CLIENT_SSL);
    let encrypted = match endpoint.tls.mode {
        TlsMode::Disabled => false,
        TlsMode::Preferred => offered,
        _ if offered => true,
        _ => return Err(MyError::Driver(DriverError::NoClientSslFlagFromServer)),
    };
    if encrypted {
        wanted |= CapabilityFlags::CLIENT_SSL;
    }
    let capabilities = greeting.capabilities() & wanted;
    if encrypted {
        let request = serialized(&SslRequest::new(capabilities, MAX_PACKET, COLLATION));
        link.write(&request, b"").await?;
        let (socket, sequence) = link.into_socket();
        link = Link::resume(
            tls::encrypt(socket, &endpoint.host, &endpoint.tls).await?,
            sequence,
        );
    }
    let mut nonce = greeting.scramble_1_ref().to_vec();
    nonce.extend_from_slice(greeting.scramble_2_ref().unwrap_or_default());
    nonce.resize(NONCE, 0);
    let plugin = match greeting.auth_plugin() {
        Some(AuthPlugin::CachingSha2Password) => AuthPlugin::CachingSha2Password,
        // whatever else the account needs, the server asks for it
        _ => AuthPlugin::MysqlNativePassword,
    };
    let mut proof = Proof {
        endpoint,
        encrypted,
        plugin,
        nonce,
    };
    let bulk = MariadbCapabilities::MARIADB_CLIENT_STMT_BULK_OPERATIONS;
    let extended = greeting.mariadb_ext_capabilities() & bulk;
    let answer = HandshakeResponse::new(
        proof.data(),
        (8, 0, 0),
        Some(endpoint.user.as_bytes()),
        None::<&[u8]>,
        Some(proof.plugin.clone()),
        capabilities,
        None,
        MAX_PACKET,
    )
    .with_mariadb_ext_capabilities(extended);
    link.write(&serialized(&answer), b"").await?;
    proof.finish(&mut link).await?;
    Ok(Login {
        link,
        id: greeting.connection_id(),
        bulk: !extended.is_empty(),
    })
}

fn serialized(packet: &impl MySerialize) -> Vec<u8> {
    let mut out = Vec::new();
    packet.serialize(&mut out);
    out
}

/// Who we are, and how the server wants it proved.
struct Proof<'e> {
    endpoint: &'e Endpoint,
    encrypted: bool,
    plugin: AuthPlugin<'static>,
    nonce: Vec<u8>,
}

impl Proof<'_> {
    fn password(&self) -> &str {
        self.endpoint.password.reveal()
    }

    fn data(&self) -> Option<Vec<u8>> {
        let data = self.plugin.gen_data(Some(self.password()), &self.nonce);
        data.map(|data| data.to_vec())
    }

    /// Answers the server until it lets us in.
    async fn finish(&mut self, link: &mut Link) -> Result<(), MyError> {
        loop {
            let packet = link.read().await?;
            refused(&packet, true)?;
            match packet.first() {
                Some(0x00) => return Ok(()),
                Some(0xFE) => self.switch(link, &packet).await?,
                Some(0x01) => match packet.get(1) {
                    // proved by what the server remembers: the good news follows
                    Some(0x03) => {}
                    Some(0x04) => self.whole_password(link).await?,
                    _ => return Err(unexpected(&packet)),
                },
                _ => return Err(unexpected(&packet)),
            }
        }
    }

    /// The server wants another proof than the one that was offered.
    async fn switch(&mut self, link: &mut Link, packet: &Bytes) -> Result<(), MyError> {
        if packet.len() == 1 {
            return Err(MyError::Driver(DriverError::MysqlOldPasswordDisabled));
        }
        let request = ParseBuf(packet)
            .parse::<AuthSwitchRequest<'_>>(())
            .map_err(io_error)?
            .into_owned();
        self.nonce = request.plugin_data().to_vec();
        self.plugin = request.auth_plugin().into_owned();
        match &self.plugin {
            AuthPlugin::MysqlNativePassword
            | AuthPlugin::CachingSha2Password
            | AuthPlugin::Ed25519 => {}
            AuthPlugin::MysqlOldPassword => {
                return Err(MyError::Driver(DriverError::MysqlOldPasswordDisabled));
            }
            AuthPlugin::MysqlClearPassword => {
                return Err(MyError::Driver(DriverError::CleartextPluginDisabled));
            }
            other => {
                let name = String::from_utf8_lossy(other.as_bytes()).into_owned();
                return Err(MyError::Driver(DriverError::UnknownAuthPlugin { name }));
            }
        }
        let data = self.data().unwrap_or_default();
        link.write(&data, b"").await
    }

    /// The server does not remember the password's digest: it wants the password itself, which is
    /// sent over an encrypted connection or encrypted with the server's own key.
    async fn whole_password(&self, link: &mut Link) -> Result<(), MyError> {
        let mut password = self.password().as_bytes().to_vec();
        password.push(0);
        if self.encrypted {
            return link.write(&password, b"").await;
        }
        link.write(&[0x02], b"").await?;
        let packet = link.read().await?;
        refused(&packet, true)?;
        let key = packet.get(1..).ok_or_else(|| unexpected(&packet))?;
        for (byte, nonce) in password.iter_mut().zip(self.nonce.iter().cycle()) {
            *byte ^= nonce;
        }
        let encrypted = mysql_common::crypto::encrypt(&password, key);
        link.write(&encrypted, b"").await
    }
}

fn unexpected(packet: &[u8]) -> MyError {
    let first = packet.first().copied().unwrap_or_default();
    io_error(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the server answered with a packet of kind {first:#04x}"),
    ))
}

/// The server's refusal as an error. In front of the login it has no state.
pub fn refused(packet: &[u8], with_state: bool) -> Result<(), MyError> {
    let [0xFF, low, high, rest @ ..] = packet else {
        return Ok(());
    };
    let (state, message) = match rest {
        [b'#', rest @ ..] if with_state && rest.len() >= 5 => rest.split_at(5),
        _ => (&b"HY000"[..], rest),
    };
    Err(MyError::Server(mysql_async::ServerError {
        code: u16::from_le_bytes([*low, *high]),
        state: String::from_utf8_lossy(state).into_owned(),
        message: String::from_utf8_lossy(message).into_owned(),
    }))
}
