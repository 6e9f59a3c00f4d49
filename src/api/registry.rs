//! What an action is: its name, its words, how it is run, and the shapes of what goes in and comes out.
//! [`super::actions`] has the table of all of them; the OpenAPI document and `docs/api.md` are made from
//! it, so they know every action and no other.

use super::auth::Who;
use super::{Api, Outcome};
use futures::future::BoxFuture;
use schemars::{Schema, SchemaGenerator};

/// A request, once it is known who makes it.
pub struct Call<'a> {
    /// What the action works with.
    pub api: &'a Api,
    /// Who asks.
    pub who: &'a Who,
    /// The body.
    pub body: &'a [u8],
}

/// An action.
pub struct Action {
    /// Its name, as `Action` gives it.
    pub name: &'static str,
    /// What it belongs to, for the documents.
    pub group: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Its answer has pages.
    pub paged: bool,
    /// Runs it.
    pub run: for<'a> fn(Call<'a>) -> BoxFuture<'a, Outcome>,
    /// The shape of its parameters.
    pub parameters: fn(&mut SchemaGenerator) -> Schema,
    /// The shape of the answer's `data`.
    pub data: fn(&mut SchemaGenerator) -> Schema,
}

/// An [`Action`]: `action!(group, name, handler, Parameters => Data, about)`; a list of items with pages
/// has `paged` in front of its data.
macro_rules! action {
    ($group:literal, $name:literal, $handler:path, $parameters:ty => paged $data:ty, $about:literal) => {
        $crate::api::registry::Action {
            paged: true,
            ..action!($group, $name, $handler, $parameters => $data, $about)
        }
    };
    ($group:literal, $name:literal, $handler:path, $parameters:ty => $data:ty, $about:literal) => {
        $crate::api::registry::Action {
            name: $name,
            group: $group,
            about: $about,
            paged: false,
            run: |call| {
                Box::pin(async move {
                    let wanted: $parameters = $crate::api::request::parameters(call.body)?;
                    $handler(&call, wanted).await
                })
            },
            parameters: |generator| generator.subschema_for::<$parameters>(),
            data: |generator| generator.subschema_for::<$data>(),
        }
    };
}
pub(super) use action;
