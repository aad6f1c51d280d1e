//! YARA rules: davy's own few, and the user's, over what is carved.

mod depth;
mod place;
mod regions;
mod split;

pub use place::YaraMatch;

use boreal::compiler::CompilerParams;
use boreal::scanner::{FragmentedScanMode, ScanError, ScanParams, ScanResult};
use boreal::{Compiler, MetadataValue, Scanner};
use regions::{Regions, Source};
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

/// Davy's own: what a program does, never which it is.
const OWN: &[(&str, &str)] = &[
    ("davy/miner.yar", include_str!("../../../playbooks/yara/miner.yar")),
    ("davy/loader.yar", include_str!("../../../playbooks/yara/loader.yar")),
    ("davy/hiding.yar", include_str!("../../../playbooks/yara/hiding.yar")),
];

static EMBEDDED: LazyLock<Rules> = LazyLock::new(|| {
    let mut compiling = Compiling::new();
    compiling.own();
    Rules { own: true, ..compiling.finish() }
});

/// What rules may ask of outside, as public sets do.
const OUTSIDE: &[&str] = &["filename", "filepath", "extension", "filetype", "owner"];

/// Bytes that are given to the rules at once: up to this, a file's size and form can be asked for.
pub(super) const WHOLE: usize = 16 << 20;

/// Bytes by which one piece reaches into the next, so that a string across its edge is seen whole.
pub(super) const OVERLAP: usize = 4 << 10;

/// Time for one place.
const TIME: Duration = Duration::from_secs(60);

/// Offsets kept of one string, and of all strings of a rule.
const OFFSETS: u32 = 100;
const SHOWN: usize = 16;

/// Bytes of a rules' file, and files of a folder.
const FILE: u64 = 64 << 20;
const FILES: usize = 20_000;

/// Which rules are held against bytes.
pub enum Held {
    /// None.
    None,
    /// Davy's own alone.
    Own,
    /// Those that the user named, with davy's own.
    Named(Rules),
}

/// Rules, ready to be held against bytes.
pub struct Rules {
    scanner: Scanner,
    /// How many there are.
    pub rules: usize,
    /// Rules that did not compile, one by one, in words for the user.
    pub problems: Vec<String>,
    /// Davy's own alone, which ask for no file larger than is seen whole.
    own: bool,
}

/// A rule that matched in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its name.
    pub rule: String,
    /// The file that it came in.
    pub file: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its metadata.
    pub meta: Vec<(String, serde_json::Value)>,
    /// Names of its strings with offsets (for memory, addresses), the first few.
    pub strings: Vec<(String, u64)>,
    /// All occurrences of its strings, at most 100 of each.
    pub count: u64,
}

/// What the rules gave in one place.
#[derive(Debug, Default)]
pub struct Judged {
    /// By the rules' names.
    pub matches: Vec<Match>,
    /// Why not all of the place was seen.
    pub problem: Option<String>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rules", self.rules)
    }
}

impl Rules {
    /// Davy's own alone; compiled when they are first asked for.
    #[must_use]
    pub fn own() -> &'static Self {
        &EMBEDDED
    }

    /// Davy's own and those below these files and folders.
    ///
    /// # Errors
    /// A path that cannot be read. Rules that do not compile are among the problems.
    pub fn load(paths: &[PathBuf]) -> io::Result<Self> {
        let mut compiling = Compiling::new();
        compiling.own();
        for path in paths {
            let named = |error: io::Error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            };
            compiling.add(path).map_err(named)?;
        }
        let mut rules = compiling.finish();
        if rules.rules <= Self::own().rules && rules.problems.is_empty() {
            rules.problems.push("--yara: there is no rule".to_owned());
        }
        Ok(rules)
    }

    /// Holds them against bytes that are all there is of a file.
    #[must_use]
    pub fn whole(&self, bytes: &[u8], name: &str) -> Judged {
        let scanner = self.named(name);
        judged(&scanner, scanner.scan_mem(bytes))
    }

    /// Holds them against a file or stream: whole where it is small enough, else piece by piece;
    /// then rules that ask for a file's size or form do not match, and that is told.
    #[must_use]
    pub fn stream(&self, mut from: impl Read + Send, name: &str) -> Judged {
        let mut head = Vec::new();
        let read = from.by_ref().take(WHOLE as u64 + 1).read_to_end(&mut head);
        let failed = read.err().map(|error| error.to_string());
        if head.len() <= WHOLE || failed.is_some() {
            let mut judged = self.whole(&head, name);
            judged.problem = judged.problem.or(failed);
            return judged;
        }
        if self.own {
            return Judged::default();
        }
        let rest = io::Cursor::new(head).chain(from);
        let scanner = self.named(name);
        let mut judged = judged(&scanner, scanner.scan_fragmented(Regions::new(Source::of(rest))));
        judged.problem.get_or_insert_with(|| {
            "larger than 16 MiB: conditions on its size or form were not decided".to_owned()
        });
        judged
    }

    /// Holds them against stretches of memory, present pages only.
    #[must_use]
    pub fn memory(
        &self,
        memory: Box<dyn crate::evidence::Memory + '_>,
        stretches: Vec<(u64, u64)>,
        name: &str,
    ) -> Judged {
        let mut scanner = self.named(name);
        let params = scanner.scan_params().clone().process_memory(true);
        scanner.set_scan_params(params);
        judged(&scanner, scanner.scan_fragmented(Regions::new(Source::memory(memory, stretches))))
    }

    fn named(&self, name: &str) -> Scanner {
        let mut scanner = self.scanner.clone();
        let path = Path::new(name);
        let part = |part: Option<&std::ffi::OsStr>| {
            part.unwrap_or_default().to_string_lossy().into_owned()
        };
        let extension = match part(path.extension()) {
            extension if extension.is_empty() => extension,
            extension => format!(".{extension}"),
        };
        for (symbol, value) in [
            ("filename", part(path.file_name())),
            ("filepath", part(path.parent().map(Path::as_os_str))),
            ("extension", extension),
        ] {
            // They were defined when the rules were compiled.
            let _ = scanner.define_symbol(symbol, value);
        }
        scanner
    }
}

fn judged(
    scanner: &Scanner,
    result: Result<ScanResult<'_>, (ScanError, ScanResult<'_>)>,
) -> Judged {
    let (result, problem) = match result {
        Ok(result) => (result, None),
        Err((error, result)) => (result, Some(error.to_string())),
    };
    let mut matches: Vec<Match> = result
        .rules
        .iter()
        .map(|rule| {
            let mut strings: Vec<(String, u64)> = Vec::new();
            let mut count = 0;
            for string in &rule.matches {
                // Where pieces reach into each other a string is met twice.
                let at = |hit: &boreal::scanner::StringMatch| hit.base.saturating_add(hit.offset);
                let places: BTreeSet<usize> = string.matches.iter().map(at).collect();
                count += places.len() as u64;
                let name = format!("${}", string.name);
                strings.extend(places.iter().take(SHOWN).map(|at| (name.clone(), *at as u64)));
            }
            strings.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
            strings.truncate(SHOWN);
            let meta = rule.metadatas.iter().map(|meta| {
                let value = match &meta.value {
                    MetadataValue::Bytes(bytes) => {
                        String::from_utf8_lossy(scanner.get_bytes_symbol(*bytes)).into()
                    }
                    MetadataValue::Integer(number) => (*number).into(),
                    MetadataValue::Boolean(truth) => (*truth).into(),
                };
                (scanner.get_string_symbol(meta.name).to_owned(), value)
            });
            Match {
                rule: rule.name.to_owned(),
                file: rule.namespace.to_owned(),
                tags: rule.tags.iter().map(|t| scanner.get_string_symbol(*t).to_owned()).collect(),
                meta: meta.collect(),
                strings,
                count,
            }
        })
        .collect();
    matches.sort_by(|a, b| (&a.rule, &a.file).cmp(&(&b.rule, &b.file)));
    Judged { matches, problem }
}

/// Rules being gathered.
struct Compiling {
    compiler: Compiler,
    problems: Vec<String>,
}

fn compiler() -> Compiler {
    let mut compiler = Compiler::new();
    // A rules' file from elsewhere must not make davy read others.
    compiler.set_params(CompilerParams::default().disable_includes(true));
    for symbol in OUTSIDE {
        compiler.define_symbol(symbol, "");
    }
    compiler
}

impl Compiling {
    fn new() -> Self {
        Self { compiler: compiler(), problems: Vec::new() }
    }

    fn own(&mut self) {
        for (file, text) in OWN {
            self.text(file, text);
        }
    }

    fn add(&mut self, path: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        if std::fs::metadata(path)?.is_dir() {
            gather(path, 0, &mut files)?;
            files.sort();
        } else {
            files.push(path.to_owned());
        }
        for file in files {
            let shown = file.display().to_string();
            let mut bytes = Vec::new();
            match std::fs::File::open(&file).and_then(|f| f.take(FILE).read_to_end(&mut bytes)) {
                Ok(_) => self.text(&shown, &String::from_utf8_lossy(&bytes)),
                Err(error) if file == path => return Err(error),
                Err(error) => self.problems.push(format!("{shown}: {error}")),
            }
        }
        Ok(())
    }

    /// Adds a file's rules: all at once where all compile, else one by one.
    fn text(&mut self, file: &str, text: &str) {
        if depth::too_deep(text) {
            for part in split::rules(text) {
                if depth::too_deep(&part.text) {
                    let line = part.line.saturating_add(1);
                    self.problems.push(format!("{file}:{line}: a condition is nested too deeply"));
                } else {
                    self.text(file, &part.text);
                }
            }
            return;
        }
        let Err(error) = compiler().add_rules_str(text) else {
            if let Err(error) = self.compiler.add_rules_str_in_namespace(text, file) {
                self.problems.push(format!("{file}: {error}"));
            }
            return;
        };
        // Asked only where something is wrong: most files compile as they are.
        let known = self.known_modules(file, text);
        if known != text {
            return self.text(file, &known);
        }
        let parts = split::rules(text);
        let mut used = 0;
        for part in &parts {
            // The text before keeps its lines, so that an error names the right one.
            let padded = "\n".repeat(part.line) + &part.text;
            match self.compiler.add_rules_str_in_namespace(&padded, file) {
                Ok(_) => used += 1,
                Err(error) => {
                    self.problems.push(told(file, &error.to_string()));
                }
            }
        }
        if parts.is_empty() || used == parts.len() {
            self.problems.push(told(file, &error.to_string()));
        }
    }

    /// The text without the modules that there are none of: rules that do not use them still run.
    fn known_modules(&mut self, file: &str, text: &str) -> String {
        let line = |(number, line): (usize, &str)| {
            let module = line.trim_start().strip_prefix("import").map(str::trim_start);
            let module = module.and_then(|rest| rest.strip_prefix('"')?.split('"').next());
            let Some(module) = module else { return line.to_owned() };
            if compiler().add_rules_str(format!("import \"{module}\"")).is_ok() {
                return line.to_owned();
            }
            let number = number.saturating_add(1);
            self.problems.push(format!(
                "{file}:{number}: no module `{module}` here; rules that use it do not run"
            ));
            String::new()
        };
        text.split('\n').enumerate().map(line).collect::<Vec<_>>().join("\n")
    }

    fn finish(self) -> Rules {
        let mut scanner = self.compiler.finalize();
        scanner.set_scan_params(
            ScanParams::default()
                .compute_full_matches(true)
                .match_max_length(64)
                .string_max_nb_matches(OFFSETS)
                .timeout_duration(Some(TIME))
                .fragmented_scan_mode(FragmentedScanMode::single_pass()),
        );
        let rules = scanner.rules().count();
        Rules { scanner, rules, problems: self.problems, own: false }
    }
}

/// The compiler's words with the file's name in place of its own for text in memory.
fn told(file: &str, error: &str) -> String {
    error
        .strip_prefix("mem")
        .map_or_else(|| format!("{file}: {error}"), |rest| format!("{file}{rest}"))
}

fn gather(folder: &Path, depth: u32, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        let named = path.extension().is_some_and(|e| e == "yar" || e == "yara" || e == "rule");
        if kind.is_dir() && depth < 16 {
            gather(&path, depth + 1, files)?;
        } else if kind.is_file() && named && files.len() < FILES {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
