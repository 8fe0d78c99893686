//! `vitreous hessian`.

use super::input::{Input, Sample};
use super::{Command, check_output, print};
use crate::storage;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::fmt::{Display, Formatter, Write as _};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use vitreous::linresp::Hessian;
use vitreous::md_core::{Mechanics, linearize};

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct WriteHessian {
    #[command(flatten)]
    input: Input,
    /// The file for the matrix (Matrix Market); `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// What is printed; the order of the fields is that of the keys.
#[derive(Serialize)]
struct Results {
    rows: usize,
    nonzeros: usize,
    force_ratio: f64,
    path: String,
}

impl Display for Results {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "rows         {}", self.rows)?;
        writeln!(
            f,
            "nonzeros     {} on and below the diagonal",
            self.nonzeros
        )?;
        writeln!(
            f,
            "force ratio  {:<24?} net over interaction forces; below 1e-9 in a good minimum",
            self.force_ratio
        )?;
        writeln!(f, "written to   {}", self.path)
    }
}

impl WriteHessian {
    /// What the file says of itself.
    fn comment<const D: usize>(&self, sample: &Sample<D>, force_ratio: f64) -> String {
        let mut text = format!(
            "Hessian d2U/dx dx of {} (frame {}), written by vitreous {}\n",
            self.input.path(),
            self.input.frame_index(),
            env!("CARGO_PKG_VERSION")
        );
        // Formatting into a string does not fail.
        let _ = writeln!(
            text,
            "row D i + k + 1 (D = {D}) is component k = 0 .. {} of particle i = 0, 1, ..., in the order of the file",
            D - 1
        );
        let _ = writeln!(
            text,
            "lower triangle; rms net force over rms force of interactions: {force_ratio:?}"
        );
        let _ = writeln!(text, "model {}", sample.model.name);
        for parameter in sample.model.parameters() {
            let _ = writeln!(text, "  {} = {}", parameter.key, parameter.value);
        }
        text
    }
}

impl Command for WriteHessian {
    fn input(&self) -> &Input {
        &self.input
    }

    fn execute<const D: usize>(&self, sample: Sample<D>) -> Result<()> {
        let to_stdout = self.output == Path::new("-");
        ensure!(
            !(to_stdout && self.input.json),
            "standard output cannot hold both the matrix and --json: give the matrix a file, as in -o H.mtx"
        );
        if !to_stdout {
            check_output(&self.output)?;
        }
        let linearization = linearize(sample.potential.as_ref(), &sample.configuration)
            .with_context(|| self.input.path())?;
        let force_ratio = Mechanics {
            forces: linearization.forces(),
            totals: linearization.totals(),
            volume: linearization.volume(),
        }
        .balance()
        .ratio();
        let hessian = Hessian::new(&linearization);
        let mut text = Vec::new();
        let nonzeros = hessian
            .matrix()
            .write_matrix_market(&mut text, &self.comment(&sample, force_ratio))?;
        let results = Results {
            rows: hessian.dimension(),
            nonzeros,
            force_ratio,
            path: self.output.display().to_string(),
        };
        if to_stdout {
            let mut output = std::io::stdout().lock();
            match output.write_all(&text).and_then(|()| output.flush()) {
                // Whoever reads has read enough.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                result => result.context("cannot write to standard output")?,
            }
            eprintln!(
                "note: the force ratio (net over interaction forces) is {force_ratio:e}; below 1e-9 in a good minimum"
            );
            Ok(())
        } else {
            storage::write(&self.output, &text)?;
            print(&results, self.input.json)
        }
    }
}
