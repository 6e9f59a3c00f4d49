//! What one does with one's own account.

use super::registry::Call;
use super::{Answer, Outcome};
use schemars::JsonSchema;
use serde::Deserialize;

/// Parameters of `ChangePassword`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChangePassword {
    /// The password until now.
    old_password: String,
    /// The one from now on.
    new_password: String,
}

/// `ChangePassword`.
pub async fn change_password(call: &Call<'_>, wanted: ChangePassword) -> Outcome {
    call.api
        .accounts
        .change(call.who, &wanted.old_password, &wanted.new_password)
        .await?;
    Ok(Answer::nothing())
}
