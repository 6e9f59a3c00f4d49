//! Where a server is, and who we are there.

use super::tls::{Tls, TlsFiles, TlsMode};
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A password. It is never shown: `Debug` prints stars, and it does not serialize.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Takes the plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The plain text, for the driver and the cipher only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("******")
    }
}

/// What kind of server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Flavour {
    /// MySQL.
    #[serde(rename = "MYSQL")]
    MySql,
    /// MariaDB.
    #[serde(rename = "MARIADB")]
    MariaDb,
    /// OceanBase Community Edition in MySQL mode.
    #[serde(rename = "OB_MYSQL_CE")]
    OceanBase,
}

impl Flavour {
    /// Endpoint type as OMS names it.
    pub fn endpoint_type(self) -> &'static str {
        match self {
            Self::MySql => "MYSQL",
            Self::MariaDb => "MARIADB",
            Self::OceanBase => "OB_MYSQL_CE",
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
            Self::OceanBase => "OceanBase",
        })
    }
}

/// Address and account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User; on OceanBase `user@tenant#cluster` where a proxy needs it.
    pub user: String,
    /// Password.
    pub password: Secret,
    /// How connections are encrypted.
    pub tls: Tls,
}

impl Endpoint {
    /// Reads `mysql://user[:password]@host[:port]`, behind it `?ssl-mode=…` with `ssl-ca`, `ssl-cert` and
    /// `ssl-key` (the names of files, which are read), or `?tls=true`: `VERIFY_IDENTITY` with well-known
    /// authorities. The password, if any, is in the endpoint; an error never repeats it.
    pub fn parse(text: &str) -> Result<Self> {
        let shown = shown(text);
        let invalid = |why: String| {
            Error::new(Kind::UrlInvalid, format!("connection URL '{shown}'")).detail(why)
        };
        let url = url::Url::parse(text).map_err(|e| invalid(e.to_string()))?;
        if !matches!(url.scheme(), "mysql" | "mariadb" | "oceanbase") {
            return Err(invalid(format!(
                "the scheme is '{}', not mysql, mariadb or oceanbase",
                url.scheme()
            )));
        }
        let host = url
            .host_str()
            .filter(|h| !h.is_empty())
            .ok_or_else(|| invalid("it names no host".to_owned()))?;
        if url.username().is_empty() {
            return Err(invalid("it names no user".to_owned()));
        }
        if !matches!(url.path(), "" | "/") {
            return Err(invalid(
                "it names a database; databases are chosen with include rules".to_owned(),
            ));
        }
        let tls = tls_of(&url).map_err(&invalid)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let default_port = if url.scheme() == "oceanbase" {
            2881
        } else {
            3306
        };
        Ok(Self {
            port: url.port().unwrap_or(default_port),
            user: percent_decoded(url.username()).map_err(&invalid)?,
            password: Secret::new(percent_decoded(url.password().unwrap_or("")).map_err(&invalid)?),
            tls: tls.read(&host)?,
            host,
        })
    }
}

/// The settings of TLS in a URL.
fn tls_of(url: &url::Url) -> std::result::Result<TlsFiles, String> {
    const KNOWN: &str = "known: ssl-mode, ssl-ca, ssl-cert, ssl-key, tls=true|false";
    let mut files = TlsFiles::default();
    let (mut mode, mut tls) = (None, None);
    for (key, value) in url.query_pairs() {
        match (key.as_ref(), value.as_ref()) {
            ("tls", "true") => tls = Some(TlsMode::VerifyIdentity),
            ("tls", "false") => tls = Some(TlsMode::Disabled),
            ("ssl-mode", value) => mode = Some(value.parse()?),
            ("ssl-ca", value) => files.ca = Some(value.into()),
            ("ssl-cert", value) => files.cert = Some(value.into()),
            ("ssl-key", value) => files.key = Some(value.into()),
            (key, _) => {
                return Err(format!(
                    "option '{key}' is not known, or its value is not ({KNOWN})"
                ));
            }
        }
    }
    if mode.is_some() && tls.is_some() {
        return Err("ssl-mode and tls say the same thing: give one of them".to_owned());
    }
    files.mode = mode.or(tls).unwrap_or_default();
    Ok(files)
}

impl fmt::Display for Endpoint {
    /// `user@host:port`, without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.port)
    }
}

/// A malformed URL without what may be a password: one may hold an `@`, or stand where the port
/// should be because the host was forgotten.
fn shown(text: &str) -> String {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let user = rest.split([':', '@', '?']).next().unwrap_or_default();
    match text.rsplit_once('@') {
        Some((_, host)) => format!("…{user}…@{host}"),
        None if user.len() < rest.len() => format!("…{user}…"),
        None => text.to_owned(),
    }
}

fn percent_decoded(text: &str) -> std::result::Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| (b as char).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
            _ => return Err("a '%' is not followed by two hexadecimal digits".to_owned()),
        }
    }
    String::from_utf8(out).map_err(|_| "it is not UTF-8 after percent-decoding".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let e = Endpoint::parse("mysql://app:p%40ss@db.example:3307").expect("valid");
        assert_eq!(
            (e.host.as_str(), e.port, e.user.as_str()),
            ("db.example", 3307, "app")
        );
        assert_eq!(e.password.reveal(), "p@ss");
        assert_eq!(format!("{e} {e:?}").matches("p@ss").count(), 0);
        assert_eq!(
            Endpoint::parse("mysql://a@[::1]").expect("valid").host,
            "::1"
        );
        assert_eq!(
            Endpoint::parse("oceanbase://root@h").expect("valid").port,
            2881
        );
    }

    #[test]
    fn modes_of_tls() {
        let mode = |query: &str| {
            let url = format!("mysql://app@h{query}");
            Endpoint::parse(&url).map(|e| e.tls.mode)
        };
        assert_eq!(mode("").expect("valid"), TlsMode::Disabled);
        assert_eq!(mode("?tls=true").expect("valid"), TlsMode::VerifyIdentity);
        assert_eq!(
            mode("?ssl-mode=verify_ca").expect("valid"),
            TlsMode::VerifyCa
        );
        let missing = mode("?ssl-mode=VERIFY_CA&ssl-ca=/no/such/file").expect_err("no file");
        assert_eq!(missing.kind(), Kind::ConfigUnreadable);
        assert!(missing.to_string().contains("/no/such/file"), "{missing}");
        let unused = mode("?ssl-ca=Cargo.toml").expect_err("unused");
        assert_eq!(unused.kind(), Kind::ConfigInvalid);
    }

    #[test]
    fn bad_urls_say_why_and_hide_the_password() {
        for url in [
            "mysql://app:hunter2@",
            "postgres://app:hunter2@h",
            "mysql://app:hunter2@h/db",
            "mysql://app:hunter2@h?ssl=1",
            "mysql://app:hunter2@h?ssl-mode=MAYBE",
            "mysql://app:hunter2@h?ssl-mode=REQUIRED&tls=true",
            "mysql://app:x@hunter2@h/db",
            "mysql://app:hunter2",
            "mysql://app:hunter2@h:99999",
            "nonsense",
            "mysql://h:3306",
        ] {
            let error = Endpoint::parse(url).expect_err(url);
            assert_eq!(error.kind(), Kind::UrlInvalid, "{url}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
