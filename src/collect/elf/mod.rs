//! The executables that run, read through /proc/PID/exe: the true bytes, even of a deleted file.

mod packer;
mod shape;
mod sight;

use super::digest::{Wanted, digest};
use super::{Collector, Host, Outcome, Run};
use crate::evidence::{Evidence, HostPath, Pid, Reason, Stat, Unavailable, process_dir};
use crate::facts::{self, Facts, HostText, Table, Time};
use rayon::prelude::*;
use std::collections::HashMap;

crate::table! {
    pub struct Elf in elf, "The distinct executables of all processes, one row a device and inode.";
    path: HostPath, "", "Path, as the first process that runs it has it.";
    root_id: String, "", "Root the path is in, as processes.root_id.";
    pid: u32, "", "The first process that runs it; its exe link is where the bytes were read.";
    dev: u64, "", "Device, major << 32 | minor.";
    inode: u64, "", "Inode.";
    nlink: u32, "", "Names that lead to it; 0 for deleted.";
    size: u64, "bytes", "Size.";
    mtime: Option<Time>, "", "Content last changed; taken before the file was read.";
    ctime: Option<Time>, "", "Inode last changed; likewise.";
    btime: Option<Time>, "", "Made; likewise.";
    atime: Option<Time>, "", "Last read; likewise.";
    sha256: Option<String>, "", "Of its bytes; NULL where they could not be read or are more than 512 MiB.";
    md5: Option<String>, "", "Likewise; what dpkg keeps of a package's files.";
    object: Option<&'static str>, "", "executable, pie, library, core or other; NULL where it is not ELF.";
    machine: Option<&'static str>, "", "Processor.";
    linking: Option<&'static str>, "", "static or dynamic.";
    stripped: Option<bool>, "", "No symbol table.";
    interpreter: Option<HostText>, "", "Loader.";
    libraries: Option<HostText>, "", "Needed libraries, separated by spaces.";
    imports: Option<HostText>, "", "Imported functions, separated by spaces, at most 4,096.";
    build_id: Option<String>, "", "GNU build id, hexadecimal.";
    sections: Option<u32>, "", "Sections; 0 is a sign of a packer.";
    entropy: Option<f64>, "bits/byte", "Highest entropy of an executable segment or section of at least 4 KiB.";
    packer: Option<String>, "", "Signs of a packer, and why: UPX; UPX with altered magic: …; unknown packer: …; NULL where there are none.";
    language: Option<&'static str>, "", "go, rust, c++ or c, by its sections, strings and libraries; NULL where not told.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "elf", tables: &[Elf::DEF], run: Run::Host(collect) };

/// Bytes of an executable that are digested; the largest seen are some 200 MiB.
const MOST_BYTES: u64 = 512 << 20;

/// An executable larger than this is not held against its package\'s MD5.
const MOST_COMPARED: u64 = 32 << 20;

/// Processes that are tried for one executable: the first may have ended by now.
const MOST_TRIES: usize = 8;

/// One executable and the processes that run it.
struct Image {
    dev: u64,
    inode: u64,
    /// Pid, root and path of the first few.
    runs: Vec<(Pid, String, HostPath)>,
}

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let images = images(facts)?;
    let evidence = host.evidence;
    let seen: Vec<Result<(Elf, String), Unavailable>> =
        images.par_iter().map(|image| see(evidence, image)).collect();
    for answer in seen {
        match answer {
            Ok((row, source)) => {
                if row.sha256.is_some() || row.md5.is_some() {
                    host.gaps.read("elf");
                } else {
                    let path = HostPath::from(source.as_str());
                    let (reason, why) = if row.size > MOST_BYTES {
                        (Reason::TooMuch, "larger than 512 MiB")
                    } else {
                        (Reason::NotCaptured, "its bytes are not in the evidence")
                    };
                    let why = Unavailable::new(&path, reason, why);
                    host.gaps.missed("elf", &why);
                }
                let key = format!("{}.{}.{}", row.dev >> 32, row.dev & 0xffff_ffff, row.inode);
                facts.insert(key, &source, &row)?;
            }
            Err(why) => host.gaps.missed("elf", &why),
        }
    }
    facts.change("CREATE INDEX elf_file ON elf (dev, inode)", [])?;
    facts.change(
        "UPDATE processes SET exe_file = (SELECT fact FROM elf \
         WHERE elf.dev = processes.exe_dev AND elf.inode = processes.exe_inode) \
         WHERE exe_inode IS NOT NULL",
        [],
    )
}

/// The distinct executables, in the order of their first process.
fn images(facts: &Facts) -> Result<Vec<Image>, facts::Error> {
    let sql = "SELECT exe_dev, exe_inode, pid, root_id, exe FROM processes \
               WHERE exe_inode IS NOT NULL AND exe IS NOT NULL ORDER BY pid";
    let rows = facts.rows(sql, [], |row| {
        let exe = HostPath::unescape(&row.get::<_, String>(4)?);
        let key = (row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned());
        Ok((key, (row.get(2)?, row.get(3)?, exe)))
    })?;
    let mut place: HashMap<(u64, u64), usize> = HashMap::new();
    let mut images: Vec<Image> = Vec::new();
    for ((dev, inode), run) in rows {
        let at = *place.entry((dev, inode)).or_insert(images.len());
        match images.get_mut(at) {
            Some(image) if image.runs.len() < MOST_TRIES => image.runs.push(run),
            Some(_) => {}
            None => images.push(Image { dev, inode, runs: vec![run] }),
        }
    }
    Ok(images)
}

/// Reads an executable through the first of its processes that still runs it.
fn see(evidence: &dyn Evidence, image: &Image) -> Result<(Elf, String), Unavailable> {
    let mut first: Option<Unavailable> = None;
    for (pid, root, path) in &image.runs {
        match see_in(evidence, image, *pid, root, path) {
            Ok(row) => return Ok((row, format!("/proc/{pid}/exe"))),
            Err(why) => first = first.or(Some(why)),
        }
    }
    let nothing = || Unavailable::new(&HostPath::from("/proc"), Reason::Vanished, "no process");
    Err(first.unwrap_or_else(nothing))
}

fn see_in(
    evidence: &dyn Evidence,
    image: &Image,
    pid: Pid,
    root_id: &str,
    path: &HostPath,
) -> Result<Elf, Unavailable> {
    let dir = process_dir(evidence, pid)?;
    let name = HostPath::from("exe");
    let full = HostPath::from(format!("/proc/{pid}/exe").as_str());
    // The times come first: reading could change the access time.
    let stat = dir.stat(&name)?;
    if (stat.dev, stat.inode) != (image.dev, image.inode) {
        return Err(Unavailable::new(&full, Reason::Vanished, "the process runs another file now"));
    }
    let mut row = blank(&stat, pid, root_id, path);
    if stat.size > MOST_BYTES {
        return Ok(row);
    }
    let failed = |e: std::io::Error| Unavailable::from_io(&full, &e);
    let mut reader = match (dir.open(&name), evidence.told()) {
        (Ok(reader), _) => reader,
        // The collector took no program; it may have taken its digests.
        (Err(why), Some(told)) if why.reason == Reason::NotCaptured => {
            let digests = told.executables.get(&pid).cloned().unwrap_or_default();
            (row.sha256, row.md5) = (digests.sha256, digests.md5);
            return Ok(row);
        }
        (Err(why), _) => return Err(why),
    };
    let shape = shape::shape(reader.as_mut(), stat.size);
    reader.rewind().map_err(failed)?;
    let mut sight = sight::Sight::new(shape.as_ref().map_or(&[], |shape| &shape.code));
    let wanted = if stat.size > MOST_COMPARED { Wanted::Sha256 } else { Wanted::Both };
    let digests = digest(&mut reader, MOST_BYTES, wanted, &mut |at, chunk| sight.see(at, chunk))
        .map_err(failed)?;
    if digests.whole {
        row.sha256 = digests.sha256;
        row.md5 = digests.md5;
    }
    if let Some(shape) = shape {
        row.entropy = sight.entropy();
        row.packer = packer::packer(&shape, row.entropy);
        row.language = language(&shape, &sight, row.packer.is_some());
        row.object = Some(shape.object);
        row.machine = Some(shape.machine);
        row.linking = Some(shape.linking);
        row.stripped = Some(shape.stripped);
        row.interpreter = shape.interpreter;
        row.libraries = shape.libraries;
        row.imports = shape.imports;
        row.build_id = shape.build_id;
        row.sections = Some(shape.sections);
    }
    Ok(row)
}

/// A row of what the inode says, before its bytes are read.
fn blank(stat: &Stat, pid: Pid, root_id: &str, path: &HostPath) -> Elf {
    Elf {
        path: path.clone(),
        root_id: root_id.to_owned(),
        pid,
        dev: stat.dev,
        inode: stat.inode,
        nlink: stat.nlink,
        size: stat.size,
        mtime: stat.mtime,
        ctime: stat.ctime,
        btime: stat.btime,
        atime: stat.atime,
        sha256: None,
        md5: None,
        object: None,
        machine: None,
        linking: None,
        stripped: None,
        interpreter: None,
        libraries: None,
        imports: None,
        build_id: None,
        sections: None,
        entropy: None,
        packer: None,
        language: None,
    }
}

/// The language, by what its compiler leaves. A packed program does not show it.
fn language(shape: &shape::Shape, sight: &sight::Sight, packed: bool) -> Option<&'static str> {
    let needs = |name: &[u8]| {
        let libraries = shape.libraries.as_ref()?;
        memchr::memmem::find(libraries.as_bytes(), name)
    };
    // A scanner holds the marks of others as strings; its own section or unwinder comes first.
    if shape.go {
        Some("go")
    } else if sight.rust {
        Some("rust")
    } else if sight.go {
        Some("go")
    } else if packed {
        None
    } else if needs(b"libstdc++").is_some() || needs(b"libc++").is_some() {
        Some("c++")
    } else {
        Some("c")
    }
}
