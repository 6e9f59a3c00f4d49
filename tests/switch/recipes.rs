//! The recipes of the FAQ.
