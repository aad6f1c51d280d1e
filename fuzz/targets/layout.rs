//! One member of each layout replaced by hostile bytes: whatever reads that member meets them as it
//! would in an archive of a suspect's.
#![no_main]

use davy::facts::Facts;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

const MEMBERS: &[&str] = &[
    "uac.log",
    "bodyfile/bodyfile.txt",
    "live_response/process/ps_auxwww.txt",
    "live_response/process/ps_-axo_pid_user_cgroup.txt",
    "live_response/process/running_processes_full_paths.txt",
    "live_response/process/ls_-l_proc.txt",
    "live_response/process/lsof_-nPl.txt",
    "live_response/process/hash_running_processes.md5",
    "live_response/process/proc/7/stat.txt",
    "live_response/process/proc/7/maps.txt",
    "live_response/process/proc/7/fd.txt",
    "live_response/process/proc/7/cmdline.txt",
    "live_response/process/proc/7/mounts.txt",
    "live_response/process/proc/7/strings.txt.gz",
    "live_response/process/proc/7/sections/7f00-8f00.mem.swab.gz",
    "live_response/network/ss_-anp.txt",
    "live_response/network/proc_net_tcp.txt",
    "live_response/packages/rpm_-q_-a.txt",
    "live_response/packages/dpkg_-V.txt",
    "live_response/storage/findmnt_-J.txt",
    "live_response/system/uptime.txt",
    "catscale_out/Process_and_Network/h-20261122-0626-process-exe-links.txt",
    "catscale_out/Process_and_Network/h-20261122-0626-process-details.txt",
    "catscale_out/Process_and_Network/h-20261122-0626-process-cmdline.txt",
    "catscale_out/Process_and_Network/h-20261122-0626-process-map_files-links.txt",
    "catscale_out/Process_and_Network/h-20261122-0626-ss-anepo.txt",
    "catscale_out/Misc/h-20261122-0626-full-timeline.csv",
    "catscale_out/Persistence/h-20261122-0626-cron-tab-list.txt",
    "catscale_out/System_Info/h-20261122-0626-etc-key-files.tar.gz",
    "results/Linux.Sys.Pslist.json",
    "results/Linux.Sys.Maps.json",
    "results/Linux.Network.Netstat%2FTCP4.json",
    "results/Linux.Sys.Crontab%2FCronTabs.json",
    "uploads.json",
    "uploads/process/7.idx",
    "davy.json",
    "manifest/00001.jsonl",
];

fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else { return };
    let hostile = MEMBERS[usize::from(*which) % MEMBERS.len()];
    let layout = match hostile {
        name if name.starts_with("catscale") => "catscale_out/Process_and_Network/h-process-details.txt",
        name if name.starts_with("results") || name.starts_with("uploads") => "collection_context.json",
        name if name.starts_with("davy") || name.starts_with("manifest") => "davy.json",
        _ => "uac.log",
    };
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        let _ = tar.append_data(&mut header, name, bytes);
    };
    if layout != hostile {
        add(layout, b"{}\n");
    }
    add(hostile, bytes);
    add("live_response/process/proc/7/comm.txt", b"x\n");
    let Ok(tar) = tar.into_inner() else { return };
    if layout == "davy.json" {
        let _ = davy::evidence::davy::read(Cursor::new(&tar), "fuzz", true);
        return;
    }
    let Ok(host) = davy::foreign::open("fuzz", Box::new(Cursor::new(tar)), None) else { return };
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    davy::collect::collect(host.as_ref(), &facts, &|_| {}).unwrap();
});
