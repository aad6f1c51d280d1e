//! docs/TABLES.md is made from the tables' declarations. `DAVY_WRITE_DOCS=1 cargo test --test
//! tables` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;

fn page() -> String {
    let mut page = String::from(
        "# Tables\n\n\
         Made from the declarations beside the collectors; do not edit. Every table has two\n\
         columns more: `fact`, a stable id such as `processes/2584`, and `source`, what the row was\n\
         read from. NULL means *not known* or *does not apply*, never *no*. Times are nanoseconds\n\
         since 1970-01-01 UTC; `utc(column)` shows them.\n",
    );
    for table in davy::tables() {
        write!(page, "\n## {}\n\n{}\n\n", table.name, table.doc).unwrap();
        page.push_str("| column | type | unit | meaning |\n|---|---|---|---|\n");
        for column in table.columns {
            let null = if column.nullable { ", may be NULL" } else { "" };
            writeln!(
                page,
                "| {} | {}{null} | {} | {} |",
                column.name,
                column.kind.word(),
                column.unit,
                column.doc.replace('|', "\\|")
            )
            .unwrap();
        }
    }
    page
}

#[test]
fn the_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/TABLES.md");
    if std::env::var_os("DAVY_WRITE_DOCS").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page(),
        "docs/TABLES.md is behind the declarations: DAVY_WRITE_DOCS=1 cargo test --test tables"
    );
}

#[test]
fn tables_and_columns_have_the_fields_names() {
    let mut names = std::collections::BTreeSet::new();
    for table in davy::tables() {
        assert!(names.insert(table.name), "two tables are called {}", table.name);
        let snake =
            |s: &str| s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(snake(table.name), "{}", table.name);
        assert!(!table.doc.is_empty());
        let mut columns = std::collections::BTreeSet::from(["fact", "source"]);
        for column in table.columns {
            assert!(snake(column.name), "{}.{}", table.name, column.name);
            assert!(columns.insert(column.name), "{}.{} twice", table.name, column.name);
            assert!(!column.doc.is_empty(), "{}.{} is not explained", table.name, column.name);
        }
    }
}
