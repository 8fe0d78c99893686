//! The parts of linear response on an inverse-power glass of 2000 particles: the quench, products with the
//! Hessian, its Cholesky factor, solves with it, and 64 dipole stiffnesses.
//!
//! `cargo bench --bench response`.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::num::NonZeroUsize;
use vitreous::linresp::Hessian;
use vitreous::prelude::*;

const PARTICLES: usize = 2000;
const DIPOLES: usize = 64;

fn response(criterion: &mut Criterion) {
    let model = InversePowerMixture::default().potential().unwrap();
    let start = Configuration::<3>::random(PARTICLES, 0.82, &[0.5, 0.5], Seed(1)).unwrap();
    let tolerance = Tolerance::force_ratio(1e-10);
    let minimizer = NonlinearConjugateGradient::default();
    let glass = minimizer.quench(&model, start.clone(), tolerance).unwrap();
    let hessian = Hessian::new(glass.linearization());
    let direct = SparseCholesky::default();
    let prepared = LinearResponse::new(&glass, &direct).unwrap();
    let iterative = LinearResponse::new(&glass, &ConjugateGradient::default()).unwrap();
    let mut stream = Seed(1).stream("dipoles", &[]);
    let sample = prepared.random_interactions(DIPOLES, &mut stream).unwrap();
    let x: Vec<f64> = (0..hessian.dimension()).map(|k| (k as f64).sin()).collect();
    let mut y = vec![0.0; x.len()];

    let mut group = criterion.benchmark_group("response, IPL, N = 2000");
    group.sample_size(10);
    group.bench_function("quench to a force ratio of 1e-10", |bencher| {
        bencher.iter(|| minimizer.quench(&model, start.clone(), tolerance).unwrap());
    });
    group.bench_function("Hessian, assembly", |bencher| {
        bencher.iter(|| Hessian::new(black_box(glass.linearization())));
    });
    group.bench_function("Hessian, product", |bencher| {
        bencher.iter(|| hessian.apply(black_box(&x), &mut y));
    });
    group.bench_function("Hessian, product by edges", |bencher| {
        bencher.iter(|| hessian.apply_edges(black_box(&x), &mut y));
    });
    group.bench_function("Cholesky, factor", |bencher| {
        bencher.iter(|| hessian.clone().inverse(&direct).unwrap());
    });
    group.bench_function("Cholesky, one solve", |bencher| {
        bencher.iter(|| prepared.inverse().apply(black_box(&x)).unwrap());
    });
    group.bench_function("conjugate gradient, one solve", |bencher| {
        bencher.iter(|| iterative.inverse().apply(black_box(&x)).unwrap());
    });
    group.bench_function("kappa of 64 interactions", |bencher| {
        bencher.iter(|| {
            prepared
                .dipole_stiffness(&sample, NonZeroUsize::MIN)
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, response);
criterion_main!(benches);
