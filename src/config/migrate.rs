//! What `oms migrate` shall do.

use super::yaml;
use crate::datasource::mysql::{Endpoint, Secret, Tls, TlsFiles};
use crate::error::{Error, Kind, Result};
use crate::model::filter::ObjectFilter;
use crate::model::options::Options;
use crate::model::speed::SpeedMode;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// When `oms migrate` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// When the target has caught up and was verified.
    #[default]
    CaughtUp,
    /// When it is interrupted.
    Forever,
}

/// A side's address and where its password comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SideConfig {
    /// `mysql://user@host:port`.
    pub url: String,
    /// Name of the environment variable that holds the password.
    pub password_env: Option<String>,
    /// File that holds the password (its first line).
    pub password_file: Option<PathBuf>,
    /// How connections are encrypted; the URL may say it instead.
    pub ssl: Option<TlsFiles>,
}

/// The YAML file of `oms migrate --config`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MigrateFile {
    /// Name of the project; unique.
    pub name: Option<String>,
    /// The source.
    pub source: Option<SideConfig>,
    /// The target.
    pub target: Option<SideConfig>,
    /// Match rules of what is moved.
    pub include: Vec<String>,
    /// Match rules of what is left out.
    pub exclude: Vec<String>,
    /// The rm database.
    pub rm: Option<String>,
    /// Folder for the Store and for verification files.
    pub data_dir: Option<PathBuf>,
    /// When to end.
    pub until: Option<Until>,
    /// Settings of the components.
    pub options: Options,
}

/// What was given on the command line; it outweighs the file.
#[derive(Debug, Clone, Default)]
pub struct MigrateArgs {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--name`.
    pub name: Option<String>,
    /// `--source`.
    pub source: Option<String>,
    /// `--source-password-file`.
    pub source_password_file: Option<PathBuf>,
    /// `--target`.
    pub target: Option<String>,
    /// `--target-password-file`.
    pub target_password_file: Option<PathBuf>,
    /// `--include`.
    pub include: Vec<String>,
    /// `--exclude`.
    pub exclude: Vec<String>,
    /// `--rm`.
    pub rm: Option<String>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--until`.
    pub until: Option<Until>,
    /// `--correct`.
    pub correct: bool,
    /// `--incr-verify`.
    pub incr_verify: bool,
    /// `--concurrency`.
    pub concurrency: Option<usize>,
    /// `--speed`.
    pub speed: Option<SpeedMode>,
}

/// A side with what is known of its password.
#[derive(Debug, Clone)]
pub struct Side {
    /// Address and account, and the password if one was found.
    pub endpoint: Endpoint,
    /// Whether a password was given at all (an empty one counts).
    pub password_given: bool,
    /// Whether it stood on the command line or in the file in plain text.
    pub password_exposed: bool,
}

/// What `oms migrate` shall do, complete and checked.
#[derive(Debug, Clone)]
pub struct MigrateConfig {
    /// Name of the project.
    pub name: Option<String>,
    /// The source.
    pub source: Side,
    /// The target.
    pub target: Side,
    /// What is moved.
    pub filter: ObjectFilter,
    /// The rm database: a path or a URL.
    pub rm: String,
    /// Folder for the Store and for verification files.
    pub data_dir: PathBuf,
    /// When to end.
    pub until: Until,
    /// Settings of the components.
    pub options: Options,
}

/// Where rm is when nothing else is said.
pub const DEFAULT_RM: &str = "oms_rm.db";

impl MigrateConfig {
    /// Puts command line, file and defaults together, and checks the whole.
    pub fn load(args: MigrateArgs, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let file: MigrateFile = match &args.config {
            Some(path) => yaml::read(path)?,
            None => MigrateFile::default(),
        };
        let filter = ObjectFilter {
            include: either(args.include, file.include),
            exclude: either(args.exclude, file.exclude),
        };
        let source = side(
            "source",
            args.source,
            args.source_password_file,
            file.source,
            &env,
        )?;
        let target = side(
            "target",
            args.target,
            args.target_password_file,
            file.target,
            &env,
        )?;
        if let Some(problem) = filter.problem() {
            return Err(Error::new(Kind::ConfigInvalid, "the include and exclude rules")
                .detail(problem)
                .remedy("Give at least one --include 'database.table'; the table part takes * ? [a-z] [!a-z]."));
        }
        let rm = args.rm.or(file.rm).unwrap_or_else(|| DEFAULT_RM.to_owned());
        let data_dir = args
            .data_dir
            .or(file.data_dir)
            .unwrap_or_else(|| data_dir_beside(&rm));
        let mut options = file.options;
        options.full_verification.correct |= args.correct;
        options.incr_verification.enabled |= args.incr_verify;
        if let Some(n) = args.concurrency {
            options.full_import.workers = n;
            options.incr_sync.lanes = n;
            options.full_verification.workers = n;
            options.full_import.speed = SpeedMode::Custom;
            options.full_verification.speed = SpeedMode::Custom;
        }
        if let Some(speed) = args.speed {
            options.full_import.speed = speed;
            options.full_verification.speed = speed;
        }
        options
            .check()
            .map_err(|problem| Error::new(Kind::ConfigInvalid, "the options").detail(problem))?;
        Ok(Self {
            name: args.name.or(file.name),
            source,
            target,
            filter,
            rm,
            data_dir,
            until: args.until.or(file.until).unwrap_or_default(),
            options,
        })
    }
}

fn either(first: Vec<String>, second: Vec<String>) -> Vec<String> {
    if first.is_empty() { second } else { first }
}

/// `oms_data` beside an rm file, or in the working folder where rm is a server.
fn data_dir_beside(rm: &str) -> PathBuf {
    let path = rm.strip_prefix("sqlite://").unwrap_or(rm);
    if path.contains("://") {
        return PathBuf::from("oms_data");
    }
    Path::new(path)
        .parent()
        .map_or_else(|| PathBuf::from("oms_data"), |dir| dir.join("oms_data"))
}

fn side(
    name: &str,
    url: Option<String>,
    password_file: Option<PathBuf>,
    file: Option<SideConfig>,
    env: &impl Fn(&str) -> Option<String>,
) -> Result<Side> {
    let file = file.unwrap_or_default();
    let text = url.unwrap_or(file.url);
    if text.is_empty() {
        return Err(Error::new(Kind::ConfigInvalid, format!("the {name}"))
            .detail("it is not given")
            .remedy(format!(
                "Give --{name} mysql://user@host:port, or `{name}: {{url: …}}` in the file."
            )));
    }
    let mut endpoint = Endpoint::parse(&text)?;
    if let Some(ssl) = &file.ssl {
        if endpoint.tls != Tls::default() {
            return Err(Error::new(Kind::ConfigInvalid, format!("{name}.ssl"))
                .detail("the URL says something about TLS too: give one of them"));
        }
        endpoint.tls = ssl.read(name)?;
    }
    let exposed = !endpoint.password.reveal().is_empty();
    let variable = file
        .password_env
        .clone()
        .unwrap_or_else(|| format!("OMS_{}_PASSWORD", name.to_uppercase()));
    let mut given = exposed;
    if let Some(path) = password_file.or(file.password_file) {
        endpoint.password = Secret::new(first_line(&path)?);
        given = true;
    } else if let Some(password) = env(&variable) {
        endpoint.password = Secret::new(password);
        given = true;
    } else if file.password_env.is_some() {
        return Err(
            Error::new(Kind::PasswordMissing, format!("the password of the {name}"))
                .detail(format!("the environment variable {variable} is not set")),
        );
    }
    Ok(Side {
        endpoint,
        password_given: given,
        password_exposed: exposed,
    })
}

fn first_line(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::new(
            Kind::PasswordMissing,
            format!("password file {}", path.display()),
        )
        .caused_by(e)
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> MigrateArgs {
        MigrateArgs {
            source: Some("mysql://app@10.0.0.1".to_owned()),
            target: Some("mysql://root@10.0.0.2:2881".to_owned()),
            include: vec!["shop.*".to_owned()],
            ..MigrateArgs::default()
        }
    }

    fn load(args: MigrateArgs) -> Result<MigrateConfig> {
        MigrateConfig::load(args, |name| {
            (name == "OMS_SOURCE_PASSWORD").then(|| "from env".to_owned())
        })
    }

    #[test]
    fn passwords_by_environment() {
        let config = load(args()).expect("valid");
        assert_eq!(config.source.endpoint.password.reveal(), "from env");
        assert!(config.source.password_given && !config.source.password_exposed);
        assert!(!config.target.password_given);
    }

    #[test]
    fn data_stands_beside_rm() {
        let rm = |rm: &str| MigrateArgs {
            rm: Some(rm.to_owned()),
            ..args()
        };
        let dir = |name: &str| load(rm(name)).expect("valid").data_dir;
        assert_eq!(
            dir("/var/lib/oms/rm.db"),
            Path::new("/var/lib/oms/oms_data")
        );
        assert_eq!(dir("sqlite:///x/rm.db"), Path::new("/x/oms_data"));
        assert_eq!(dir("mysql://u@h/rm"), Path::new("oms_data"));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let missing = load(MigrateArgs {
            source: None,
            ..args()
        })
        .expect_err("no source");
        assert!(missing.to_string().contains("source"), "{missing}");
        let none = load(MigrateArgs {
            include: vec![],
            ..args()
        })
        .expect_err("no include");
        assert_eq!(none.kind(), Kind::ConfigInvalid);

        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("project.yaml");
        for (yaml, named) in [
            ("inclde: ['shop.*']", "inclde"),
            ("options: {full_import: {workerz: 3}}", "workerz"),
            ("until: soon", "soon"),
            ("include: [unclosed", "line"),
        ] {
            std::fs::write(&path, yaml).expect("written");
            let config = Some(path.clone());
            let error = load(MigrateArgs { config, ..args() }).expect_err(yaml);
            assert_eq!(error.kind(), Kind::ConfigInvalid);
            let text = error.to_string();
            assert!(
                text.contains(named) && text.contains("project.yaml"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_command_line_outweighs_the_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("project.yaml");
        std::fs::write(&path, "include: ['a.*']\nuntil: forever\nrm: /x/rm.db\n").expect("written");
        let config = load(MigrateArgs {
            config: Some(path),
            ..args()
        })
        .expect("valid");
        assert_eq!(config.filter.include, ["shop.*"]);
        assert_eq!(
            (config.until, config.rm.as_str()),
            (Until::Forever, "/x/rm.db")
        );
    }
}
