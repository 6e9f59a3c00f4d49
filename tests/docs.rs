//! Documents that are made from the code are up to date. `UPDATE_DOCS=1 cargo test --test docs`
//! writes them.

use clap::CommandFactory;
use oms::error::{ALL_KINDS, Retry};
use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

fn check(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/{name} is out of date: UPDATE_DOCS=1 cargo test --test docs"
    );
}

#[test]
fn errors() {
    let mut text = String::from(
        "# Errors\n\nMade from `src/error/kind.rs`. Codes are stable: never renumbered, never re-used.\n\n\
         *Retry*: `timed` errors are tried again with back-off; `manual` ones wait for a person.\n\n\
         | code | name | retry | what to do |\n|---|---|---|---|\n",
    );
    for kind in ALL_KINDS {
        let retry = match kind.retry() {
            Retry::Timed => "timed",
            Retry::Manual => "manual",
        };
        let _ = writeln!(
            text,
            "| {} | {} | {retry} | {} |",
            kind.code(),
            kind.name(),
            kind.remedy()
        );
    }
    check("errors.md", &text);
}

#[test]
fn api() {
    check("api.md", &oms::api::markdown());
}

#[test]
fn parameters() {
    check("parameters.md", &oms::model::params::markdown());
}

#[test]
fn codes_are_unique() {
    let codes: HashSet<_> = ALL_KINDS.iter().map(|k| k.code()).collect();
    assert_eq!(codes.len(), ALL_KINDS.len());
}

#[test]
fn the_sample_configuration_is_valid_and_shows_the_defaults() {
    let text = include_str!("../docs/configuration.md");
    let yaml = text
        .split("```yaml")
        .nth(1)
        .and_then(|t| t.split("```").next())
        .expect("a yaml block");
    let file: oms::config::migrate::MigrateFile = serde_yaml_ng::from_str(yaml).expect("valid");
    assert_eq!(file.options, oms::model::options::Options::default());
}

#[test]
fn every_command_is_in_the_documents() {
    let text = include_str!("../docs/cli.md");
    let mut missing = Vec::new();
    for group in oms::cli::args::Cli::command().get_subcommands() {
        let beside = ["rm", "server"];
        if beside.contains(&group.get_name()) {
            continue;
        }
        if !text.contains(&format!("oms {}", group.get_name())) {
            missing.push(group.get_name().to_owned());
        }
        for command in group.get_subcommands() {
            let (group, command) = (group.get_name(), command.get_name());
            let lines = text.lines().filter(|l| l.contains(&format!("oms {group}")));
            if !lines.into_iter().any(|l| l.contains(command)) {
                missing.push(format!("{group} {command}"));
            }
        }
    }
    assert!(missing.is_empty(), "docs/cli.md does not name {missing:?}");
}
