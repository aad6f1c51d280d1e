//! Hands the arguments and streams to [`davy::cli`] and returns its exit code.

// stderr is not locked: the progress line is drawn by a thread of its own.
fn main() -> std::process::ExitCode {
    davy::cli::run(std::env::args_os(), &mut std::io::stdout().lock(), &mut std::io::stderr())
}
