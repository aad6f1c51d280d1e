//! Unknown is not clean: what a playbook's silence is worth, by what was read.

use crate::facts::{self, Facts, Pieces, TableDef};
use std::collections::{BTreeMap, BTreeSet};

/// Columns, or with `*` whole tables, that are only as good as something else that was read.
const RESTS_ON: &[(&str, &str, &str)] = &[
    ("processes", "exe_package", "packages"),
    ("files", "package", "packages"),
    ("files", "package_intact", "packages"),
    ("persistence", "package", "packages"),
    ("processes", "exe_file", "elf"),
    // Whose a socket is, the lists of open files tell.
    ("sockets", "pid", "open_files"),
    // Executables are found by the links of processes, and carved thereafter.
    ("elf", "*", "processes.exe"),
    ("indicators", "*", "processes.exe"),
    ("processes", "*", OTHERS),
    ("open_files", "*", OTHERS),
    ("mappings", "*", OTHERS),
    ("environment", "*", OTHERS),
    ("elf", "*", OTHERS),
    ("indicators", "*", OTHERS),
];

/// What coverage calls processes that a /proc with hidepid does not show.
const OTHERS: &str = "processes of others";

struct Row {
    status: String,
    detail: String,
    pieces: Option<Pieces>,
}

/// What is missing for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing.
    None,
    /// Little: at most one piece in ten, or nothing that can be counted.
    Partial(String),
    /// So much that silence means nothing.
    Missing(String),
}

/// The coverage rows by what they speak of.
pub(super) struct Known<'a> {
    tables: &'a [TableDef],
    rows: BTreeMap<String, Vec<Row>>,
    filled: BTreeSet<&'static str>,
}

impl<'a> Known<'a> {
    /// Reads what is known.
    pub(super) fn read(facts: &Facts, tables: &'a [TableDef]) -> Result<Self, facts::Error> {
        let connection = facts.connection();
        let read = || -> rusqlite::Result<Self> {
            let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
            let mut statement = connection.prepare(
                "SELECT what, status, detail, read, missed, failed FROM coverage
                 ORDER BY what, status",
            )?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let number = |column| -> rusqlite::Result<Option<u64>> {
                    Ok(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
                };
                let pieces = match (number(3)?, number(4)?, number(5)?) {
                    (Some(read), Some(missed), Some(failed)) => {
                        Some(Pieces { read, missed, failed, cut: 0 })
                    }
                    _ => None,
                };
                let known = Row { status: row.get(1)?, detail: row.get(2)?, pieces };
                rows.entry(row.get(0)?).or_default().push(known);
            }
            let mut filled = BTreeSet::new();
            for table in tables {
                let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{}\")", table.name);
                if connection.query_row(&sql, [], |row| row.get(0))? {
                    filled.insert(table.name);
                }
            }
            Ok(Self { tables, rows, filled })
        };
        read().map_err(|cause| facts::Error::Sql { doing: "reading coverage".to_owned(), cause })
    }

    /// Where too few processes could be looked at: how many.
    pub(super) fn looked(&self) -> Option<Pieces> {
        let rows = self.rows.get("processes.exe")?;
        rows.iter().filter_map(|row| row.pieces).find(|pieces| pieces.too_few())
    }

    /// What is missing of what a query reads and a playbook needs.
    pub(super) fn gap<'n>(
        &self,
        reads: &BTreeSet<(String, String)>,
        sql: &str,
        needs: impl Iterator<Item = &'n str>,
    ) -> Gap {
        let mut wanted: BTreeSet<String> = needs.map(str::to_owned).collect();
        wanted.extend(self.joined(sql));
        // In the order of their names, so that a table is looked up once and not for each column.
        let mut table = None;
        for (name, column) in reads {
            if table.is_none_or(|table: &TableDef| !table.name.eq_ignore_ascii_case(name)) {
                table = self.tables.iter().find(|t| t.name.eq_ignore_ascii_case(name));
                wanted.extend(table.map(|table| table.name.to_owned()));
            }
            let Some(table) = table else { continue };
            let mut want = |column: &str| {
                let what = format!("{}.{column}", table.name);
                // Of a column that nobody speaks of, its table's coverage says enough.
                if self.rows.contains_key(&what) {
                    wanted.insert(what);
                }
            };
            want(column);
            // `exe` speaks for `exe_deleted`, which was asked of the same link.
            if let Some((family, _)) = column.split_once('_') {
                want(family);
            }
            let on =
                |(t, c, _): &&(&str, &str, &str)| *t == table.name && (c == column || *c == "*");
            wanted.extend(RESTS_ON.iter().filter(on).map(|(_, _, on)| (*on).to_owned()));
        }
        let (mut missing, mut partial) = (Vec::new(), Vec::new());
        for what in &wanted {
            match self.of(what) {
                Gap::None => {}
                Gap::Partial(detail) => partial.push(detail),
                Gap::Missing(detail) => missing.push(detail),
            }
        }
        if !missing.is_empty() {
            Gap::Missing(missing.join("; "))
        } else if !partial.is_empty() {
            Gap::Partial(partial.join("; "))
        } else {
            Gap::None
        }
    }

    /// Tables of facts that the query names: SQLite does not tell of one that is joined by USING and
    /// otherwise not looked at.
    fn joined(&self, sql: &str) -> BTreeSet<String> {
        let lower = sql.to_ascii_lowercase();
        let tables: BTreeSet<&str> = self.tables.iter().map(|table| table.name).collect();
        sources(&lower).filter(|word| tables.contains(word)).map(str::to_owned).collect()
    }

    fn of(&self, what: &str) -> Gap {
        let Some(rows) = self.rows.get(what) else {
            let silent = what.contains('.') || what == OTHERS || self.filled.contains(what);
            return if silent { Gap::None } else { Gap::Missing(format!("{what}: not read")) };
        };
        let gaps: Vec<&Row> = rows.iter().filter(|row| row.status != "complete").collect();
        let detail = gaps.iter().map(|row| row.words(what)).collect::<Vec<_>>().join("; ");
        if gaps.is_empty() {
            Gap::None
        } else if gaps.iter().any(|row| row.pieces.is_some_and(Pieces::too_few)) {
            Gap::Missing(detail)
        } else if gaps.len() < rows.len() || gaps.iter().any(|row| row.status == "partial") {
            Gap::Partial(detail)
        } else {
            Gap::Missing(detail)
        }
    }
}

impl Row {
    /// `looked at 1 of 6: processes.exe (5 denied, as /proc/1/exe: denied)`.
    fn words(&self, what: &str) -> String {
        let said = match self.pieces {
            Some(pieces) if self.status == "partial" => {
                format!("looked at {} of {}: {what}", pieces.read, pieces.all())
            }
            _ => format!("{what}: {}", self.status),
        };
        if self.detail.is_empty() { said } else { format!("{said} ({})", self.detail) }
    }
}

/// What stands after FROM, JOIN or a comma: tables, and more. `lower` is the query in lower case.
pub(super) fn sources(lower: &str) -> impl Iterator<Item = &str> {
    let apart = |c: char| c.is_ascii_whitespace() || matches!(c, '(' | ')' | ';');
    let mut before = "";
    lower.split_inclusive(',').flat_map(move |part| part.split(apart)).filter_map(move |token| {
        let word = token.trim_end_matches(',');
        let source = matches!(before, "from" | "join" | ",") && !word.is_empty();
        if token.ends_with(',') {
            before = ",";
        } else if !token.is_empty() {
            before = token;
        }
        source.then_some(word)
    })
}
