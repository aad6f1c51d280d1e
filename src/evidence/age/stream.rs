//! The body: pieces of 64 KiB, each sealed with its number and whether it is the last.

use super::header::{self, FileKey};
use super::key::Recipient;
use super::{bad, derive, random};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use std::io::{self, Read, Write};

/// Bytes of a piece, and of what seals it.
const PIECE: usize = 64 * 1024;
const TAG: usize = 16;

/// The cipher and the number of the next piece.
struct Pieces {
    cipher: ChaCha20Poly1305,
    number: u64,
}

impl Pieces {
    fn new(key: &FileKey, nonce: &[u8; 16]) -> io::Result<Self> {
        let key = derive(key, nonce, b"payload")?;
        Ok(Self { cipher: ChaCha20Poly1305::new(&key.into()), number: 0 })
    }

    /// Eleven bytes of the number and one that tells the last.
    fn nonce(&self, last: bool) -> [u8; 12] {
        let wide = u128::from(self.number) << 8 | u128::from(last);
        let mut nonce = [0; 12];
        for (to, from) in nonce.iter_mut().rev().zip(wide.to_le_bytes()) {
            *to = from;
        }
        nonce
    }

    fn seal(&mut self, piece: &mut Vec<u8>, last: bool) -> io::Result<()> {
        let nonce = self.nonce(last).into();
        self.number += 1;
        let sealed = self.cipher.encrypt_in_place(&nonce, b"", piece);
        sealed.map_err(|_| bad("a piece cannot be encrypted"))
    }

    /// Leaves the piece as it is where it is not what was sealed.
    fn open(&self, piece: &mut Vec<u8>, last: bool) -> bool {
        self.cipher.decrypt_in_place(&self.nonce(last).into(), b"", piece).is_ok()
    }
}

/// Encrypts what is written to it.
pub struct Writer<W: Write> {
    to: W,
    pieces: Pieces,
    piece: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the header, for these recipients.
    ///
    /// # Errors
    /// The writer's, or that there are no random numbers to be had.
    pub fn new(mut to: W, recipients: &[Recipient]) -> io::Result<Self> {
        let (header, key) = header::write(recipients)?;
        let nonce: [u8; 16] = random()?;
        to.write_all(&header)?;
        to.write_all(&nonce)?;
        let pieces = Pieces::new(&key, &nonce)?;
        Ok(Self { to, pieces, piece: Vec::with_capacity(PIECE + TAG) })
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        self.pieces.seal(&mut self.piece, last)?;
        self.to.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }

    /// Writes what is held, as the last piece: without it the file is cut off.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits for more: it may be the last.
        if self.piece.len() >= PIECE && !bytes.is_empty() {
            self.seal(false)?;
        }
        let room = PIECE.saturating_sub(self.piece.len()).min(bytes.len());
        self.piece.extend_from_slice(bytes.get(..room).unwrap_or_default());
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A piece is written when it is full.
        self.to.flush()
    }
}

/// Decrypts what it reads.
pub(super) struct Reader<R: Read> {
    from: R,
    pieces: Pieces,
    plain: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// After the header.
    pub(super) fn new(mut from: R, key: &FileKey) -> io::Result<Self> {
        let mut nonce = [0; 16];
        from.read_exact(&mut nonce).map_err(|_| bad("cut off after its header of age"))?;
        let pieces = Pieces::new(key, &nonce)?;
        Ok(Self { from, pieces, plain: Vec::new(), at: 0, ended: false })
    }

    fn next(&mut self) -> io::Result<()> {
        let mut piece = std::mem::take(&mut self.plain);
        piece.clear();
        self.at = 0;
        let most = (PIECE + TAG) as u64;
        let got = self.from.by_ref().take(most).read_to_end(&mut piece)?;
        let number = self.pieces.number;
        if got == 0 {
            return Err(bad("encrypted with age, and cut off: its end is missing"));
        }
        let full = got == PIECE + TAG;
        if full && self.pieces.open(&mut piece, false) {
            self.pieces.number += 1;
        } else if self.pieces.open(&mut piece, true) && (number == 0 || !piece.is_empty()) {
            self.ended = true;
            if self.from.by_ref().take(1).read_to_end(&mut Vec::new())? > 0 {
                return Err(bad("encrypted with age, and something follows its end"));
            }
        } else {
            return Err(bad(if full {
                "encrypted with age, and changed here: a piece is not what was sealed"
            } else {
                "encrypted with age, and cut off or changed in its last piece"
            }));
        }
        self.plain = piece;
        Ok(())
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.plain.len() {
            if self.ended || into.is_empty() {
                return Ok(0);
            }
            self.next()?;
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let got = rest.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..got), rest.get(..got)) {
            to.copy_from_slice(from);
        }
        self.at += got;
        Ok(got)
    }
}
