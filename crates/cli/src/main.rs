//! The `vitreous` program.

#![forbid(unsafe_code)]

mod analysis;
mod arguments;
mod building_blocks;
mod figure;
mod glass;
mod liquid;
mod models;
mod output_folder;
mod page;
mod report;
mod run;
mod sheet;
mod status;
mod storage;
mod structure;
mod study;
mod tasks;
mod thermalised;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    match arguments.execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<tasks::Stopped>() {
                ExitCode::from(tasks::stopped_status())
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
