#[path = "../tests/common/mod.rs"]
mod common;
use std::time::Instant;
use vitreous_linresp::*;
use vitreous_md_core::extended_xyz::{Labels, read_frame};
use vitreous_md_core::*;
#[derive(Clone)]
struct Ka(f64, f64);
impl Radial for Ka {
    fn range(&self) -> f64 {
        2.5 * self.1
    }
    fn energy<S: Scalar>(&self, s: S) -> S {
        // shifted force at 2.5
        let rc = 2.5 * self.1;
        let u = |x: f64| 4.0 * self.0 * ((self.1 / x).powi(12) - (self.1 / x).powi(6));
        let du = 4.0 * self.0 * (-12.0 * (self.1 / rc).powi(12) + 6.0 * (self.1 / rc).powi(6)) / rc;
        let x = (s * (1.0 / (self.1 * self.1))).recip();
        let x3 = x * x * x;
        let r = s.sqrt();
        (x3 * x3 - x3) * (4.0 * self.0) + (-u(rc)) - (r + (-rc)) * du
    }
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let text = std::fs::read(&path).unwrap();
    let frame = read_frame::<3, _>(text.as_slice(), &Labels::new(["A", "B"]).unwrap()).unwrap();
    let expansion = if path.contains("ipl") {
        linearize(&common::ipl(), &frame.configuration).unwrap()
    } else {
        let table = SpeciesTable::new(2, |a, b| {
            [[Ka(1.0, 1.0), Ka(1.5, 0.8)], [Ka(1.5, 0.8), Ka(0.5, 0.88)]][a][b].clone()
        })
        .unwrap();
        linearize(&table, &frame.configuration).unwrap()
    };
    let t = Instant::now();
    let hessian = Hessian::new(&expansion);
    println!("assembly {:.3}", t.elapsed().as_secs_f64());
    let t = Instant::now();
    let inverse = hessian
        .clone()
        .inverse(&SparseCholesky {
            tolerance: 1e-6,
            target: 1e-8,
            ..Default::default()
        })
        .unwrap();
    println!("factor {:.3}", t.elapsed().as_secs_f64());
    let x: Vec<f64> = (0..16 * hessian.dimension())
        .map(|i| (i as f64 * 0.7).sin())
        .collect();
    for b in [1, 4, 8, 16] {
        let t = Instant::now();
        inverse.apply(&x[..b * hessian.dimension()]).unwrap();
        println!("solve {b} {:.4}", t.elapsed().as_secs_f64());
    }
    for _ in 0..2 {
        let t = Instant::now();
        let modes = LowestModes::new(30).of_inverse(&inverse).unwrap();
        println!(
            "modes {:.3} first {:?} last {:?}",
            t.elapsed().as_secs_f64(),
            modes.eigenvalues()[0],
            modes.eigenvalues()[29]
        );
    }
    let t = Instant::now();
    println!(
        "below {:?} {:.3}",
        hessian.modes_below(
            LowestModes::new(30)
                .of_inverse(&inverse)
                .unwrap()
                .eigenvalues()[29]
                * 1.00001
        ),
        t.elapsed().as_secs_f64()
    );
}
