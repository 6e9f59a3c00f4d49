//! `oms param`: system parameters.

use super::args::{ParamCommand, Remote};
use super::client::Client;
use super::{act, columns, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

/// Runs the command.
pub async fn run(command: Remote<ParamCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        ParamCommand::List { search } => {
            let wanted = search.map_or_else(|| json!({}), |key| json!({ "searchKey": key }));
            let data = client.list("ListSystemParameters", wanted).await?;
            tell(output, &data, |data| {
                let columns = [
                    ("NAME", "name"),
                    ("VALUE", "value"),
                    ("MODULE", "module"),
                    ("MODIFIED (UTC)", "gmtModified"),
                    ("PROBLEM", "problem"),
                    ("DESCRIPTION", "description"),
                ];
                columns::list(data, &columns)
            })
        }
        ParamCommand::Set { name, value } => {
            let body = json!({ "name": name, "value": meant(&value) });
            let done = format!("parameter {name} is set");
            act(&client, output, "UpdateSystemParameter", body, &done).await
        }
        ParamCommand::Reset { name } => {
            let done = format!("parameter {name} has its default again");
            let body = json!({ "name": name });
            act(&client, output, "ResetSystemParameter", body, &done).await
        }
    }
}

/// A value as it was meant: a JSON document, or a text.
fn meant(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_documents_or_texts() {
        assert_eq!(meant("5"), json!(5));
        assert_eq!(meant("{\"a\": true}"), json!({ "a": true }));
        assert_eq!(meant("\"5\""), json!("5"));
        assert_eq!(meant("5 s"), json!("5 s"));
        assert_eq!(meant(""), json!(""));
    }
}
