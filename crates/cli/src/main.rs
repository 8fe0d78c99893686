//! The `vitreous` program.

mod analysis;
mod arguments;
mod building_blocks;
mod figure;
mod glass;
mod liquid;
mod models;
mod page;
mod report;
mod run;
mod storage;
mod structure;
mod study;
mod tasks;
mod thermalised;

use clap::Parser;
use std::process::ExitCode;

/// The exit status after a stop by the user, as shells give it after SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    match arguments.execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<tasks::Stopped>() {
                ExitCode::from(INTERRUPTED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
