//! System parameters: `ListSystemParameters`, `UpdateSystemParameter` and `ResetSystemParameter`
//! (reference 7.18). Which there are, and what they do, stands in `crate::model::params`.

use super::projects::time;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Api, Outcome};
use crate::error::{Error, Kind, Result};
use crate::metadata::ParameterRow;
use crate::model::params::{self, Definition};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Parameters of `ListSystemParameters`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct List {
    /// A part of the name or of the module.
    #[serde(default)]
    search_key: String,
}

/// Parameters of `UpdateSystemParameter`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// The parameter.
    name: String,
    /// Its new value, whole.
    value: Value,
}

/// Parameters of `ResetSystemParameter`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The parameter.
    name: String,
}

/// A system parameter.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParameterItem {
    name: &'static str,
    /// What stands in the rm database, else the default; a text where it is no JSON.
    value: Value,
    /// What it belongs to.
    module: &'static str,
    /// What it does.
    description: &'static str,
    /// Its value while nobody set it.
    default_value: Value,
    /// Nobody set it.
    is_default: bool,
    /// What is wrong with a value that somebody wrote with SQL; the last good one, or the default,
    /// counts.
    problem: Option<String>,
    /// When it was set, UTC.
    gmt_modified: Option<String>,
}

/// `ListSystemParameters`.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let key = wanted.search_key;
    let mut items = Vec::new();
    for one in params::ALL {
        if one.name.contains(&key) || one.module.contains(&key) {
            let row = call.api.metadata.parameter_row(one.name).await?;
            items.push(item(one, row));
        }
    }
    Answer::of(items)
}

/// `UpdateSystemParameter`.
pub async fn update(call: &Call<'_>, wanted: Update) -> Outcome {
    let one = find(&wanted.name)?;
    let value = (one.read)(&wanted.value)
        .map_err(|why| invalid("value", format!("{} cannot have it: {why}", one.name)))?;
    let configs = call.api.metadata.configs();
    configs.set(one.name, &value).await?;
    Ok(Answer::nothing())
}

/// `ResetSystemParameter`.
pub async fn reset(call: &Call<'_>, wanted: Reset) -> Outcome {
    let one = find(&wanted.name)?;
    call.api.metadata.configs().delete(one.name).await?;
    Ok(Answer::nothing())
}

/// What the audit log keeps of a parameter; None where there is none.
pub async fn snapshot(api: &Api, name: &str) -> Result<Option<Value>> {
    let Some(one) = params::find(name) else {
        return Ok(None);
    };
    let row = api.metadata.parameter_row(name).await?;
    let kept = serde_json::to_value(item(one, row));
    let failed = |e| Error::new(Kind::Internal, "a parameter for the audit log").caused_by(e);
    Ok(Some(kept.map_err(failed)?))
}

fn find(name: &str) -> Result<&'static Definition> {
    params::find(name).ok_or_else(|| {
        Error::new(Kind::NotFound, format!("system parameter {name}"))
            .detail("there is none")
            .remedy("ListSystemParameters shows them.")
    })
}

fn item(one: &'static Definition, row: Option<ParameterRow>) -> ParameterItem {
    let default = (one.default)();
    let is_default = row.is_none();
    let (value, problem, modified) = match row {
        None => (default.clone(), None, None),
        Some(row) => {
            let value = row.value();
            let problem = value
                .as_ref()
                .map_or_else(|why| Some(why.clone()), |value| (one.read)(value).err());
            let modified = time(row.gmt_modified);
            (value.unwrap_or(row.text.into()), problem, Some(modified))
        }
    };
    ParameterItem {
        name: one.name,
        value,
        module: one.module,
        description: one.about,
        default_value: default,
        is_default,
        problem,
        gmt_modified: modified,
    }
}
