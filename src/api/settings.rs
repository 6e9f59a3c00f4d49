//! The settings of components that can be changed one by one, by the names that OMS gives them, and
//! how a request's settings become keys of the project's options. Pure.

use super::request::invalid;
use crate::error::{Error, Result};
use crate::metadata::ComponentType;
use crate::model::options::Options;
use crate::model::speed::SpeedMode;
use serde_json::{Map, Value, json};

/// A setting: of what, its scope, OMS's name for it, the key in the project's options, and how a value
/// is taken over.
struct Setting(
    ComponentType,
    &'static str,
    &'static str,
    &'static str,
    Take,
);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Take {
    /// As it is.
    Same,
    /// The same, and it counts while the component runs.
    Live,
    /// Seconds, kept as milliseconds.
    Seconds,
    /// `no` or `now`.
    Rectify,
}

const SETTINGS: &[Setting] = {
    use ComponentType::{FullImport, FullVerification, IncrSync, Store};
    use Take::{Live, Rectify, Same, Seconds};
    &[
        Setting(
            Store,
            "",
            "store.clearer.outdated",
            "store.retention_secs",
            Same,
        ),
        Setting(Store, "", "retention_bytes", "store.retention_bytes", Same),
        Setting(Store, "", "segment_bytes", "store.segment_bytes", Same),
        Setting(
            Store,
            "",
            "fsync_interval_ms",
            "store.fsync_interval_ms",
            Same,
        ),
        Setting(Store, "", "piece_bytes", "store.piece_bytes", Same),
        Setting(Store, "", "heartbeat_ms", "store.heartbeat_ms", Same),
        Setting(Store, "", "compression", "store.compression", Same),
        Setting(
            FullImport,
            "coordinator",
            "throttleRps",
            "full_import.throttle_rps",
            Live,
        ),
        Setting(
            FullImport,
            "coordinator",
            "throttleIOPS",
            "full_import.throttle_iops",
            Live,
        ),
        Setting(
            FullImport,
            "source",
            "workerNum",
            "full_import.workers",
            Same,
        ),
        Setting(
            FullImport,
            "source",
            "slice_bytes",
            "full_import.slice_bytes",
            Same,
        ),
        Setting(
            FullImport,
            "sink",
            "batch_bytes",
            "full_import.batch_bytes",
            Same,
        ),
        Setting(
            IncrSync,
            "coordinator",
            "throttleRps",
            "incr_sync.throttle_rps",
            Live,
        ),
        Setting(
            IncrSync,
            "coordinator",
            "throttleIOPS",
            "incr_sync.throttle_iops",
            Live,
        ),
        Setting(
            IncrSync,
            "coordinator",
            "window_bytes",
            "incr_sync.window_bytes",
            Same,
        ),
        Setting(
            IncrSync,
            "coordinator",
            "transaction_mode",
            "incr_sync.transaction_mode",
            Same,
        ),
        Setting(IncrSync, "sink", "workerNum", "incr_sync.lanes", Same),
        Setting(IncrSync, "sink", "batch_rows", "incr_sync.batch_rows", Same),
        Setting(
            IncrSync,
            "sink",
            "batch_bytes",
            "incr_sync.batch_bytes",
            Same,
        ),
        Setting(
            FullVerification,
            "",
            "limitator.platform.threads.number",
            "full_verification.workers",
            Same,
        ),
        Setting(
            FullVerification,
            "",
            "limitator.table.diff.max",
            "full_verification.table_diff_max",
            Same,
        ),
        Setting(
            FullVerification,
            "",
            "limitator.table.nonunique.max",
            "full_verification.table_nonunique_max",
            Same,
        ),
        Setting(
            FullVerification,
            "",
            "reviewer.rounds.max",
            "full_verification.reviewer_rounds_max",
            Same,
        ),
        Setting(
            FullVerification,
            "",
            "reviewer.period",
            "full_verification.reviewer_period_ms",
            Seconds,
        ),
        Setting(
            FullVerification,
            "",
            "reviewer.time.max",
            "full_verification.reviewer_time_max_ms",
            Seconds,
        ),
        Setting(
            FullVerification,
            "",
            "filter.verify.rectify.type",
            "full_verification.correct",
            Rectify,
        ),
    ]
};

/// What an update changes.
#[derive(Debug)]
pub struct Settings {
    /// By key of the project's options.
    pub values: Map<String, Value>,
    /// Some of it counts from the next start only.
    pub restarts: bool,
}

impl Settings {
    /// From a request's scopes; `all`: what they do not name gets its default.
    pub fn of(
        of: ComponentType,
        scopes: &[(&str, &Map<String, Value>)],
        all: bool,
    ) -> Result<Self> {
        let known: Vec<&Setting> = SETTINGS.iter().filter(|s| s.0 == of).collect();
        let defaults = serde_json::to_value(Options::default()).unwrap_or_default();
        let mut settings = Self {
            values: Map::new(),
            restarts: false,
        };
        if all {
            for Setting(_, _, _, key, _) in &known {
                let default = defaults.pointer(&format!("/{}", key.replace('.', "/")));
                let default = default.cloned().unwrap_or_default();
                settings.values.insert((*key).to_owned(), default);
            }
            settings.restarts = true;
        }
        for (scope, given) in scopes {
            for (name, value) in given.iter() {
                let found = known.iter().find(|s| s.1 == *scope && s.2 == name);
                let Some(Setting(_, _, _, key, take)) = found else {
                    return Err(unknown(scope, name, &known));
                };
                let value = take.value(name, value)?;
                settings.values.insert((*key).to_owned(), value);
                settings.restarts |= *take != Take::Live;
            }
        }
        if settings.values.is_empty() {
            return Err(invalid("config", "it names no setting"));
        }
        settings.leave_modes();
        settings.check()?;
        Ok(settings)
    }

    /// A speed mode has figures of its own: who gives others means the mode `CUSTOM`.
    fn leave_modes(&mut self) {
        for (of, figures) in [
            (
                "full_import",
                &["workers", "slice_bytes", "batch_bytes"][..],
            ),
            ("full_verification", &["workers"][..]),
        ] {
            let given = |figure: &&str| self.values.contains_key(&format!("{of}.{figure}"));
            if figures.iter().any(given) {
                let custom = SpeedMode::Custom.name().into();
                self.values.insert(format!("{of}.speed"), custom);
            }
        }
    }

    /// Types, and bounds that hold whatever the other settings are.
    fn check(&self) -> Result<()> {
        let mut options = serde_json::to_value(Options::default()).unwrap_or_default();
        for (key, value) in &self.values {
            if let Some(place) = options.pointer_mut(&format!("/{}", key.replace('.', "/"))) {
                *place = value.clone();
            }
        }
        let options: Options = serde_json::from_value(options).map_err(|e| invalid("config", e))?;
        options.check().map_err(|why| invalid("config", why))
    }
}

impl Take {
    fn value(self, name: &str, value: &Value) -> Result<Value> {
        match self {
            // OMS gives numbers as texts in many places
            Self::Same | Self::Live => {
                Ok(match value.as_str().and_then(|t| t.parse::<u64>().ok()) {
                    Some(number) => number.into(),
                    None => value.clone(),
                })
            }
            Self::Seconds => {
                let seconds = value
                    .as_u64()
                    .ok_or_else(|| invalid(name, "it must be seconds"))?;
                Ok(seconds.saturating_mul(1000).into())
            }
            Self::Rectify => match value.as_str() {
                Some("no") => Ok(json!(false)),
                Some("now") => Ok(json!(true)),
                _ => Err(invalid(name, "it must be no or now")),
            },
        }
    }
}

fn unknown(scope: &str, name: &str, known: &[&Setting]) -> Error {
    let place = match scope {
        "" => format!("config.{name}"),
        scope => format!("config.{scope}.{name}"),
    };
    let names: Vec<String> = known
        .iter()
        .map(|Setting(_, scope, name, ..)| match *scope {
            "" => (*name).to_owned(),
            scope => format!("{scope}.{name}"),
        })
        .collect();
    invalid(&place, "there is no such setting").remedy(format!("Use one of: {}.", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_place() {
        let options = serde_json::to_value(Options::default()).expect("JSON");
        for Setting(_, _, name, key, _) in SETTINGS {
            let place = format!("/{}", key.replace('.', "/"));
            assert!(options.pointer(&place).is_some(), "{name}: {key}");
        }
    }

    #[test]
    fn the_document_has_every_setting_and_no_other() {
        let document = include_str!("../../docs/components.md");
        let mut told: Vec<(String, String)> = document
            .lines()
            .filter(|line| line.starts_with("| Update"))
            .filter_map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                let name = cells.get(2)?.trim_matches('`');
                Some((name.to_owned(), cells.get(4)?.trim_matches('`').to_owned()))
            })
            .collect();
        let mut wanted: Vec<(String, String)> = SETTINGS
            .iter()
            .map(|Setting(_, scope, name, key, _)| match *scope {
                "" => ((*name).to_owned(), (*key).to_owned()),
                scope => (format!("{scope}.{name}"), (*key).to_owned()),
            })
            .collect();
        told.sort();
        wanted.sort();
        assert_eq!(told, wanted);
    }

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn settings_are_taken_over_by_the_names_of_oms() {
        let given = map(json!({ "reviewer.period": 5, "filter.verify.rectify.type": "now" }));
        let found = Settings::of(ComponentType::FullVerification, &[("", &given)], false);
        let found = found.expect("good");
        assert!(found.restarts);
        assert_eq!(
            Value::from(found.values),
            json!({ "full_verification.reviewer_period_ms": 5000, "full_verification.correct": true })
        );
        let given = map(json!({ "throttleRps": "500" }));
        let live = Settings::of(ComponentType::IncrSync, &[("coordinator", &given)], false);
        let live = live.expect("good");
        assert!(!live.restarts);
        assert_eq!(live.values["incr_sync.throttle_rps"], 500);
        let given_workers = map(json!({ "workerNum": 3 }));
        let own = Settings::of(
            ComponentType::FullImport,
            &[("source", &given_workers)],
            false,
        );
        assert_eq!(own.expect("good").values["full_import.speed"], "CUSTOM");
        let all = Settings::of(ComponentType::IncrSync, &[("coordinator", &given)], true);
        let all = all.expect("good");
        assert_eq!(all.values["incr_sync.lanes"], 4);
        assert_eq!(all.values["incr_sync.throttle_rps"], 500);
    }

    #[test]
    fn what_is_not_known_or_not_possible_is_refused() {
        let refused = |scope: &str, given: Value, says: &str| {
            let given = map(given);
            let error = Settings::of(ComponentType::IncrSync, &[(scope, &given)], false);
            let error = error.expect_err("refused").to_string();
            assert!(error.contains(says), "{error}");
        };
        refused(
            "sink",
            json!({ "workerNumber": 4 }),
            "config.sink.workerNumber",
        );
        refused(
            "source",
            json!({ "workerNum": 4 }),
            "config.source.workerNum",
        );
        refused("sink", json!({ "workerNum": 0 }), "the least is 1");
        refused("sink", json!({ "workerNum": "many" }), "invalid type");
        refused("sink", json!({}), "no setting");
    }
}
