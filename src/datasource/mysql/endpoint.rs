//! Where a server is, and who we are there.

use super::tls::{Tls, TlsFiles, TlsMode};
use crate::error::{Error, Kind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;

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

/// Where a server's change log is served, where that is not the server itself: OceanBase's Binlog
/// Service (or the OBProxy in front of it), or a replica that logs what it replicates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinlogAddress {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl BinlogAddress {
    /// The name of the option of a data source that holds it.
    pub const OPTION: &'static str = "binlogAddress";

    /// What is wrong with it, in words; None: it can be tried.
    pub fn problem(&self) -> Option<&'static str> {
        if self.host.trim().is_empty() {
            return Some("it names no host");
        }
        (self.port == 0).then_some("it names no port")
    }

    /// Reads it from a data source's options.
    ///
    /// # Errors
    /// What is wrong with the option, in words.
    pub fn read_options(options: &Value) -> std::result::Result<Option<Self>, String> {
        let Some(value) = options.get(Self::OPTION).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let address = Self::deserialize(value).map_err(|e| e.to_string())?;
        match address.problem() {
            Some(problem) => Err(problem.to_owned()),
            None => Ok(Some(address)),
        }
    }

    /// Writes it into a data source's options; without one the option goes.
    pub fn write_options(address: Option<&Self>, options: &mut Value) {
        let Some(options) = options.as_object_mut() else {
            return;
        };
        match address {
            Some(Self { host, port }) => {
                let value = json!({ "host": host, "port": port });
                options.insert(Self::OPTION.to_owned(), value);
            }
            None => {
                options.remove(Self::OPTION);
            }
        }
    }
}

impl FromStr for BinlogAddress {
    type Err = String;

    /// Reads `host:port`; an IPv6 address stands in brackets.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| format!("'{text}' is not HOST:PORT"))?;
        let address = Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: port
                .parse()
                .map_err(|_| format!("'{port}' is no port number"))?,
        };
        match address.problem() {
            Some(problem) => Err(format!("'{text}': {problem}")),
            None => Ok(address),
        }
    }
}

impl fmt::Display for BinlogAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
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
    /// Where its change log is served; None: by the server itself.
    pub binlog: Option<BinlogAddress>,
}

impl Endpoint {
    /// Where its change log is served, with the same account and the same encryption; None: by the
    /// server itself.
    pub fn of_log(&self) -> Option<Self> {
        let address = self.binlog.clone()?;
        Some(Self {
            host: address.host,
            port: address.port,
            binlog: None,
            ..self.clone()
        })
    }

    /// Reads `mysql://user[:password]@host[:port]`, behind it `?ssl-mode=…` with `ssl-ca`, `ssl-cert` and
    /// `ssl-key` (the names of files, which are read), or `?tls=true`: `VERIFY_IDENTITY` with well-known
    /// authorities; and `binlog-address=host:port`. The password, if any, is in the endpoint; an error
    /// never repeats it.
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
        let (tls, binlog) = options_of(&url).map_err(&invalid)?;
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
            binlog,
            host,
        })
    }
}

/// The settings of TLS in a URL, and where the log is served.
fn options_of(url: &url::Url) -> std::result::Result<(TlsFiles, Option<BinlogAddress>), String> {
    const KNOWN: &str =
        "known: ssl-mode, ssl-ca, ssl-cert, ssl-key, tls=true|false, binlog-address=HOST:PORT";
    let mut files = TlsFiles::default();
    let (mut mode, mut tls, mut binlog) = (None, None, None);
    for (key, value) in url.query_pairs() {
        match (key.as_ref(), value.as_ref()) {
            ("tls", "true") => tls = Some(TlsMode::VerifyIdentity),
            ("tls", "false") => tls = Some(TlsMode::Disabled),
            ("ssl-mode", value) => mode = Some(value.parse()?),
            ("ssl-ca", value) => files.ca = Some(value.into()),
            ("ssl-cert", value) => files.cert = Some(value.into()),
            ("ssl-key", value) => files.key = Some(value.into()),
            ("binlog-address", value) => binlog = Some(value.parse()?),
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
    Ok((files, binlog))
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
    fn the_log_can_be_served_elsewhere() {
        let e = Endpoint::parse("oceanbase://a@h:2881?binlog-address=[::1]:2983").expect("valid");
        let log = e.of_log().expect("elsewhere");
        assert_eq!(
            (log.host.as_str(), log.port, log.user.as_str()),
            ("::1", 2983, "a")
        );
        assert_eq!(log.of_log(), None);
        assert_eq!(
            e.binlog.map(|b| b.to_string()),
            Some("[::1]:2983".to_owned())
        );
        for wrong in ["h", "h:", ":1", "h:0", "h:70000"] {
            assert!(wrong.parse::<BinlogAddress>().is_err(), "{wrong}");
        }
        let mut options = json!({ "description": "d" });
        let address: BinlogAddress = "proxy:2883".parse().expect("valid");
        BinlogAddress::write_options(Some(&address), &mut options);
        assert_eq!(BinlogAddress::read_options(&options), Ok(Some(address)));
        options["binlogAddress"]["hots"] = "x".into();
        assert!(BinlogAddress::read_options(&options).is_err());
        BinlogAddress::write_options(None, &mut options);
        assert_eq!(options, json!({ "description": "d" }));
        assert_eq!(BinlogAddress::read_options(&options), Ok(None));
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
