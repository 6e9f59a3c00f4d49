//! Applies DDL of the log to a server of the MySQL family.
//!
//! DDL is not transactional at the target, so a statement may have been carried out, wholly or in
//! part, before a crash, and comes again. Each kind finds out from the target's own definitions
//! what is left to do. That cannot be told for renames that swap names; those are refused, and
//! a person decides.

use super::ddl::DdlApplier;
use crate::datasource::mysql::Server;
use crate::datasource::mysql::catalogue;
use crate::datasource::mysql::ddl::{
    Scope, Target, convert, create_database, create_table_like, differences, map_charset,
    plan_alter,
};
use crate::datasource::mysql::writer::Writer;
use crate::error::{Error, Kind, Result};
use crate::model::change::DdlEvent;
use crate::model::ddl::{AlterAction, Ddl, Definition, Family};
use crate::model::table::{Table, TableName, quote_ident};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, HashSet};

/// Applies DDL to one target.
pub struct MySqlDdl {
    server: Server,
    /// What the source is.
    from: Family,
}

impl MySqlDdl {
    /// DDL of a source of this family, for this target.
    pub fn new(server: Server, from: Family) -> Self {
        Self { server, from }
    }

    async fn run(&self, event: &DdlEvent) -> Result<()> {
        match &event.ddl {
            Ddl::CreateTable { table, .. } => self.create(event, &table.name).await,
            Ddl::CreateTableLike { name, .. } => self.create(event, name).await,
            Ddl::DropTable { names, .. } => {
                for name in names {
                    self.execute(format!("DROP TABLE IF EXISTS {}", name.quoted()), name)
                        .await?;
                }
                Ok(())
            }
            Ddl::TruncateTable(name) => {
                self.execute(format!("TRUNCATE TABLE {}", name.quoted()), name)
                    .await
            }
            Ddl::RenameTable(pairs) => self.rename(pairs).await,
            Ddl::AlterTable { name, actions } => self.alter(event, name, actions).await,
            other => Err(unsupported(
                &event.schema,
                format!("{other:?} is not applied"),
            )),
        }
    }

    async fn create(&self, event: &DdlEvent, name: &TableName) -> Result<()> {
        let after = after(event, name)?;
        let target = catalogue::target_of(&self.server).await?;
        let wanted = convert(&definition(after), self.from, &target)?;
        if let Some(there) = self.definition(&target, name).await? {
            let differs = differences(&wanted.table, &there, Scope::Rows);
            return match differs.is_empty() {
                true => Ok(()),
                false => Err(Error::new(
                    Kind::SchemaMismatch,
                    format!("table {name} at the target"),
                )
                .detail(differs.join("; "))),
            };
        }
        let mapped = map_charset(&after.charset, &after.collation, &target);
        self.execute(create_database(&name.schema, &mapped, &target), name)
            .await?;
        let sql = create_table_like(&wanted.table, &wanted.parsers, &target);
        self.execute(sql, name).await
    }

    async fn alter(
        &self,
        event: &DdlEvent,
        name: &TableName,
        actions: &[AlterAction],
    ) -> Result<()> {
        let renamed = actions.iter().find_map(|action| match action {
            AlterAction::RenameTo(to) => Some(to.clone()),
            _ => None,
        });
        let target = catalogue::target_of(&self.server).await?;
        let after = after(event, renamed.as_ref().unwrap_or(name))?;
        let others: Vec<_> = actions
            .iter()
            .filter(|a| !matches!(a, AlterAction::RenameTo(_)))
            .cloned()
            .collect();
        let Some(now) = self.definition(&target, name).await? else {
            // renamed already, before a crash
            if let Some(to) = &renamed
                && self.definition(&target, to).await?.is_some()
            {
                return Ok(());
            }
            return Err(
                Error::new(Kind::ObjectMissing, format!("altering table {name}"))
                    .detail("the target has no such table"),
            );
        };
        let plan = plan_alter(&now, &others, after, self.from, &target)?;
        for statement in plan.statements {
            self.execute(statement, name).await?;
        }
        match renamed {
            Some(to) => self.rename(&[(name.clone(), to)]).await,
            None => Ok(()),
        }
    }

    async fn rename(&self, pairs: &[(TableName, TableName)]) -> Result<()> {
        let olds: HashSet<_> = pairs.iter().map(|(from, _)| from).collect();
        if let Some((_, to)) = pairs.iter().find(|(_, to)| olds.contains(to)) {
            return Err(unsupported(
                &to.schema,
                format!("{to} is renamed and takes another table's place in one statement"),
            ));
        }
        let target = catalogue::target_of(&self.server).await?;
        let mut left = Vec::new();
        for (from, to) in pairs {
            let (old, new) = (
                self.exists(&target, from).await?,
                self.exists(&target, to).await?,
            );
            match (old, new) {
                (true, false) => left.push(format!("{} TO {}", from.quoted(), to.quoted())),
                (false, true) => {}
                (true, true) | (false, false) => {
                    let found = if old { "both tables" } else { "neither table" };
                    return Err(Error::new(
                        Kind::ObjectMissing,
                        format!("renaming table {from} to {to}"),
                    )
                    .detail(format!("the target has {found}")));
                }
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        let (first, _) = &pairs[0];
        self.execute(format!("RENAME TABLE {}", left.join(", ")), first)
            .await
    }

    async fn definition(&self, target: &Target, name: &TableName) -> Result<Option<Table>> {
        catalogue::table(&self.server, name, &target.dialect).await
    }

    async fn exists(&self, target: &Target, name: &TableName) -> Result<bool> {
        Ok(self.definition(target, name).await?.is_some())
    }

    async fn execute(&self, sql: String, name: &TableName) -> Result<()> {
        let mut writer = Writer::open(&self.server).await?;
        writer
            .run(format!("applying DDL to {name}"), sql)
            .await
            .map(drop)
    }
}

impl DdlApplier for MySqlDdl {
    fn apply<'a>(&'a self, event: &'a DdlEvent) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.run(event))
    }
}

fn after<'a>(event: &'a DdlEvent, name: &TableName) -> Result<&'a Table> {
    event
        .after
        .iter()
        .map(|version| &version.table)
        .find(|table| table.name == *name)
        .ok_or_else(|| {
            unsupported(
                &name.schema,
                format!("the definition of {name} behind it is not known"),
            )
        })
}

fn definition(table: &Table) -> Definition {
    Definition {
        table: table.clone(),
        parsers: BTreeMap::new(),
        invisible_keys: Vec::new(),
        engine: None,
    }
}

fn unsupported(schema: &str, why: String) -> Error {
    Error::new(
        Kind::DdlUnsupported,
        format!("DDL in database {}", quote_ident(schema)),
    )
    .detail(why)
}
