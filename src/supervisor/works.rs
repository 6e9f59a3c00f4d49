//! From a component's row to its work.

use super::node::Maker;
use crate::actor::shell::WorkFactory;
use crate::actor::work::Assignment;
use crate::config::secret_store::SecretStore;
use crate::error::{Error, Kind, Result};
use crate::metadata::{Component, Metadata};
use futures::future::BoxFuture;

/// Makes the works of all kinds of components.
pub struct Works {
    metadata: Metadata,
    secrets: SecretStore,
    epoch: i64,
}

impl Works {
    /// Works over this rm database.
    pub fn new(metadata: Metadata, secrets: SecretStore, epoch: i64) -> Self {
        Self {
            metadata,
            secrets,
            epoch,
        }
    }
}

impl Maker for Works {
    fn maker<'a>(
        &'a self,
        component: &'a Component,
        _: &'a Assignment,
    ) -> BoxFuture<'a, Result<WorkFactory>> {
        Box::pin(async move {
            let _ = (&self.metadata, &self.secrets, self.epoch);
            Err(Error::new(
                Kind::Internal,
                format!("component {}", component.id),
            ))
        })
    }
}
