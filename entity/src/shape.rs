//! Every table and every state enum as data, for the tests that compare them with the migrations
//! and with `docs/rm.md`.

use sea_orm::{ColumnTrait, EntityTrait, Iterable, PrimaryKeyToColumn, sea_query::Iden};

use crate::{StateText, *};

/// A column as the entity knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnShape {
    /// Name in the database.
    pub name: String,
    /// May it be NULL.
    pub nullable: bool,
    /// Is it a part of the primary key.
    pub key: bool,
}

/// A table as the entity knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableShape {
    /// Name in the database.
    pub name: String,
    /// Columns in the order of the entity.
    pub columns: Vec<ColumnShape>,
}

/// A state enum: where it is stored and what it may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumShape {
    /// `table.column`.
    pub column: &'static str,
    /// The texts in the database.
    pub values: Vec<String>,
}

fn table<E: EntityTrait>() -> TableShape {
    let keys: Vec<String> = E::PrimaryKey::iter()
        .map(|key| key.into_column().unquoted().to_owned())
        .collect();
    let columns = E::Column::iter()
        .map(|column| {
            let name = column.unquoted().to_owned();
            ColumnShape {
                nullable: column.def().is_null(),
                key: keys.contains(&name),
                name,
            }
        })
        .collect();
    TableShape {
        name: E::default().table_name().to_owned(),
        columns,
    }
}

/// Every table of the rm database.
pub fn all_tables() -> Vec<TableShape> {
    vec![
        table::<oms_project::Entity>(),
        table::<oms_step::Entity>(),
        table::<oms_task::Entity>(),
        table::<oms_om_task::Entity>(),
        table::<oms_component::Entity>(),
        table::<oms_datasource::Entity>(),
        table::<oms_normal_config::Entity>(),
        table::<oms_slice::Entity>(),
        table::<oms_verify_result::Entity>(),
        table::<oms_verify_diff::Entity>(),
        table::<oms_event::Entity>(),
        table::<oms_lease::Entity>(),
        table::<oms_node::Entity>(),
        table::<oms_label::Entity>(),
        table::<oms_project_label::Entity>(),
        table::<oms_metric::Entity>(),
        table::<oms_user::Entity>(),
        table::<oms_department::Entity>(),
        table::<oms_api_token::Entity>(),
        table::<oms_session::Entity>(),
        table::<oms_audit_log::Entity>(),
        table::<oms_project_modify_record::Entity>(),
    ]
}

fn states<S: StateText>(column: &'static str) -> EnumShape {
    EnumShape {
        column,
        values: S::allowed(),
    }
}

/// Every column whose text is one of a fixed list.
pub fn all_enums() -> Vec<EnumShape> {
    vec![
        states::<ProjectStatus>("oms_project.project_status"),
        states::<ProjectType>("oms_project.project_type"),
        states::<AlarmLevel>("oms_project.alarm_level"),
        states::<StepName>("oms_step.step_name"),
        states::<StepStatus>("oms_step.step_status"),
        states::<TaskStatus>("oms_task.task_status"),
        states::<OmTaskType>("oms_om_task.task_type"),
        states::<OmTaskStatus>("oms_om_task.task_status"),
        states::<ComponentType>("oms_component.component_type"),
        states::<ComponentStatus>("oms_component.status"),
        states::<DesiredStatus>("oms_component.desired_status"),
        states::<DataSourceType>("oms_datasource.type"),
        states::<SliceStatus>("oms_slice.status"),
        states::<VerifyStatus>("oms_verify_result.status"),
        states::<VerifyResultType>("oms_verify_result.result_type"),
        states::<DiffType>("oms_verify_diff.diff_type"),
        states::<UserRole>("oms_user.user_role"),
        states::<ModifyType>("oms_project_modify_record.record_type"),
        states::<ModifyStatus>("oms_project_modify_record.record_status"),
    ]
}
