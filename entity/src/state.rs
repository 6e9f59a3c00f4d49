//! What every state enum has in common: its text in the database.

use sea_orm::{ActiveEnum, Iterable};

/// A state enum and the exact text that stands for it in the database.
pub trait StateText: ActiveEnum<Value = String> + Iterable {
    /// The text in the database.
    fn text(&self) -> String {
        self.to_value()
    }

    /// The state that this text stands for; `None` for a text that is no state.
    ///
    /// Exact: `pending` and ` PENDING` are no states. A reader that guesses would act on a typo.
    fn from_text(text: &str) -> Option<Self> {
        Self::iter().find(|state| state.to_value() == text)
    }

    /// All texts, in the order of the enum, for a message that says what is allowed.
    fn allowed() -> Vec<String> {
        Self::iter().map(|state| state.to_value()).collect()
    }
}

/// Gives state enums their text, `Display`, `FromStr` and the shape of their JSON.
macro_rules! state_text {
    ($($name:ident),+ $(,)?) => {$(
        impl $crate::StateText for $name {}

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "enum": <Self as $crate::StateText>::allowed(),
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&$crate::StateText::text(self))
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                <Self as $crate::StateText>::from_text(text).ok_or_else(|| {
                    format!(
                        "'{text}' is none of {}",
                        <Self as $crate::StateText>::allowed().join(", ")
                    )
                })
            }
        }
    )+};
}
pub(crate) use state_text;

/// Makes a state enum. A state's text is its name in capitals, in the database and in JSON.
macro_rules! state {
    ($(#[$about:meta])* pub enum $name:ident { $($states:tt)* }) => {
        $(#[$about])*
        #[derive(
            Clone,
            Copy,
            Debug,
            PartialEq,
            Eq,
            Hash,
            PartialOrd,
            Ord,
            sea_orm::EnumIter,
            sea_orm::DeriveActiveEnum,
            serde::Serialize,
            serde::Deserialize,
        )]
        #[sea_orm(
            rs_type = "String",
            db_type = "String(StringLen::N(32))",
            rename_all = "SCREAMING_SNAKE_CASE"
        )]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum $name { $($states)* }

        $crate::state::state_text!($name);
    };
}
pub(crate) use state;
