//! `oms_label` and `oms_project_label`.

use std::collections::HashMap;

use entity::{oms_label as l, oms_project_label as m};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set, StatementBuilder,
    sea_query::{DeleteStatement, Expr, ExprTrait, InsertStatement, Query},
};

use super::{
    MetaError, Metadata, Row,
    access::{FromModel, insert_statement, is},
    new_id,
    retry::Twice,
    row::now,
};

const TABLE: &str = "oms_label";

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// `l_…`.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl FromModel for Label {
    type Entity = l::Entity;

    fn from_model(row: l::Model) -> Row<Self> {
        Ok(Self {
            id: row.id,
            name: row.label_name,
        })
    }
}

/// A project's label.
struct Mark(String, String);

impl FromModel for Mark {
    type Entity = m::Entity;

    fn from_model(row: m::Model) -> Row<Self> {
        Ok(Self(row.project_id, row.label_id))
    }
}

/// The repository of labels. They are the user's: they carry no epoch.
#[derive(Clone, Copy)]
pub struct Labels<'a>(pub(super) &'a Metadata);

impl Labels<'_> {
    /// Makes a label; a name that another one has is a [`MetaError::Conflict`].
    pub async fn create(self, name: &str) -> Result<Label, MetaError> {
        let (id, time) = (new_id("l_"), now());
        let model = l::ActiveModel {
            id: Set(id.clone()),
            label_name: Set(name.to_owned()),
            gmt_created: Set(time),
            gmt_modified: Set(time),
        };
        let key = [l::Column::LabelName];
        self.0
            .insert_new::<l::Entity>("create a label", vec![model], &key)
            .await?;
        let same = l::Entity::find().filter(l::Column::LabelName.eq(name));
        match self.0.maybe::<Label>("read a label", same).await? {
            Some(Ok(found)) if found.id == id => Ok(found),
            Some(Ok(found)) => Err(MetaError::Conflict {
                what: format!("label {} has the name '{name}' already", found.id),
            }),
            Some(Err(problem)) => Err(problem.into()),
            None => Err(MetaError::not_found(TABLE, name)),
        }
    }

    /// One label.
    pub async fn get(self, id: &str) -> Result<Label, MetaError> {
        let select = l::Entity::find_by_id(id);
        self.0.one("read a label", select, id).await
    }

    /// All labels, by name.
    pub async fn list(self) -> Result<Vec<Label>, MetaError> {
        let select = l::Entity::find().order_by_asc(l::Column::LabelName);
        let rows = self.0.rows::<Label>("list labels", select).await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Deletes a label and takes it from all projects, both or neither.
    pub async fn delete(self, id: &str) -> Result<(), MetaError> {
        let marks = Query::delete()
            .from_table(m::Entity)
            .and_where(is(m::Column::LabelId, id))
            .to_owned();
        let label = Query::delete()
            .from_table(l::Entity)
            .and_where(is(l::Column::Id, id))
            .to_owned();
        self.0
            .execute_all("delete a label", Twice::Harmless, &[&marks, &label])
            .await
            .map(drop)
    }

    /// Gives a project these labels, and no others; as a whole, or not at all.
    pub async fn set(self, project: &str, labels: &[String]) -> Result<(), MetaError> {
        let others = take_others(project, labels);
        let mut statements: Vec<&dyn StatementBuilder> = vec![&others];
        let marks = give(project, labels);
        statements.extend(marks.as_ref().map(|marks| marks as &dyn StatementBuilder));
        self.0
            .execute_all("label a project", Twice::Harmless, &statements)
            .await
            .map(drop)
    }

    /// The projects that have a label.
    pub async fn projects_with(self, label: &str) -> Result<Vec<String>, MetaError> {
        let select = m::Entity::find()
            .filter(m::Column::LabelId.eq(label))
            .order_by_asc(m::Column::ProjectId);
        let rows = self
            .0
            .rows::<Mark>("list labelled projects", select)
            .await?;
        Ok(rows.into_iter().flatten().map(|mark| mark.0).collect())
    }

    /// The labels of a project, by id.
    pub async fn of_project(self, project: &str) -> Result<Vec<String>, MetaError> {
        let select = m::Entity::find()
            .filter(m::Column::ProjectId.eq(project))
            .order_by_asc(m::Column::LabelId);
        let rows = self.0.rows::<Mark>("list labels of a project", select);
        Ok(rows
            .await?
            .into_iter()
            .flatten()
            .map(|mark| mark.1)
            .collect())
    }

    /// The labels of each project that has any, by name.
    pub async fn by_project(self) -> Result<HashMap<String, Vec<Label>>, MetaError> {
        let labels = self.list().await?;
        let rows = self
            .0
            .rows::<Mark>("list labels of projects", m::Entity::find())
            .await?;
        let mut out: HashMap<String, Vec<Label>> = HashMap::new();
        for Mark(project, label) in rows.into_iter().flatten() {
            if let Some(label) = labels.iter().find(|l| l.id == label) {
                out.entry(project).or_default().push(label.clone());
            }
        }
        for labels in out.values_mut() {
            labels.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(out)
    }
}

/// Gives a project labels that it has not yet; `None` where there are none.
pub(super) fn give(project: &str, labels: &[String]) -> Option<InsertStatement> {
    let time = now();
    let models = labels.iter().map(|label| m::ActiveModel {
        project_id: Set(project.to_owned()),
        label_id: Set(label.clone()),
        gmt_created: Set(time),
    });
    let key = [m::Column::ProjectId, m::Column::LabelId];
    (!labels.is_empty()).then(|| insert_statement::<m::Entity>(models.collect(), &key, &[]))
}

/// Takes all other labels from a project.
fn take_others(project: &str, labels: &[String]) -> DeleteStatement {
    let mut others = Query::delete();
    others
        .from_table(m::Entity)
        .and_where(is(m::Column::ProjectId, project));
    if !labels.is_empty() {
        let these = labels.iter().map(String::as_str);
        others.and_where(Expr::col(m::Column::LabelId).is_not_in(these));
    }
    others
}
