//! A line into words: bare, "quoted" with escapes, or `key=value`.

use super::error::Fault;

/// One word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// The part before `=`, where it is made of lower-case letters and dashes.
    pub key: Option<String>,
    /// The part after `=`, or the whole word.
    pub value: Vec<u8>,
    /// Key, `=` and value.
    pub whole: Vec<u8>,
    /// It begins with a quote.
    pub quoted: bool,
}

/// Splits a line at blanks; a word that begins with `#` begins a comment.
pub(super) fn words(line: usize, text: &str) -> Result<Vec<Word>, Fault> {
    let mut words = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        match rest.first() {
            None | Some(b'#') => return Ok(words),
            Some(_) => {}
        }
        let (word, after) = word(line, rest)?;
        words.push(word);
        rest = after;
    }
}

fn word(line: usize, text: &[u8]) -> Result<(Word, &[u8]), Fault> {
    let mut word = Word { quoted: text.first() == Some(&b'"'), ..Word::default() };
    let mut equals = None;
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b' ' | b'\t' | b'\r' => break,
            b'"' => {
                rest = quoted(line, after, &mut word.whole)?;
                continue;
            }
            b'=' if equals.is_none() && !word.quoted => equals = Some(word.whole.len()),
            _ => {}
        }
        word.whole.push(byte);
        rest = after;
    }
    word.value.clone_from(&word.whole);
    if let Some((key, value)) = equals.and_then(|at| word.whole.split_at_checked(at))
        && !key.is_empty()
        && key.iter().all(|b| b.is_ascii_lowercase() || *b == b'-')
    {
        word.key = Some(String::from_utf8_lossy(key).into_owned());
        word.value = value.get(1..).unwrap_or_default().to_vec();
    }
    Ok((word, rest))
}

/// The text up to the closing quote into `into`; what follows it.
fn quoted<'a>(line: usize, text: &'a [u8], into: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
    let mut rest = text;
    loop {
        match rest {
            [] => return Err(Fault::new(line, "expected a closing quote")),
            [b'"', after @ ..] => return Ok(after),
            [b'\\', b'x', high, low, after @ ..] => {
                let digit = |d: &u8| char::from(*d).to_digit(16);
                let byte = digit(high).zip(digit(low)).map(|(h, l)| h << 4 | l);
                let byte = byte.and_then(|b| u8::try_from(b).ok());
                into.push(byte.ok_or_else(|| {
                    Fault::new(line, "expected two hexadecimal digits after \\x")
                })?);
                rest = after;
            }
            [b'\\', escape, after @ ..] => {
                into.push(match escape {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'0' => 0,
                    b'\\' | b'"' => *escape,
                    _ => {
                        let message = "expected \\n, \\t, \\r, \\0, \\\\, \\\" or \\xNN";
                        return Err(Fault::new(line, message));
                    }
                });
                rest = after;
            }
            [byte, after @ ..] => {
                into.push(*byte);
                rest = after;
            }
        }
    }
}
