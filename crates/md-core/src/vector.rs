//! Arithmetic of short vectors `[f64; D]` and square matrices `[[f64; D]; D]`.

/// A vector of `D` Cartesian components.
pub type Vector<const D: usize> = [f64; D];

/// A `D x D` matrix, stored by rows.
pub type Matrix<const D: usize> = [[f64; D]; D];

/// The scalar product `a . b`.
#[inline(always)]
pub fn dot<const D: usize>(a: &Vector<D>, b: &Vector<D>) -> f64 {
    let mut sum = 0.0;
    for k in 0..D {
        sum += a[k] * b[k];
    }
    sum
}

/// The squared length `|a|^2`.
#[inline(always)]
pub fn norm_squared<const D: usize>(a: &Vector<D>) -> f64 {
    dot(a, a)
}

/// `a + b`.
#[inline(always)]
pub fn add<const D: usize>(a: &Vector<D>, b: &Vector<D>) -> Vector<D> {
    std::array::from_fn(|k| a[k] + b[k])
}

/// `a - b`.
#[inline(always)]
pub fn subtract<const D: usize>(a: &Vector<D>, b: &Vector<D>) -> Vector<D> {
    std::array::from_fn(|k| a[k] - b[k])
}

/// `factor * a`.
#[inline(always)]
pub fn scale<const D: usize>(factor: f64, a: &Vector<D>) -> Vector<D> {
    std::array::from_fn(|k| factor * a[k])
}

/// The sum of the squares of many numbers: eight partial sums, so that none waits for the one before.
pub(crate) fn sum_of_squares(numbers: &[f64]) -> f64 {
    let (eights, rest) = numbers.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        for (sum, x) in sums.iter_mut().zip(eight) {
            *sum += x * x;
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|x| x * x).sum::<f64>()
}

/// The largest magnitude of many numbers.
pub(crate) fn largest_magnitude(numbers: &[f64]) -> f64 {
    let mut found = [0.0_f64; 8];
    for eight in numbers.chunks(8) {
        for (largest, x) in found.iter_mut().zip(eight) {
            *largest = if x.abs() > *largest {
                x.abs()
            } else {
                *largest
            };
        }
    }
    found.iter().copied().fold(0.0, f64::max)
}

/// Whether all numbers are finite.
pub(crate) fn all_finite(numbers: &[f64]) -> bool {
    // Zero times a number is zero unless the number is infinite or NaN.
    let (eights, rest) = numbers.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        for (sum, x) in sums.iter_mut().zip(eight) {
            *sum += 0.0 * x;
        }
    }
    sums.iter().chain(rest).map(|x| 0.0 * x).sum::<f64>() == 0.0
}

/// The two largest lengths of the differences of two lists of vectors, the larger first.
pub(crate) fn two_largest_distances<const D: usize>(a: &[Vector<D>], b: &[Vector<D>]) -> [f64; 2] {
    // Four searches, so that none waits for the one before.
    let mut found = [[0.0_f64; 2]; 4];
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        for ((a, b), [largest, second]) in a.iter().zip(b).zip(&mut found) {
            let square = norm_squared(&subtract(a, b));
            let lesser = if square < *largest { square } else { *largest };
            *second = if lesser > *second { lesser } else { *second };
            *largest = if square > *largest { square } else { *largest };
        }
    }
    let all = found.as_flattened_mut();
    all.sort_by(|a, b| b.total_cmp(a));
    [all[0].sqrt(), all[1].sqrt()]
}

/// The product `m a` of a matrix and a column.
#[inline(always)]
pub fn transform<const D: usize>(m: &Matrix<D>, a: &Vector<D>) -> Vector<D> {
    std::array::from_fn(|k| dot(&m[k], a))
}

/// The identity matrix.
pub fn identity<const D: usize>() -> Matrix<D> {
    std::array::from_fn(|row| std::array::from_fn(|column| f64::from(u8::from(row == column))))
}

/// The determinant and the inverse of a matrix, by Gauss-Jordan elimination with row pivoting.
///
/// The inverse is `None` when a pivot vanishes or is not finite.
pub fn inverse<const D: usize>(matrix: &Matrix<D>) -> (f64, Option<Matrix<D>>) {
    let mut left = *matrix;
    let mut right = identity::<D>();
    let mut determinant = 1.0;
    for column in 0..D {
        let pivot = (column..D)
            .max_by(|&a, &b| left[a][column].abs().total_cmp(&left[b][column].abs()))
            .unwrap_or(column);
        if pivot != column {
            left.swap(pivot, column);
            right.swap(pivot, column);
            determinant = -determinant;
        }
        let value = left[column][column];
        determinant *= value;
        if value == 0.0 || !value.is_finite() {
            return (0.0, None);
        }
        for k in 0..D {
            left[column][k] /= value;
            right[column][k] /= value;
        }
        for row in 0..D {
            if row != column {
                let factor = left[row][column];
                for k in 0..D {
                    left[row][k] -= factor * left[column][k];
                    right[row][k] -= factor * right[column][k];
                }
            }
        }
    }
    (determinant, Some(right))
}

/// Serde for `Vec<[f64; D]>` as one flat list, since serde has no arrays of generic length.
pub mod flat {
    use super::Vector;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    /// Writes `N` vectors as a list of `N D` numbers.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer, const D: usize>(
        vectors: &[Vector<D>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        vectors.as_flattened().serialize(serializer)
    }

    /// Reads `N` vectors from a list of `N D` numbers.
    ///
    /// # Errors
    /// Those of the deserializer, and a length that is not a multiple of `D`.
    pub fn deserialize<'de, De: Deserializer<'de>, const D: usize>(
        deserializer: De,
    ) -> Result<Vec<Vector<D>>, De::Error> {
        let numbers = Vec::<f64>::deserialize(deserializer)?;
        let (vectors, rest) = numbers.as_chunks::<D>();
        if rest.is_empty() {
            Ok(vectors.to_vec())
        } else {
            Err(De::Error::custom(format!(
                "{} numbers do not form vectors of {D} components",
                numbers.len()
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn inverse_times_matrix_is_identity(entries in proptest::array::uniform9(-1.0..1.0_f64)) {
            let mut matrix: Matrix<3> = std::array::from_fn(|r| std::array::from_fn(|c| entries[3 * r + c]));
            // Diagonal dominance keeps the condition number of the random matrix below about 10.
            for k in 0..3 { matrix[k][k] += if matrix[k][k] < 0.0 { -4.0 } else { 4.0 }; }
            let (determinant, inverted) = inverse(&matrix);
            let inverted = inverted.expect("diagonally dominant");
            for r in 0..3 {
                for c in 0..3 {
                    let product: f64 = (0..3).map(|k| inverted[r][k] * matrix[k][c]).sum();
                    prop_assert!((product - identity::<3>()[r][c]).abs() < 1e-14);
                }
            }
            let m = &matrix;
            let sarrus = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
                - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
                + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
            prop_assert!((determinant - sarrus).abs() < 1e-12 * sarrus.abs());
        }
    }

    #[test]
    fn singular_matrix_has_no_inverse() {
        assert!(inverse(&[[1.0, 2.0], [2.0, 4.0]]).1.is_none());
    }
}
