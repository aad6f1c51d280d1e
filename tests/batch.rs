//! Many hosts: a batch ends well whatever is among them, goes on after a kill, and makes the same
//! fleet however it was parted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod batching;

use batching::{archive, archives, batch, davy, fleet, merge};
use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

#[test]
fn a_batch_and_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    archives(&sources);
    // Killed as soon as anything is done: what is there then is whole.
    let mut begun = davy()
        .arg("batch")
        .arg(&sources)
        .arg("-o")
        .arg(&out)
        .args(["--jobs", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let done = out.join("done");
    for _ in 0..6000 {
        let whole = |e: std::io::Result<fs::DirEntry>| {
            e.unwrap().path().extension().is_some_and(|x| x == "json")
        };
        if fs::read_dir(&done).is_ok_and(|mut d| d.any(whole)) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    begun.kill().unwrap();
    begun.wait().unwrap();
    let before: Vec<_> = fs::read_dir(&done)
        .unwrap()
        .map(|e| e.unwrap())
        .filter(|e| e.path().extension().is_some_and(|x| x == "json"))
        .collect();
    assert!(!before.is_empty());
    let stamps: Vec<_> = before.iter().map(|e| e.metadata().unwrap().modified().unwrap()).collect();
    let ended = batch(&sources, &out, &["-q"]);
    assert_eq!(ended.status.code(), Some(4), "{}", String::from_utf8_lossy(&ended.stderr));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("random.tar: put aside: "), "{said}");
    // What was done is not done twice.
    for (entry, stamp) in before.iter().zip(stamps) {
        assert_eq!(entry.metadata().unwrap().modified().unwrap(), stamp);
    }
    let json: serde_json::Value = serde_json::from_slice(&fleet(&out)[0]).unwrap();
    assert_eq!(json["hosts"].as_array().unwrap().len(), 5);
    assert_eq!(json["put_aside"].as_array().unwrap().len(), 1);
    // Some archives are of one host, and of the one that was cut it is said.
    let hosts = json["hosts"].as_array().unwrap();
    let names: BTreeSet<&str> = hosts.iter().map(|host| host["name"].as_str().unwrap()).collect();
    assert_eq!(json["count"], names.len());
    assert!(names.len() < hosts.len());
    let whole = |host: &&serde_json::Value| host["damage"].as_str().unwrap().is_empty();
    assert_eq!(json["hosts"].as_array().unwrap().iter().filter(whole).count(), 4);
    for host in json["hosts"].as_array().unwrap() {
        assert!(out.join(host["case"].as_str().unwrap()).join("report.html").exists());
    }
    // The same in three parts, by the engine's variables, merged in any order.
    let mut parts = Vec::new();
    for part in 0..3 {
        let out = folder.path().join(format!("part-{part}"));
        let run = davy()
            .arg("batch")
            .arg(&sources)
            .arg("-o")
            .arg(&out)
            .arg("-q")
            .env("SLURM_ARRAY_TASK_ID", (part + 1).to_string())
            .env("SLURM_ARRAY_TASK_MIN", "1")
            .env("SLURM_ARRAY_TASK_COUNT", "3")
            .output()
            .unwrap();
        // Some parts have an archive that is put aside, or cut.
        let said = String::from_utf8_lossy(&run.stderr);
        let whole = !said.contains("put aside") && !said.contains("in part");
        assert_eq!(run.status.code(), Some(if whole { 0 } else { 4 }), "{said}");
        parts.insert(0, out);
    }
    let merged = folder.path().join("merged");
    merge(&parts, &merged, &[]);
    assert!(fleet(&merged) == fleet(&out), "parted and whole differ");
    // Of a part that is not there it is said which; of one that was killed, too.
    let some = folder.path().join("some");
    let told = merge(&parts[1..], &some, &[]);
    assert!(told.contains("of 3 parts (0 to 2) over 6 archives: no run of part 2"), "{told}");
    let json_of = |out: &std::path::Path| -> serde_json::Value {
        serde_json::from_slice(&fleet(out)[0]).unwrap()
    };
    assert_eq!(json_of(&some)["incomplete"][0]["missing"][0], "2");
    let page = String::from_utf8(fleet(&some)[1].clone()).unwrap();
    assert!(page.contains("no run of part 2") && page.contains("Not the whole fleet"), "{page}");
    let mark = fs::read_dir(parts[0].join("parts")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&mark).unwrap();
    assert!(text.contains("\"ended\": true"), "{text}");
    fs::write(&mark, text.replace("\"ended\": true", "\"ended\": false")).unwrap();
    let told = merge(&parts, &some, &[]);
    assert!(told.contains("part 2 did not come to an end"), "{told}");
    fs::remove_file(&mark).unwrap();
    let told = merge(&parts[..1], &some, &[]);
    assert!(told.contains("no run says which part"), "{told}");
    // Its page finds the case folders where they are.
    for host in json["hosts"].as_array().unwrap() {
        assert!(merged.join(host["case"].as_str().unwrap()).join("report.html").exists());
    }
}

#[test]
fn a_part_alone_is_not_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    fs::write(sources.join("a.tar"), archive("debian-clean")).unwrap();
    let merged = |into: &str| {
        let into = folder.path().join(into);
        davy().args(["batch", "--merge"]).arg(&out).arg("-o").arg(&into).output().unwrap()
    };
    for (part, code) in [("0/2", 4), ("1/2", 0)] {
        let run = batch(&sources, &out, &["-q", "--shard", part]);
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(said.contains("DIR-OF-EACH-PART… -o FLEET"), "{said}");
        let run = merged(&format!("merged-{code}"));
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(code), "{said}");
        assert_eq!(said.contains("no run of part 1"), code == 4, "{said}");
    }
}

#[test]
fn links_to_archives_are_followed_and_what_is_passed_over_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    fs::write(folder.path().join("away.tar"), archive("debian-clean")).unwrap();
    std::os::unix::fs::symlink("../away.tar", sources.join("a.tar")).unwrap();
    std::os::unix::fs::symlink("..", sources.join("round")).unwrap();
    fs::write(sources.join("core.7"), b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0").unwrap();
    let run = davy().arg("batch").arg(&sources).arg("-o").arg(&out).arg("-q").output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(
        said.contains("round: a link to a folder") && said.contains("core.7: a core dump"),
        "{said}"
    );
    assert_eq!(run.status.code(), Some(4));
    let json: serde_json::Value = serde_json::from_slice(&fleet(&out)[0]).unwrap();
    assert_eq!(json["count"], 1);
}

#[test]
fn two_runs_over_one_folder_do_each_archive_once() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    for host in ["debian-clean", "fake-crond"] {
        fs::write(sources.join(format!("{host}.tar")), archive(host)).unwrap();
    }
    let start = || {
        let mut run = std::process::Command::new(assert_cmd::cargo::cargo_bin!("davy"));
        run.arg("batch").arg(&sources).arg("-o").arg(&out).args(["-q", "-j", "2"]);
        run.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        run.spawn().unwrap()
    };
    for run in [start(), start(), start()] {
        let ended = run.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{said}");
        assert!(String::from_utf8_lossy(&ended.stdout).contains("0 archives put aside"));
    }
}

#[test]
fn every_engine_tells_the_part() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    fs::write(sources.join("a.tar"), archive("debian-clean")).unwrap();
    // Each does its part of two in the same folder, and what one did the next does not do again.
    for (engine, index, count, first) in [
        ("Slurm", "SLURM_ARRAY_TASK_ID", Some("SLURM_ARRAY_TASK_COUNT"), 0),
        ("AWS Batch", "AWS_BATCH_JOB_ARRAY_INDEX", Some("AWS_BATCH_JOB_ARRAY_SIZE"), 0),
        ("Google Batch", "BATCH_TASK_INDEX", Some("BATCH_TASK_COUNT"), 0),
        ("Kubernetes", "JOB_COMPLETION_INDEX", Some("JOB_COMPLETIONS"), 0),
        ("Kubernetes", "JOB_COMPLETION_INDEX", None, 0),
        ("Nomad", "NOMAD_ALLOC_INDEX", None, 0),
    ] {
        let mut told = 0;
        for part in 0..2 {
            let mut command = davy();
            command.arg("batch").arg(&sources).arg("-o").arg(&out).arg("-q");
            command.env(index, (first + part).to_string());
            match count {
                Some(count) => command.env(count, "2"),
                None => command.args(["--shards", "2"]),
            };
            let run = command.output().unwrap();
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            assert_eq!(run.status.code(), Some(0), "{said}");
            assert!(said.contains(&format!("part {part}/2, as {engine} says")), "{said}");
            let line = String::from_utf8_lossy(&run.stdout).into_owned();
            told += usize::from(line.starts_with("1 archives of part"));
        }
        assert_eq!(told, 1, "{engine}");
    }
    // One that tells which and not of how many is not taken for the whole.
    let mut command = davy();
    command.arg("batch").arg(&sources).arg("-o").arg(&out).arg("-q");
    let run = command.env("NOMAD_ALLOC_INDEX", "0").output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&run.stderr).contains("--shards N"));
}

#[test]
fn sources_of_every_form() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let sources = folder.path().join("in/deep/deeper");
    fs::create_dir_all(&sources).unwrap();
    for name in ["debian-clean", "db-miner"] {
        fs::write(sources.join(format!("{name}.tar")), archive(name)).unwrap();
    }
    fs::write(sources.join("notes.txt"), "not an archive").unwrap();
    let hosts = |out: &std::path::Path| {
        let json: serde_json::Value = serde_json::from_slice(&fleet(out)[0]).unwrap();
        json["hosts"].as_array().unwrap().len()
    };
    let out = folder.path().join("folder");
    assert_eq!(batch(&folder.path().join("in"), &out, &["-q"]).status.code(), Some(0));
    assert_eq!(hosts(&out), 2);
    let out = folder.path().join("pattern");
    assert_eq!(batch(&sources.join("db-*.tar"), &out, &["-q"]).status.code(), Some(0));
    assert_eq!(hosts(&out), 1);
    // A list, as find prints it; what is not there is told, and the rest is done.
    let out = folder.path().join("list");
    let mut command = davy();
    command.args(["batch", "-", "-q", "-o"]).arg(&out);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let fifo = sources.join("fifo.tar");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let list = format!("{0}/debian-clean.tar\n{0}/absent.tar\n{0}/fifo.tar\n", sources.display());
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(4));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("absent.tar: "), "{said}");
    assert!(said.contains("fifo.tar: neither a file nor a folder"), "{said}");
    assert_eq!(hosts(&out), 1);
}

#[test]
fn one_that_hangs_or_grows_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    fs::write(sources.join("a.tar"), archive("debian-clean")).unwrap();
    let ended = batch(&sources, &out, &["-q", "--most-memory", "4", "--most-time", "20"]);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("a.tar: put aside: "), "{said}");
    assert_eq!(ended.status.code(), Some(4));
    // Tried again with room enough, it is done.
    let ended = batch(&sources, &out, &["-q", "--again"]);
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn no_time_and_no_memory_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for option in ["--most-time", "--most-memory", "--jobs", "--shards"] {
        let ended = batch(folder.path(), &folder.path().join("out"), &[option, "0"]);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(option) && said.contains("at least 1"), "{said}");
    }
}

#[test]
fn what_a_killed_run_left_half_done_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    fs::write(sources.join("x.tar"), archive("fake-crond")).unwrap();
    assert_eq!(batch(&sources, &out, &["-q", "--parquet"]).status.code(), Some(0));
    let record = fs::read_dir(out.join("done")).unwrap().next().unwrap().unwrap().file_name();
    let key = record.to_str().unwrap().split(".json").next().unwrap().to_owned();
    let key = key.split(".parquet").next().unwrap();
    // Of an archive that is not named again, too.
    let left = [
        format!("done/{key}.json.4000000.part"),
        "done/0000.aaaa.json.4000000.part".to_owned(),
        "fleet.html.4000000.part".to_owned(),
    ];
    left.iter().for_each(|name| fs::write(out.join(name), "{").unwrap());
    fs::create_dir(out.join(".work/0000.aaaa.4000000")).unwrap();
    assert_eq!(batch(&sources, &out, &["-q", "--parquet"]).status.code(), Some(0));
    assert!(left.iter().all(|name| !out.join(name).exists()));
    assert_eq!(fs::read_dir(out.join(".work")).unwrap().count(), 0);
}
