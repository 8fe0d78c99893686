//! The command line.

use crate::building_blocks::{
    self, analyze::Analyze, elastic::Elastic, energy::Energy, hessian::WriteHessian, kappa::Kappa,
    modes::FindModes, quench::Quench, soft_modes::SoftModes,
};
use crate::models::Models;
use crate::run;
use crate::status::Status;
use crate::tasks;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The physics of glass: from an interatomic potential to the mesoscale stiffness of a glass and the slowness
/// of its liquid.
#[derive(Parser)]
#[command(name = "vitreous", version, propagate_version = true)]
#[command(after_help = "Examples:
  vitreous run studies/quick.toml            a whole study, from liquid to figures
  vitreous status output/quick               how far it is
  vitreous models                            which potentials there are
  vitreous quench liquid.xyz --model ipl -o glass.xyz
  vitreous elastic glass.xyz --model ipl
  vitreous kappa glass.xyz --model ipl --sample 100
  vitreous modes glass.xyz --model ipl --lowest 30
  vitreous soft-modes glass.xyz --model ipl --count 12
  vitreous hessian glass.xyz --model ipl -o H.mtx
  vitreous analyze run.dump --time-step 0.005 -o results

`vitreous COMMAND --help` explains each command by example.

All quantities are in the units of the model, with m = k_B = 1.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a study: equilibrate, measure, quench, analyse, fit and plot.
    ///
    /// Everything finished is kept in the output folder. Stop with Ctrl-C and run the same command again to continue;
    /// nothing that was finished is computed again. `vitreous status` tells how far it is. Open index.html in the output
    /// folder to see the result.
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
    /// How far a study is: what is done, running and left, and for how long.
    ///
    /// Looks at the output folder of a study, whether a run works in it or not, and disturbs no run. Every checkpoint is
    /// read and held against its checksum.
    #[command(after_help = "Examples:
  vitreous status output/quick
  watch -n 60 vitreous status output/desk-ipl
  vitreous status output/desk-ipl --json | jq .seconds_left

Keys of --json:
  title, folder  the study and its output folder
  running        whether a run works in the folder; null on file systems without locks
  process, host, started, updated    of the run that works or worked last, and when it last wrote (UTC)
  threads        of the same
  search         temperature and relaxation_time reached by the search for target_relaxation_times, or null
  temperatures   one entry for each
    temperature
    runs         one entry for each
      run, at_work          its number, and whether it is being worked at
      window                of equilibration, from 0; each is twice as long as the one before
      equilibration_steps, equilibration_steps_expected
      relaxation_time       tau_alpha in t0 as far as it is known, or null
      equilibrated          true or false once that is decided, else null
      production_steps, production_steps_expected    null before equilibrium
      settled               whether the run will not be continued to become thermalised
      glasses, glasses_expected
  elapsed_seconds  that runs of this study took so far
  seconds_left     estimated from the speed so far, with the same number of threads; null if there is none yet
  at_least         whether it will be more: relaxation times may rise, and runs be continued
  results          none, complete, earlier (of the study before it was changed), unfinished (a kill while they were
                   replaced: run again) or changed (since they were written)
  page             the file to open, if there are results
  problems         damaged checkpoints and the like, in words
  unused           checkpoints of other studies or other versions of the program; known once the study is complete")]
    Status(Status),
    /// Energy, forces and stress of a configuration.
    #[command(after_help = "Examples:
  vitreous energy liquid.xyz --model ipl
  vitreous energy liquid.xyz --model mblj --set cutoff.BB=1.32 --json
  vitreous energy film.xyz --model ipl --dimension 2 --frame 10

A configuration is an extended XYZ file:
  2
  Lattice=\"8.0 0.0 0.0 0.0 8.0 0.0 0.0 0.0 8.0\" Properties=species:S:1:pos:R:3 pbc=\"T T T\"
  A 0.1 0.2 0.3
  B 4.0 4.5 -0.25

Keys of --json, in the units of the model:
  energy    potential energy U (extensive) [energy]
  forces    N rows of D components, in the order of the file [energy/length]
  stress    potential part of the stress, D rows of D, positive in tension [energy/volume]
  pressure  potential part, minus the mean diagonal of the stress [energy/volume]")]
    Energy(Energy),
    /// Move particles downhill to the nearest minimum of the energy: the inherent structure.
    ///
    /// The cell keeps its shape. What was reached is written and printed in any case, also after Ctrl-C; the exit status
    /// tells whether it is a minimum.
    #[command(after_help = "Examples:
  vitreous quench liquid.xyz --model ipl -o glass.xyz
  vitreous quench liquid.xyz --model ka --minimizer fire --force-ratio 1e-8 -o glass.xyz --json

Keys of --json, in the units of the model:
  energy       potential energy U (extensive) [energy]
  force_ratio  rms net force on particles over rms force of interactions, per particle [1]
  max_force    largest net force on a particle [energy/length]
  evaluations  force evaluations
  converged    whether the force ratio was reached; the exit status is 0 only then")]
    Quench(Quench),
    /// Elastic moduli and the stiffness tensor of an inherent structure.
    ///
    /// Athermal moduli at fixed shape of the cell, with the part of the displacements that restore the balance of
    /// forces. The configuration must be a minimum: quench it first.
    #[command(after_help = "Examples:
  vitreous quench liquid.xyz --model ipl -o glass.xyz
  vitreous elastic glass.xyz --model ipl
  vitreous elastic glass.xyz --model ipl --plane yz --json
  vitreous elastic glass.xyz --model ipl --plane 1,1,0:0,0,1     displacements along 1,1,0, gradient along z
  vitreous elastic glass.xyz --model ipl --routes                the shear modulus by three routes
  vitreous elastic glass.xyz --model mblj --routes --strain-step 1e-6

Keys of --json, in the units of the model:
  shear_modulus  plane       the plane of shear: axis of displacement, axis of its gradient
                 total       born + prestress + non_affine [energy/volume]
                 born        affine displacements, from the curvature of the terms [energy/volume]
                 prestress   affine displacements, from the forces of the terms [energy/volume]
                 non_affine  displacements that restore the balance of forces; never positive [energy/volume]
  bulk_modulus         -V dP/dV, all parts together [energy/volume]
  voigt_shear_modulus  mean of the shear modulus over all planes [energy/volume]
  poisson_ratio        of the isotropic solid with these two moduli [1]
  youngs_modulus       of the same [energy/volume]
  voigt_order          names of rows (stress) and columns (strain) of the stiffness
  stiffness            d(stress)/d(strain), rows of plain tensor components [energy/volume]; the sum of
    stiffness_born, stiffness_prestress, stiffness_non_affine
  routes               with --routes
    deformation_gradient       second derivatives in F, as shear_modulus [energy/volume]
    green_lagrange             derivatives in (F^T F - I)/2 [energy/volume]
    finite_strain              slope of the stress between quenches at small strains [energy/volume]
    green_lagrange_difference, finite_strain_difference    from the first
    finite_strain_discrepancy  between slopes over strain_step and half of it
    strain_step

The first two routes agree as well as forces are balanced. The third quenches to a force ratio of 1e-12 at each
strain; what is left of the forces counts as 1/step, the curvature of the stress as step^2. Where curvatures jump
at the cut-off (mblj) pairs that cross it between the steps are an error that falls as step; where forces jump (ka)
the routes agree only if no pair crosses: take smaller steps.")]
    Elastic(Elastic),
    /// Write the Hessian of a configuration as a sparse matrix, for other programs to read.
    ///
    /// M = d2U/dx dx of the potential energy, in the coordinate format of Matrix Market: symmetric, the lower triangle,
    /// counted from 1. Any configuration has a Hessian; the force ratio tells whether it is that of a minimum.
    #[command(after_help = "Examples:
  vitreous hessian glass.xyz --model ipl -o H.mtx
  vitreous hessian glass.xyz --model ipl -o - | gzip > H.mtx.gz
  python3 -c 'import scipy.io; print(scipy.io.mmread(\"H.mtx\").shape)'

Row D i + k + 1 is component k = 0 .. D-1 of particle i, from 0 in the order of the file. Numbers read back to the same
bits, in units of energy/length^2. Comments in the file name the model and its parameters.

Keys of --json:
  rows         D N
  nonzeros     entries in the file, on and below the diagonal
  force_ratio  rms net force on particles over rms force of interactions, per particle [1]
  path         the file")]
    Hessian(WriteHessian),
    /// Stiffness kappa of the response to force dipoles on interactions of an inherent structure.
    ///
    /// kappa = z.M.z / z.z with M z = d, the dipole d of unit size along the line of two interacting particles and the
    /// Hessian M. The configuration must be a minimum: quench it first.
    #[command(after_help = "Examples:
  vitreous quench liquid.xyz --model ipl -o glass.xyz
  vitreous kappa glass.xyz --model ipl --pairs 0-17,3-250
  vitreous kappa glass.xyz --model ipl --sample 100 --seed 7 --json
  vitreous kappa glass.xyz --model ipl --all --threads 4 --json > kappa.json
  vitreous kappa glass.xyz --model ipl --all -o kappa.csv,kappa.npy      columns i, j, kappa
  vitreous kappa glass.xyz --model ipl --all -o kappa.xyz,kappa.dump     for OVITO

With --solver cholesky, the default, --all takes about ten times as long as a factorisation of the Hessian, however
many interactions there are.

Files for OVITO: the .xyz has the columns kappa, the mean over the interactions of a particle, and interactions, their
number: use Color coding. The .dump has the bonds: open the .xyz, add Load trajectory and choose the .dump, map batom1
and batom2 to the particles of bonds, and colour bonds by kappa.

Keys of --json, in the units of the model:
  kappa      one entry for each interaction
             i, j   the particles, counted from 0 in the order of the file
             kappa  the stiffness [energy/length^2]
  particles  with --all: the mean over the interactions of each particle, null without any [energy/length^2]")]
    Kappa(Kappa),
    /// Vibrational modes of an inherent structure, and their density.
    ///
    /// M e = lambda e with the Hessian M and unit masses, omega = sqrt(lambda). Translations are left out. Forces must
    /// be balanced, but the structure may be a saddle: its unstable modes come first, with lambda < 0 and a frequency
    /// of -sqrt(-lambda).
    #[command(after_help = "Examples:
  vitreous quench liquid.xyz --model ipl -o glass.xyz
  vitreous modes glass.xyz --model ipl --lowest 30
  vitreous modes glass.xyz --model ipl --lowest 30 --json
  vitreous modes glass.xyz --model ipl --vectors modes.xyz       for OVITO (arrows of the displacements) and ASE
  vitreous modes glass.xyz --model ipl --vectors modes.npy       for NumPy
  vitreous modes glass.xyz --model ipl --dos                     dos.csv, dos.svg, dos.png, dos-reduced.svg, .png
  vitreous modes glass.xyz --model ipl --dos=results/glass --bins 100
  vitreous modes large.xyz --model ipl --dos --by-counting       exact counts where all eigenvalues are too much
  vitreous modes liquid.xyz --model ipl --force-ratio-limit 10   instantaneous modes of a liquid

Every mode is found or it is an error: |M e - lambda e| is recomputed, and at most 1e-10 |lambda| or rounding.

Keys of --json, in the units of the model:
  unstable_modes        the number of all modes with lambda < 0; 0 at a minimum
  modes                 the number of all modes: D N without translations
  eigenvalues           lambda of the lowest modes, ascending [energy/length^2]
  frequencies           sqrt(lambda), or -sqrt(-lambda) [1/time]
  participation_ratios  (sum |z_i|^2)^2 / (N sum |z_i|^4), from 1/N to 1 [1]
  residuals             |M e - lambda e| [energy/length^2]
  density_of_states     with --dos
    edges               of the bins, one more than bins [1/time]
    counts              modes in each bin, the low edge included
    density             counts / (modes * width) [time]
    reduced_density     density over omega^(D-1), averaged in the bin; constant by Debye's law [time^D]
  paths                 the files written, if any")]
    Modes(FindModes),
    /// Soft spots of an inherent structure: pseudoharmonic modes, found from its dipole responses.
    ///
    /// A mode is a displacement z that few particles share and that costs little energy: a local minimum of
    /// (z.M.z)^2 / S(z), with the Hessian M and the sum S, over interacting pairs, of the fourth powers of the relative
    /// displacements. The configuration must be a minimum: quench it first.
    #[command(after_help = "Examples:
  vitreous quench liquid.xyz --model ipl -o glass.xyz
  vitreous soft-modes glass.xyz --model ipl --count 12 --output modes.xyz
  vitreous soft-modes glass.xyz --model ipl --starts 500 --cubic --json

OVITO shows the modes of the file as arrows when the display of the vectors `Velocity` is switched on.

Keys of --json, in the units of the model:
  soft_modes   the modes, from the softest
               stiffness            z.M.z for z of length one [energy/length^2]
               participation_ratio  e = (sum |z_i|^2)^2 / (N sum |z_i|^4) [1]
               cost                 the minimum [energy^2/length^4]
               i, j, kappa          the softest interaction from which it was found, and its dipole stiffness
               starts               the number of interactions from which it was found
               cubic                with --cubic: stiffness, participation_ratio, tau = U''':zzz, chi = U'''':zzzz of
                                    the cubic mode nearby, and its barrier 2 stiffness^3/(3 tau^2) [energy]
  searches     their number
  unconverged  the number of those left out, which did not converge
  modes_found  the number of different modes")]
    SoftModes(SoftModes),
    /// Structure and dynamics of a trajectory that any code wrote.
    ///
    /// Reads extended XYZ, LAMMPS dumps and GSD; positions that were wrapped into the cell are followed from frame to frame.
    /// Measures how particles move (mean squared displacement, scattering functions, overlap, distributions) and where they are,
    /// g(r) and S(q), of each species and whatever the spacing of the frames. Open index.html in the output folder.
    #[command(after_help = "Examples:
  vitreous analyze run.dump --time-step 0.005 -o results
  vitreous analyze run.gsd --time-step 0.005 --wave-number 7.25 -o results --json
  vitreous analyze run.xyz.gz --species A,B --first 100 --every 2 -o results
  vitreous analyze run.xyz --positions unwrapped --longest-lag 20000 -o results
  vitreous analyze snapshots.dump --structure-only -o results
  zstdcat run.dump.zst | vitreous analyze - --time-step 0.005 -o results

The cell and the particles must stay the same. Times are steps of the file times --time-step; without, the times in the
file; without either, steps or frames. Lags are distances between frames that occur often, every pair of frames at such a
distance counts. docs/analysis.md says what is read of each format.

Files in the output folder:
  index.html, figures/        all curves
  correlations.csv            msd, alpha_2, F_s, overlap, chi_4 of each species against the lag, with standard errors
  collective.csv              F(q, t) of all particles and of each pair of species
  displacements.csv           distributions of displacements
  pair_correlation.csv, structure_factor.csv
  results.json                the keys below, and what each column of the tables means

Keys of --json; lengths are in units of the file:
  trajectory, format, dimension, frames, particles
  density      number density N/V
  length_unit  a0 = (V/N)^(1/D)
  dynamics     steps           from the first frame to the last
               time_step       time from one step to the next
               time_unit       given (--time-step), file (times in the file), steps or frames
               wave_number     of F_s and F [1/length]
               wave_vectors    the number of wave vectors averaged over
               overlap_radius  [length]
  peak         the first peak of S(q) of the most numerous species; null if there is none
               species, wave_number [1/length], wave_number_error, height, height_error
  species      an entry for each; null where the trajectory does not tell, for the reason in notes
               label, particles
               relaxation_time         at which F_s falls to 0.2
               diffusion_coefficient   from the last half decade of the mean squared displacement up to a tenth of the trajectory,
                                       or up to the longest lag if it is not diffusive by then [length^2/time]
               relaxation_time_error, diffusion_coefficient_error  standard errors, from five stretches of the trajectory
               non_gaussian_maximum, non_gaussian_time    of alpha_2 [1, time]
               susceptibility_maximum, susceptibility_time  of chi_4 [1, time]
  notes        what could not be determined, and why
  paths        the files")]
    Analyze(Box<Analyze>),
    /// List the models, or the parameters of one.
    #[command(after_help = "Examples:
  vitreous models
  vitreous models mblj
  vitreous energy liquid.xyz --model mblj --set cutoff.BB=1.32 --set shift=potential

--json prints name, summary, source, species, parameters [{key, value, meaning}] and usual_mixtures [{dimension,
density, composition, time_step, coupling_time, chain_length, peak_wave_numbers}], for all models an array of these.")]
    Models(Models),
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
                stop_on_signals()?;
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
            Command::Status(status) => status.execute(),
            Command::Energy(energy) => building_blocks::execute(&energy),
            Command::Quench(quench) => {
                stop_on_signals()?;
                building_blocks::execute(&quench)
            }
            Command::Elastic(elastic) => building_blocks::execute(&elastic),
            Command::Hessian(hessian) => building_blocks::execute(&hessian),
            Command::Kappa(kappa) => building_blocks::execute(&kappa),
            Command::Modes(modes) => building_blocks::execute(&modes),
            Command::SoftModes(modes) => building_blocks::execute(&modes),
            Command::Analyze(analyze) => analyze.execute(),
            Command::Models(models) => models.execute(),
        }
    }
}

fn stop_on_signals() -> Result<()> {
    tasks::stop_on_signals().context("cannot listen for Ctrl-C")
}
