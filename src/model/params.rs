//! System parameters: settings of the whole service that an administrator changes while it runs.
//!
//! Each is a type with a default and a check, under the name that OMS gives it where OMS has it; its
//! value stands as JSON in `oms_normal_config`. Whoever goes by a parameter reads it when it needs it
//! (`Metadata::parameter`), so a change counts without a restart. [`ALL`] is the list of all there are,
//! and there is none that nothing goes by.

use super::precheck::{NEVER_SKIPPED, items_named};
use super::speed::{Speed, SpeedMode};
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A parameter's value.
pub trait Parameter: Serialize + DeserializeOwned + Default + JsonSchema {
    /// Its name.
    const NAME: &'static str;
    /// What it belongs to.
    const MODULE: &'static str;
    /// What it does, and when a change counts.
    const ABOUT: &'static str;

    /// What is wrong with the value, in words.
    ///
    /// # Errors
    /// The words.
    fn check(&self) -> Result<(), String>;

    /// Reads a value.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    fn read(value: &Value) -> Result<Self, String> {
        let parsed: Self =
            serde_path_to_error::deserialize(value).map_err(|e| match e.path().to_string() {
                path if path == "." => e.inner().to_string(),
                _ => e.to_string(),
            })?;
        parsed.check()?;
        Ok(parsed)
    }
}

/// A parameter, for those who show and change all of them alike.
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// What it belongs to.
    pub module: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Its value while nobody set it.
    pub default: fn() -> Value,
    /// The whole value that is meant by one that somebody gives, or what is wrong with it.
    pub read: fn(&Value) -> Result<Value, String>,
    /// The value's shape.
    pub schema: fn() -> Schema,
}

const fn of<P: Parameter>() -> Definition {
    Definition {
        name: P::NAME,
        module: P::MODULE,
        about: P::ABOUT,
        default: || serde_json::to_value(P::default()).unwrap_or_default(),
        read: |value| {
            P::read(value).and_then(|read| serde_json::to_value(read).map_err(|e| e.to_string()))
        },
        schema: || schemars::schema_for!(P),
    }
}

/// All parameters, by name.
pub static ALL: &[Definition] = &[
    of::<FastSpeed>(),
    of::<NormalSpeed>(),
    of::<SteadySpeed>(),
    of::<StepMetrics>(),
    of::<PasswordExpiration>(),
    of::<SkippableFlags>(),
];

/// The parameter with this name.
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|one| one.name == name)
}

/// `precheck.skippable_flags`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SkippableFlags(pub BTreeMap<String, bool>);

impl SkippableFlags {
    /// What is said of an item (with its side); None: nothing. A name with its side outweighs one
    /// without.
    pub fn of(&self, item: &str) -> Option<bool> {
        let bare = super::precheck::bare(item);
        self.0.get(item).or_else(|| self.0.get(bare)).copied()
    }
}

impl Parameter for SkippableFlags {
    const NAME: &'static str = "precheck.skippable_flags";
    const MODULE: &'static str = "pre-check";
    const ABOUT: &'static str = "Which items of a pre-check may be skipped although they failed, by \
        name (`DB_TRIGGER`, or with its side `DEST-DB_TRIGGER`): `true` lets an item be skipped that \
        otherwise cannot be, `false` forbids it. Counts from the next run of a pre-check.";

    fn check(&self) -> Result<(), String> {
        for (name, skippable) in &self.0 {
            let items: Vec<_> = items_named(name).collect();
            if items.is_empty() {
                return Err(format!("'{name}' is no item of a pre-check"));
            }
            let never = items.into_iter().find(|item| NEVER_SKIPPED.contains(item));
            if let Some(item) = never.filter(|_| *skippable) {
                return Err(format!("{item} can never be skipped"));
            }
        }
        Ok(())
    }
}

/// `oms.user.password.expiration.date.config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct PasswordExpiration {
    /// Days after which a password must be changed; 0: never.
    pub days: u32,
    /// Days before that on which clients are told.
    pub reminder: u32,
}

impl Default for PasswordExpiration {
    fn default() -> Self {
        Self {
            days: 90,
            reminder: 30,
        }
    }
}

impl Parameter for PasswordExpiration {
    const NAME: &'static str = "oms.user.password.expiration.date.config";
    const MODULE: &'static str = "accounts";
    const ABOUT: &'static str =
        "How old passwords of accounts may become. Counts from the next login.";

    fn check(&self) -> Result<(), String> {
        match self.days > 3650 || self.reminder > 3650 {
            true => Err("days and reminder are 3650 at most".to_owned()),
            false => Ok(()),
        }
    }
}

/// `oms.step.metric.config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct StepMetrics {
    /// How often what a step has done is written down, seconds; 1 to 3600.
    pub sample_seconds: u32,
    /// How long it is kept, days; 1 to 365.
    pub keep_days: u32,
}

impl Default for StepMetrics {
    fn default() -> Self {
        Self {
            sample_seconds: 10,
            keep_days: 7,
        }
    }
}

impl Parameter for StepMetrics {
    const NAME: &'static str = "oms.step.metric.config";
    const MODULE: &'static str = "monitoring";
    const ABOUT: &'static str =
        "The curves of DescribeProjectStepMetric. Counts from the next sample.";

    fn check(&self) -> Result<(), String> {
        if !(1..=3600).contains(&self.sample_seconds) {
            let found = self.sample_seconds;
            return Err(format!("sampleSeconds is {found}, it must be 1 to 3600"));
        }
        match (1..=365).contains(&self.keep_days) {
            true => Ok(()),
            false => Err(format!(
                "keepDays is {}, it must be 1 to 365",
                self.keep_days
            )),
        }
    }
}

/// A parameter that says what a speed mode means.
macro_rules! speed {
    ($name:ident, $default:ident, $parameter:literal, $mode:literal) => {
        #[doc = concat!("`", $parameter, "`.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Speed);

        impl Default for $name {
            fn default() -> Self {
                Self(Speed::$default)
            }
        }

        impl Parameter for $name {
            const NAME: &'static str = $parameter;
            const MODULE: &'static str = "full transfer and verification";
            const ABOUT: &'static str = concat!(
                "What the speed mode `",
                $mode,
                "` of `fullTransferSpeedMode` and `fullVerifySpeedMode` means. Counts from the next \
                 start of a copy or a verification."
            );

            fn check(&self) -> Result<(), String> {
                self.0.check()
            }
        }
    };
}

speed!(
    SteadySpeed,
    STEADY,
    "migration.checker.params.steady",
    "STEADY"
);
speed!(
    NormalSpeed,
    NORMAL,
    "migration.checker.params.normal",
    "NORMAL"
);
speed!(FastSpeed, FAST, "migration.checker.params.fast", "FAST");

/// What the modes mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Speeds {
    /// `STEADY`.
    pub steady: SteadySpeed,
    /// `NORMAL`.
    pub normal: NormalSpeed,
    /// `FAST`.
    pub fast: FastSpeed,
}

impl Speeds {
    /// What a mode means; None: the project's own figures count.
    pub fn of(&self, mode: SpeedMode) -> Option<Speed> {
        match mode {
            SpeedMode::Steady => Some(self.steady.0),
            SpeedMode::Normal => Some(self.normal.0),
            SpeedMode::Fast => Some(self.fast.0),
            SpeedMode::Custom => None,
        }
    }

    /// Puts the figures of the modes in place of a project's own.
    pub fn apply(&self, options: &mut super::options::Options) {
        if let Some(speed) = self.of(options.full_import.speed) {
            speed.apply_copy(&mut options.full_import);
        }
        if let Some(speed) = self.of(options.full_verification.speed) {
            speed.apply_verification(&mut options.full_verification);
        }
    }
}

/// The document of all parameters, made from [`ALL`].
pub fn markdown() -> String {
    use std::fmt::Write;
    let mut out = INTRODUCTION.to_owned();
    for one in ALL {
        let default = (one.default)();
        let _ = write!(
            out,
            "\n## {}\n\n{} (module: {})\n\nDefault: `{default}`\n",
            one.name, one.about, one.module
        );
        let schema = (one.schema)().to_value();
        let whole = match schema["$ref"].as_str() {
            Some(path) => schema.pointer(path.trim_start_matches('#')),
            None => Some(&schema),
        };
        let fields = whole.and_then(|whole| whole["properties"].as_object());
        if let Some(fields) = fields {
            out.push_str("\n| field | |\n|---|---|\n");
            for (name, field) in fields {
                let words = field["description"].as_str().unwrap_or_default();
                let _ = writeln!(out, "| `{name}` | {} |", words.replace('\n', " "));
            }
        }
    }
    out
}

const INTRODUCTION: &str = "# System parameters

Made from the table in `src/model/params.rs`. `oms param list` (ListSystemParameters) shows them, `oms param set`
(UpdateSystemParameter) and `oms param reset` (ResetSystemParameter) change them; accounts with the role ROOT may
change them, everybody may read them. They stand as JSON in `oms_normal_config`.

A change counts without a restart. A value that is no value of its parameter is refused, and nothing is changed.
One that somebody wrote with SQL is reported in the log and in the list (`problem`), and until it is mended the last
good value counts, or the default where this process has read none.
";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn they_are_sorted_and_their_defaults_are_good() {
        assert!(ALL.windows(2).all(|two| two[0].name < two[1].name));
        for one in ALL {
            let default = (one.default)();
            assert_eq!((one.read)(&default), Ok(default.clone()), "{}", one.name);
            assert!(!one.about.is_empty() && !one.module.is_empty());
        }
    }

    #[test]
    fn bad_values_are_refused_in_words() {
        let bad = |name: &str, value: Value, says: &str| {
            let read = find(name).expect("a parameter").read;
            let why = read(&value).expect_err(name);
            assert!(why.contains(says), "{name} {value}: {why}");
        };
        let speed = "migration.checker.params.fast";
        bad(speed, json!(5), "expected struct Speed");
        bad(speed, json!({}), "missing field");
        let whole = |threads: Value| json!({ "threads": threads, "readBatchBytes": 65536, "writeBatchBytes": 0 });
        bad(speed, whole(json!(0)), "1 to 512");
        bad(speed, whole(json!("many")), "threads: invalid type");
        bad(
            "precheck.skippable_flags",
            json!({ "DB_NONSENSE": true }),
            "no item",
        );
        bad(
            "precheck.skippable_flags",
            json!({ "RDB_CONNECT": true }),
            "never",
        );
        bad(
            "precheck.skippable_flags",
            json!({ "DB_TRIGGER": 1 }),
            "invalid type",
        );
        bad(
            "oms.step.metric.config",
            json!({ "keepDays": 0 }),
            "1 to 365",
        );
        bad(
            "oms.user.password.expiration.date.config",
            json!({ "day": 1 }),
            "unknown field",
        );
    }

    #[test]
    fn a_flag_with_its_side_outweighs_one_without() {
        let value = json!({ "DB_VERSION": true, "DEST-DB_VERSION": false });
        let flags = SkippableFlags::read(&value).expect("good");
        assert_eq!(flags.of("SOURCE-DB_VERSION"), Some(true));
        assert_eq!(flags.of("DEST-DB_VERSION"), Some(false));
        assert_eq!(flags.of("DEST-DB_TRIGGER"), None);
    }

    #[test]
    fn a_mode_outweighs_a_projects_own_figures() {
        let mut options = super::super::options::Options::default();
        options.full_import.speed = SpeedMode::Steady;
        options.full_verification.workers = 3;
        Speeds::default().apply(&mut options);
        assert_eq!(options.full_import.workers, Speed::STEADY.threads);
        assert_eq!(
            options.full_import.batch_bytes,
            Speed::STEADY.write_batch_bytes
        );
        assert_eq!(options.full_verification.workers, 3, "CUSTOM");
    }
}
