//! Hands the arguments and streams to [`davy::cli`] and returns its exit code.

/// Rows are made in one thread and freed in another, which the C library's allocator does under a
/// lock that the threads then wait for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// stderr is not locked: the progress line is drawn by a thread of its own.
fn main() -> std::process::ExitCode {
    davy::cli::run(std::env::args_os(), &mut std::io::stdout().lock(), &mut std::io::stderr())
}
