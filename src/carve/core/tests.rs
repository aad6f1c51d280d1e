#![allow(clippy::unwrap_used)]
use super::notes::{NT_FILE, NT_PRPSINFO};
use super::*;
use proptest::prelude::*;

fn dump(pid: u32) -> Vec<u8> {
    let mut out = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |out: &mut Vec<u8>, v: u16| out.extend(v.to_le_bytes());
    half(&mut out, 4);
    half(&mut out, 62);
    out.extend(1_u32.to_le_bytes());
    out.extend([0_u64, 64, 0].iter().flat_map(|v| v.to_le_bytes()));
    out.extend(0_u32.to_le_bytes());
    for v in [64, 56, 2, 0, 0, 0] {
        half(&mut out, v);
    }
    let mut notes = Vec::new();
    let mut note = |kind: u32, body: &[u8]| {
        notes.extend(
            [5, u32::try_from(body.len()).unwrap(), kind].iter().flat_map(|v| v.to_le_bytes()),
        );
        notes.extend(b"CORE\0\0\0\0");
        notes.extend(body);
        notes.resize(notes.len().next_multiple_of(4), 0);
    };
    let mut info = vec![0; 24];
    info.extend([pid, 1, 1, 1].iter().flat_map(|v| v.to_le_bytes()));
    info.extend(b"crond\0\0\0\0\0\0\0\0\0\0\0");
    let mut arguments = b"/usr/sbin/crond -n ".to_vec();
    arguments.resize(80, 0);
    info.extend(arguments);
    note(NT_PRPSINFO, &info);
    let mut file: Vec<u8> =
        [1_u64, 4096, 0x40_0000, 0x40_2000, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
    file.extend(b"/usr/sbin/crond\0");
    note(NT_FILE, &file);
    let data = 64 + 112 + notes.len() as u64;
    for (kind, flags, offset, address, size) in
        [(4_u32, 0_u32, 176, 0, notes.len() as u64), (1, 5, data, 0x40_1000, 256)]
    {
        out.extend([kind, flags].iter().flat_map(|v| v.to_le_bytes()));
        out.extend([offset, address, 0, size, size, 1].iter().flat_map(|v| v.to_le_bytes()));
    }
    out.extend(notes);
    out
}

#[test]
fn a_dump_says_whose_it_is_and_where_its_bytes_lay() {
    let bytes = dump(2584);
    let layout = Layout::parse(&bytes).unwrap();
    assert_eq!(
        (layout.pid, layout.comm.as_str(), layout.arguments().join(" ").as_str()),
        (Some(2584), "crond", "/usr/sbin/crond -n")
    );
    let offset = bytes.len() as u64 + 16;
    assert_eq!(layout.address(offset), Some((0x40_1010, "/usr/sbin/crond r-x")));
    assert_eq!(layout.address(0), None);
    assert!(Layout::is_core(&bytes));
    assert_eq!(layout.ids, Some(Ids { ppid: 1, uid: 0, gid: 0 }));
    assert_eq!(layout.mappings.len(), 1);
}

#[test]
fn notes_behind_the_memory_are_fetched() {
    let bytes = dump(2584);
    let notes = Layout::notes_of(&bytes).unwrap();
    let begin = usize::try_from(notes.start).unwrap();
    let head = bytes.get(..begin).unwrap();
    assert_eq!(Layout::parse(head).unwrap().pid, None);
    let fetch = |range: Range<u64>| {
        assert_eq!(range, notes);
        bytes.get(begin..).map(<[u8]>::to_vec)
    };
    assert_eq!(Layout::read(head, &fetch).unwrap().pid, Some(2584));
}

/// The top of a stack as the kernel lays it, from this address on, and what it says of it.
fn stack(base: u64, arguments: &[&str], variables: &[&str]) -> (Layout, Vec<u8>) {
    let count = arguments.len() + variables.len() + 3;
    let mut at = base + 8 * (count as u64 + 4);
    let mut strings = Vec::new();
    let mut pointers = |all: &[&str]| -> Vec<u64> {
        let place = |text: &&str| {
            let here = at;
            strings.extend([text.as_bytes(), b"\0"].concat());
            at += text.len() as u64 + 1;
            here
        };
        all.iter().map(place).chain([0]).collect()
    };
    let mut words = vec![arguments.len() as u64];
    words.extend(pointers(arguments));
    words.extend(pointers(variables));
    let auxiliary = [9, 0x40_1000, 0, 0];
    words.extend(auxiliary);
    let flat = |all: &[u64]| all.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let mut bytes = flat(&words);
    bytes.extend(strings);
    let size = bytes.len() as u64;
    let segment = Segment { offset: 100, size, address: base, name: String::new() };
    let layout = Layout {
        segments: vec![segment],
        top: Some(base + size - 1),
        auxiliary: flat(&auxiliary),
        wide: true,
        little: true,
        ..Layout::default()
    };
    (layout, bytes)
}

#[test]
fn arguments_and_environment_lie_at_the_top_of_the_stack() {
    let (layout, bytes) =
        stack(0x7ffe_0000, &["[kworker/0:1]", "-o", "a pool:1"], &["LD_PRELOAD=/x.so", "A="]);
    assert_eq!(layout.stack(), Some(100..100 + bytes.len() as u64));
    let began = layout.began(&bytes).unwrap();
    assert_eq!(began.arguments, [b"[kworker/0:1]".to_vec(), b"-o".to_vec(), b"a pool:1".to_vec()]);
    assert_eq!(began.environment, b"LD_PRELOAD=/x.so\0A=");
    // Without variables, and of a process that has no argument at all.
    let (layout, bytes) = stack(0x7ffe_0000, &[], &[]);
    assert_eq!(layout.began(&bytes), Some(Began::default()));
}

proptest! {
    #[test]
    fn a_stack_that_lies_does_no_harm(at in 0_usize..120, byte: u8, cut in 0_usize..160, top: u64) {
        let (mut layout, mut bytes) = stack(0x7ffe_0000, &["a", "b"], &["C=d"]);
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(cut);
        let _ = layout.began(&bytes);
        layout.top = Some(top);
        let _ = (layout.stack(), layout.began(&bytes));
    }

    #[test]
    fn lies_do_no_harm(at in 0_usize..600, byte: u8, cut in 0_usize..700) {
        let mut bytes = dump(1);
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(cut.max(1));
        if let Some(layout) = Layout::parse(&bytes) {
            let _ = (layout.address(u64::MAX), layout.address(300));
        }
    }
}
