//! `oms_normal_config`.

use entity::oms_normal_config as n;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set, sea_query::Query};
use serde_json::Value;

use super::{
    MetaError, Metadata, Row,
    access::{FromModel, insert_statement, is},
    retry::Twice,
    row::{Cells, json_text, now},
};

/// Name and value of a parameter.
struct Config(String, Value);

impl FromModel for Config {
    type Entity = n::Entity;

    fn from_model(row: n::Model) -> Row<Self> {
        let cells = Cells {
            table: "oms_normal_config",
            id: &row.cfg_name,
        };
        let value = cells.json("cfg_value", &row.cfg_value)?;
        Ok(Self(row.cfg_name, value))
    }
}

/// The repository of `oms_normal_config`.
#[derive(Clone, Copy)]
pub struct Configs<'a>(pub(super) &'a Metadata);

impl Configs<'_> {
    /// A parameter; `None` when nobody set it.
    pub async fn get(self, name: &str) -> Result<Option<Value>, MetaError> {
        let select = n::Entity::find_by_id(name);
        match self.0.maybe::<Config>("read a parameter", select).await? {
            Some(row) => Ok(Some(row?.1)),
            None => Ok(None),
        }
    }

    /// Sets a parameter.
    pub async fn set(self, name: &str, value: &Value) -> Result<(), MetaError> {
        let update = [n::Column::CfgValue, n::Column::GmtModified];
        let statement =
            insert_statement::<n::Entity>(vec![model(name, value)], &[n::Column::CfgName], &update);
        self.0
            .execute("set a parameter", Twice::Harmless, &statement)
            .await?;
        Ok(())
    }

    /// Deletes a parameter; one that is not there is none.
    pub async fn delete(self, name: &str) -> Result<(), MetaError> {
        let delete = Query::delete()
            .from_table(n::Entity)
            .and_where(is(n::Column::CfgName, name))
            .to_owned();
        self.0
            .execute("delete a parameter", Twice::Harmless, &delete)
            .await?;
        Ok(())
    }

    /// All parameters whose names begin so, by name.
    pub async fn list(self, prefix: &str) -> Result<Vec<Row<(String, Value)>>, MetaError> {
        let select = n::Entity::find()
            .filter(n::Column::CfgName.starts_with(prefix))
            .order_by_asc(n::Column::CfgName);
        let rows = self.0.rows::<Config>("list parameters", select).await?;
        Ok(rows
            .into_iter()
            .map(|row| row.map(|c| (c.0, c.1)))
            .collect())
    }

    /// The next number of a counter, never given twice; the first is 1.
    pub(super) async fn next(self, name: &str) -> Result<i64, MetaError> {
        let what = "count";
        let zero = model(name, &Value::from(0));
        self.0
            .insert_new::<n::Entity>(what, vec![zero], &[n::Column::CfgName])
            .await?;
        for _ in 0..64 {
            let found = self.get(name).await?.unwrap_or_default();
            let next = found.as_i64().unwrap_or_default() + 1;
            let update = Query::update()
                .table(n::Entity)
                .value(n::Column::CfgValue, next.to_string())
                .value(n::Column::GmtModified, now())
                .and_where(is(n::Column::CfgName, name))
                .and_where(is(n::Column::CfgValue, json_text(&found)))
                .to_owned();
            // Not known whether it was done: the number is lost, the next one is taken.
            if self.0.execute(what, Twice::Harmful, &update).await? > 0 {
                return Ok(next);
            }
        }
        Err(MetaError::Conflict {
            what: format!("the counter '{name}' changes all the time"),
        })
    }
}

fn model(name: &str, value: &Value) -> n::ActiveModel {
    let time = now();
    n::ActiveModel {
        cfg_name: Set(name.to_owned()),
        cfg_value: Set(json_text(value)),
        gmt_created: Set(time),
        gmt_modified: Set(time),
    }
}
