//! Every lie that a model's files can tell, and every wrong call of a model: an error that names what is
//! wrong, and no panic. One test a bad input.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

#[path = "hostile/broken.rs"]
#[macro_use]
mod broken;
#[path = "hostile/gguf_file.rs"]
mod gguf_file;
#[path = "hostile/tensors.rs"]
mod tensors;

#[path = "hostile/call.rs"]
mod call;
#[path = "hostile/config.rs"]
mod config;
#[path = "hostile/end_token.rs"]
mod end_token;
#[path = "hostile/families.rs"]
mod families;
#[path = "hostile/gguf.rs"]
mod gguf;
#[path = "hostile/header.rs"]
mod header;
#[path = "hostile/place.rs"]
mod place;
#[path = "hostile/shards.rs"]
mod shards;
#[path = "hostile/tokenizer.rs"]
mod tokenizer;
#[path = "hostile/weights.rs"]
mod weights;
