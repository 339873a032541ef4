//! What a program owes its caller: logs and errors on standard error, and an exit code.

use std::io::{Error, ErrorKind};
use std::process::ExitCode;

use anyhow::Result;
use tracing_subscriber::filter::LevelFilter;

/// Reads the arguments, runs the program and says how it ended.
///
/// An error is written with its causes and ends with code 1; wrong arguments end with clap's code, 2. Whoever
/// closes our standard output early (`| head`) has seen enough: that is a success.
///
/// Logs are shown from the level in `RUST_LOG` on (`info`, `debug`), by default warnings.
pub(crate) fn run<A: clap::Parser>(program: fn(&A) -> Result<()>) -> ExitCode {
    let args = A::parse();
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(LevelFilter::WARN))
        .with_writer(std::io::stderr)
        .init();
    match program(&args) {
        Err(error) if !is_closed_pipe(&error) => {
            eprintln!("error: {error}");
            error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<Error>());
    causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_closed_pipe_is_told_from_other_errors() {
        let wrapped = |kind| anyhow::Error::from(Error::from(kind)).context("cannot write");
        assert!(is_closed_pipe(&wrapped(ErrorKind::BrokenPipe)));
        assert!(!is_closed_pipe(&wrapped(ErrorKind::NotFound)));
        assert!(!is_closed_pipe(&anyhow!("broken pipe")));
    }
}
