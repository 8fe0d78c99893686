//! Energy, forces and stress against engines that are too simple to be wrong: every pair, every triplet,
//! every periodic image, with the formulas of the models written out; against finite differences; and the
//! symmetries of mechanics.

mod differences;
mod edge_cases;
mod pairs;
mod paths;
mod precision;
mod reference;
mod symmetries;
mod triplets;
