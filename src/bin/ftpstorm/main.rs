//! ftpstorm: puts an FTP server under load or attack from one poll loop on one thread, and reports what happened.
//!
//! [`options`] and [`scenario`] describe the run; [`plan`] turns them into roles with [`script`]s; [`storm`] is the
//! loop in which each [`client`] runs its script over a [`control_connection`] and [`data_connection`]s; [`verdict`]
//! judges the [`measurements`], which [`report`], [`json_report`] and [`chart`] show. The loop is built from the
//! server's `reactor`.
//!
//! Exit codes: 0 if every operation succeeded or the server withstood the attack, 1 if not, 2 for a wrong command line,
//! 3 if the run tested nothing, 128 plus the number of the signal that interrupted it.

mod chart;
mod cleanup;
mod client;
mod control_connection;
mod data_connection;
mod failure;
mod interrupt;
mod json_report;
mod measurements;
mod options;
mod plan;
mod polled_socket;
mod process;
mod progress_display;
mod rate;
mod reply_reader;
mod report;
mod scenario;
mod script;
mod sources;
mod squat;
mod stolen_bytes;
mod storm;
mod verdict;

use interrupt::Interrupt;
use json_report::JsonReport;
use loopftpd::confine;
use options::{ParsedArguments, RunOptions};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use storm::Storm;
use verdict::{Judgement, RunVerdict};

fn main() -> ExitCode {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(ParsedArguments::Run(options)) => match run(&options) {
            Ok(exit_code) => ExitCode::from(exit_code),
            Err(error) => {
                print_error(&error.to_string());
                ExitCode::FAILURE
            }
        },
        Ok(ParsedArguments::Help(text) | ParsedArguments::Version(text)) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            print_error(&error.to_string());
            ExitCode::from(2)
        }
    }
}

fn run(options: &RunOptions) -> Result<u8, Box<dyn Error>> {
    confine::prepare_process(None)?;
    let interrupt = Interrupt::take_over()?;
    let outcome = Storm::new(options, interrupt)?.run()?;
    let judgement = Judgement::new(options, &outcome);
    print(&report::table(options, &outcome, &judgement));
    // Standard output may go to a file, and with --quiet this is all that a person sees.
    if judgement.verdict != RunVerdict::Passed {
        print_error(&judgement.text(options));
    }
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&JsonReport::new(options, &outcome, &judgement))?;
        std::fs::write(file, text + "\n").map_err(|error| format!("--json {}: {error}", file.display()))?;
    }
    if let Some(file) = &options.svg {
        let title = format!("{} against {}", options.scenario.name, options.target);
        chart::draw(&outcome.measurements, &title, file)
            .map_err(|error| format!("--svg {}: {error}", file.display()))?;
    }
    Ok(judgement.exit_code)
}

/// Prints to standard output; a closed pipe is no error.
fn print(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

fn print_error(text: &str) {
    let _ = writeln!(io::stderr(), "ftpstorm: {}", text.trim_end());
}
