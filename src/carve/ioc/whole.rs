//! Digests of a whole file, held against those that are listed.

use super::{Form, Iocs};
use crate::carve::scan::{Carved, Way};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::io::{self, Read};

/// Bytes read at once.
const READ: usize = 256 << 10;

/// The file as an indicator, where a digest of it is listed.
pub(in crate::carve) fn whole(iocs: &Iocs, mut file: impl Read) -> io::Result<Vec<Carved>> {
    let listed = || iocs.entries().iter().filter(|ioc| ioc.form == Form::Hash);
    let some = |digits: usize| listed().any(|ioc| ioc.value.len() == digits);
    let (mut sha256, mut md5) = (some(64).then(Sha256::new), some(32).then(Md5::new));
    if sha256.is_none() && md5.is_none() {
        return Ok(Vec::new());
    }
    let mut buffer = vec![0; READ];
    loop {
        let got = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..got).unwrap_or_default();
        sha256.iter_mut().for_each(|digest| digest.update(bytes));
        md5.iter_mut().for_each(|digest| digest.update(bytes));
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let digests = [
        sha256.map(|digest| ("SHA-256", hex(&digest.finalize()))),
        md5.map(|digest| ("MD5", hex(&digest.finalize()))),
    ];
    let made = digests.into_iter().flatten();
    Ok(made
        .flat_map(|(name, digest)| {
            listed().filter(move |ioc| ioc.value == digest).map(move |ioc| {
                let why = format!(
                    "{name} of the whole file, listed in {} as hash {}",
                    ioc.list, ioc.label
                );
                Carved {
                    kind: "ioc",
                    value: ioc.value.clone().into_bytes(),
                    detail: Some("hash".to_owned()),
                    host: None,
                    port: None,
                    offset: 0,
                    way: Way::ASCII,
                    context: ioc.value.clone().into_bytes(),
                    count: 1,
                    why: why.trim_end().to_owned(),
                }
            })
        })
        .collect())
}
