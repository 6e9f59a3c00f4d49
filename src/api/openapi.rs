//! The OpenAPI document and `docs/api.md`, made from the table of actions.

use super::actions::ACTIONS;
use super::answer::ErrorDetail;
use super::permit;
use super::registry::Action;
use actix_web::HttpResponse;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// What an action may answer besides 200, and why.
const REFUSALS: &[(&str, &str)] = &[
    ("400", "A parameter is wrong, or a server refused."),
    ("401", "The account or its password is not known."),
    (
        "403",
        "The account may not do this, or must change its password first.",
    ),
    ("404", "There is no such thing."),
    ("405", "Actions are posted."),
    (
        "409",
        "It cannot be done in the state that the thing is in.",
    ),
    ("413", "The body is too large."),
    (
        "429",
        "Too many wrong logins came from this address, or the account asks too often.",
    ),
    ("503", "The rm database does not answer."),
];

/// `GET /api/openapi.json`.
pub async fn serve() -> HttpResponse {
    HttpResponse::Ok().json(document())
}

/// The OpenAPI 3.1 document.
pub fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for action in ACTIONS {
        let operation = operation(action, &mut generator);
        paths.insert(
            format!("/api/v2/{}", action.name),
            json!({ "post": operation }),
        );
    }
    let error = envelope(json!({ "type": "null" }), false, &mut generator);
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Refusal".to_owned(), error);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "oms",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Each action is also there as POST /api/v2?Action=<Name>, as OMS has it.",
        },
        "paths": paths,
        "security": [{ "basic": [] }, { "token": [] }],
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": { "type": "http", "scheme": "basic" },
                "token": { "type": "http", "scheme": "bearer" },
            },
        },
    })
}

fn operation(action: &Action, generator: &mut SchemaGenerator) -> Value {
    let parameters = (action.parameters)(generator);
    let data = (action.data)(generator).to_value();
    let mut responses = Map::new();
    let done = json!({
        "description": "Done.",
        "content": { "application/json": { "schema": envelope(data, action.paged, generator) } },
    });
    responses.insert("200".to_owned(), done);
    for (status, why) in REFUSALS {
        let schema = json!({ "$ref": "#/components/schemas/Refusal" });
        let refused = json!({
            "description": why,
            "content": { "application/json": { "schema": schema } },
        });
        responses.insert((*status).to_owned(), refused);
    }
    json!({
        "operationId": action.name,
        // a program sees what it may repeat without a thought
        "x-oms-changes": permit::rule(action.name).is_some_and(|(_, class, _)| class.changes()),
        "tags": [action.group],
        "summary": action.about,
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": parameters } },
        },
        "responses": responses,
    })
}

/// The envelope of every answer (reference 5.1).
fn envelope(data: Value, paged: bool, generator: &mut SchemaGenerator) -> Value {
    let text = json!({ "type": ["string", "null"] });
    let number = match paged {
        true => json!({ "type": "integer", "minimum": 0 }),
        false => json!({ "type": ["integer", "null"] }),
    };
    let error = generator.subschema_for::<Option<ErrorDetail>>();
    json!({
        "type": "object",
        "required": ["success", "errorDetail", "requestId", "cost", "data"],
        "properties": {
            "success": { "type": "boolean" },
            "errorDetail": error,
            "code": text, "message": text, "advice": text,
            "requestId": { "type": "string", "description": "A UUID." },
            "pageNumber": number, "pageSize": number, "totalCount": number,
            "cost": { "type": "string", "description": "How long it took, such as `27 ms`." },
            "data": data,
        },
    })
}

/// `docs/api.md`.
pub fn markdown() -> String {
    let document = document();
    let mut out = String::from(INTRODUCTION);
    let mut group = "";
    for action in ACTIONS {
        if action.group != group {
            group = action.group;
            let _ = write!(out, "\n## {group}\n");
        }
        let _ = write!(out, "\n### {}\n\n{}\n", action.name, action.about);
        let path = format!("/api/v2/{}", action.name);
        let operation = &document["paths"][path]["post"];
        let parameters = &operation["requestBody"]["content"]["application/json"]["schema"];
        let parameters = shape(&document, parameters);
        table(&mut out, &document, "Parameters", parameters);
        let data = &operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
            ["data"];
        match shape(&document, data)["items"].is_null() {
            true => table(&mut out, &document, "Data", shape(&document, data)),
            false => {
                let items = shape(&document, &shape(&document, data)["items"]);
                let pages = if action.paged { ", by pages" } else { "" };
                table(
                    &mut out,
                    &document,
                    &format!("Data: a list{pages}, each"),
                    items,
                );
            }
        }
    }
    shapes(&mut out, &document);
    out
}

/// The name of a shape that has a table of its own.
fn named<'a>(document: &Value, schema: &'a Value) -> Option<&'a str> {
    let (_, name) = schema["$ref"].as_str()?.rsplit_once('/')?;
    let fields = shape(document, schema)["properties"].as_object()?;
    (!fields.is_empty()).then_some(name)
}

/// The shapes that fields refer to, those of parameters and answers apart.
fn shapes(out: &mut String, document: &Value) {
    let mut wanted = std::collections::BTreeSet::new();
    let mut collect = |schema: &Value| {
        let fields = schema["properties"].as_object().into_iter().flatten();
        for field in fields.map(|(_, field)| field) {
            let either = field["anyOf"].as_array().into_iter().flatten();
            for one in either.chain([field, &field["items"]]) {
                wanted.extend(named(document, one).map(str::to_owned));
            }
        }
    };
    let all = document["components"]["schemas"].as_object();
    all.into_iter()
        .flatten()
        .for_each(|(_, schema)| collect(schema));
    out.push_str("\n## Shapes\n");
    for name in wanted {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        let words = shape(document, &schema)["description"].as_str();
        let words = words.unwrap_or_default().replace('\n', " ");
        let _ = write!(out, "\n### {name}\n\n{words}\n");
        table(out, document, "Fields", shape(document, &schema));
    }
}

const INTRODUCTION: &str = "# HTTP API

Made from the table of actions in `src/api/actions.rs`; `GET /api/openapi.json` has the same for programs.

`POST /api/v2?Action=<Name>` (or `POST /api/v2/<Name>`) with a JSON body, and HTTP Basic or a token
(`Authorization: Bearer`). Every answer has OMS's
envelope: `success`, `errorDetail`, `code`, `message`, `advice`, `requestId`, `pageNumber`, `pageSize`, `totalCount`,
`cost`, `data`. What is refused says so by its HTTP status too: 400 a parameter is wrong or a server refused, 401 the
account is not known, 403 it may not, 404 there is no such thing, 409 not in this state, 413 the body is too large,
429 too many wrong logins came from this address or the account asks too often (Retry-After says when), 503 the rm database does not answer. Times are UTC, `yyyy-MM-ddTHH:mm:ss`; checkpoints are Unix seconds.
An unknown parameter is refused by name.

An action is done as a whole or not at all, also where the server dies in the midst of it. Who got no answer asks
again: where it was done, a `Delete…` answers 404 `MDB-0006` (a project 409 `CMP-0003`, since its row stays), and a
`Create…` with a name of its own 409 `MDB-0007`.
";

/// What a reference points to.
fn shape<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => document
            .pointer(path.trim_start_matches('#'))
            .unwrap_or(&Value::Null),
        None => schema,
    }
}

/// A table of an object's fields, or a word for what is no object.
fn table(out: &mut String, document: &Value, title: &str, schema: &Value) {
    let shape = shape(document, schema);
    let Some(fields) = shape["properties"]
        .as_object()
        .filter(|fields| !fields.is_empty())
    else {
        let ty = type_of(document, schema);
        if ty != "null" && shape["properties"].is_null() {
            let _ = write!(out, "\n{title}: {ty}.\n");
        }
        return;
    };
    let required = shape["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let _ = write!(out, "\n{title}:\n\n| field | type | |\n|---|---|---|\n");
    for (name, field) in fields {
        let words = field["description"]
            .as_str()
            .unwrap_or_default()
            .replace('\n', " ");
        let needed = match title == "Parameters" && is_required(name) {
            true => " *Required.*",
            false => "",
        };
        let ty = type_of(document, field);
        let _ = writeln!(out, "| `{name}` | {ty} | {words}{needed} |");
    }
}

/// A schema's type in few words.
fn type_of(document: &Value, schema: &Value) -> String {
    if let Some(name) = named(document, schema) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(either) = schema["anyOf"].as_array() {
        let mut types: Vec<_> = either.iter().map(|one| type_of(document, one)).collect();
        types.retain(|ty| ty != "null");
        return types.join(" or ");
    }
    let found = shape(document, schema);
    if let Some(texts) = found["enum"].as_array() {
        let texts: Vec<_> = texts.iter().filter_map(Value::as_str).collect();
        return texts
            .iter()
            .map(|text| format!("`{text}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(either) = found["oneOf"].as_array() {
        let words = either.iter().filter_map(|one| one["const"].as_str());
        return words
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    let ty = match &found["type"] {
        Value::String(ty) => ty.clone(),
        Value::Array(types) => {
            let names = types
                .iter()
                .filter_map(Value::as_str)
                .filter(|ty| *ty != "null");
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    };
    match ty.as_str() {
        "array" => format!("list of {}", type_of(document, &found["items"])),
        _ => ty,
    }
}
