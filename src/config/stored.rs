//! Between a stored data source and the address that sessions are opened at: what is encrypted is
//! decrypted here, and nowhere else.

use super::secret_store::{Sealer, SecretStore, tls_key_of};
use crate::datasource::mysql::{BinlogAddress, Endpoint, Tls};
use crate::error::{Error, Kind, Result};
use serde_json::Value;

/// The parts of a data source's row that say where it is.
pub struct Stored<'a> {
    /// `e_…`.
    pub id: &'a str,
    /// Host name or address.
    pub host: &'a str,
    /// TCP port.
    pub port: u16,
    /// The account.
    pub username: &'a str,
    /// The password, encrypted.
    pub password_cipher: &'a str,
    /// The options.
    pub options: &'a Value,
    /// The key of the client certificate, encrypted.
    pub tls_key_cipher: Option<&'a str>,
}

impl Stored<'_> {
    /// Where it is, with its secrets.
    ///
    /// # Errors
    /// `KeyFile` for a secret, `RmCorrupt` for the options.
    pub fn endpoint(&self, secrets: &SecretStore) -> Result<Endpoint> {
        let key = match self.tls_key_cipher {
            Some(sealed) => Some(secrets.unseal(&tls_key_of(self.id), sealed)?),
            None => None,
        };
        let corrupt = |option: &str, why: String| {
            let what = format!("oms_datasource row '{}': options.{option}", self.id);
            Error::new(Kind::RmCorrupt, what).detail(why)
        };
        let tls = Tls::read_options(self.options, key).map_err(|why| corrupt("sslMode", why))?;
        let binlog = BinlogAddress::read_options(self.options)
            .map_err(|why| corrupt(BinlogAddress::OPTION, why))?;
        Ok(Endpoint {
            host: self.host.to_owned(),
            port: self.port,
            user: self.username.to_owned(),
            password: secrets.unseal(self.id, self.password_cipher)?,
            tls,
            binlog,
        })
    }
}

/// The key of a data source's client certificate, encrypted.
///
/// # Errors
/// As [`Sealer::seal`].
pub fn sealed_tls_key(sealer: &Sealer, id: &str, tls: &Tls) -> Result<Option<String>> {
    let key = tls.key.as_ref();
    key.map(|key| sealer.seal(&tls_key_of(id), key)).transpose()
}
