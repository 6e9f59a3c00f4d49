//! The step `STRUCT_TRANSFER`.

use super::log::{Failures, Object, ObjectLog};
use super::sides::Sides;
use super::{table, view};
use crate::component::contract::{Context, Finish, Work, cancelled_is_fine};
use crate::datasource::mysql::Endpoint;
use crate::datasource::mysql::catalogue::{self, Objects, SchemaInfo};
use crate::datasource::mysql::ddl::{create_database, map_charset};
use crate::error::{Error, Kind, Result};
use crate::model::filter::ObjectFilter;
use crate::model::table::TableName;
use futures::future::{BoxFuture, try_join_all};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tables that are made at the same time.
pub(super) const WORKERS: usize = 4;

/// Makes databases, tables with their primary and unique keys, and views.
pub struct StructTransfer {
    source: Endpoint,
    target: Endpoint,
    filter: ObjectFilter,
    log: Arc<dyn ObjectLog>,
}

impl StructTransfer {
    /// The work for the objects that match.
    pub fn new(
        source: Endpoint,
        target: Endpoint,
        filter: ObjectFilter,
        log: Arc<dyn ObjectLog>,
    ) -> Self {
        Self {
            source,
            target,
            filter,
            log,
        }
    }

    async fn transfer(&self, context: &Context) -> Result<Finish> {
        let sides = Sides::open(&self.source, &self.target).await?;
        let mut pair = sides.pair().await?;
        let objects = catalogue::objects(&mut pair.source, &self.filter).await?;
        if objects.tables.is_empty() && objects.views.is_empty() {
            return Err(Error::new(
                Kind::NothingMatches,
                format!("looking for tables on {}", self.source),
            ));
        }
        let total = objects.schemas.len() + objects.tables.len() + objects.views.len();
        let progress = context.progress();
        progress.set_done(0, 0);
        progress.set_total(total as u64);
        if !objects.others.is_empty() {
            progress.set_detail("not_migrated", objects.others.clone());
        }
        let failures = Failures::default();
        for schema in &objects.schemas {
            context.check()?;
            self.database(&sides, &mut pair, schema, &failures, context)
                .await?;
        }
        self.tables(&sides, &objects, &failures, context).await?;
        view::transfer_all(
            &sides,
            &mut pair,
            objects.views,
            &*self.log,
            &failures,
            context,
        )
        .await?;
        failures.into_result("migrating the schema")?;
        Ok(Finish::Done)
    }

    async fn database(
        &self,
        sides: &Sides,
        pair: &mut super::sides::Pair,
        schema: &SchemaInfo,
        failures: &Failures,
        context: &Context,
    ) -> Result<()> {
        let object = Object::database(&schema.name);
        if !self.log.is_skipped(&object).await? && !self.log.is_finished(&object).await? {
            self.log.begin(&object).await?;
            let from = &schema.default;
            let to = map_charset(&from.charset, &from.collation, &sides.target);
            let mut notes = Vec::new();
            if to != *from {
                notes.push(format!(
                    "default collation {} becomes {}",
                    from.collation, to.collation
                ));
            }
            let sql = create_database(&schema.name, &to, &sides.target);
            let what = format!("creating database {}", schema.name);
            let made = sides.run(&mut pair.target, what, &sql, context).await;
            let outcome = made.map(|()| notes).map_err(|r| r.error);
            failures.settle(&*self.log, &object, outcome).await?;
        }
        context.progress().add(1, 0);
        Ok(())
    }

    async fn tables(
        &self,
        sides: &Sides,
        objects: &Objects,
        failures: &Failures,
        context: &Context,
    ) -> Result<()> {
        let names: Vec<TableName> = objects.tables.iter().map(|t| t.name.clone()).collect();
        let colliding = if sides.target.lower_case_names {
            colliding(objects)
        } else {
            BTreeMap::new()
        };
        let queue = Mutex::new(names.into_iter());
        let worker = || async {
            let mut pair = sides.pair().await?;
            loop {
                context.check()?;
                let next = queue.lock().next();
                let Some(name) = next else {
                    return Ok::<(), Error>(());
                };
                let object = Object::table(&name);
                if !self.log.is_skipped(&object).await? && !self.log.is_finished(&object).await? {
                    self.log.begin(&object).await?;
                    let outcome = match colliding.get(&name.to_string().to_lowercase()) {
                        Some(names) => Err(same_name(&name, names)),
                        None => table::transfer(sides, &mut pair, &name, context).await,
                    };
                    failures.settle(&*self.log, &object, outcome).await?;
                }
                context.progress().add(1, 0);
            }
        };
        let workers = WORKERS.min(objects.tables.len());
        try_join_all((0..workers).map(|_| worker())).await?;
        Ok(())
    }
}

/// Names that are one name on a target that keeps them in lower case.
fn colliding(objects: &Objects) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let names = objects.tables.iter().map(|t| &t.name).chain(&objects.views);
    for name in names {
        out.entry(name.to_string().to_lowercase())
            .or_default()
            .push(name.to_string());
    }
    out.retain(|_, names| names.len() > 1);
    out
}

fn same_name(name: &TableName, names: &[String]) -> Error {
    Error::new(Kind::SchemaUnsupported, format!("creating table {name}")).detail(format!(
        "the target keeps names in lower case, where {} are the same",
        names.join(" and ")
    ))
}

impl Work for StructTransfer {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move { cancelled_is_fine(self.transfer(&context).await) })
    }
}
