//! The database of Alpine's apk: one file, a paragraph a package, its folders and files in order.

use super::owners::{Owned, Wanted};
use super::{Installed, Package};
use crate::collect::Gaps;
use crate::evidence::{Dir, HostPath, Reason, Unavailable};
use crate::facts::HostText;

/// Where it shows itself.
pub(super) const PLACES: &[&str] = &["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/// Containers' are some 100 KiB.
const MOST: usize = 64 << 20;

fn whole(root: &dyn Dir, gaps: &Gaps) -> Option<(HostPath, Vec<u8>)> {
    let path = PLACES.iter().map(|place| HostPath::from(*place)).find(|p| root.stat(p).is_ok())?;
    let mut bytes = Vec::new();
    match root.read(&path, MOST, &mut bytes) {
        Ok(false) => {}
        Ok(true) => {
            gaps.missed("packages", &Unavailable::new(&path, Reason::Damaged, "over 64 MiB"));
        }
        Err(why) => {
            gaps.missed("packages", &why);
            return None;
        }
    }
    Some((path, bytes))
}

/// Letter and value of each line, with its number; an empty line ends a package.
fn fields(bytes: &[u8]) -> impl Iterator<Item = (u32, u8, &[u8])> {
    bytes.split(|b| *b == b'\n').zip(1_u32..).map(|(line, number)| match line {
        [letter, b':', value @ ..] => (number, *letter, value),
        _ => (number, 0, &[][..]),
    })
}

/// Every installed package.
pub(super) fn packages(root: &dyn Dir, gaps: &Gaps) -> Vec<Installed> {
    let Some((path, bytes)) = whole(root, gaps) else { return Vec::new() };
    let mut all: Vec<Installed> = Vec::new();
    let mut open = false;
    for (number, letter, value) in fields(&bytes) {
        let text = HostText::from(value);
        match (letter, all.last_mut().filter(|_| open)) {
            (0, _) => open = false,
            (b'P', _) => {
                open = true;
                all.push(Installed {
                    source: format!("/{path}:{number}"),
                    package: Package {
                        manager: "apk",
                        owns: false,
                        name: text,
                        version: None,
                        architecture: None,
                        installed: None,
                    },
                });
            }
            (b'V', Some(last)) => last.package.version = Some(text),
            (b'A', Some(last)) => last.package.architecture = Some(text),
            _ => {}
        }
    }
    all
}

/// Notes who owns a wanted path. False where the root has no database of apk.
pub(super) fn owners(root: &dyn Dir, wanted: &mut Wanted, gaps: &Gaps) -> bool {
    let Some((_, bytes)) = whole(root, gaps) else { return false };
    let (mut name, mut folder): (&[u8], &[u8]) = (b"", b"");
    for (_, letter, value) in fields(&bytes) {
        match letter {
            0 => (name, folder) = (b"", b""),
            b'P' => name = value,
            b'F' => folder = value,
            b'R' => {
                let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
                let path = [b"/", folder, slash, value].concat();
                if let Some(index) = wanted.index(&path) {
                    // apk keeps SHA-1, which davy has no other use for.
                    wanted.own(index, Owned { package: HostText::from(name), digest: None });
                }
            }
            _ => {}
        }
    }
    true
}
