//! The file layer: named arrays ("chunks") by frame.

use super::GsdError;
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

pub(super) const MAGIC: u64 = 0x65df_65df_65df_65df;
const HEADER: usize = 256;
const ENTRY: u64 = 32;
/// In version 1 names take this much each, in version 2 names are allocated in such pieces.
const NAME: u64 = 64;

/// Where a chunk is and what it holds.
#[derive(Clone, Copy, Debug)]
struct Entry {
    rows: u64,
    columns: u32,
    location: u64,
    kind: Kind,
}

/// The types of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Unsigned(u8),
    Signed(u8),
    Float(u8),
    Text,
}

impl Kind {
    fn new(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Unsigned(1),
            2 => Self::Unsigned(2),
            3 => Self::Unsigned(4),
            4 => Self::Unsigned(8),
            5 => Self::Signed(1),
            6 => Self::Signed(2),
            7 => Self::Signed(4),
            8 => Self::Signed(8),
            9 => Self::Float(4),
            10 => Self::Float(8),
            11 => Self::Text,
            _ => return None,
        })
    }

    fn size(self) -> u64 {
        match self {
            Self::Unsigned(size) | Self::Signed(size) | Self::Float(size) => size.into(),
            Self::Text => 1,
        }
    }
}

/// An open file.
#[derive(Debug)]
pub(super) struct Layer<R> {
    reader: R,
    length: u64,
    frames: u64,
    /// By name and frame.
    chunks: BTreeMap<String, BTreeMap<u64, Entry>>,
}

impl<R: Read + Seek> Layer<R> {
    pub(super) fn open(mut reader: R) -> Result<Self, GsdError> {
        let length = reader.seek(SeekFrom::End(0))?;
        let mut layer = Self {
            reader,
            length,
            frames: 0,
            chunks: BTreeMap::new(),
        };
        let header = layer.bytes("the header", 0, HEADER as u64)?;
        if u64_at(&header, 0) != MAGIC {
            return Err(GsdError::Magic);
        }
        let version = u32_at(&header, 44);
        let major = version >> 16;
        if !(1..=2).contains(&major) {
            let minor = version & 0xffff;
            return Err(GsdError::Version { major, minor });
        }
        let schema = text(&header[112..176]);
        if schema != "hoomd" {
            return Err(GsdError::Schema { schema });
        }
        let size = |count: u64, each: u64| {
            count.checked_mul(each).ok_or(GsdError::Truncated {
                what: "the index".to_owned(),
                end: u64::MAX,
                length,
            })
        };
        let names_size = size(u64_at(&header, 32), NAME)?;
        let names = layer.bytes("the list of names", u64_at(&header, 24), names_size)?;
        let names: Vec<String> = if major == 1 {
            let names = names.chunks(NAME as usize);
            names
                .map(text)
                .take_while(|name| !name.is_empty())
                .collect()
        } else {
            let names = names.split(|&byte| byte == 0);
            names
                .map(text)
                .take_while(|name| !name.is_empty())
                .collect()
        };
        let index_size = size(u64_at(&header, 16), ENTRY)?;
        let index = layer.bytes("the index", u64_at(&header, 8), index_size)?;
        for entry in index.chunks_exact(ENTRY as usize) {
            let location = u64_at(entry, 16);
            if location == 0 {
                break;
            }
            let frame = u64_at(entry, 0);
            let identifier = u16::from_le_bytes([entry[28], entry[29]]);
            let damaged = || GsdError::Index { frame };
            let name = names.get(usize::from(identifier)).ok_or_else(damaged)?;
            let found = Entry {
                rows: u64_at(entry, 8),
                columns: u32_at(entry, 24),
                location,
                kind: Kind::new(entry[30]).ok_or_else(damaged)?,
            };
            // Frames come in order; one that equals frame 0 has no entry.
            if frame.saturating_add(1) < layer.frames || frame > layer.frames + MOST_EMPTY {
                return Err(damaged());
            }
            layer.frames = layer.frames.max(frame + 1);
            let frames = layer.chunks.entry(name.clone()).or_default();
            frames.insert(frame, found);
        }
        Ok(layer)
    }

    /// The size of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Whether a frame has a chunk of its own.
    pub(super) fn has(&self, frame: u64, chunk: &str) -> bool {
        let frames = self.chunks.get(chunk);
        frames.is_some_and(|frames| frames.contains_key(&frame))
    }

    /// That of the frame, or of frame 0.
    fn find(&self, frame: u64, chunk: &str) -> Option<Entry> {
        let frames = self.chunks.get(chunk)?;
        frames.get(&frame).or_else(|| frames.get(&0)).copied()
    }

    /// Bytes that the file has: nothing is allocated for a claim.
    fn bytes(&mut self, what: &str, location: u64, size: u64) -> Result<Vec<u8>, GsdError> {
        let end = location.saturating_add(size);
        if end > self.length {
            return Err(GsdError::Truncated {
                what: what.to_owned(),
                end,
                length: self.length,
            });
        }
        self.reader.seek(SeekFrom::Start(location))?;
        let mut bytes = vec![0; size as usize];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn content(&mut self, frame: u64, chunk: &str, entry: Entry) -> Result<Vec<u8>, GsdError> {
        let size = entry.rows.checked_mul(entry.columns.into());
        let size = size.and_then(|count| count.checked_mul(entry.kind.size()));
        let what = format!("{chunk} of frame {frame}");
        self.bytes(&what, entry.location, size.unwrap_or(u64::MAX))
    }

    /// A whole number, not negative.
    pub(super) fn scalar(
        &mut self,
        frame: u64,
        chunk: &'static str,
    ) -> Result<Option<u64>, GsdError> {
        let Some(found) = self.integers::<1>(frame, chunk, 1)? else {
            return Ok(None);
        };
        let number = found
            .first()
            .and_then(|&[number]| u64::try_from(number).ok());
        number.map(Some).ok_or_else(|| GsdError::Value {
            chunk,
            frame,
            problem: "is negative or exceeds 2^63 - 1".to_owned(),
        })
    }

    /// The bytes of texts and the width of each.
    pub(super) fn texts(
        &mut self,
        frame: u64,
        chunk: &'static str,
    ) -> Result<Option<(Vec<u8>, usize)>, GsdError> {
        let Some(entry) = self.find(frame, chunk) else {
            return Ok(None);
        };
        if entry.kind.size() != 1 {
            return Err(GsdError::Value {
                chunk,
                frame,
                problem: "is not text".to_owned(),
            });
        }
        let bytes = self.content(frame, chunk, entry)?;
        Ok(Some((bytes, entry.columns as usize)))
    }

    /// `rows` arrays of `W` whole numbers.
    pub(super) fn integers<const W: usize>(
        &mut self,
        frame: u64,
        chunk: &'static str,
        rows: usize,
    ) -> Result<Option<Vec<[i64; W]>>, GsdError> {
        self.array(frame, chunk, rows, |kind, bytes| match kind {
            // What exceeds an i64 becomes negative, which is refused where it matters.
            Kind::Unsigned(_) => Some(little_endian(bytes).cast_signed()),
            Kind::Signed(size) => {
                let unused = 64 - 8 * u32::from(size);
                Some((little_endian(bytes) << unused).cast_signed() >> unused)
            }
            _ => None,
        })
    }

    /// `rows` arrays of `W` numbers.
    pub(super) fn numbers<const W: usize>(
        &mut self,
        frame: u64,
        chunk: &'static str,
        rows: usize,
    ) -> Result<Option<Vec<[f64; W]>>, GsdError> {
        self.array(frame, chunk, rows, |kind, bytes| match kind {
            Kind::Float(4) => Some(f64::from(f32::from_bits(little_endian(bytes) as u32))),
            Kind::Float(_) => Some(f64::from_bits(little_endian(bytes))),
            _ => None,
        })
    }

    /// The chunk of a frame, or of frame 0 if that has as many rows; `None` where there is none.
    fn array<T: Copy + Default, const W: usize>(
        &mut self,
        frame: u64,
        chunk: &'static str,
        rows: usize,
        decode: impl Fn(Kind, &[u8]) -> Option<T>,
    ) -> Result<Option<Vec<[T; W]>>, GsdError> {
        let Some(entry) = self.find(frame, chunk) else {
            return Ok(None);
        };
        let fail = |problem: String| GsdError::Value {
            chunk,
            frame,
            problem,
        };
        let shape = (entry.rows, u64::from(entry.columns));
        // Some writers store N numbers as one row.
        let fits = shape == (rows as u64, W as u64) || W == 1 && shape == (1, rows as u64);
        if !fits {
            if !self.has(frame, chunk) {
                return Ok(None);
            }
            return Err(fail(format!(
                "has {} x {} numbers instead of {rows} x {W}",
                shape.0, shape.1
            )));
        }
        let bytes = self.content(frame, chunk, entry)?;
        let size = entry.kind.size() as usize;
        let mut found = Vec::with_capacity(rows);
        for row in bytes.chunks_exact(size * W) {
            let mut values = [T::default(); W];
            for (value, bytes) in values.iter_mut().zip(row.chunks_exact(size)) {
                let decoded = decode(entry.kind, bytes);
                *value = decoded.ok_or_else(|| fail("has numbers of another type".to_owned()))?;
            }
            found.push(values);
        }
        Ok(Some(found))
    }
}

/// So many frames in a row without any chunk are believed.
const MOST_EMPTY: u64 = 1000;

fn little_endian(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}

fn u64_at(bytes: &[u8], place: usize) -> u64 {
    little_endian(&bytes[place..place + 8])
}

fn u32_at(bytes: &[u8], place: usize) -> u32 {
    little_endian(&bytes[place..place + 4]) as u32
}

/// What stands before the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}
