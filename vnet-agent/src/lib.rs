//! The agent's library.
