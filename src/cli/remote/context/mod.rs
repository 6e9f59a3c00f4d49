//! `oms context`: servers by name.

mod file;

pub use file::{Context, Contexts, default_path};

use super::address;
use super::args::ContextCommand;
use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::{print, table};
use crate::error::{Error, Kind, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn run(command: ContextCommand, output: Output) -> Result<ExitCode> {
    let path = default_path(&|name| std::env::var(name).ok());
    let contexts = Contexts::load(&path)?;
    match command {
        ContextCommand::List => list(&contexts, output)?,
        ContextCommand::Show { name } => show(&contexts, name.as_deref(), output)?,
        ContextCommand::Add {
            name,
            api,
            user,
            password_file,
            ca_file,
        } => {
            let new = checked(&api, user, [password_file, ca_file])?;
            let current = add(contexts, &name, new)?;
            current.save(&path)?;
            print::note(&said(&current, &name, &path));
        }
        ContextCommand::Use { name } => {
            let mut contexts = contexts;
            contexts.get(&name)?;
            contexts.current = Some(name);
            contexts.save(&path)?;
        }
        ContextCommand::Remove { name } => {
            let mut contexts = contexts;
            contexts.get(&name)?;
            contexts.contexts.remove(&name);
            contexts.current = contexts.current.filter(|current| *current != name);
            contexts.save(&path)?;
        }
    }
    Ok(ExitCode::Equal)
}

fn said(contexts: &Contexts, name: &str, path: &Path) -> String {
    let rest = match contexts.current.as_deref() == Some(name) {
        true => "it is the current one".to_owned(),
        false => format!("`oms context use {name}` makes it the current one"),
    };
    format!("context '{name}' is kept in {}; {rest}", path.display())
}

/// A context whose parts are right, with the whole paths of the files of its password and of its
/// server's authorities.
fn checked(api: &str, user: String, files: [Option<PathBuf>; 2]) -> Result<Context> {
    address::check_user(&user)?;
    let whole = |path: PathBuf| {
        std::path::absolute(&path).map_err(|e| {
            Error::new(Kind::ConfigInvalid, format!("file {}", path.display())).caused_by(e)
        })
    };
    let [password_file, ca_file] = files.map(|file| file.map(whole).transpose());
    Ok(Context {
        api: address::parse(api)?.to_string(),
        user,
        password_file: password_file?,
        ca_file: ca_file?,
    })
}

fn add(mut contexts: Contexts, name: &str, new: Context) -> Result<Contexts> {
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Error::new(Kind::ConfigInvalid, "the context's name")
            .detail("it must have a character and no space"));
    }
    if contexts.contexts.contains_key(name) {
        return Err(Error::new(Kind::ConfigInvalid, format!("context '{name}'"))
            .detail("there is one with this name")
            .remedy(format!(
                "`oms context remove {name}` first, or give another name."
            )));
    }
    contexts.contexts.insert(name.to_owned(), new);
    contexts.current.get_or_insert_with(|| name.to_owned());
    Ok(contexts)
}

fn item(contexts: &Contexts, name: &str, context: &Context) -> Value {
    json!({
        "name": name,
        "api": context.api,
        "user": context.user,
        "passwordFile": context.password_file,
        "caFile": context.ca_file,
        "current": contexts.current.as_deref() == Some(name),
    })
}

fn list(contexts: &Contexts, output: Output) -> Result<()> {
    if output != Output::Text {
        let items = contexts.contexts.iter();
        let items: Vec<_> = items.map(|(name, c)| item(contexts, name, c)).collect();
        return print::document(output, &items);
    }
    let mut t = table::headed(["", "NAME", "API", "USER", "PASSWORD"]);
    for (name, context) in &contexts.contexts {
        let current = contexts.current.as_ref() == Some(name);
        t.add_row([
            if current { "*" } else { "" }.to_owned(),
            name.clone(),
            context.api.clone(),
            context.user.clone(),
            password(context),
        ]);
    }
    print::out(&t.to_string());
    Ok(())
}

fn show(contexts: &Contexts, name: Option<&str>, output: Output) -> Result<()> {
    let name = name.or(contexts.current.as_deref()).ok_or_else(|| {
        Error::new(Kind::NotFound, "the current context")
            .detail("there is none")
            .remedy("`oms context use NAME` chooses one, `oms context add` makes one.")
    })?;
    let context = contexts.get(name)?;
    if output != Output::Text {
        return print::document(output, &item(contexts, name, context));
    }
    let mut t = table::plain();
    t.add_row(["Name", name]);
    t.add_row(["API", &context.api]);
    t.add_row(["User", &context.user]);
    t.add_row(["Password", &password(context)]);
    if let Some(file) = &context.ca_file {
        t.add_row(["Authorities", &file.display().to_string()]);
    }
    print::out(&t.to_string());
    Ok(())
}

fn password(context: &Context) -> String {
    match &context.password_file {
        Some(path) => path.display().to_string(),
        None => "asked each time".to_owned(),
    }
}
