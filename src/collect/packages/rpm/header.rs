//! A package's header: a table of tags over one block of data, big-endian.

/// Tags.
pub(in crate::collect::packages) const NAME: u32 = 1000;
pub(in crate::collect::packages) const VERSION: u32 = 1001;
pub(in crate::collect::packages) const RELEASE: u32 = 1002;
pub(in crate::collect::packages) const INSTALLTIME: u32 = 1008;
pub(in crate::collect::packages) const ARCH: u32 = 1022;
pub(in crate::collect::packages) const FILESTATES: u32 = 1029;
pub(in crate::collect::packages) const FILEDIGESTS: u32 = 1035;
pub(in crate::collect::packages) const FILEFLAGS: u32 = 1037;
pub(in crate::collect::packages) const DIRINDEXES: u32 = 1116;
pub(in crate::collect::packages) const BASENAMES: u32 = 1117;
pub(in crate::collect::packages) const DIRNAMES: u32 = 1118;
pub(in crate::collect::packages) const FILEDIGESTALGO: u32 = 5011;

/// Types of data: one byte, 32 bits, text, many texts, text in many languages.
const CHAR: u32 = 1;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRINGS: u32 = 8;
const I18N: u32 = 9;

/// A header has some hundred tags.
const MOST_TAGS: usize = 64 << 10;

/// A header's table and data.
pub(super) struct Header<'a> {
    tags: &'a [[u8; 16]],
    data: &'a [u8],
}

/// Splits a blob into table and data. `None` where it is too short for what it says.
pub(super) fn parse(blob: &[u8]) -> Option<Header<'_>> {
    let (tags, rest) = blob.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let tags = usize::try_from(u32::from_be_bytes(*tags)).ok()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    if tags > MOST_TAGS {
        return None;
    }
    let (table, data) = rest.split_at_checked(tags.checked_mul(16)?)?;
    let (tags, _) = table.as_chunks::<16>();
    Some(Header { tags, data: data.get(..length)? })
}

impl<'a> Header<'a> {
    /// Type, data from its offset on, and count of a tag.
    fn find(&self, tag: u32) -> Option<(u32, &'a [u8], usize)> {
        self.tags.iter().find_map(|entry| {
            let [a, b, c, d] = *entry.as_chunks::<4>().0 else { return None };
            if u32::from_be_bytes(a) != tag {
                return None;
            }
            let offset = usize::try_from(u32::from_be_bytes(c)).ok()?;
            let count = usize::try_from(u32::from_be_bytes(d)).ok()?;
            Some((u32::from_be_bytes(b), self.data.get(offset..)?, count))
        })
    }

    /// Every text of a tag.
    pub fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let found = self.find(tag).filter(|(kind, ..)| matches!(*kind, STRING | STRINGS | I18N));
        let (_, data, count) = found.unwrap_or((0, &[], 0));
        let mut rest = data;
        std::iter::from_fn(move || {
            let end = memchr::memchr(0, rest)?;
            let text = rest.get(..end)?;
            rest = rest.get(end + 1..)?;
            Some(text)
        })
        .take(count)
    }

    /// The first text of a tag.
    pub fn text(&self, tag: u32) -> Option<&'a [u8]> {
        self.texts(tag).next()
    }

    /// The number at a place of a tag.
    pub fn number(&self, tag: u32, place: usize) -> Option<u32> {
        let (_, data, _) =
            self.find(tag).filter(|(kind, _, count)| *kind == INT32 && place < *count)?;
        let bytes = data.get(place.checked_mul(4)?..)?;
        bytes.first_chunk::<4>().map(|four| u32::from_be_bytes(*four))
    }

    /// The byte at a place of a tag.
    pub fn byte(&self, tag: u32, place: usize) -> Option<u8> {
        let (_, data, _) =
            self.find(tag).filter(|(kind, _, count)| *kind <= CHAR && place < *count)?;
        data.get(place).copied()
    }
}

#[cfg(test)]
pub(in crate::collect::packages) mod tests {
    #![allow(clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    /// Makes a header of texts and numbers.
    pub(in crate::collect::packages) fn build(
        texts: &[(u32, &[&str])],
        numbers: &[(u32, &[u32])],
    ) -> Vec<u8> {
        let (mut table, mut data) = (Vec::new(), Vec::new());
        let mut entry = |tag: u32, kind: u32, offset: usize, count: usize| {
            for word in [tag, kind, offset as u32, count as u32] {
                table.extend(word.to_be_bytes());
            }
        };
        for (tag, values) in texts {
            let kind = if values.len() == 1 && *tag < 1035 { STRING } else { STRINGS };
            entry(*tag, kind, data.len(), values.len());
            for value in *values {
                data.extend_from_slice(value.as_bytes());
                data.push(0);
            }
        }
        for (tag, values) in numbers {
            data.resize(data.len().next_multiple_of(4), 0);
            entry(*tag, INT32, data.len(), values.len());
            values.iter().for_each(|value| data.extend(value.to_be_bytes()));
        }
        let count = (table.len() / 16) as u32;
        let mut blob = count.to_be_bytes().to_vec();
        blob.extend((data.len() as u32).to_be_bytes());
        blob.extend(table);
        blob.extend(data);
        blob
    }

    #[test]
    fn tags() {
        let blob = build(
            &[(NAME, &["bash"]), (BASENAMES, &["bash", "sh"])],
            &[(DIRINDEXES, &[0, 1]), (INSTALLTIME, &[1_700_000_000])],
        );
        let Some(header) = parse(&blob) else { panic!("a header") };
        assert_eq!(header.text(NAME), Some(&b"bash"[..]));
        assert_eq!(header.texts(BASENAMES).collect::<Vec<_>>(), [b"bash".as_slice(), b"sh"]);
        assert_eq!(header.number(DIRINDEXES, 1), Some(1));
        assert_eq!(header.number(DIRINDEXES, 2), None);
        assert_eq!(header.text(ARCH), None);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            if let Some(header) = parse(&bytes) {
                let _ = (header.text(NAME), header.number(DIRINDEXES, 3), header.byte(FILESTATES, 0));
            }
        }

        #[test]
        fn damaged_headers(at in 0_usize..200, byte: u8) {
            let mut blob = build(
                &[(NAME, &["bash"]), (BASENAMES, &["bash", "sh"])],
                &[(DIRINDEXES, &[0, 1]), (INSTALLTIME, &[1_700_000_000])],
            );
            let at = at % blob.len();
            if let Some(slot) = blob.get_mut(at) { *slot = byte; }
            if let Some(header) = parse(&blob) {
                prop_assert!(header.texts(BASENAMES).count() <= blob.len());
                let _ = (header.text(NAME), header.number(DIRINDEXES, usize::MAX));
            }
        }
    }
}
