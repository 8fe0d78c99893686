//! Solvers of linear systems with the Hessian: the implementations of [`LinearSolver`](crate::LinearSolver).

pub mod automatic;
pub mod block_conjugate_gradient;
pub mod conjugate_gradient;
pub mod dense;
pub mod preconditioner;
pub mod sparse_cholesky;
mod sweeps;
