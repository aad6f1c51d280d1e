//! A table, declared once: the struct, the SQL schema and docs/TABLES.md come from it.

use super::ColumnKind;
use rusqlite::Statement;

/// A column's name, type, unit and meaning.
#[derive(Clone, Copy, Debug)]
pub struct ColumnDef {
    /// The field's word for it.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it may be NULL: not known, or does not apply.
    pub nullable: bool,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A table's name, meaning and columns (without `fact` and `source`, which all have).
#[derive(Clone, Copy, Debug)]
pub struct TableDef {
    /// Plural, snake_case.
    pub name: &'static str,
    /// What one row is.
    pub doc: &'static str,
    /// Its columns, in order.
    pub columns: &'static [ColumnDef],
}

impl TableDef {
    /// The statement that creates it.
    #[must_use]
    pub fn create(&self) -> String {
        let columns: String =
            self.columns.iter().map(|c| format!(", \"{}\" {}", c.name, c.kind.sql())).collect();
        format!(
            "CREATE TABLE \"{}\" (fact TEXT NOT NULL, source TEXT NOT NULL{columns})",
            self.name
        )
    }
}

/// A struct that is a row of a table. Made by [`table!`](crate::table).
pub trait Table {
    /// The table.
    const DEF: TableDef;
    /// The statement that adds a row: fact, source, then the columns.
    const INSERT: &'static str;
    /// Binds the columns from parameter `first` on.
    ///
    /// # Errors
    /// Where SQLite refuses a value, as one longer than its limit.
    fn bind(&self, statement: &mut Statement<'_>, first: usize) -> rusqlite::Result<()>;
}

/// Declares a table and the struct of its row: `column: Type, "unit", "what it means";`
///
/// ```
/// davy::table! {
///     pub struct Mount in mounts, "One row a mount.";
///     mount_id: u32, "", "Id in mountinfo.";
///     free: Option<u64>, "bytes", "Free space; NULL where it could not be asked.";
/// }
/// assert_eq!(<Mount as davy::facts::Table>::DEF.name, "mounts");
/// ```
#[macro_export]
macro_rules! table {
    (@place $column:ident) => { ", ?" };
    (
        pub struct $row:ident in $table:ident, $doc:literal;
        $($column:ident: $type:ty, $unit:literal, $meaning:literal;)+
    ) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq)]
        pub struct $row {
            $(#[doc = $meaning] pub $column: $type,)+
        }

        impl $crate::facts::Table for $row {
            const DEF: $crate::facts::TableDef = $crate::facts::TableDef {
                name: stringify!($table),
                doc: $doc,
                columns: &[$($crate::facts::ColumnDef {
                    name: stringify!($column),
                    kind: <$type as $crate::facts::Column>::KIND,
                    nullable: <$type as $crate::facts::Column>::NULLABLE,
                    unit: $unit,
                    doc: $meaning,
                },)+],
            };

            const INSERT: &'static str = concat!(
                "INSERT INTO ", stringify!($table), " VALUES (?, ?"
                $(, $crate::table!(@place $column))+, ")"
            );

            fn bind(
                &self,
                statement: &mut rusqlite::Statement<'_>,
                first: usize,
            ) -> rusqlite::Result<()> {
                let mut place = first;
                $(
                    statement.raw_bind_parameter(place, $crate::facts::Column::column(&self.$column))?;
                    place += 1;
                )+
                let _ = place;
                Ok(())
            }
        }
    };
}
