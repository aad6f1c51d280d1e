//! Archives for one reader's eyes: what `davy collect --recipient` writes, age opens; what is
//! encrypted is read with its identity, and told without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod batching;

use batching::davy;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A pair that age-keygen made, for these tests.
const IDENTITY: &str = "AGE-SECRET-KEY-1FZUL0E2Y8Q2SNSUNKDW4HWU835AW6JU49VAQVE2LU2Q48DX8RSCQYM4TAH";
const RECIPIENT: &str = "age1lq4tdwmxlpkk3c8wx05pevaf0t99r8htjpcf47fmrp9gx8xas3mqsw0z4j";

fn ran(arguments: &[&str], path: &Path) -> (Output, String) {
    let output = davy().args(arguments).arg(path).output().unwrap();
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8_lossy(&both).into_owned();
    (output, said)
}

#[test]
fn collected_for_a_recipient() {
    let folder = tempfile::tempdir().unwrap();
    let identity = folder.path().join("identity.txt");
    fs::write(&identity, format!("# a key for tests\n{IDENTITY}\n")).unwrap();
    let key = ["--identity", identity.to_str().unwrap()];
    let sealed = folder.path().join("host.tar.zst.age");
    let limits = ["--memory", "none", "--most-of-one", "1", "--most-of-all", "8", "-q"];
    let collect = [&["collect", "--recipient", RECIPIENT], &limits[..], &["-o"]].concat();
    let (output, said) = ran(&collect, &sealed);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{said}");
    // The root stands for what is inside: whoever opens it with age can check it, too.
    let at = said.find("root sha256:").unwrap() + "root sha256:".len();
    let root = said[at..].split_whitespace().next().unwrap();
    let verify = ["verify", key[0], key[1], "--root", root];
    let (output, said) = ran(&verify, &sealed);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("sound"), "{said}");
    let bytes = fs::read(&sealed).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n-> X25519 "));

    // Without its key, or with another's, it is told what it is.
    for command in ["verify", "triage"] {
        let (output, said) = ran(&[command], &sealed);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{said}");
        assert!(said.contains("encrypted with age: --identity FILE"), "{said}");
    }
    let (_, said) = ran(&["triage", "--identity", "/dev/null"], &sealed);
    assert!(said.contains("/dev/null: holds no identity of age"), "{said}");
    let (output, said) = ran(&["triage", "-q", "--format", "json", key[0], key[1]], &sealed);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["host"]["hostname"].as_str().is_some_and(|name| !name.is_empty()));

    // Of one that is cut, what a segment vouches for is used.
    let cut = folder.path().join("cut.age");
    fs::write(&cut, &bytes[..bytes.len() * 3 / 4]).unwrap();
    let (output, said) = ran(&["verify", key[0], key[1]], &cut);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("vouched for"), "{said}");

    let out = folder.path().join("out");
    let batch = ["batch", "-q", "-o", out.to_str().unwrap()];
    let (output, said) = ran(&batch, &sealed);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("put aside: ") && said.contains("--identity FILE"), "{said}");
    let (output, said) = ran(&[&batch[..], &key, &["--again"]].concat(), &sealed);
    // As the triage above: a machine may have what could not be read.
    assert!(said.contains("0 archives put aside"), "{said}");
    let whole = !said.contains("in part");
    assert_eq!(output.status.code(), Some(if whole { 0 } else { 4 }), "{said}");

    let opened = folder.path().join("host.tar.zst");
    let age =
        Command::new("age").args(["-d", "-i", key[1], "-o"]).arg(&opened).arg(&sealed).output();
    let Ok(age) = age else {
        eprintln!("skipped: age is not installed; that it opens what davy wrote was not seen");
        return;
    };
    assert!(age.status.success(), "{}", String::from_utf8_lossy(&age.stderr));
    let (output, said) = ran(&["verify", "--root", root], &opened);
    assert_eq!(output.status.code(), Some(0), "{said}");
    // And what age wrote, davy opens.
    let again = folder.path().join("again.age");
    let age = Command::new("age").args(["-r", RECIPIENT, "-o"]).arg(&again).arg(&opened).status();
    assert!(age.unwrap().success());
    let (output, said) = ran(&verify, &again);
    assert_eq!(output.status.code(), Some(0), "{said}");
}
