//! What a nudge does and when, against a second session that is told how to answer.

use super::*;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A server whose DDL waits until a table was made.
#[derive(Default)]
struct Stuck {
    databases: Vec<&'static str>,
    /// Tables of these are refused.
    refusing: Vec<&'static str>,
    /// Making a table in these never ends.
    hanging: Vec<&'static str>,
    tables: Mutex<Vec<String>>,
    said: Mutex<Vec<(u64, String)>>,
    woken: Notify,
    deaf: bool,
}

struct Told(Arc<Stuck>, Instant);

impl SecondSession for Told {
    fn run(&mut self, sql: String) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let at = self.1.elapsed().as_secs();
            // without the digits
            let short = sql.split(PREFIX).next().unwrap_or_default().to_owned();
            self.0.said.lock().push((at, short));
            let within =
                |names: &[&str]| names.iter().any(|name| sql.contains(&format!("`{name}`")));
            if within(&self.0.hanging) {
                futures::future::pending::<()>().await;
            }
            if within(&self.0.refusing) {
                return Err("denied".to_owned());
            }
            let table = sql.split('`').nth(3).unwrap_or_default().to_owned();
            let mut tables = self.0.tables.lock();
            if sql.starts_with("CREATE") {
                tables.push(table);
                if !self.0.deaf {
                    self.0.woken.notify_one();
                }
            } else {
                tables.retain(|there| *there != table);
            }
            Ok(())
        })
    }

    fn names(&mut self, sql: String) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(async move {
            Ok(match sql.as_str() {
                "SHOW DATABASES" => self.0.databases.iter().map(|n| (*n).to_owned()).collect(),
                _ => self.0.tables.lock().clone(),
            })
        })
    }
}

/// Waits for the server's answer, for so long at most; when it came, in seconds.
async fn answered(pace: Pace, stuck: &Arc<Stuck>, most: u64) -> Option<u64> {
    let begun = Instant::now();
    let server = Arc::clone(stuck);
    let open: Open = Arc::new(move || {
        let told = Told(Arc::clone(&server), begun);
        Box::pin(async move { Ok(Some(Box::new(told) as Box<dyn SecondSession>)) })
    });
    let waiting = nudged_by(pace, stuck.woken.notified(), open);
    let done = timeout(Duration::from_secs(most), waiting).await;
    done.ok().map(|()| begun.elapsed().as_secs())
}

fn said(stuck: &Stuck) -> Vec<(u64, String)> {
    stuck.said.lock().clone()
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_waits_is_woken_and_nothing_stays() {
    let left = format!("{PREFIX}0123456789abcdef");
    let theirs = format!("{PREFIX}of_somebody_else");
    let stuck = Arc::new(Stuck {
        databases: vec!["aaa", "mysql", "oceanbase", "test", "information_schema"],
        tables: Mutex::new(vec![left, theirs.clone()]),
        ..Stuck::default()
    });
    assert_eq!(answered(Pace::Steady, &stuck, 60).await, Some(5));
    let what: Vec<_> = said(&stuck).into_iter().map(|(_, sql)| sql).collect();
    let drop = "DROP TABLE IF EXISTS `test`.`";
    assert_eq!(what, ["CREATE TABLE `test`.`", drop, drop]);
    assert_eq!(*stuck.tables.lock(), [theirs]);
}

#[tokio::test(start_paused = true)]
async fn the_first_database_that_takes_a_table_is_used() {
    let stuck = Arc::new(Stuck {
        databases: vec!["b", "a", "test", "omstxndb", "LBACSYS"],
        refusing: vec!["omstxndb"],
        hanging: vec!["test"],
        ..Stuck::default()
    });
    let own = OWN_STATEMENT.as_secs();
    assert_eq!(answered(Pace::Steady, &stuck, 60).await, Some(5 + own));
    let tried: Vec<_> = said(&stuck)
        .into_iter()
        .filter(|(_, sql)| sql.starts_with("CREATE"))
        .map(|(_, sql)| sql.split('`').nth(1).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(tried, ["test", "omstxndb", "a"]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_help_is_done_again_while_the_caller_waits() {
    for (pace, expected) in [
        (Pace::Steady, vec![5, 10, 15, 20, 25, 30, 35, 40, 45, 50]),
        (Pace::Rarer, vec![5, 15, 35]),
    ] {
        let stuck = Arc::new(Stuck {
            databases: vec!["test"],
            deaf: true,
            ..Stuck::default()
        });
        assert_eq!(answered(pace, &stuck, 52).await, None);
        let made: Vec<u64> = said(&stuck)
            .into_iter()
            .filter(|(_, sql)| sql.starts_with("CREATE"))
            .map(|(at, _)| at)
            .collect();
        assert_eq!(made, expected, "{pace:?}");
        assert!(stuck.tables.lock().is_empty());
    }
    assert_eq!(Pace::Rarer.after(LONGEST), LONGEST);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_is_not_nudged() {
    let stuck = Arc::new(Stuck {
        databases: vec!["test"],
        ..Stuck::default()
    });
    stuck.woken.notify_one();
    assert_eq!(answered(Pace::Steady, &stuck, 60).await, Some(0));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(said(&stuck), []);
}

#[test]
fn only_what_may_take_hours_is_nudged_more_rarely() {
    assert_eq!(Pace::of("ALTER TABLE a.b ADD KEY k (c)"), Pace::Rarer);
    assert_eq!(Pace::of("  alter\ntable a.b RENAME TO c"), Pace::Rarer);
    for sql in [
        "CREATE DATABASE a",
        "RENAME TABLE a.b TO a.c",
        "TRUNCATE TABLE a.b",
        "",
    ] {
        assert_eq!(Pace::of(sql), Pace::Steady, "{sql}");
    }
}
