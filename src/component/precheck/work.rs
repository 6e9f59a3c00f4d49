//! The work of a pre-check: gather, judge, tell.

use super::facts::Scope;
use super::gather;
use super::item::{EndpointType, Item, ItemStatus, PrecheckLog};
use super::judge::{CONNECT, TABLE_EXIST, judge, pending};
use crate::component::contract::{Context, Finish, Work};
use crate::datasource::mysql::{Endpoint, Server};
use crate::error::{Error, Kind, Result};
use crate::model::filter::ObjectFilter;
use futures::future::BoxFuture;
use std::sync::Arc;

/// Checks a project's source and target.
pub struct PrecheckWork {
    source: Endpoint,
    target: Endpoint,
    filter: ObjectFilter,
    scope: Scope,
    log: Arc<dyn PrecheckLog>,
}

impl PrecheckWork {
    /// Checks these two for the objects that match, for a project that does everything.
    pub fn new(
        source: Endpoint,
        target: Endpoint,
        filter: ObjectFilter,
        log: Arc<dyn PrecheckLog>,
    ) -> Self {
        Self {
            source,
            target,
            filter,
            scope: Scope::default(),
            log,
        }
    }

    /// For a project that does only this.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The items without a log of them, for whoever keeps them elsewhere.
    ///
    /// # Errors
    /// As a server is not reached, or does not answer.
    pub async fn examine(self) -> Result<Vec<Item>> {
        let source = Server::open(&self.source).await?;
        let target = Server::open(&self.target).await?;
        let facts = gather::facts(&source, &target, &self.filter, self.scope).await?;
        Ok(judge(&facts))
    }

    async fn check(mut self, context: &Context) -> Result<Finish> {
        let progress = context.progress();
        let items = pending(&self.scope.flags);
        progress.set_total(items.len() as u64);
        self.scope.skip.extend(self.log.skipped().await?);
        self.log.items(&items).await?;
        let source = self.connect(EndpointType::Source, &self.source).await?;
        let target = self.connect(EndpointType::Dest, &self.target).await?;
        progress.beat();
        let facts = gather::facts(&source, &target, &self.filter, self.scope.clone()).await?;
        let items = judge(&facts);
        self.log.items(&items).await?;
        progress.set_done(items.len() as u64, 0);
        let count = |status| items.iter().filter(|i| i.status == status).count();
        progress.set_detail("failed", count(ItemStatus::Failed));
        progress.set_detail("warnings", count(ItemStatus::Warning));
        for item in &items {
            if item.status != ItemStatus::Passed {
                tracing::warn!(
                    item = item.full_name(),
                    status = item.status.name(),
                    message = item.message,
                    "pre-check"
                );
            }
        }
        conclude(&items, &self.source)
    }

    /// Connects; where that fails, the item says so and the error keeps its own kind.
    async fn connect(&self, side: EndpointType, endpoint: &Endpoint) -> Result<Server> {
        let error = match Server::open(endpoint).await {
            Ok(server) => return Ok(server),
            Err(error) => error,
        };
        let is_it = |item: &Item| item.name == CONNECT && item.endpoint_type == side;
        if let Some(mut item) = pending(&self.scope.flags).into_iter().find(is_it) {
            item.status = ItemStatus::Failed;
            item.message = error.to_string();
            item.remedy = error.remedy_text().to_owned();
            self.log.items(&[item]).await?;
        }
        Err(error)
    }
}

/// The end of the pre-check: an error that names what failed and what to do.
fn conclude(items: &[Item], source: &Endpoint) -> Result<Finish> {
    let failed: Vec<&Item> = items
        .iter()
        .filter(|i| i.status == ItemStatus::Failed)
        .collect();
    // where nothing matches, what hangs on the objects says no more than that
    let rules = ["RDB_SCHEMA_EXIST", TABLE_EXIST];
    if !failed.is_empty()
        && failed
            .iter()
            .all(|i| rules.contains(&i.name) && i.endpoint_type == EndpointType::Source)
    {
        return Err(Error::new(
            Kind::NothingMatches,
            format!("looking for tables at {source}"),
        )
        .detail(
            failed
                .iter()
                .map(|i| i.message.as_str())
                .collect::<Vec<_>>()
                .join("; "),
        ));
    }
    if failed.is_empty() {
        return Ok(Finish::Done);
    }
    let lines: Vec<String> = failed
        .iter()
        .map(|item| {
            format!(
                "{}: {}\n    -> {}",
                item.full_name(),
                item.message,
                item.remedy
            )
        })
        .collect();
    Err(Error::new(
        Kind::PrecheckFailed,
        format!("pre-check: {} item(s) failed", failed.len()),
    )
    .detail(format!("\n{}", lines.join("\n"))))
}

impl Work for PrecheckWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            tokio::select! {
                () = context.cancelled() => Ok(Finish::Cancelled),
                result = self.check(&context) => result,
            }
        })
    }
}
