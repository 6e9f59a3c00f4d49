//! System parameters as their types (`crate::model::params`): what stands in `oms_normal_config`, or
//! the last good value, or the default.

use chrono::NaiveDateTime;
use entity::oms_normal_config as n;
use parking_lot::Mutex;
use sea_orm::EntityTrait;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

use super::{MetaError, Metadata, Row, access::FromModel};
use crate::model::params::{Parameter, Speeds};

/// What this process knows of parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<HashMap<&'static str, Known>>>);

#[derive(Debug, Default)]
struct Known {
    /// The last text that was good, as a value.
    good: Option<Value>,
    /// The last text that was not, which is reported once.
    bad: Option<String>,
}

/// A parameter's row, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterRow {
    /// Its name.
    pub name: String,
    /// Its text, which may be no JSON.
    pub text: String,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
}

impl ParameterRow {
    /// Its text as a value.
    ///
    /// # Errors
    /// Why it is none.
    pub fn value(&self) -> Result<Value, String> {
        serde_json::from_str(&self.text).map_err(|e| format!("it is no JSON: {e}"))
    }
}

impl FromModel for ParameterRow {
    type Entity = n::Entity;

    fn from_model(row: n::Model) -> Row<Self> {
        Ok(Self {
            name: row.cfg_name,
            text: row.cfg_value,
            gmt_modified: row.gmt_modified,
        })
    }
}

impl Metadata {
    /// A parameter as it counts now. A value that cannot be understood is logged, and the last good
    /// one of this process counts, else the default.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn parameter<P: Parameter>(&self) -> Result<P, MetaError> {
        let Some(row) = self.parameter_row(P::NAME).await? else {
            self.parameters.0.lock().remove(P::NAME);
            return Ok(P::default());
        };
        let read = row.value().and_then(|value| Ok((P::read(&value)?, value)));
        let mut all = self.parameters.0.lock();
        let known = all.entry(P::NAME).or_default();
        match read {
            Ok((parameter, value)) => {
                *known = Known {
                    good: Some(value),
                    bad: None,
                };
                Ok(parameter)
            }
            Err(why) => {
                if known.bad.as_ref() != Some(&row.text) {
                    tracing::warn!(
                        parameter = P::NAME,
                        why,
                        "a system parameter cannot be understood: the last good value counts, or the default"
                    );
                    known.bad = Some(row.text);
                }
                let good = known.good.as_ref().and_then(|value| P::read(value).ok());
                Ok(good.unwrap_or_default())
            }
        }
    }

    /// What the speed modes mean now.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn speeds(&self) -> Result<Speeds, MetaError> {
        Ok(Speeds {
            steady: self.parameter().await?,
            normal: self.parameter().await?,
            fast: self.parameter().await?,
        })
    }

    /// A parameter's row, if there is one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn parameter_row(&self, name: &str) -> Result<Option<ParameterRow>, MetaError> {
        let select = n::Entity::find_by_id(name);
        let row = self.maybe("read a parameter", select).await?;
        row.transpose().map_err(MetaError::from)
    }
}
