//! The views of the rm database as data: people select from them, `oms` itself does not.

/// A view and its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewShape {
    /// Name in the database.
    pub name: &'static str,
    /// Columns in their order.
    pub columns: &'static [&'static str],
}

/// Every view of the rm database.
pub fn all_views() -> Vec<ViewShape> {
    vec![
        ViewShape {
            name: "oms_v_projects",
            columns: &[
                "project_id",
                "project_name",
                "project_status",
                "source_name",
                "target_name",
                "step_name",
                "step_status",
                "progress",
                "lag_seconds",
                "error_code",
                "error_message",
                "gmt_modified",
            ],
        },
        ViewShape {
            name: "oms_v_components",
            columns: &[
                "component_id",
                "project_name",
                "component_type",
                "status",
                "desired_status",
                "node",
                "attempt",
                "lag_seconds",
                "checkpoint_time",
                "error_code",
                "error_message",
                "latest_heartbeat",
                "heartbeat_age_seconds",
            ],
        },
    ]
}
