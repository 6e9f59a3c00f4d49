//! The rehearsal: every check and every statement of a switchover, and how long the application would be
//! without writes. It changes nothing.

use super::check::{Check, CheckItem};
use super::objects;
use super::work::Ends;
use crate::component::full_verification::RmProgressed;
use crate::component::precheck::ItemStatus;
use crate::datasource::mysql::log_way;
use crate::error::Result;
use crate::workflow::switch::{Part, StopWrites, Way, parts};
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long it is looked how soon the target has the source's present.
const LONGEST: Duration = Duration::from_secs(30);
/// What the Coordinator, the Supervisor and a component need from a word to its effect, as their looks
/// follow each other, milliseconds.
const HAND_OVER_MS: u64 = 300;

/// What a rehearsal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// A switchover could begin now.
    pub ready: bool,
    /// What was checked.
    pub checks: Vec<CheckItem>,
    /// The sub-steps, in their order, with what each would do.
    pub sub_steps: Vec<RehearsedStep>,
    /// What a person would have to move, like `TRIGGER shop.t1`.
    pub objects: Vec<String>,
    /// How long the target took to have what the source's log ended with just now, milliseconds; None: it
    /// did not come to that within 30 s.
    pub catch_up_ms: Option<u64>,
    /// How long the application would be without writes, milliseconds: the catching up as measured, and
    /// the hand-overs behind it; without the time that persons take.
    pub without_writes_ms: Option<u64>,
}

/// A sub-step of a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RehearsedStep {
    /// Its `task_type`.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What would be run at a server.
    pub statements: Vec<String>,
}

/// Rehearses a switchover.
///
/// # Errors
/// As a server is not reached.
pub async fn rehearse(ends: &Ends, stop_writes: StopWrites, waive: &[String]) -> Result<Rehearsal> {
    let checks = Check { ends }.items(waive).await?;
    let objects = objects::missing(ends).await?;
    let catch_up_ms = catch_up(ends).await?;
    let steps = parts(Way::Forward, &[]);
    let from_stop = steps
        .iter()
        .skip_while(|part| **part != Part::StopSourceWrites);
    let hand_overs = from_stop.count() as u64 * HAND_OVER_MS;
    Ok(Rehearsal {
        ready: checks
            .iter()
            .all(|item| item.status != ItemStatus::Failed || item.waived),
        sub_steps: steps
            .into_iter()
            .map(|part| RehearsedStep {
                name: part.text().to_owned(),
                description: part.description().to_owned(),
                statements: statements(part, stop_writes),
            })
            .collect(),
        objects,
        without_writes_ms: catch_up_ms.map(|ms| ms + hand_overs),
        catch_up_ms,
        checks,
    })
}

/// How long the target takes to have the source's present.
async fn catch_up(ends: &Ends) -> Result<Option<u64>> {
    // a log that is served elsewhere may be behind: then it is caught up with what it shows
    let wanted = log_way::end(&ends.source).await?.txn_id();
    let (metadata, project) = (ends.metadata.clone(), ends.project.clone());
    let progressed = RmProgressed::new(metadata, project, ends.source.clone());
    let began = Instant::now();
    while began.elapsed() < LONGEST {
        if progressed
            .watermark()
            .await?
            .flatten()
            .is_some_and(|at| at >= wanted)
        {
            let ms = u64::try_from(began.elapsed().as_millis());
            return Ok(Some(ms.unwrap_or(u64::MAX)));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(None)
}

fn statements(part: Part, stop_writes: StopWrites) -> Vec<String> {
    let sql: &[&str] = match part {
        Part::StopSourceWrites if stop_writes == StopWrites::ReadOnly => {
            &["source: SET GLOBAL read_only = ON"]
        }
        Part::CreateDestStore => &[
            "target: CREATE DATABASE IF NOT EXISTS `drc`",
            "target: CREATE TABLE IF NOT EXISTS `drc`.`heartbeat` (…)",
        ],
        Part::CreateReverseSync => &[
            "source: CREATE DATABASE IF NOT EXISTS `omstxndb`",
            "source: CREATE TABLE IF NOT EXISTS `omstxndb`.`oms_txn_progress` (…)",
        ],
        _ => &[],
    };
    sql.iter().map(|sql| (*sql).to_owned()).collect()
}
