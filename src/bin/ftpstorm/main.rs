//! ftpstorm: puts an FTP server under load or attack from one poll loop on one thread, and tells what happened.
//!
//! The map: [`options`] say what is asked for; [`plan`] casts it into roles with [`script`]s; [`storm`] is the loop in which
//! each [`client`] plays its script over its [`control`] and [`data`] connections; [`measurements`] are what [`report`] and
//! [`chart`] tell. Codec, slots and deadlines are the server's own.
//!
//! Exit codes: 0 if every operation succeeded or the server stood, 1 if not, 2 for a wrong command line.

#![forbid(unsafe_code)]

mod chart;
mod client;
mod control;
mod data;
mod failure;
mod measurements;
mod options;
mod plan;
mod process;
mod progress;
mod report;
mod script;
mod sources;
mod squat;
mod storm;

use loopftpd::confine;
use options::{Invocation, Options};
use plan::Plan;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use storm::Storm;

fn main() -> ExitCode {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Storm(options)) => match blow(&options) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                complain(&error.to_string());
                ExitCode::FAILURE
            }
        },
        Ok(Invocation::Help(text) | Invocation::Version(text)) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(2)
        }
    }
}

/// Whether all went well.
fn blow(options: &Options) -> Result<bool, Box<dyn Error>> {
    confine::prepare_process()?;
    let outcome = Storm::new(options, Plan::new(options))?.run()?;
    let complaints = outcome.complaints(options);
    say(&report::table(options, &outcome, &complaints));
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&report::json(options, &outcome, &complaints))?;
        std::fs::write(file, text + "\n").map_err(|error| format!("--json {}: {error}", file.display()))?;
    }
    if let Some(file) = &options.svg {
        let title = format!("{} against {}", options.scenario_name(), options.target);
        chart::draw(&outcome.measurements, &title, file)
            .map_err(|error| format!("--svg {}: {error}", file.display()))?;
    }
    Ok(complaints.is_empty())
}

/// To standard output; a reader that has gone does not matter.
fn say(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "ftpstorm: {}", text.trim_end());
}
