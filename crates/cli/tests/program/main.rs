//! The program from outside: files in, files and messages out.

mod analyze;
mod bad_input;
mod chain;
mod configuration;
mod elasticity;
mod energies;
mod help;
mod models;
mod modes;
mod program;
mod reference;
mod study;
mod survive;
mod thermalised;
mod trajectories;
