//! Whether a node has room for one more component: the quotas of `oms_node`.
//!
//! A component that runs or is paused takes a place; one that failed gives it up, and needs one again
//! when it is tried again. Stores have a quota of their own; Full-Import, Incr-Sync and the
//! verifications share one.

use super::act::Reconciler;
use crate::error::{Error, ErrorReport, Kind, Result};
use crate::metadata::{Component, ComponentStatus, ComponentType, DesiredStatus};

/// Components that share a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// `STORE`.
    Store,
    /// `CONNECTOR`.
    Connector,
}

impl Places {
    /// Which one a component needs; None: it needs none.
    pub fn of(kind: ComponentType) -> Option<Self> {
        match kind {
            ComponentType::Store => Some(Self::Store),
            ComponentType::FullImport
            | ComponentType::IncrSync
            | ComponentType::FullVerification
            | ComponentType::IncrVerification => Some(Self::Connector),
            ComponentType::Precheck
            | ComponentType::StructTransfer
            | ComponentType::IndexTransfer
            | ComponentType::AppSwitch
            | ComponentType::Release => None,
        }
    }

    /// How many places these components take.
    pub fn taken<'c>(self, components: impl IntoIterator<Item = &'c Component>) -> usize {
        let takes = |c: &&Component| {
            Self::of(c.kind) == Some(self)
                && c.desired_status != DesiredStatus::Stopped
                && !matches!(
                    c.status,
                    ComponentStatus::Finished
                        | ComponentStatus::Exception
                        | ComponentStatus::Stopped
                )
        };
        components.into_iter().filter(takes).count()
    }
}

impl Reconciler {
    /// Why this node has no room for one more; None: it has.
    pub(super) async fn no_room(&self, node: &str, kind: ComponentType) -> Result<Option<Error>> {
        let Some(places) = Places::of(kind) else {
            return Ok(None);
        };
        let row = match self.metadata.nodes().find(node).await.map_err(Error::from) {
            Ok(row) => row,
            Err(error) if error.kind() == Kind::RmCorrupt => {
                tracing::warn!(%error, "the node's quota cannot be read: it has none");
                None
            }
            Err(error) => return Err(error),
        };
        let quota = row.and_then(|row| match places {
            Places::Store => row.store_quota,
            Places::Connector => row.connector_quota,
        });
        let Some(quota) = quota.and_then(|quota| usize::try_from(quota).ok()) else {
            return Ok(None);
        };
        let there = self.metadata.components().list_living_by_node(node).await?;
        let there: Vec<Component> = there.into_iter().flatten().collect();
        let taken = places.taken(&there);
        let full = || {
            Error::new(Kind::NoRoom, format!("no enough host resource for {kind}")).detail(format!(
                "node {node} has {taken} of {quota} that it may have"
            ))
        };
        Ok((taken >= quota).then(full))
    }
}

/// An error as a component's row keeps it.
pub(super) fn report(error: &Error) -> serde_json::Value {
    let report: ErrorReport = error.report();
    serde_json::to_value(report).unwrap_or_default()
}
