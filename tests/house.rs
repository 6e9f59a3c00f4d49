//! The house rules: arrows between modules point down only, files and functions stay small.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Top-level modules with what each may use, besides itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("telemetry", &["error"]),
    ("model", &["error"]),
    ("workflow", &["model", "error"]),
    ("actor", &["model", "error"]),
    ("datasource", &["model", "error"]),
    // the rm database may stand on a server whose faults datasource knows
    ("metadata", &["model", "error", "datasource"]),
    ("cluster", &["model", "error", "metadata"]),
    ("config", &["model", "error", "datasource"]),
    (
        "component",
        &[
            "workflow",
            "actor",
            "datasource",
            "metadata",
            "cluster",
            "model",
            "error",
        ],
    ),
    (
        "switchover",
        &[
            "component",
            "workflow",
            "actor",
            "datasource",
            "metadata",
            "cluster",
            "model",
            "error",
        ],
    ),
    (
        "supervisor",
        &[
            "switchover",
            "component",
            "workflow",
            "actor",
            "datasource",
            "metadata",
            "cluster",
            "model",
            "error",
            "config",
        ],
    ),
    (
        "coordinator",
        &[
            "switchover",
            "component",
            "workflow",
            "actor",
            "datasource",
            "metadata",
            "cluster",
            "model",
            "error",
            "config",
        ],
    ),
    (
        "api",
        &[
            "coordinator",
            "workflow",
            "actor",
            "datasource",
            "metadata",
            "cluster",
            "model",
            "error",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "api",
            "coordinator",
            "supervisor",
            "component",
            "workflow",
            "actor",
            "datasource",
            "metadata",
            "cluster",
            "model",
            "error",
            "config",
            "telemetry",
        ],
    ),
];

/// Components meet in the rm rows and in the Store's stream; what they share stands beside them.
const SHARED_BY_COMPONENTS: &[&str] = &["contract", "log_source", "share", "throttle", "env"];

fn sources(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut out,
    );
    out.sort();
    out
}

/// The paths behind `crate::` in a file, as lists of names; `crate::{a, b}` counts as both.
fn crate_paths(text: &str) -> BTreeSet<Vec<String>> {
    let mut paths = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        if text[..at].ends_with('$') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        let words = |s: &str| -> Vec<String> {
            s.split("::")
                .map(|w| {
                    w.chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect::<String>()
                })
                .take_while(|w| !w.is_empty())
                .collect()
        };
        if let Some(group) = rest.strip_prefix('{') {
            let end = group.find('}').unwrap_or(group.len());
            paths.extend(group[..end].split(',').map(|p| words(p.trim())));
        } else {
            let end = rest.find([';', '\n', ' ', '(', '<']).unwrap_or(rest.len());
            paths.insert(words(&rest[..end]));
        }
    }
    paths.retain(|p| !p.is_empty());
    paths
}

#[test]
fn arrows_point_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in sources("src") {
        let relative = file.strip_prefix(&root).expect("below src");
        let parts: Vec<_> = relative
            .iter()
            .map(|p| p.to_string_lossy().into_owned())
            .collect();
        if parts.len() == 1 {
            continue;
        }
        let module = parts[0].as_str();
        let allowed = MAY_USE
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("module {module} has no line in tests/house.rs"))
            .1;
        let text = fs::read_to_string(&file).expect("readable");
        for path in crate_paths(&text) {
            let target = path[0].as_str();
            let known = MAY_USE.iter().any(|(name, _)| *name == target);
            if known && target != module && !allowed.contains(&target) {
                wrong.push(format!("{}: {module} uses {target}", relative.display()));
            }
            if module == "component"
                && target == "component"
                && parts.len() > 2
                && path.get(1).is_some_and(|other| {
                    *other != parts[1] && !SHARED_BY_COMPONENTS.contains(&other.as_str())
                })
            {
                wrong.push(format!(
                    "{}: component {} uses component {}",
                    relative.display(),
                    parts[1],
                    path[1]
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that point up or across:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn drivers_have_one_user_each() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (driver, home) in [
        ("sea_orm", "metadata"),
        ("mysql_async", "datasource"),
        ("etcd_client", "cluster"),
        ("ureq", "cli"),
    ] {
        for file in sources("src") {
            let relative = file.strip_prefix(&root).expect("below src").to_owned();
            let text = fs::read_to_string(&file).expect("readable");
            if text.contains(&format!("{driver}::")) && !relative.starts_with(home) {
                wrong.push(format!(
                    "{} uses {driver}, which belongs to {home}",
                    relative.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_small() {
    let long: Vec<_> = ["src", "entity/src", "migration/src", "tests"]
        .iter()
        .flat_map(|folder| sources(folder))
        .filter_map(|file| {
            let lines = fs::read_to_string(&file).expect("readable").lines().count();
            (lines > 500).then(|| format!("{}: {lines} lines", file.display()))
        })
        .collect();
    assert!(
        long.is_empty(),
        "files over 500 lines want to be two:\n{}",
        long.join("\n")
    );
}

#[test]
fn modules_introduce_themselves() {
    let silent: Vec<_> = ["src", "entity/src", "migration/src"]
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|file| {
            !fs::read_to_string(file)
                .expect("readable")
                .starts_with("//!")
        })
        .map(|file| file.display().to_string())
        .collect();
    assert!(
        silent.is_empty(),
        "modules without a first paragraph: {silent:?}"
    );
}

#[test]
fn mailboxes_are_bounded() {
    let wild: Vec<_> = sources("src")
        .into_iter()
        .filter(|file| {
            let text = fs::read_to_string(file).expect("readable");
            text.contains(".do_send(") || text.contains("unbounded_channel(")
        })
        .collect();
    assert!(wild.is_empty(), "unbounded sends in {wild:?}");
}
