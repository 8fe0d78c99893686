//! The response to strain: moduli, the stiffness tensor, and quenches of finite strain that check them.

pub mod finite_strain;
pub mod green_lagrange;
pub mod moduli;
pub mod shear;
pub mod stiffness;
