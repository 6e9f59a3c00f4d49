//! One table at the target.

use super::log::Notes;
use super::sides::{Pair, Sides};
use crate::component::contract::Context;
use crate::datasource::mysql::catalogue;
use crate::datasource::mysql::ddl::{Converted, Scope, convert, create_table, differences};
use crate::datasource::mysql::fault::TABLE_EXISTS;
use crate::error::{Error, Kind, Result};
use crate::model::table::{Table, TableName};

/// Makes the table, unless it is there already and alike.
pub(super) async fn transfer(
    sides: &Sides,
    pair: &mut Pair,
    name: &TableName,
    context: &Context,
) -> Result<Notes> {
    let source = catalogue::definition(&mut pair.source, name, &sides.dialect).await?;
    let Some(definition) = source else {
        return Ok(vec!["it is no longer at the source".into()]);
    };
    let mut converted = convert(&definition, sides.family(), &sides.target)?;
    if let Some(there) = at_target(sides, pair, name).await? {
        require_alike(&converted.table, &there)?;
        converted.notes.push("it was there already".into());
        return Ok(converted.notes);
    }
    create(sides, pair, &mut converted, context).await?;
    match at_target(sides, pair, name).await? {
        Some(made) => require_alike(&converted.table, &made)?,
        None => {
            return Err(
                Error::new(Kind::SchemaRefused, format!("creating table {name}"))
                    .detail("the target took the statement but has no such table"),
            );
        }
    }
    Ok(converted.notes)
}

async fn create(
    sides: &Sides,
    pair: &mut Pair,
    converted: &mut Converted,
    context: &Context,
) -> Result<()> {
    let name = converted.table.name.clone();
    loop {
        let sql = create_table(&converted.table, &sides.target);
        let what = format!("creating table {name}");
        match sides.run(&mut pair.target, what, &sql, context).await {
            Ok(()) => return Ok(()),
            // made by a statement of ours that outlived us
            Err(refused) if refused.code == Some(TABLE_EXISTS) => return Ok(()),
            // partitions hold no rows of their own: the table is complete without them
            Err(refused)
                if converted.table.partition.is_some() && refused.is_about_the_statement() =>
            {
                converted.table.partition = None;
                converted.notes.push(format!(
                    "the partition clause is left out: the target refuses the table with it ({})",
                    refused.error
                ));
            }
            Err(refused) => return Err(refused.error),
        }
    }
}

/// The target's table; None: it has nothing of this name.
pub(super) async fn at_target(
    sides: &Sides,
    pair: &mut Pair,
    name: &TableName,
) -> Result<Option<Table>> {
    match catalogue::kind_of(&mut pair.target, name).await?.as_deref() {
        None => Ok(None),
        Some("VIEW") => Err(mismatch(name, "the target has a view of this name")),
        Some(_) => {
            let dialect = &sides.target.dialect;
            let found = catalogue::definition(&mut pair.target, name, dialect).await?;
            Ok(found.map(|d| d.table))
        }
    }
}

fn mismatch(name: &TableName, why: impl std::fmt::Display) -> Error {
    Error::new(
        Kind::SchemaMismatch,
        format!("using table {name} of the target"),
    )
    .detail(why)
}

fn require_alike(wanted: &Table, there: &Table) -> Result<()> {
    let found = differences(wanted, there, Scope::Rows);
    if found.is_empty() {
        return Ok(());
    }
    Err(mismatch(&wanted.name, found.join("; ")))
}
