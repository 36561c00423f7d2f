//! What a commit writes and leaves behind. `world` compiles and commits topologies, `watched` is the table set that
//! objects to a write where a packet can read, `expected` answers from the image alone.

mod expected;
mod moves;
mod plans;
mod room;
mod sequences;
mod watched;
mod world;
