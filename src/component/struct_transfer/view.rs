//! Views, which may build on each other.

use super::log::{Failures, Notes, Object, ObjectLog, ends_the_work};
use super::sides::{Pair, Sides};
use crate::component::contract::Context;
use crate::datasource::mysql::catalogue;
use crate::datasource::mysql::ddl::create_view;
use crate::error::{Error, Kind, Result};
use crate::model::table::TableName;

/// Makes the views. The order in which they build on each other is found by trying: what fails is
/// tried again as long as others succeed.
pub(super) async fn transfer_all(
    sides: &Sides,
    pair: &mut Pair,
    views: Vec<TableName>,
    log: &dyn ObjectLog,
    failures: &Failures,
    context: &Context,
) -> Result<()> {
    let mut open = Vec::new();
    for view in views {
        let object = Object::view(&view);
        if log.is_skipped(&object).await? || log.is_finished(&object).await? {
            context.progress().add(1, 0);
            continue;
        }
        log.begin(&object).await?;
        open.push((view, object));
    }
    loop {
        let before = open.len();
        let mut failed = Vec::new();
        for (view, object) in open {
            context.check()?;
            match transfer(sides, pair, &view, context).await {
                Err(error) if ends_the_work(&error) => return Err(error),
                Err(error) => failed.push((view, object, error)),
                done => {
                    failures.settle(log, &object, done).await?;
                    context.progress().add(1, 0);
                }
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        if failed.len() == before {
            for (_, object, error) in failed {
                failures.settle(log, &object, Err(error)).await?;
                context.progress().add(1, 0);
            }
            return Ok(());
        }
        open = failed.into_iter().map(|(v, o, _)| (v, o)).collect();
    }
}

async fn transfer(
    sides: &Sides,
    pair: &mut Pair,
    name: &TableName,
    context: &Context,
) -> Result<Notes> {
    let Some(shown) = catalogue::show_create_view(&mut pair.source, name).await? else {
        return Ok(vec!["it is no longer at the source".into()]);
    };
    if let Some(kind) = catalogue::kind_of(&mut pair.target, name).await? {
        return there_already(pair, name, &kind).await;
    }
    let (sql, notes) = create_view(name, &shown, &sides.target).ok_or_else(|| {
        Error::new(
            Kind::SchemaUnsupported,
            format!("understanding the definition of view {name}"),
        )
    })?;
    let what = format!("creating view {name}");
    sides
        .run(&mut pair.target, what, &sql, context)
        .await
        .map_err(|refused| refused.error)?;
    Ok(notes)
}

/// Servers print a view in words of their own, so only its columns are compared.
async fn there_already(pair: &mut Pair, name: &TableName, kind: &str) -> Result<Notes> {
    let mismatch = |why: String| {
        Error::new(
            Kind::SchemaMismatch,
            format!("using view {name} of the target"),
        )
        .detail(why)
    };
    if kind != "VIEW" && kind != "SYSTEM VIEW" {
        return Err(mismatch(format!("the target has a {kind} of this name")));
    }
    let lower = |names: Vec<String>| -> Vec<String> {
        names.into_iter().map(|n| n.to_lowercase()).collect()
    };
    let wanted = lower(catalogue::column_names(&mut pair.source, name).await?);
    let there = lower(catalogue::column_names(&mut pair.target, name).await?);
    if wanted != there {
        return Err(mismatch(format!(
            "its columns are ({}), wanted are ({})",
            there.join(", "),
            wanted.join(", ")
        )));
    }
    Ok(vec![
        "it was there already; its text is not compared".into(),
    ])
}
