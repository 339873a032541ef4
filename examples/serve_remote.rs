//! Lets models on other machines run on a device of this one.
//!
//! ```text
//! here$      cargo run --release --example serve_remote --features serve -- --device cpu --port 3000
//! elsewhere$ cargo run --release --example generate --features remote -- --device remote:ws://here:3000 ...
//! ```

// It opens no model: of what the examples share, it needs only how a program ends.
#[path = "support/program.rs"]
mod support;

use std::process::ExitCode;

use adainfer::burn::{Device, serve};
use anyhow::Result;

/// Serve a device of this machine until Ctrl-C; models elsewhere use it as remote:ws://HOST:PORT.
///
/// They send their weights: nothing needs to lie here. Nothing is encrypted, and whoever reaches the port can use
/// the device: for networks that are trusted.
#[derive(clap::Parser)]
struct Args {
    /// The device to serve
    #[arg(long, value_name = "DEVICE", default_value_t = Device::Cpu)]
    device: Device,
    /// Where to listen, on all addresses of this machine
    #[arg(long, value_name = "PORT", default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let Args { device, port } = args;
    eprintln!("{device} will be served at ws://0.0.0.0:{port} until Ctrl-C");
    Ok(serve(device, *port)?)
}
