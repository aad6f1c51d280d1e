//! Why what the user named cannot be opened, and what to do.

use std::io;
use std::path::Path;

/// In words for the user.
pub fn unopened(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            let within = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let lost = within.filter(|folder| !folder.exists());
            lost.map_or_else(
                || format!("{shown}: there is no such file: see how its name is written"),
                |folder| format!("{shown}: there is no folder {}", folder.display()),
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!("{shown}: this user may not read it: be root, or have it given to you")
        }
        _ => format!("{shown}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_to_do() {
        let said = |path: &str| unopened(Path::new(path), &std::fs::metadata(path).unwrap_err());
        assert!(said("nothere").contains("there is no such file"));
        assert!(said("/nothere/x").ends_with("there is no folder /nothere"));
    }
}
