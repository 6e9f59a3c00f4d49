//! `oms_metric`.

use entity::oms_metric as m;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{
    MetaError, Metadata, Row, StateText, StepName, access::FromModel, retry::Twice, row::Cells,
};

/// What a step had done at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The project.
    pub project_id: String,
    /// The step.
    pub step: StepName,
    /// Milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Rows done by the work that ran then.
    pub done: i64,
    /// Bytes done by it.
    pub bytes: i64,
    /// How far the target was behind the source, milliseconds.
    pub lag_ms: Option<i64>,
}

impl FromModel for Sample {
    type Entity = m::Entity;

    fn from_model(row: m::Model) -> Row<Self> {
        let cells = Cells {
            table: "oms_metric",
            id: &row.project_id,
        };
        Ok(Self {
            step: cells.state("step_name", &row.step_name)?,
            project_id: row.project_id,
            at_ms: row.sampled_at_ms,
            done: row.done,
            bytes: row.bytes,
            lag_ms: (row.lag_ms >= 0).then_some(row.lag_ms),
        })
    }
}

/// The repository of samples. They carry no epoch: one too many does no harm.
#[derive(Clone, Copy)]
pub struct Samples<'a>(pub(super) &'a Metadata);

impl Samples<'_> {
    /// Keeps samples.
    pub async fn add(self, samples: Vec<Sample>) -> Result<(), MetaError> {
        let models = samples.into_iter().map(|sample| m::ActiveModel {
            project_id: Set(sample.project_id),
            step_name: Set(sample.step.text()),
            sampled_at_ms: Set(sample.at_ms),
            done: Set(sample.done),
            bytes: Set(sample.bytes),
            lag_ms: Set(sample.lag_ms.unwrap_or(-1)),
        });
        let key = [
            m::Column::ProjectId,
            m::Column::StepName,
            m::Column::SampledAtMs,
        ];
        self.0
            .insert_new::<m::Entity>("keep samples", models.collect(), &key)
            .await
    }

    /// The samples of a step from one time to another, the oldest first.
    pub async fn list(
        self,
        project: &str,
        step: StepName,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Sample>, MetaError> {
        let select = m::Entity::find()
            .filter(m::Column::ProjectId.eq(project))
            .filter(m::Column::StepName.eq(step.text()))
            .filter(m::Column::SampledAtMs.between(from_ms, to_ms))
            .order_by_asc(m::Column::SampledAtMs);
        let rows = self.0.rows("list samples", select).await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Deletes what is older.
    pub async fn forget(self, before_ms: i64) -> Result<(), MetaError> {
        let delete = Query::delete()
            .from_table(m::Entity)
            .and_where(Expr::col(m::Column::SampledAtMs).lt(before_ms))
            .to_owned();
        self.0
            .execute("delete old samples", Twice::Harmless, &delete)
            .await
            .map(drop)
    }
}
