//! Which server is asked, in whose name, and where the password comes from.
//!
//! The command line outweighs the environment, and that the current context. A password belongs to
//! the place that names the server: one that was set for a server is not sent to another.

use super::args::ApiArgs;
use super::context::Contexts;
use crate::datasource::mysql::Secret;
use crate::error::{Error, Kind, Result};
use std::path::PathBuf;
use url::Url;

/// A server and an account there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The server's URL.
    pub url: Url,
    /// The account.
    pub user: String,
    /// Where its password is.
    pub password: Password,
    /// The authorities that its certificate may come from; none: the well-known ones.
    pub ca_file: Option<PathBuf>,
}

/// Where a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// The first line of a file.
    File(PathBuf),
    /// Here.
    Given(Secret),
    /// A person is asked.
    Ask,
}

/// What names the server.
enum Named<'a> {
    Argument(&'a str),
    Environment(String),
    Context(&'a str),
}

/// Finds the server; none where nothing names one.
///
/// # Errors
/// `ConfigInvalid` for parts that are wrong or missing, `NotFound` for an unknown context.
pub fn find(
    args: &ApiArgs,
    env: &dyn Fn(&str) -> Option<String>,
    contexts: &Contexts,
) -> Result<Option<Address>> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let named = match (&args.api, &args.context) {
        (Some(_), Some(_)) => {
            return Err(Error::new(Kind::ConfigInvalid, "--api and --context")
                .detail("both name a server")
                .remedy("Give one of them."));
        }
        (Some(api), None) => Named::Argument(api),
        (None, Some(context)) => Named::Context(context),
        (None, None) => match (set("OMS_API_URL"), &contexts.current) {
            (Some(url), _) => Named::Environment(url),
            (None, Some(current)) => Named::Context(current),
            (None, None) => return Ok(None),
        },
    };
    let context = match &named {
        Named::Context(name) => Some(contexts.get(name)?),
        _ => None,
    };
    let url = match (&named, context) {
        (Named::Argument(url), _) => parse(url)?,
        (Named::Environment(url), _) => parse(url)?,
        (Named::Context(_), context) => parse(context.map_or("", |c| &c.api))?,
    };
    let user = args
        .user
        .clone()
        .or_else(|| context.map(|c| c.user.clone()))
        .or_else(|| set("OMS_API_USER"));
    let user = user.ok_or_else(|| {
        Error::new(Kind::ConfigInvalid, format!("the account at {url}"))
            .detail("it is not given")
            .remedy("Give --user NAME, or set OMS_API_USER.")
    })?;
    check_user(&user)?;
    // a context's password file is for its own account; the environment's password is for the server
    // that the environment names, if it names one
    let kept = context.filter(|c| c.user == user);
    let kept = kept.and_then(|c| c.password_file.clone());
    let given = match (context, set("OMS_API_URL")) {
        (Some(_), Some(_)) => None,
        _ => set("OMS_API_PASSWORD"),
    };
    let password = match (&args.api_password_file, kept, given) {
        (Some(file), _, _) => Password::File(file.clone()),
        (None, Some(file), _) => Password::File(file),
        (None, None, Some(text)) => Password::Given(Secret::new(text)),
        (None, None, None) => Password::Ask,
    };
    let kept = || context.and_then(|c| c.ca_file.clone());
    let given = args.api_ca_file.clone();
    Ok(Some(Address {
        url,
        user,
        password,
        ca_file: given
            .or_else(|| set("OMS_API_CA_FILE").map(PathBuf::from))
            .or_else(kept),
    }))
}

/// Reads a server's URL.
///
/// # Errors
/// `ConfigInvalid`; a password in the URL is refused and not repeated.
pub fn parse(text: &str) -> Result<Url> {
    let invalid = |shown: &str, why: &str| {
        Error::new(Kind::ConfigInvalid, format!("the server's URL '{shown}'"))
            .detail(why)
            .remedy("Write it as http://host:port or https://host:port; the account is --user.")
    };
    let url = Url::parse(text).map_err(|e| match text.contains('@') {
        true => invalid("…", &e.to_string()),
        false => invalid(text, &e.to_string()),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("…", "it names an account"));
    }
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(invalid(
            text,
            "it does not begin with http:// or https:// and a host",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid(text, "it has something behind the path"));
    }
    Ok(url)
}

/// Refuses an account's name that HTTP Basic cannot carry.
///
/// # Errors
/// `ConfigInvalid`.
pub fn check_user(user: &str) -> Result<()> {
    if user.is_empty() || user.contains(|c: char| c == ':' || c.is_control()) {
        return Err(Error::new(Kind::ConfigInvalid, "the account's name")
            .detail("it must have a character and no colon"));
    }
    Ok(())
}

/// Whether passwords reach this server unread by others: encrypted, or never leaving this host.
pub fn is_private(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::super::context::Context;
    use super::*;

    fn contexts() -> Contexts {
        let context = |host: &str, file: Option<&str>| Context {
            api: format!("http://{host}:8089"),
            user: "keeper".to_owned(),
            password_file: file.map(PathBuf::from),
            ca_file: None,
        };
        let mut contexts = Contexts {
            current: Some("prod".to_owned()),
            ..Contexts::default()
        };
        let named = [
            ("prod", context("prod", Some("/p"))),
            ("test", context("test", None)),
        ];
        contexts
            .contexts
            .extend(named.map(|(name, c)| (name.to_owned(), c)));
        contexts
    }

    fn found(args: &ApiArgs, env: &[(&str, &str)], contexts: &Contexts) -> Result<Option<Address>> {
        let env = |name: &str| {
            let found = env.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        find(args, &env, contexts)
    }

    const ENV: &[(&str, &str)] = &[
        ("OMS_API_URL", "http://env:1"),
        ("OMS_API_USER", "someone"),
        ("OMS_API_PASSWORD", "of env"),
    ];

    #[test]
    fn the_command_line_outweighs_the_environment_and_that_the_context() {
        let none = found(&ApiArgs::default(), &[], &Contexts::default());
        assert_eq!(none.expect("fine"), None);
        let look = |api: Option<&str>, context: Option<&str>, env| {
            let args = ApiArgs {
                api: api.map(str::to_owned),
                context: context.map(str::to_owned),
                ..ApiArgs::default()
            };
            let a = found(&args, env, &contexts()).expect("valid").expect("one");
            (
                a.url.host_str().unwrap_or_default().to_owned(),
                a.user,
                a.password,
            )
        };
        let of_env = Password::Given(Secret::new("of env"));
        let kept = Password::File("/p".into());
        let both = |host: &str, user: &str, password: &Password| {
            (host.to_owned(), user.to_owned(), password.clone())
        };
        assert_eq!(
            look(Some("http://arg"), None, ENV),
            both("arg", "someone", &of_env)
        );
        assert_eq!(look(None, None, ENV), both("env", "someone", &of_env));
        assert_eq!(look(None, None, &ENV[1..]), both("prod", "keeper", &kept));
        // the environment's password is not sent to a server that it does not name
        assert_eq!(
            look(None, Some("test"), ENV),
            both("test", "keeper", &Password::Ask)
        );
        assert_eq!(
            look(None, Some("test"), &ENV[1..]),
            both("test", "keeper", &of_env)
        );
    }

    #[test]
    fn a_context_keeps_its_file_for_its_own_account() {
        let args = ApiArgs {
            user: Some("other".to_owned()),
            ..ApiArgs::default()
        };
        let address = found(&args, &[], &contexts()).expect("valid").expect("one");
        assert_eq!(
            (address.user.as_str(), address.password),
            ("other", Password::Ask)
        );
        let args = ApiArgs {
            api_password_file: Some("/q".into()),
            ..args
        };
        let address = found(&args, ENV, &contexts()).expect("valid").expect("one");
        assert_eq!(address.password, Password::File("/q".into()));
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_is_repeated() {
        for (url, says) in [
            ("host:8089", "http://"),
            ("ftp://h", "http://"),
            ("http://h/?a=b", "behind the path"),
            ("http://u:hidden@h", "names an account"),
            ("http://u:hidden@:x", "…"),
        ] {
            let error = parse(url).expect_err(url).to_string();
            assert!(
                error.contains(says) && !error.contains("hidden"),
                "{url}: {error}"
            );
        }
        let args = ApiArgs {
            api: Some("http://h".to_owned()),
            ..ApiArgs::default()
        };
        let error = found(&args, &[], &Contexts::default()).expect_err("no account");
        assert!(error.remedy_text().contains("--user"));
        let args = ApiArgs {
            context: Some("none".to_owned()),
            ..ApiArgs::default()
        };
        let error = found(&args, &[], &contexts()).expect_err("unknown");
        assert!(
            error.remedy_text().contains("prod, test"),
            "{}",
            error.remedy_text()
        );
        assert!(check_user("a:b").is_err() && check_user("").is_err());
    }

    #[test]
    fn passwords_stay_private_on_loopback_or_under_tls() {
        let private = |url: &str| is_private(&parse(url).expect("valid"));
        assert!(
            private("https://h") && private("http://127.0.0.1:8089") && private("http://[::1]")
        );
        assert!(private("http://localhost") && !private("http://10.0.0.1:8089"));
    }
}
