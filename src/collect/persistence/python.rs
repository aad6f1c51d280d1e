//! What every start of Python runs: lines of `.pth` files that import, and `sitecustomize.py`.

use super::lines::physical;
use super::{Found, Parsed, Text};
use crate::facts::HostText;

/// Folders in which Python's own lie, `python3` or `python3.11`.
pub(super) const FOLDERS: [&str; 4] =
    ["/usr/lib", "/usr/local/lib", "/usr/lib64", "/usr/local/lib64"];

/// The same, below a home.
pub(super) const AT_HOME: &str = ".local/lib";

/// Where packages lie in one of these.
pub(super) const SITES: [&str; 2] = ["dist-packages", "site-packages"];

/// Whether Python reads a file of this name by itself.
pub(super) fn is_read(name: &[u8]) -> bool {
    name.ends_with(b".pth") || matches!(name, b"sitecustomize.py" | b"usercustomize.py")
}

/// Of a `.pth` file the lines that are run: the others are folders. Of a module all that is no comment.
pub(super) fn lines(text: &Text<'_>) -> Parsed {
    let paths = text.path.file_name().ends_with(b".pth");
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let runs = if paths {
            line.starts_with(b"import ") || line.starts_with(b"import\t")
        } else {
            let line = line.trim_ascii();
            !line.is_empty() && !line.starts_with(b"#")
        };
        runs.then(|| Found {
            line: Some(number),
            schedule: Some(HostText::from("python")),
            command: HostText::from(line.trim_ascii()),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::HostPath;

    #[test]
    fn lines_that_are_run() {
        let path = HostPath::from("/usr/lib/python3/dist-packages/x.pth");
        let bytes = b"/opt/x\n# import os\nimport os; os.system('id')\n";
        let (found, _) = lines(&Text { path: &path, bytes });
        let shown: Vec<String> = found.iter().map(|f| f.command.to_string()).collect();
        assert_eq!(shown, ["import os; os.system('id')"]);
        assert!(is_read(b"x.pth") && is_read(b"sitecustomize.py") && !is_read(b"os.py"));
    }
}
