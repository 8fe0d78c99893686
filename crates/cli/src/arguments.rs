//! The command line.

use crate::run;
use crate::tasks::STOP;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// The physics of glass: from an interatomic potential to the mesoscale stiffness of a glass and the slowness
/// of its liquid.
#[derive(Parser)]
#[command(name = "vitreous", version, propagate_version = true)]
#[command(after_help = "Examples:
  vitreous run studies/quick.toml            a whole study, from liquid to figures
  vitreous models                            which potentials there are")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a study: equilibrate, measure, quench, analyse, fit and plot.
    ///
    /// Everything finished is kept in the output folder. Stop with Ctrl-C and run the same command again to continue;
    /// nothing that was finished is computed again. Open index.html in the output folder to see the result.
    #[command(after_help = "Examples:
  vitreous run studies/quick.toml
  vitreous run studies/desk-ipl.toml --output results/ipl --threads 8")]
    Run {
        /// The study file (TOML).
        study: PathBuf,
        /// The folder for results [default: output/<name of the study file>].
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// The number of threads [default: all cores]. Results do not depend on it.
        #[arg(short, long)]
        threads: Option<NonZeroUsize>,
        /// Show no progress.
        #[arg(short, long)]
        quiet: bool,
    },
}

impl Arguments {
    pub(crate) fn execute(self) -> Result<()> {
        match self.command {
            Command::Run {
                study,
                output,
                threads,
                quiet,
            } => {
                stop_on_interrupt()?;
                let threads = threads
                    .or_else(|| std::thread::available_parallelism().ok())
                    .unwrap_or(NonZeroUsize::MIN);
                run::run(&run::Options {
                    study,
                    output,
                    threads,
                    quiet,
                })
            }
        }
    }
}

/// The first Ctrl-C asks to stop at the next checkpoint, the second stops at once.
fn stop_on_interrupt() -> Result<()> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!(
            "\nstopping at the next checkpoint (a few seconds); press Ctrl-C again to stop at once"
        );
    })
    .context("cannot listen for Ctrl-C")
}
