//! Files of dipole stiffnesses for spreadsheets, Python and OVITO.

use super::super::npy::npy;
use super::Stiffness;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use vitreous::md_core::Configuration;
use vitreous::md_core::files::extended_xyz::{Column, Frame, Labels, write_frame_with};

/// A file that is asked for; its extension says what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    path: PathBuf,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Table,
    Array,
    Particles,
    Bonds,
}

impl std::str::FromStr for Output {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let form = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Form::Table,
            Some("npy") => Form::Array,
            Some("xyz" | "extxyz") => Form::Particles,
            Some("dump") => Form::Bonds,
            _ => {
                return Err(
                    "the name must end in .csv or .npy (a row for each interaction), .xyz (particles, for OVITO and ASE) or .dump (bonds, for OVITO)"
                        .to_owned(),
                );
            }
        };
        Ok(Self { path, form })
    }
}

impl Output {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file has a row for each interaction, of however many.
    pub(super) fn by_interaction(&self) -> bool {
        matches!(self.form, Form::Table | Form::Array)
    }

    /// The contents of the file.
    pub(super) fn contents<const D: usize>(
        &self,
        configuration: &Configuration<D>,
        labels: &Labels,
        stiffnesses: &[Stiffness],
    ) -> Result<Vec<u8>> {
        Ok(match self.form {
            Form::Table => table(stiffnesses).into_bytes(),
            Form::Array => {
                let row = |s: &Stiffness| [s.i as f64, s.j as f64, s.kappa];
                npy(&[stiffnesses.len(), 3], stiffnesses.iter().flat_map(row))
            }
            Form::Particles => {
                let [means, counts] = by_particle(configuration.len(), stiffnesses);
                particles(configuration, labels, &means, &counts)
                    .with_context(|| format!("{}", self.path.display()))?
            }
            Form::Bonds => bonds(stiffnesses).into_bytes(),
        })
    }
}

fn table(stiffnesses: &[Stiffness]) -> String {
    let mut text = "i,j,kappa\n".to_owned();
    for Stiffness { i, j, kappa } in stiffnesses {
        let _ = writeln!(text, "{i},{j},{kappa:?}");
    }
    text
}

/// The mean stiffness of the interactions of each particle, and their number.
pub(super) fn by_particle(particles: usize, stiffnesses: &[Stiffness]) -> [Vec<f64>; 2] {
    let mut sums = vec![0.0; particles];
    let mut counts = vec![0.0; particles];
    for Stiffness { i, j, kappa } in stiffnesses {
        for &k in [i, j] {
            sums[k] += kappa;
            counts[k] += 1.0;
        }
    }
    for (sum, count) in sums.iter_mut().zip(&counts) {
        if *count > 0.0 {
            *sum /= count;
        }
    }
    [sums, counts]
}

/// An extended XYZ file with the columns `kappa`, the mean over the interactions of a particle, and
/// `interactions`, their number; a particle without any has zero in both.
fn particles<const D: usize>(
    configuration: &Configuration<D>,
    labels: &Labels,
    means: &[f64],
    counts: &[f64],
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let columns = [
        Column::Numbers("kappa", means),
        Column::Numbers("interactions", counts),
    ];
    let frame = Frame {
        configuration: configuration.clone(),
        velocities: None,
        properties: BTreeMap::new(),
    };
    write_frame_with(&mut bytes, &frame, &columns, labels)?;
    Ok(bytes)
}

/// LAMMPS' format for tables of bonds, which OVITO's modifier *Load trajectory* makes bonds of. Particles are counted
/// from 1 there.
fn bonds(stiffnesses: &[Stiffness]) -> String {
    let mut text = format!(
        "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ENTRIES\n{}\nITEM: ENTRIES batom1 batom2 kappa\n",
        stiffnesses.len()
    );
    for Stiffness { i, j, kappa } in stiffnesses {
        let _ = writeln!(text, "{} {} {kappa:?}", i + 1, j + 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_bonds_name_the_same_pairs() {
        let stiffnesses =
            [(0, 2, 1.5), (2, 1, 0.25)].map(|(i, j, kappa)| Stiffness { i, j, kappa });
        assert_eq!(table(&stiffnesses), "i,j,kappa\n0,2,1.5\n2,1,0.25\n");
        assert!(bonds(&stiffnesses).ends_with("kappa\n1 3 1.5\n3 2 0.25\n"));
        let [means, counts] = by_particle(4, &stiffnesses);
        assert_eq!(means, [1.5, 0.25, 0.875, 0.0]);
        assert_eq!(counts, [1.0, 1.0, 2.0, 0.0]);
    }
}
