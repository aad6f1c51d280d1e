//! /proc/PID/cgroup, and the container that its path names.

/// The path that tells most: that of the unified hierarchy, or where a host of the older kind
/// leaves that one at the root, the first that does not.
pub(super) fn path(bytes: &[u8]) -> Option<&[u8]> {
    let mut first = None;
    let mut other = None;
    for line in bytes.split(|b| *b == b'\n') {
        // `4:memory:/system.slice/x`; the path may hold colons.
        let mut parts = line.splitn(3, |b| *b == b':');
        let (Some(number), Some(_), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if number == b"0" {
            if path != b"/" {
                return Some(path);
            }
            first = Some(path);
        } else if other.is_none() && path != b"/" {
            other = Some(path);
        } else if first.is_none() {
            first = Some(path);
        }
    }
    other.or(first)
}

/// The container's id: 64 hexadecimal digits as docker, podman, containerd and CRI-O name their
/// groups, or the name that LXC and systemd-nspawn give.
pub(super) fn container(path: &[u8]) -> Option<String> {
    let mut parts = path.split(|b| *b == b'/').rev().filter(|p| !p.is_empty()).peekable();
    let mut found = None;
    while let Some(part) = parts.next() {
        let part = part.strip_suffix(b".scope").or(part.strip_suffix(b".slice")).unwrap_or(part);
        if let Some(id) = hexadecimal_end(part) {
            return Some(text(id));
        }
        let named = part
            .strip_prefix(b"lxc.payload.")
            .or_else(|| part.strip_prefix(b"machine-"))
            .or_else(|| (parts.peek() == Some(&&b"lxc"[..])).then_some(part));
        if let Some(name) = named.filter(|n| !n.is_empty()) {
            found = Some(text(name));
        }
    }
    found
}

/// `docker-<64>`, `cri-containerd-<64>`, `crio-<64>`, `libpod-<64>`, `<64>`.
fn hexadecimal_end(part: &[u8]) -> Option<&[u8]> {
    let id = part.rsplit(|b| matches!(b, b'-' | b':')).next()?;
    (id.len() == 64 && id.iter().all(u8::is_ascii_hexdigit)).then_some(id)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "3f4e1c0dd5b0a1e2f3c4b5a6978812345678901234567890abcdefabcdefabcd";

    #[test]
    fn containers() {
        for (path, expect) in [
            (format!("/system.slice/docker-{ID}.scope"), Some(ID)),
            (format!("/docker/{ID}"), Some(ID)),
            (format!("/docker/{ID}/init.scope"), Some(ID)),
            (format!("/machine.slice/libpod-{ID}.scope/container"), Some(ID)),
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{ID}.scope"
                ),
                Some(ID),
            ),
            (format!("/kubepods/besteffort/pod0f-1/{ID}"), Some(ID)),
            (format!("/kubepods.slice/kubepods-pod1.slice/crio-{ID}.scope"), Some(ID)),
            (
                format!("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{ID}"),
                Some(ID),
            ),
            ("/lxc/web".to_owned(), Some("web")),
            ("/lxc/web/system.slice/ssh.service".to_owned(), Some("web")),
            ("/lxc.payload.web/system.slice/cron.service".to_owned(), Some("web")),
            ("/machine.slice/machine-deb.scope".to_owned(), Some("deb")),
            ("/system.slice/cron.service".to_owned(), None),
            ("/user.slice/user-1000.slice/session-3.scope".to_owned(), None),
            ("/".to_owned(), None),
        ] {
            assert_eq!(container(path.as_bytes()).as_deref(), expect, "{path}");
        }
    }

    #[test]
    fn paths() {
        assert_eq!(
            path(b"0::/system.slice/cron.service\n"),
            Some(&b"/system.slice/cron.service"[..])
        );
        assert_eq!(path(b"2:cpu:/\n1:name=systemd:/docker/x:y\n0::/\n"), Some(&b"/docker/x:y"[..]));
        assert_eq!(path(b"0::/\n"), Some(&b"/"[..]));
        assert_eq!(path(b""), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = path(&bytes);
            let _ = container(&bytes);
        }
    }
}
