//! `oms_department`.

use chrono::NaiveDateTime;
use entity::{oms_department as d, oms_user as u};
use sea_orm::{
    EntityTrait, QueryOrder, QueryTrait, Set,
    sea_query::{Expr, Query},
};

use super::{
    MetaError, MetaErrorKind, Metadata, Row,
    access::{FromModel, is},
    retry::Twice,
    row::{new_id, now},
};

/// The department that is always there.
pub const DEFAULT_DEPARTMENT: &str = "d_default";

/// A department.
#[derive(Clone, Debug, PartialEq)]
pub struct Department {
    /// `d_…`.
    pub id: String,
    /// Unique.
    pub name: String,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
}

impl FromModel for Department {
    type Entity = d::Entity;

    fn from_model(row: d::Model) -> Row<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            gmt_created: row.gmt_created,
        })
    }
}

/// The repository of `oms_department`.
#[derive(Clone, Copy)]
pub struct Departments<'a>(pub(super) &'a Metadata);

impl Departments<'_> {
    /// Makes the department that is always there, where it is missing.
    pub async fn make_default(self) -> Result<(), MetaError> {
        let model = model(DEFAULT_DEPARTMENT.to_owned(), "default");
        self.0
            .insert_new::<d::Entity>("make the default department", vec![model], &[d::Column::Id])
            .await
    }

    /// Makes a department; a name that is taken is a [`MetaErrorKind::Conflict`].
    pub async fn create(self, name: &str) -> Result<Department, MetaError> {
        let id = new_id("d_");
        let insert = d::Entity::insert(model(id.clone(), name)).into_query();
        match self
            .0
            .execute("make a department", Twice::Harmful, &insert)
            .await
        {
            Ok(_) => self.get(&id).await,
            Err(error) if error.kind() == MetaErrorKind::Conflict => Err(MetaError::Conflict {
                what: format!("there is a department '{name}'"),
            }),
            Err(error) => Err(error),
        }
    }

    /// One department.
    pub async fn get(self, id: &str) -> Result<Department, MetaError> {
        let select = d::Entity::find_by_id(id);
        self.0.one("read a department", select, id).await
    }

    /// All departments, by name.
    pub async fn list(self) -> Result<Vec<Row<Department>>, MetaError> {
        let select = d::Entity::find().order_by_asc(d::Column::Name);
        self.0.rows("list departments", select).await
    }

    /// Deletes a department that has no member; gives whether it did.
    pub async fn delete_empty(self, id: &str) -> Result<bool, MetaError> {
        let members = Query::select()
            .column(u::Column::Id)
            .from(u::Entity)
            .and_where(is(u::Column::DepartmentId, id))
            .to_owned();
        let delete = Query::delete()
            .from_table(d::Entity)
            .and_where(is(d::Column::Id, id))
            .and_where(Expr::not_exists(members))
            .to_owned();
        let deleted = self
            .0
            .execute("delete a department", Twice::Harmless, &delete)
            .await?;
        Ok(deleted > 0)
    }
}

fn model(id: String, name: &str) -> d::ActiveModel {
    let time = now();
    d::ActiveModel {
        id: Set(id),
        name: Set(name.to_owned()),
        gmt_created: Set(time),
        gmt_modified: Set(time),
    }
}
