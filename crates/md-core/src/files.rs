//! Configurations and trajectories in files, also of other codes.

pub mod extended_xyz;
pub mod frame;
pub mod gsd;
pub mod lammps_dump;
mod lines;
mod particles;
pub mod trajectory_file;
pub mod unwrapping;

pub use lines::TextError;
