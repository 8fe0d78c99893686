//! Serialisation of `Vec<[T; D]>`: serde itself covers no arrays of generic length.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

pub(crate) fn serialize<S: Serializer, T: Serialize, const D: usize>(
    rows: &[[T; D]],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(rows.iter().map(|row| &row[..]))
}

pub(crate) fn deserialize<'de, De: Deserializer<'de>, T: Deserialize<'de>, const D: usize>(
    deserializer: De,
) -> Result<Vec<[T; D]>, De::Error> {
    Vec::<Vec<T>>::deserialize(deserializer)?
        .into_iter()
        .map(|row| {
            let length = row.len();
            row.try_into().map_err(|_| {
                De::Error::custom(format_args!("expected {D} components, found {length}"))
            })
        })
        .collect()
}
