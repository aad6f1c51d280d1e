//! One edge between two things of the incident.

use crate::facts::Time;

crate::table! {
    pub struct Edge in edges, "How the pieces hang together: process, file, address, name, wallet, account, persistence, lead.";
    origin: String, "", "Node it leaves: `process/2584`, `file//usr/sbin/crond`, `address/203.0.113.99`, `name/ap.luckpool.net`, `url/http://…`, `wallet/…`, `persistence//etc/cron.d/x`.";
    origin_label: String, "", "How to name that node to a reader: `crond (pid 2584)`.";
    edge: &'static str, "", "parent of, runs, lies beside (a file with mining content beside the executable), holds open, maps, dropped, connects to, names in memory, names in file, served by (a URL by its host), probably is (a name is an address, by inference), persists, names (an entry or a shell's history an address), runs script (an entry another file of entries), same as (files of the same bytes), traces, preloads, logged in as, used key (an address by a login), opens (a key an account), started (an account a process of its session).";
    target: String, "", "Node it enters.";
    target_label: String, "", "How to name that node.";
    because: String, "", "The observation in a sentence.";
    cited: String, "", "Fact id it rests on.";
    time: Option<Time>, "", "When it came about, where that is known or bounded.";
}
