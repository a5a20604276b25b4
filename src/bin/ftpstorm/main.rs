//! ftpstorm: puts an FTP server under load or attack from one poll loop on one thread, and reports what happened.
//!
//! The map: [`options`] say what is asked for; [`plan`] casts it into roles with [`script`]s; [`storm`] is the loop in
//! which each [`client`] plays its script over its [`control`] and [`data`] connections; [`verdict`] judges the
//! [`measurements`], which [`report`] and [`chart`] show. Codec, slots and deadlines are the server's own.
//!
//! Exit codes: 0 if every operation succeeded or the server stood, 1 if not, 2 for a wrong command line, 3 if the run
//! tested nothing, 128 and the number of the signal that interrupted it.

#![forbid(unsafe_code)]

mod chart;
mod cleanup;
mod client;
mod control;
mod data;
mod failure;
mod interrupt;
mod loot;
mod measurements;
mod options;
mod plan;
mod polled_socket;
mod process;
mod progress;
mod rate;
mod reply_reader;
mod report;
mod script;
mod sources;
mod squat;
mod storm;
mod verdict;

use interrupt::Interrupt;
use loopftpd::confine;
use options::{Invocation, Options};
use plan::Plan;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use storm::Storm;
use verdict::{Judgement, Verdict};

fn main() -> ExitCode {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Storm(options)) => match run(&options) {
            Ok(verdict) => ExitCode::from(verdict.exit_code()),
            Err(error) => {
                print_error(&error.to_string());
                ExitCode::FAILURE
            }
        },
        Ok(Invocation::Help(text) | Invocation::Version(text)) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            print_error(&error.to_string());
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<Verdict, Box<dyn Error>> {
    confine::prepare_process(None)?;
    let interrupt = Interrupt::take_over()?;
    let outcome = Storm::new(options, Plan::new(options), interrupt)?.run()?;
    let judgement = Judgement::new(options, &outcome);
    print(&report::table(options, &outcome, &judgement));
    // Standard output may go to a file, and --quiet leaves only this to be read.
    if judgement.verdict != Verdict::Passed {
        print_error(&judgement.text(options));
    }
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&report::json(options, &outcome, &judgement))?;
        std::fs::write(file, text + "\n").map_err(|error| format!("--json {}: {error}", file.display()))?;
    }
    if let Some(file) = &options.svg {
        let title = format!("{} against {}", options.scenario_name(), options.target);
        chart::draw(&outcome.measurements, &title, file)
            .map_err(|error| format!("--svg {}: {error}", file.display()))?;
    }
    Ok(judgement.verdict)
}

/// To standard output; a reader that has gone does not matter.
fn print(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

fn print_error(text: &str) {
    let _ = writeln!(io::stderr(), "ftpstorm: {}", text.trim_end());
}
