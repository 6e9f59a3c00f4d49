//! Hides passwords that were given on the command line from the process list.
//!
//! The kernel shows a process's arguments from the process's own memory; Linux lets a process
//! write there through `/proc/self/mem`. Each password in a URL is overwritten with stars as soon
//! as the arguments were read. Where that cannot be done, the caller warns.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};

/// Overwrites the passwords of all URLs in this process's arguments. True if none is left.
pub fn hide_passwords() -> bool {
    hide().unwrap_or(false)
}

fn hide() -> std::io::Result<bool> {
    let mut shown = Vec::new();
    std::fs::File::open("/proc/self/cmdline")?.read_to_end(&mut shown)?;
    let spans = password_spans(&shown);
    if spans.is_empty() {
        return Ok(true);
    }
    let Some(start) = arguments_start() else {
        return Ok(false);
    };
    let mut memory = OpenOptions::new().write(true).open("/proc/self/mem")?;
    for (from, to) in spans {
        memory.seek(SeekFrom::Start(start + from as u64))?;
        memory.write_all(&vec![b'*'; to - from])?;
    }
    let mut after = Vec::new();
    std::fs::File::open("/proc/self/cmdline")?.read_to_end(&mut after)?;
    Ok(password_spans(&after)
        .iter()
        .all(|&(from, to)| after[from..to].iter().all(|&b| b == b'*')))
}

/// Address of the first argument: field 48 of `/proc/self/stat`, counted behind the command's
/// name, which may itself hold blanks and parentheses.
fn arguments_start() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(45)?.parse().ok()
}

/// Where the passwords of `scheme://user:password@` stand.
fn password_spans(arguments: &[u8]) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let mut offset = 0;
    for argument in arguments.split(|&b| b == 0) {
        if let Some(scheme) = find(argument, b"://") {
            let rest = &argument[scheme + 3..];
            // the last '@' before a path or query: a password may hold one
            let host_end = rest.iter().position(|&b| b == b'?').unwrap_or(rest.len());
            if let Some(at) = rest[..host_end].iter().rposition(|&b| b == b'@')
                && let Some(colon) = rest[..at].iter().position(|&b| b == b':')
            {
                let base = offset + scheme + 3;
                spans.push((base + colon + 1, base + at));
            }
        }
        offset += argument.len() + 1;
    }
    spans
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_found_and_nothing_else() {
        let line = b"oms\0migrate\0--source\0mysql://a:p@ss@h:1\0--target=mysql://b@h\0--rm\0mysql://c:x@h/d?e=f@g\0";
        let found: Vec<_> = password_spans(line)
            .into_iter()
            .map(|(from, to)| &line[from..to])
            .collect();
        assert_eq!(found, [&b"p@ss"[..], b"x"]);
    }
}
