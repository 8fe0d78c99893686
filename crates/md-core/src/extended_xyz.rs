//! Extended XYZ.
