//! A person's word: what is asked, and how it is answered. Nothing is confirmed by default.

use super::standing::{open_objects, sub_step};
use crate::cli::remote::columns::{cell, text_at};
use crate::workflow::switch::COMPLETE_OBJECT;
use serde_json::Value;
use std::io::{BufRead, IsTerminal, Write};

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It is so.
    Yes,
    /// Go on without it.
    Skip,
    /// Let it wait.
    No,
}

/// A question about a sub-step or an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is confirmed with it: a sub-step's name or an object's id.
    pub about: String,
    /// In words.
    pub text: String,
    /// Whether it can be gone without.
    pub skippable: bool,
}

/// The two servers, as a person knows them.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// The project's source.
    pub source: String,
    /// The project's target.
    pub target: String,
}

impl Ends {
    /// Those of a project as `DescribeProject` shows it.
    pub fn of(project: &Value) -> Self {
        let end = |info: &str| {
            let text = |place: &str| text_at(&project[info], place);
            format!(
                "{} ({} at {})",
                text("endpointName"),
                text("dbEngine"),
                text("connectionInfo")
            )
        };
        Self {
            source: end("sourceConnectInfo"),
            target: end("sinkConnectInfo"),
        }
    }
}

/// What has to be answered, of what waits.
pub fn questions(state: &Value, what: &str, ends: &Ends) -> Vec<Question> {
    if what == COMPLETE_OBJECT {
        let ask = |object: &Value| Question {
            about: text_at(object, "id"),
            text: format!(
                "The source has {}, and the target has not.\nIs it at the target by now, or not needed there?",
                text_at(object, "name")
            ),
            skippable: true,
        };
        return open_objects(state).map(ask).collect();
    }
    let text = match what {
        "STOP_SOURCE_WRITES" => format!(
            "Has the application stopped writing at the source, {}, for good?\n\
             The log is read behind your word: where anything was written to the project's tables, the \
             switchover stops before it changes sides.",
            ends.source
        ),
        "STOP_TARGET_WRITES" => format!(
            "Has the application stopped writing at the target, {}, for good?\n\
             What was written there is carried to the source first; where anything is written later, the \
             roll-back stops before it changes sides.",
            ends.target
        ),
        other => {
            let known = sub_step(state, other).map(|sub| text_at(sub, "description"));
            format!("Is this so: {}?", known.unwrap_or_else(|| other.to_owned()))
        }
    };
    vec![Question {
        about: what.to_owned(),
        text,
        skippable: false,
    }]
}

/// Whether there is anybody to ask.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks until one of the words comes; the end of the input lets it wait.
pub fn ask(question: &Question, input: &mut impl BufRead, out: &mut impl Write) -> Said {
    let words = match question.skippable {
        true => "yes, skip (go on without it), or no (let it wait)",
        false => "yes, or no (let it wait)",
    };
    let text: Vec<String> = question
        .text
        .lines()
        .map(|line| cell(&line.into()))
        .collect();
    let _ = writeln!(
        out,
        "\n{} waits for your word.\n{}",
        cell(&question.about.as_str().into()),
        text.join("\n")
    );
    loop {
        let _ = write!(out, "Type {words}: ");
        let _ = out.flush();
        let mut line = String::new();
        match input.read_line(&mut line) {
            Ok(1..) => {}
            _ => return Said::No,
        }
        match line.trim().to_lowercase().as_str() {
            "yes" => return Said::Yes,
            "no" => return Said::No,
            "skip" if question.skippable => return Said::Skip,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(question: &Question, input: &str) -> (Said, String) {
        let mut out = Vec::new();
        let said = ask(question, &mut input.as_bytes(), &mut out);
        (said, String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn only_the_whole_word_confirms() {
        let ends = Ends {
            source: "from (MYSQL at 10.0.0.1:3306)".to_owned(),
            target: "to".to_owned(),
        };
        let stop = questions(&json!({}), "STOP_SOURCE_WRITES", &ends);
        let [stop] = stop.as_slice() else {
            panic!("{stop:?}");
        };
        assert_eq!(stop.about, "STOP_SOURCE_WRITES");
        assert!(stop.text.contains("10.0.0.1:3306"), "{stop:?}");
        // nothing, a letter, and a word that is none of these are asked again
        let (said, shown) = asked(stop, "\ny\nskip\nYES\n");
        assert_eq!(said, Said::Yes);
        assert_eq!(shown.matches("Type yes, or no").count(), 4, "{shown}");
        assert_eq!(asked(stop, "").0, Said::No);
        assert_eq!(asked(stop, "ye").0, Said::No);
        assert_eq!(asked(stop, "no\nyes\n").0, Said::No);
    }

    #[test]
    fn each_object_is_asked_for() {
        let state = json!({ "objects": [
            { "id": "t_1", "name": "TRIGGER s.a", "status": "FINISHED" },
            { "id": "t_2", "name": "EVENT s.b\u{1b}[2J", "status": "PENDING" },
            { "id": "t_3", "name": "FUNCTION s.c", "status": "PENDING" },
        ]});
        let all = questions(&state, COMPLETE_OBJECT, &Ends::default());
        let about: Vec<&str> = all.iter().map(|q| q.about.as_str()).collect();
        assert_eq!(about, ["t_2", "t_3"]);
        let (said, shown) = asked(&all[0], "skip\n");
        assert_eq!(said, Said::Skip);
        assert!(
            shown.contains("EVENT s.b") && !shown.contains('\u{1b}'),
            "{shown}"
        );
    }

    #[test]
    fn what_a_newer_server_asks_is_shown_in_its_words() {
        let state = json!({ "subSteps": [{ "name": "NEW", "description": "The moon is full" }] });
        let asked = questions(&state, "NEW", &Ends::default());
        assert!(asked[0].text.contains("The moon is full"));
    }
}
