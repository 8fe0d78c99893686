//! Arrays in the NPY format, which Python's numerical libraries read.

/// An array of 64-bit floating-point numbers in C order, as a file.
///
/// Format version 1.0: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
pub(super) fn npy(shape: &[usize], values: impl IntoIterator<Item = f64>) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(|size| format!("{size},")).collect();
    let mut header = format!(
        "{{'descr': '<f8', 'fortran_order': False, 'shape': ({}), }}",
        sizes.join(" ")
    );
    // Magic, version and length take ten bytes; the header ends in a newline, and numbers begin at a multiple of 64.
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values.into_iter().flat_map(f64::to_le_bytes));
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_array_has_header_and_numbers_where_numpy_expects_them() {
        let bytes = super::npy(&[2, 3], (0..6).map(f64::from));
        assert_eq!(bytes.len(), 128 + 6 * 8);
        assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let header = std::str::from_utf8(&bytes[10..128]).unwrap();
        assert!(header.starts_with("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3,), }"));
        assert!(header.ends_with(" \n"));
        assert_eq!(bytes[128 + 5 * 8..], 5.0_f64.to_le_bytes());
    }
}
