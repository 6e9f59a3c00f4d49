//! `UpdateStore`, `UpdateFullImport`, `UpdateIncrSync` and `UpdateFullVerification` (reference 5.11):
//! settings of components, by the names that OMS gives them.
//!
//! Each setting is one of the project's, so it counts for whatever component the step gets later, too.
//! [`settings`](super::settings) has the table of what can be set; a name that is not in it is refused.

use super::Outcome;
use super::operate::submit;
use super::registry::Call;
use super::request::invalid;
use super::settings::Settings;
use crate::coordinator::Operation;
use crate::error::{Error, Kind, Result};
use crate::metadata::{Component, ComponentType, Metadata, OmTaskType};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How components are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Dimension {
    /// `key` is a component's name.
    Name,
    /// The same.
    TaskName,
    /// `key` is a node's: all Incr-Syncs on it.
    Ip,
}

/// What names components in a request; the rest of it is left alone.
#[derive(Debug, Deserialize)]
pub struct Named {
    dimension: Dimension,
    key: String,
}

impl Named {
    /// All Incr-Syncs of a node.
    pub fn on_node(node: &str) -> Self {
        Self {
            dimension: Dimension::Ip,
            key: node.to_owned(),
        }
    }

    /// The components: one by its name, or those that follow on a node and that their steps have.
    pub async fn find(&self, metadata: &Metadata) -> Result<Vec<Component>> {
        let components = metadata.components();
        if self.dimension != Dimension::Ip {
            return Ok(vec![components.get(&self.key).await?]);
        }
        let rows = components.list_by_node(&self.key).await?;
        let follows = rows
            .into_iter()
            .flatten()
            .filter(|c| c.kind == ComponentType::IncrSync)
            .filter(|c| c.desired_status != crate::metadata::DesiredStatus::Stopped);
        let found: Vec<Component> = follows.collect();
        match found.is_empty() {
            true => Err(Error::new(Kind::NotFound, format!("node {}", self.key))
                .detail("no Incr-Sync runs there")
                .remedy("DescribeProjectComponents shows what runs where.")),
            false => Ok(found),
        }
    }
}

/// Parameters of `UpdateStore` and `UpdateFullVerification`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Update {
    /// `NAME`.
    dimension: Dimension,
    /// The component's name.
    key: String,
    /// Its region; there is one, so it is not looked at.
    #[serde(rename = "cmRegion")]
    _cm_region: String,
    /// Settings by name.
    config: Map<String, Value>,
}

/// Parameters of `UpdateFullImport` and `UpdateIncrSync`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UpdateScoped {
    /// `NAME`, `TASK_NAME`, or `IP` for all Incr-Syncs of a node.
    dimension: Dimension,
    /// The component's name, or the node's.
    key: String,
    /// Its region; there is one, so it is not looked at.
    #[serde(rename = "cmRegion")]
    _cm_region: String,
    /// Settings by name in their scopes.
    config: Scopes,
    /// Settings that `config` does not name get their defaults; only with `NAME`.
    #[serde(default)]
    allow_delete: bool,
}

/// The scopes of a connector's settings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scopes {
    /// What is between source and sink.
    coordinator: Map<String, Value>,
    /// Objects: refused, they are changed by actions of their own.
    condition: Map<String, Value>,
    /// The reading side.
    source: Map<String, Value>,
    /// The writing side.
    sink: Map<String, Value>,
}

/// `UpdateStore`.
pub async fn store(call: &Call<'_>, wanted: Update) -> Outcome {
    update(call, wanted, OmTaskType::UpdateStore, ComponentType::Store).await
}

/// `UpdateFullVerification`.
pub async fn full_verification(call: &Call<'_>, wanted: Update) -> Outcome {
    let kind = OmTaskType::UpdateFullVerification;
    update(call, wanted, kind, ComponentType::FullVerification).await
}

/// `UpdateFullImport`.
pub async fn full_import(call: &Call<'_>, wanted: UpdateScoped) -> Outcome {
    let kind = OmTaskType::UpdateFullImport;
    update_scoped(call, wanted, kind, ComponentType::FullImport).await
}

/// `UpdateIncrSync`.
pub async fn incr_sync(call: &Call<'_>, wanted: UpdateScoped) -> Outcome {
    let kind = OmTaskType::UpdateIncrSync;
    update_scoped(call, wanted, kind, ComponentType::IncrSync).await
}

async fn update(call: &Call<'_>, wanted: Update, kind: OmTaskType, of: ComponentType) -> Outcome {
    if wanted.dimension != Dimension::Name {
        return Err(invalid("dimension", "it must be NAME"));
    }
    let settings = Settings::of(of, &[("", &wanted.config)], false)?;
    let named = Named {
        dimension: wanted.dimension,
        key: wanted.key,
    };
    go(call, named, kind, of, settings).await
}

async fn update_scoped(
    call: &Call<'_>,
    wanted: UpdateScoped,
    kind: OmTaskType,
    of: ComponentType,
) -> Outcome {
    if wanted.dimension == Dimension::Ip && of != ComponentType::IncrSync {
        return Err(invalid("dimension", "it must be NAME or TASK_NAME"));
    }
    if wanted.allow_delete && wanted.dimension != Dimension::Name {
        return Err(invalid(
            "allowDelete",
            "it goes with the dimension NAME only",
        ));
    }
    if !wanted.config.condition.is_empty() {
        let why = "objects are not changed with a component's settings";
        return Err(invalid("config.condition", why));
    }
    let scopes = [
        ("coordinator", &wanted.config.coordinator),
        ("source", &wanted.config.source),
        ("sink", &wanted.config.sink),
    ];
    let settings = Settings::of(of, &scopes, wanted.allow_delete)?;
    let named = Named {
        dimension: wanted.dimension,
        key: wanted.key,
    };
    go(call, named, kind, of, settings).await
}

async fn go(
    call: &Call<'_>,
    named: Named,
    kind: OmTaskType,
    of: ComponentType,
    settings: Settings,
) -> Outcome {
    let components = named.find(&call.api.metadata).await?;
    if let Some(other) = components.iter().find(|c| c.kind != of) {
        let why = format!("{} is a {}, not a {of}", other.id, other.kind);
        return Err(invalid("key", why));
    }
    let operation = Operation {
        kind,
        name: named.key,
        components: components.into_iter().map(|c| c.id).collect(),
        step: None,
        owner: Some(call.who.id.clone()),
        restarts: settings.restarts,
        settings: settings.values.into(),
    };
    submit(call, operation).await
}
