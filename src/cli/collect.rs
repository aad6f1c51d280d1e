//! `davy collect`: an archive of this host, streamed.

use super::Exit;
use super::failing::failing;
use super::investigate::{Looked, Memory, investigate};
use super::library::{self, Library};
use super::progress::Progress;
use super::sink::{Packing, Sink};
use crate::carve::Carver;
use crate::evidence::age::{self, Recipient};
use crate::evidence::davy::{About, Writer};
use crate::evidence::{Evidence, HostPath, Live, Recording, RecordingLimits};
use crate::facts::Facts;
use clap::Args;
use std::cell::RefCell;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Capture an evidence archive of this host: streamed, nothing staged on its disk
#[derive(Args)]
pub struct Arguments {
    /// The archive; `-` is standard output, as in: ssh host davy collect -o - > host.tar.zst
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: PathBuf,
    /// Whose memory to take
    #[arg(long, value_name = "WHOSE", default_value = "suspects")]
    memory: Memory,
    /// How to pack it
    #[arg(long, value_name = "HOW", default_value = "zstd")]
    packing: Packing,
    /// Encrypt it with age, for the one who has the identity; may be given more than once
    #[arg(long = "recipient", value_name = "age1…", value_parser = Recipient::parse)]
    recipients: Vec<Recipient>,
    /// Most bytes of one file or of one process's memory, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    most_of_one: usize,
    /// Most bytes of all, in MiB; they are held until they are written, and to answer again
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    most_of_all: usize,
    #[command(flatten)]
    library: Library,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

/// Gaps that are told one by one.
const MOST_TOLD: usize = 10;

/// Where the bytes go in the end.
enum End {
    File(File),
    Out(io::Stdout),
}

/// What the bytes go through before: nothing, or a cipher.
enum Seal {
    Open(End),
    Sealed(Box<age::Writer<End>>),
}

impl Seal {
    fn new(end: End, recipients: &[Recipient]) -> io::Result<Self> {
        if recipients.is_empty() {
            return Ok(Self::Open(end));
        }
        Ok(Self::Sealed(Box::new(age::Writer::new(end, recipients)?)))
    }

    fn finish(self) -> io::Result<End> {
        match self {
            Self::Open(end) => Ok(end),
            Self::Sealed(writer) => writer.finish(),
        }
    }
}

impl Write for Seal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Open(end) => end.write(bytes),
            Self::Sealed(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Open(end) => end.flush(),
            Self::Sealed(writer) => writer.flush(),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Out(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Out(out) => out.flush(),
        }
    }
}

/// Captures this host. The digest that stands for the whole archive goes to `messages`: write it
/// down elsewhere.
///
/// # Errors
/// Where the archive cannot be written.
pub fn run(arguments: &Arguments, messages: &mut dyn Write) -> Result<Exit, Box<dyn Error>> {
    let playbooks = match arguments.library.load() {
        Ok(playbooks) => playbooks,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    library::tell(&playbooks, messages);
    let shown = arguments.output.display().to_string();
    let end = if shown == "-" {
        if io::stdout().is_terminal() {
            let _ =
                writeln!(messages, "davy: an archive is not for a terminal: -o FILE, or a pipe");
            return Ok(Exit::Usage);
        }
        End::Out(io::stdout())
    } else {
        let made =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&arguments.output);
        match made {
            Ok(file) => End::File(file),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                let _ = writeln!(
                    messages,
                    "davy: {shown}: there is such a file, and davy writes over none: name another, or move it away"
                );
                return Ok(Exit::Failed);
            }
            Err(e) => {
                let _ = writeln!(messages, "davy: {}", unwritable(&arguments.output, &e));
                return Ok(Exit::Failed);
            }
        }
    };
    let limits = RecordingLimits {
        one: arguments.most_of_one.saturating_mul(1 << 20),
        all: arguments.most_of_all.saturating_mul(1 << 20),
    };
    let recording = Arc::new(Recording::with_limits(Live::new(), limits));
    let about = About {
        tool: format!("davy {}", env!("CARGO_PKG_VERSION")),
        arguments: std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect(),
        memory: format!("{:?}", arguments.memory).to_lowercase(),
    };
    let seal = Seal::new(end, &arguments.recipients)?;
    let writer = recording.archive(Sink::new(seal, arguments.packing), &about)?;
    let progress = Progress::new(arguments.quiet);
    let (sink, root, failing) = capture(arguments, &recording, writer, &playbooks, &progress)?;
    progress.done();
    if let End::File(file) = sink.finish()?.finish()? {
        file.sync_all()?;
    }
    let left_out = recording.left_out();
    for (path, bytes) in left_out.iter().take(20) {
        let _ = writeln!(messages, "davy: {path}: not kept, by the limits ({bytes} bytes)");
    }
    if left_out.len() > 20 {
        let _ =
            writeln!(messages, "davy: and {} more, in the archive's manifest", left_out.len() - 20);
    }
    for words in failing.iter().take(MOST_TOLD) {
        let _ = writeln!(messages, "davy: not read, so that it is not in the archive: {words}");
    }
    if let Some(more) = failing.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        let _ = writeln!(messages, "davy: and {more} more: davy triage {shown} tells all");
    }
    let _ = writeln!(messages, "davy: {shown}: root sha256:{root}");
    let _ = writeln!(
        messages,
        "davy: write that down elsewhere: davy verify --root holds the archive against it"
    );
    let whole = left_out.is_empty() && failing.is_empty();
    Ok(if whole { Exit::Done } else { Exit::Partial })
}

/// Why the archive cannot be made there, and what to do.
fn unwritable(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    let why = match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such folder: make it first, or name another".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not write there: name another folder, or `-o -` and a pipe".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::StorageFull => {
            format!("{error}: name a folder elsewhere, or `-o -` and a pipe")
        }
        _ => error.to_string(),
    };
    format!("{shown}: {why}")
}

/// Runs a triage over the recording and writes what each step read before the next begins.
fn capture<W: Write>(
    arguments: &Arguments,
    recording: &Arc<Recording<Live>>,
    writer: Writer<W>,
    playbooks: &crate::judge::Playbooks,
    progress: &Progress,
) -> Result<(W, String, Vec<String>), Box<dyn Error>> {
    // davy takes these times from the kernel; other tools want the files.
    if let Ok(root) = recording.dir(&HostPath::from("/")) {
        for name in ["/proc/uptime", "/proc/version"] {
            let _ = root.read(&HostPath::from(name), 4096, &mut Vec::new());
        }
    }
    let facts = Facts::in_memory(&crate::tables())?;
    let writer = RefCell::new(writer);
    let failed: RefCell<Option<io::Error>> = RefCell::new(None);
    let step = |name: &str| {
        progress.step(name);
        // After an error the rest is read in vain, but a step cannot be broken off.
        if failed.borrow().is_none()
            && let Err(e) = recording.write(&mut writer.borrow_mut(), false)
        {
            failed.replace(Some(e));
        }
    };
    let host: &dyn Evidence = recording;
    investigate(
        arguments.memory,
        None,
        &Looked::at(host),
        &facts,
        &Carver::default(),
        playbooks,
        &step,
    )?;
    if let Some(error) = failed.take() {
        return Err(error.into());
    }
    let mut writer = writer.into_inner();
    recording.write(&mut writer, true)?;
    let (out, root) = writer.finish()?;
    Ok((out, root, failing(&facts)?))
}
