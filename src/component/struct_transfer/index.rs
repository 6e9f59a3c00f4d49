//! The step `INDEX_TRANSFER`.

use super::log::{Failures, Notes, Object, ObjectLog};
use super::sides::{Pair, Sides};
use super::table::at_target;
use super::work::WORKERS;
use crate::component::contract::{Context, Finish, Work, cancelled_is_fine};
use crate::datasource::mysql::ddl::{Converted, add_foreign_key, add_keys, convert, deferred_keys};
use crate::datasource::mysql::{Endpoint, catalogue};
use crate::error::{Error, Kind, Result};
use crate::model::filter::ObjectFilter;
use crate::model::table::{ForeignKey, Key, KeyKind, KeyWhat, Table, TableName};
use futures::future::{BoxFuture, try_join_all};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of the error for a key that is there already.
const KEY_EXISTS: u16 = 1061;
/// Numbers of the errors for a foreign key that is there already.
const FOREIGN_KEY_EXISTS: &[u16] = &[1826, 1022, 121];

/// Makes the keys that were left out before the data, then the foreign keys.
pub struct IndexTransfer {
    source: Endpoint,
    target: Endpoint,
    filter: ObjectFilter,
    log: Arc<dyn ObjectLog>,
}

/// A table whose foreign keys wait for all keys of all tables.
struct Waiting {
    name: TableName,
    foreign_keys: Vec<ForeignKey>,
}

impl IndexTransfer {
    /// The work for the tables that match.
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
        context.progress().set_done(0, 0);
        let run = Run {
            sides: &sides,
            log: &*self.log,
            failures: Failures::default(),
            context,
            total: AtomicU64::new(0),
        };
        let names: Vec<TableName> = objects.tables.into_iter().map(|t| t.name).collect();
        let workers = WORKERS.min(names.len());
        let queue = Mutex::new(names.into_iter());
        let waiting = Mutex::new(Vec::new());
        let worker = || async {
            let mut pair = sides.pair().await?;
            loop {
                context.check()?;
                let next = queue.lock().next();
                let Some(name) = next else {
                    return Ok::<(), Error>(());
                };
                if let Some(foreign_keys) = run.table(&mut pair, &name).await? {
                    waiting.lock().push(Waiting { name, foreign_keys });
                }
            }
        };
        try_join_all((0..workers).map(|_| worker())).await?;
        let mut waiting = waiting.into_inner();
        waiting.sort_by(|a, b| a.name.cmp(&b.name));
        for table in waiting {
            run.foreign_keys(&mut pair, &table).await?;
        }
        run.failures.into_result("migrating keys")?;
        Ok(Finish::Done)
    }
}

/// One run of the work.
struct Run<'a> {
    sides: &'a Sides,
    log: &'a dyn ObjectLog,
    failures: Failures,
    context: &'a Context,
    total: AtomicU64,
}

impl Run<'_> {
    fn more(&self, objects: usize) {
        let total = self.total.fetch_add(objects as u64, Ordering::Relaxed) + objects as u64;
        self.context.progress().set_total(total);
    }

    /// Makes the keys of a table; its foreign keys come back, None where it has none.
    async fn table(&self, pair: &mut Pair, name: &TableName) -> Result<Option<Vec<ForeignKey>>> {
        let dialect = &self.sides.dialect;
        let Some(definition) = (match catalogue::definition(&mut pair.source, name, dialect).await {
            // its own task says so, and was skipped
            Err(error) if error.kind() == Kind::SchemaUnsupported => None,
            other => other?,
        }) else {
            return Ok(None);
        };
        let converted = match convert(&definition, self.sides.family(), &self.sides.target) {
            Err(error) if error.kind() == Kind::SchemaUnsupported => return Ok(None),
            other => other?,
        };
        let keys: Vec<Key> = deferred_keys(&converted.table)
            .into_iter()
            .cloned()
            .collect();
        self.more(keys.len() + converted.table.foreign_keys.len());
        let open = self.open_keys(&keys, name).await?;
        if !open.is_empty() {
            match self.there(pair, name).await {
                Ok(there) => self.add(pair, &converted, open, &there).await?,
                Err(error) => {
                    for (object, _) in open {
                        let again =
                            Error::new(error.kind(), format!("making {object}")).detail(&error);
                        self.settle(&object, Err(again)).await?;
                    }
                }
            }
        }
        let foreign_keys = converted.table.foreign_keys;
        Ok((!foreign_keys.is_empty()).then_some(foreign_keys))
    }

    async fn there(&self, pair: &mut Pair, name: &TableName) -> Result<Table> {
        at_target(self.sides, pair, name).await?.ok_or_else(|| {
            Error::new(Kind::ObjectMissing, format!("adding keys to table {name}"))
                .detail("the target has no such table")
        })
    }

    async fn settle(&self, object: &Object, outcome: Result<Notes>) -> Result<()> {
        self.failures.settle(self.log, object, outcome).await?;
        self.context.progress().add(1, 0);
        Ok(())
    }

    /// The keys that are neither skipped nor finished, begun.
    async fn open_keys<'k>(
        &self,
        keys: &'k [Key],
        name: &TableName,
    ) -> Result<Vec<(Object, &'k Key)>> {
        let mut out = Vec::new();
        for key in keys {
            let object = Object::index(name, &key.name);
            if self.is_open(&object).await? {
                out.push((object, key));
            }
        }
        Ok(out)
    }

    async fn is_open(&self, object: &Object) -> Result<bool> {
        if self.log.is_skipped(object).await? || self.log.is_finished(object).await? {
            self.context.progress().add(1, 0);
            return Ok(false);
        }
        self.log.begin(object).await?;
        Ok(true)
    }

    async fn add(
        &self,
        pair: &mut Pair,
        converted: &Converted,
        open: Vec<(Object, &Key)>,
        there: &Table,
    ) -> Result<()> {
        let mut todo = Vec::new();
        for (object, key) in open {
            match standing(key, there) {
                Some(outcome) => self.settle(&object, outcome).await?,
                None => todo.push((object, key)),
            }
        }
        // engines build several plain keys in one pass over the rows, but only one of the others
        let (plain, special): (Vec<_>, Vec<_>) = todo
            .into_iter()
            .partition(|(_, key)| key.kind == KeyKind::Index);
        if plain.len() > 1 {
            self.context.check()?;
            let keys: Vec<&Key> = plain.iter().map(|(_, key)| *key).collect();
            let name = &converted.table.name;
            let what = format!("adding {} keys to table {name}", keys.len());
            let sql = add_keys(name, &keys, &converted.parsers);
            match self
                .sides
                .run(&mut pair.target, what, &sql, self.context)
                .await
            {
                Ok(()) => {
                    for (object, _) in plain {
                        self.settle(&object, Ok(Vec::new())).await?;
                    }
                    return self.one_by_one(pair, converted, special).await;
                }
                Err(refused) if super::log::ends_the_work(&refused.error) => {
                    return Err(refused.error);
                }
                // which of them it was shows when they come one by one
                Err(refused) => {
                    tracing::info!(table = %name, error = %refused.error, "keys are added one by one");
                }
            }
        }
        let all = plain.into_iter().chain(special).collect();
        self.one_by_one(pair, converted, all).await
    }

    async fn one_by_one(
        &self,
        pair: &mut Pair,
        converted: &Converted,
        keys: Vec<(Object, &Key)>,
    ) -> Result<()> {
        let name = &converted.table.name;
        for (object, key) in keys {
            self.context.check()?;
            let what = format!("adding key {} to table {name}", key.name);
            let sql = add_keys(name, &[key], &converted.parsers);
            let outcome = match self
                .sides
                .run(&mut pair.target, what, &sql, self.context)
                .await
            {
                // made by a statement of ours that outlived us
                Err(refused) if refused.code == Some(KEY_EXISTS) => {
                    let there = self.there(pair, name).await?;
                    standing(key, &there).unwrap_or(Err(refused.error))
                }
                Err(refused) => Err(refused.error),
                Ok(()) => Ok(Vec::new()),
            };
            self.settle(&object, outcome).await?;
        }
        Ok(())
    }

    async fn foreign_keys(&self, pair: &mut Pair, table: &Waiting) -> Result<()> {
        let mut there = None;
        for key in &table.foreign_keys {
            self.context.check()?;
            let object = Object::foreign_key(&table.name, &key.name);
            if !self.is_open(&object).await? {
                continue;
            }
            if there.is_none() {
                match self.there(pair, &table.name).await {
                    Ok(found) => there = Some(found),
                    Err(error) => {
                        self.settle(&object, Err(error)).await?;
                        continue;
                    }
                }
            }
            let outcome = match &there {
                Some(found) if has_foreign_key(found, key) => {
                    Ok(vec!["it was there already".into()])
                }
                _ => self.foreign_key(pair, &table.name, key).await,
            };
            self.settle(&object, outcome).await?;
        }
        Ok(())
    }

    async fn foreign_key(
        &self,
        pair: &mut Pair,
        name: &TableName,
        key: &ForeignKey,
    ) -> Result<Notes> {
        let what = format!("adding foreign key {} to table {name}", key.name);
        let sql = add_foreign_key(name, key);
        match self
            .sides
            .run(&mut pair.target, what, &sql, self.context)
            .await
        {
            Ok(()) => Ok(Vec::new()),
            Err(refused)
                if refused
                    .code
                    .is_some_and(|c| FOREIGN_KEY_EXISTS.contains(&c)) =>
            {
                let there = self.there(pair, name).await?;
                if has_foreign_key(&there, key) {
                    Ok(Vec::new())
                } else {
                    Err(refused.error)
                }
            }
            Err(refused) => Err(refused.error),
        }
    }
}

fn has_foreign_key(table: &Table, key: &ForeignKey) -> bool {
    table
        .foreign_keys
        .iter()
        .any(|k| k.name.eq_ignore_ascii_case(&key.name))
}

/// What is known of a key without touching the target; None: it is to be made.
fn standing(key: &Key, there: &Table) -> Option<Result<Notes>> {
    let done = |note: &str| Some(Ok(vec![note.to_owned()]));
    let found = there
        .keys
        .iter()
        .find(|k| k.name.to_lowercase() == key.name.to_lowercase());
    if let Some(found) = found {
        if found.kind == key.kind && columns(found) == columns(key) {
            return done("it was there already");
        }
        return Some(Err(Error::new(
            Kind::SchemaMismatch,
            format!("adding key {} to table {}", key.name, there.name),
        )
        .detail("the target has another key of this name")));
    }
    let unknown = key.parts.iter().any(|p| match &p.what {
        KeyWhat::Column(name) => there.column_index(name).is_none(),
        KeyWhat::Expression(_) => false,
    });
    if unknown {
        return done("its column came to the source later: the log brings both");
    }
    None
}

/// Columns and prefixes; expressions are printed differently everywhere.
fn columns(key: &Key) -> Vec<(String, Option<u32>)> {
    key.parts
        .iter()
        .map(|p| match &p.what {
            KeyWhat::Column(name) => (name.to_lowercase(), p.prefix),
            KeyWhat::Expression(_) => (String::new(), None),
        })
        .collect()
}

impl Work for IndexTransfer {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move { cancelled_is_fine(self.transfer(&context).await) })
    }
}
