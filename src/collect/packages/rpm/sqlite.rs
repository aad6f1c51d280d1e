//! rpmdb.sqlite: the table `Packages` with a header a row.

use super::{MOST_HEADER, Read};
use crate::evidence::ReadSeek;
use rusqlite::Connection;
use std::io::Read as _;
use std::time::{Duration, Instant};

/// The database is held in memory while it is read, so that nothing beside it is opened. Those
/// of large servers are some 100 MiB.
const MOST_BYTES: u64 = 256 << 20;

/// A database made to keep its reader busy is left after this long.
const LONGEST: Duration = Duration::from_secs(20);

/// Every header.
pub(super) fn blobs(file: &mut dyn ReadSeek, size: u64, visit: &mut dyn FnMut(&[u8])) -> Read {
    if size > MOST_BYTES {
        return Err(format!("{size} bytes, more than the 256 MiB that are read"));
    }
    let length = usize::try_from(size).map_err(|e| e.to_string())?;
    let mut head = [0; 20];
    file.read_exact(&mut head).map_err(|e| e.to_string())?;
    // Bytes 18 and 19 say that a write-ahead log belongs to it, without which SQLite would not
    // open it from memory. rpm writes the log back when it ends.
    let [.., write, read] = &mut head;
    (*write, *read) = (1, 1);
    let bytes = head.as_slice().chain(file);
    read_all(bytes, length, visit).map_err(|e| e.to_string())
}

fn read_all(
    bytes: impl std::io::Read,
    length: usize,
    visit: &mut dyn FnMut(&[u8]),
) -> rusqlite::Result<()> {
    let mut database = Connection::open_in_memory()?;
    database.deserialize_read_exact("main", bytes, length, true)?;
    // What the suspect wrote may be anything: its schema runs no functions.
    database.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON;",
    )?;
    let deadline = Instant::now() + LONGEST;
    database.progress_handler(100_000, Some(move || Instant::now() > deadline))?;
    let is_table = "SELECT count(*) FROM sqlite_schema WHERE name = 'Packages' AND type = 'table'";
    if database.query_row(is_table, [], |row| row.get::<_, i64>(0))? != 1 {
        return Err(rusqlite::Error::QueryReturnedNoRows);
    }
    let mut statement = database.prepare("SELECT blob FROM Packages ORDER BY hnum")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Ok(blob) = row.get_ref(0)?.as_blob()
            && blob.len() <= MOST_HEADER
        {
            visit(blob);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::io::Cursor;

    fn database() -> Vec<u8> {
        let mut made = Connection::open_in_memory().unwrap();
        made.execute_batch(
            "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
             INSERT INTO Packages (blob) VALUES (x'0102'), (x'03'), ('text');",
        )
        .unwrap();
        made.serialize("main").unwrap().to_vec()
    }

    fn read(bytes: Vec<u8>) -> (Vec<Vec<u8>>, Read) {
        let mut seen = Vec::new();
        let size = bytes.len() as u64;
        let answer = blobs(&mut Cursor::new(bytes), size, &mut |blob| seen.push(blob.to_vec()));
        (seen, answer)
    }

    #[test]
    fn rows_of_the_table_also_in_write_ahead_mode() {
        let mut bytes = database();
        (bytes[18], bytes[19]) = (2, 2);
        assert_eq!(read(bytes), (vec![vec![1, 2], vec![3]], Ok(())));
    }

    #[test]
    fn damage_is_an_error() {
        assert!(read(b"not a database at all, though long enough".to_vec()).1.is_err());
        assert!(read(Vec::new()).1.is_err());
        let mut bytes = database();
        for at in (100..bytes.len()).step_by(97) {
            bytes[at] ^= 0x55;
            let _ = read(bytes.clone());
        }
    }
}
