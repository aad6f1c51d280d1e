//! `davy carve`: indicators out of any bytes.

use super::Exit;
use super::wanted::Wanted;
use crate::carve::{self, Carved, Carver, Cut, Found, HEAD, Layout};
use crate::evidence::{Live, Pid};
use crate::facts::HostText;
use crate::report::escape::visible;
use clap::{Args, ValueEnum};
use std::error::Error;
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};

/// Find indicators in any bytes: binaries, core dumps, memory images, live processes
#[derive(Args)]
pub struct Arguments {
    /// Files to carve; `-` is standard input; gzip, zstd and xz are opened
    #[arg(required_unless_present = "pid")]
    files: Vec<PathBuf>,
    /// Carve the memory of this process: present pages only, without stopping it
    #[arg(long, value_name = "PID")]
    pid: Vec<Pid>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading
    Text,
    /// An object a line
    Jsonl,
    /// Comma-separated, with a header
    Csv,
}

/// One indicator with the place it was found in.
#[derive(serde::Serialize)]
struct Row<'a> {
    kind: &'a str,
    value: String,
    detail: Option<&'a str>,
    host: Option<String>,
    port: Option<u16>,
    offset: Option<u64>,
    address: Option<u64>,
    region: Option<&'a str>,
    encoding: String,
    source: &'a str,
    context: String,
    count: u64,
    why: &'a str,
}

/// Carves what the user named. One file that cannot be read does not keep the others back.
///
/// # Errors
/// Where the output cannot be written.
pub fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let carver = match arguments.wanted.load(messages) {
        Ok(carver) => carver,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    let mut exit = Exit::Done;
    let total = arguments.files.len() + arguments.pid.len();
    let mut printer = Printer { out, format: arguments.format, several: total > 1, started: false };
    let mut gaps = 0;
    for path in &arguments.files {
        let name = path.display().to_string();
        match one(path, &carver) {
            Ok(done) => {
                if let Some(layout) = &done.layout {
                    let _ = writeln!(messages, "davy: {name}: {}", whose(layout));
                }
                exit = exit.max(note_cut(messages, &name, done.cut));
                printer.place(&name, &done.carved, |offset| {
                    let at = done.layout.as_ref().and_then(|layout| layout.address(offset));
                    (Some(offset), at.map(|(address, _)| address), at.map(|(_, region)| region))
                })?;
                if let Some(problem) = done.problem {
                    let _ = writeln!(
                        messages,
                        "davy: {name}: {problem}; what was found before is printed"
                    );
                    exit = exit.max(Exit::Partial);
                }
            }
            Err(error) => {
                let _ = writeln!(messages, "davy: {name}: {error}");
                gaps += 1;
            }
        }
    }
    for pid in &arguments.pid {
        match carve::carve_process(&Live::new(), &carver, *pid) {
            Ok(process) => {
                let name = format!("/proc/{pid}/exe");
                printer.place(&name, &process.executable, |offset| (Some(offset), None, None))?;
                let name = format!("/proc/{pid}/mem");
                exit = exit.max(note_cut(messages, &name, process.cut));
                printer.place(&name, &process.memory, |address| {
                    (None, Some(address), process.region(address))
                })?;
                if let Some(missed) = &process.missed {
                    let _ = writeln!(messages, "davy: some of {missed}");
                    exit = exit.max(Exit::Partial);
                }
            }
            Err(error) => {
                let _ = writeln!(messages, "davy: {error}");
                gaps += 1;
            }
        }
    }
    if gaps == total {
        return Ok(Exit::Failed);
    }
    Ok(if gaps > 0 { exit.max(Exit::Partial) } else { exit })
}

/// Says what was left out; a run that left something out is partial.
fn note_cut(messages: &mut dyn Write, name: &str, cut: Cut) -> Exit {
    if cut.nothing() {
        return Exit::Done;
    }
    let _ = writeln!(messages, "davy: {name}: {cut}");
    Exit::Partial
}

fn whose(layout: &Layout) -> String {
    let pid = layout.pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
    format!(
        "a core dump of {}{pid} ({}), {} threads",
        layout.comm, layout.arguments, layout.threads
    )
}

/// What one file gave.
struct Done {
    carved: Vec<Carved>,
    cut: Cut,
    layout: Option<Layout>,
    problem: Option<io::Error>,
}

fn one(path: &Path, carver: &Carver) -> io::Result<Done> {
    let mut found = carver.found();
    let mut head = Vec::new();
    let read = if path.as_os_str() == "-" {
        stream(Box::new(io::stdin()), &mut head, &mut found)
    } else {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        let mut first = [0; 6];
        let packed = metadata.is_file() && {
            let got = file.read(&mut first)?;
            io::Seek::rewind(&mut file)?;
            carve::Packed::told_by(first.get(..got).unwrap_or_default()).is_some()
        };
        if metadata.is_file() && !packed {
            Read::by_ref(&mut file).take(HEAD as u64).read_to_end(&mut head)?;
            carve::carve_file(&file, &mut found)
        } else {
            stream(Box::new(file), &mut head, &mut found)
        }
    };
    let problem = read.err();
    let (carved, cut) = carve::finish(found);
    Ok(Done { carved, cut, layout: Layout::parse(&head), problem })
}

fn stream(reader: Box<dyn Read + Send>, head: &mut Vec<u8>, found: &mut Found) -> io::Result<u64> {
    let (mut reader, _) = carve::unpack(reader)?;
    let first = reader.by_ref().take(HEAD as u64).read_to_end(head);
    // What could be read is carved, even where the rest is damaged.
    let carved = carve::carve(Cursor::new(head.as_slice()).chain(reader), 0, found);
    first.and(carved)
}

struct Printer<'a> {
    out: &'a mut dyn Write,
    format: Format,
    several: bool,
    started: bool,
}

/// Offset, address and region of an indicator.
type Where<'a> = (Option<u64>, Option<u64>, Option<&'a str>);

impl Printer<'_> {
    fn place<'b>(
        &mut self,
        source: &str,
        carved: &[Carved],
        place: impl Fn(u64) -> Where<'b>,
    ) -> io::Result<()> {
        if self.format == Format::Text && self.several && !carved.is_empty() {
            writeln!(self.out, "{}", visible(source))?;
        }
        if self.format == Format::Csv && !self.started {
            writeln!(
                self.out,
                "kind,value,detail,host,port,offset,address,region,encoding,source,context,count,why"
            )?;
        }
        self.started = true;
        for one in carved {
            let (offset, address, region) = place(one.offset);
            let row = Row {
                kind: one.kind,
                value: text(&one.value),
                detail: one.detail.as_deref(),
                host: one.host.as_deref().map(text),
                port: one.port,
                offset,
                address,
                region,
                encoding: one.way.to_string(),
                source,
                context: text(&one.context),
                count: one.count,
                why: &one.why,
            };
            match self.format {
                Format::Text => self.text(&row)?,
                Format::Jsonl => {
                    serde_json::to_writer(&mut *self.out, &row)?;
                    self.out.write_all(b"\n")?;
                }
                Format::Csv => self.csv(&row)?,
            }
        }
        Ok(())
    }

    fn text(&mut self, row: &Row<'_>) -> io::Result<()> {
        let at = row.address.or(row.offset).unwrap_or(0);
        let region =
            row.region.map_or_else(String::new, |region| format!(" in {}", visible(region)));
        let detail =
            row.detail.map_or_else(String::new, |detail| format!(" [{}]", visible(detail)));
        let times = if row.count > 1 { format!(", {} times", row.count) } else { String::new() };
        let encoding =
            if row.encoding == "ascii" { String::new() } else { format!(", {}", row.encoding) };
        writeln!(self.out, "{at:#014x}  {:<12}  {}{detail}", row.kind, visible(&row.value))?;
        writeln!(self.out, "{:30}{}{encoding}{times}{region}", "", row.why)?;
        if row.context != row.value && row.kind != "miner-config" {
            writeln!(self.out, "{:30}{}", "", visible(&row.context))?;
        }
        Ok(())
    }

    fn csv(&mut self, row: &Row<'_>) -> io::Result<()> {
        let number = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        let cells = [
            row.kind.to_owned(),
            row.value.clone(),
            row.detail.unwrap_or_default().to_owned(),
            row.host.clone().unwrap_or_default(),
            number(row.port.map(u64::from)),
            number(row.offset),
            number(row.address),
            row.region.unwrap_or_default().to_owned(),
            row.encoding.clone(),
            row.source.to_owned(),
            row.context.clone(),
            row.count.to_string(),
            row.why.to_owned(),
        ];
        let quoted: Vec<String> = cells
            .iter()
            .map(|cell| format!("\"{}\"", cell_text(cell).replace('"', "\"\"")))
            .collect();
        writeln!(self.out, "{}", quoted.join(","))
    }
}

fn text(bytes: &[u8]) -> String {
    HostText::from(bytes).escaped()
}

/// A cell that a spreadsheet shows and does not run.
fn cell_text(cell: &str) -> String {
    let mark = if cell.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("{mark}{}", visible(cell))
}
