//! Whole figures: what they show, and that odd data cannot break them.
