//! Where things are told to start by themselves, and who reads each place.

use super::{Parse, access, autostart, cron, hooks, preload, shell, systemd, udev};

/// Where files of a kind lie.
#[derive(Clone, Copy)]
pub(super) enum At {
    /// One file.
    File(&'static str),
    /// Every file of a folder.
    Folder(&'static str),
    /// A file of every user's home folder.
    Home(&'static str),
    /// Every file of a folder of every user's home folder.
    HomeFolder(&'static str),
}

/// A place and how it is read.
pub(super) struct Place {
    /// As persistence.kind.
    pub kind: &'static str,
    pub at: At,
    pub parse: Parse,
    /// When its entries run, where the place itself says so.
    pub when: Option<&'static str>,
    /// Only files with an execute bit are run.
    pub executable: bool,
    /// A folder of units: unit names only, and their drop-in folders.
    pub drop_ins: bool,
}

const fn place(kind: &'static str, at: At, parse: Parse) -> Place {
    Place { kind, at, parse, when: None, executable: false, drop_ins: false }
}

const fn scripts(kind: &'static str, at: At, when: Option<&'static str>) -> Place {
    Place { kind, at, parse: shell::commands, when, executable: true, drop_ins: false }
}

const fn units(at: At) -> Place {
    Place {
        kind: "systemd",
        at,
        parse: systemd::unit,
        when: None,
        executable: false,
        drop_ins: true,
    }
}

use At::{File, Folder, Home, HomeFolder};

/// Every place. Those of packages come after those of the administrator, as systemd has it.
pub(super) const PLACES: &[Place] = &[
    place("preload", File("/etc/ld.so.preload"), preload::libraries),
    place("cron", File("/etc/crontab"), cron::system),
    place("cron", Folder("/etc/cron.d"), cron::system),
    place("cron", Folder("/var/spool/cron/crontabs"), cron::of_user),
    place("cron", Folder("/var/spool/cron/tabs"), cron::of_user),
    place("cron", Folder("/var/spool/cron"), cron::of_user),
    // BusyBox's crond, as on Alpine.
    place("cron", Folder("/etc/crontabs"), cron::of_user),
    place("cron", File("/etc/anacrontab"), cron::anacron),
    scripts("cron", Folder("/etc/cron.hourly"), Some("@hourly")),
    scripts("cron", Folder("/etc/cron.daily"), Some("@daily")),
    scripts("cron", Folder("/etc/cron.weekly"), Some("@weekly")),
    scripts("cron", Folder("/etc/cron.monthly"), Some("@monthly")),
    scripts("cron", Folder("/etc/cron.yearly"), Some("@yearly")),
    // BusyBox, in containers and appliances.
    scripts("cron", Folder("/etc/periodic/15min"), Some("*/15 * * * *")),
    scripts("cron", Folder("/etc/periodic/hourly"), Some("@hourly")),
    scripts("cron", Folder("/etc/periodic/daily"), Some("@daily")),
    scripts("cron", Folder("/etc/periodic/weekly"), Some("@weekly")),
    scripts("cron", Folder("/etc/periodic/monthly"), Some("@monthly")),
    place("at", Folder("/var/spool/at"), shell::job),
    place("at", Folder("/var/spool/atjobs"), shell::job),
    place("at", Folder("/var/spool/cron/atjobs"), shell::job),
    units(Folder("/etc/systemd/system")),
    units(Folder("/run/systemd/system")),
    units(Folder("/run/systemd/transient")),
    units(Folder("/usr/local/lib/systemd/system")),
    units(Folder("/usr/lib/systemd/system")),
    units(Folder("/lib/systemd/system")),
    units(Folder("/etc/systemd/user")),
    units(Folder("/usr/lib/systemd/user")),
    units(Folder("/run/systemd/user")),
    units(Folder("/usr/local/lib/systemd/user")),
    units(Folder("/usr/local/share/systemd/user")),
    units(Folder("/usr/share/systemd/user")),
    units(HomeFolder(".config/systemd/user")),
    units(HomeFolder(".local/share/systemd/user")),
    scripts("systemd", Folder("/etc/systemd/system-generators"), Some("generator")),
    scripts("systemd", Folder("/run/systemd/system-generators"), Some("generator")),
    scripts("systemd", Folder("/usr/local/lib/systemd/system-generators"), Some("generator")),
    scripts("systemd", Folder("/usr/lib/systemd/system-generators"), Some("generator")),
    scripts("systemd", Folder("/lib/systemd/system-generators"), Some("generator")),
    scripts("systemd", Folder("/etc/systemd/user-generators"), Some("generator")),
    scripts("systemd", Folder("/usr/lib/systemd/user-generators"), Some("generator")),
    scripts("systemd", Folder("/etc/systemd/system-environment-generators"), Some("generator")),
    scripts("systemd", Folder("/usr/lib/systemd/system-environment-generators"), Some("generator")),
    scripts("systemd", Folder("/etc/systemd/user-environment-generators"), Some("generator")),
    scripts("systemd", Folder("/usr/lib/systemd/user-environment-generators"), Some("generator")),
    place("systemd", File("/etc/systemd/system.conf"), systemd::unit),
    place("systemd", Folder("/etc/systemd/system.conf.d"), systemd::unit),
    place("systemd", File("/etc/systemd/user.conf"), systemd::unit),
    place("systemd", Folder("/etc/systemd/user.conf.d"), systemd::unit),
    scripts("systemd", Folder("/etc/systemd/system-sleep"), Some("sleep")),
    scripts("systemd", Folder("/etc/systemd/system-shutdown"), Some("shutdown")),
    scripts("systemd", Folder("/usr/lib/systemd/system-shutdown"), Some("shutdown")),
    scripts("systemd", Folder("/usr/lib/systemd/system-sleep"), Some("sleep")),
    scripts("rc", File("/etc/rc.local"), Some("boot")),
    scripts("rc", File("/etc/rc.d/rc.local"), Some("boot")),
    scripts("rc", File("/etc/init.d/boot.local"), Some("boot")),
    place("init", File("/etc/inittab"), hooks::inittab),
    scripts("init", Folder("/etc/init.d"), Some("boot")),
    scripts("init", Folder("/etc/rc.d/init.d"), Some("boot")),
    // Links into init.d were read there; a file of its own here was put by hand.
    scripts("rc", Folder("/etc/rcS.d"), Some("boot")),
    scripts("rc", Folder("/etc/rc0.d"), Some("runlevel 0")),
    scripts("rc", Folder("/etc/rc1.d"), Some("runlevel 1")),
    scripts("rc", Folder("/etc/rc2.d"), Some("runlevel 2")),
    scripts("rc", Folder("/etc/rc3.d"), Some("runlevel 3")),
    scripts("rc", Folder("/etc/rc4.d"), Some("runlevel 4")),
    scripts("rc", Folder("/etc/rc5.d"), Some("runlevel 5")),
    scripts("rc", Folder("/etc/rc6.d"), Some("runlevel 6")),
    scripts("rc", Folder("/etc/rc.d/rc3.d"), Some("runlevel 3")),
    scripts("rc", Folder("/etc/rc.d/rc5.d"), Some("runlevel 5")),
    scripts("rc", Folder("/etc/local.d"), Some("boot")),
    place("profile", File("/etc/environment"), shell::commands),
    place("profile", File("/etc/profile"), shell::commands),
    place("profile", Folder("/etc/profile.d"), shell::commands),
    place("profile", Folder("/etc/environment.d"), shell::commands),
    place("profile", File("/etc/profile.local"), shell::commands),
    place("profile", File("/etc/bash.bashrc"), shell::commands),
    place("profile", File("/etc/bash.bashrc.local"), shell::commands),
    place("profile", File("/etc/csh.cshrc"), shell::commands),
    place("profile", File("/etc/csh.login"), shell::commands),
    place("profile", File("/etc/zsh/zlogin"), shell::commands),
    place("profile", File("/etc/fish/config.fish"), shell::commands),
    place("profile", Folder("/etc/fish/conf.d"), shell::commands),
    place("profile", File("/etc/bashrc"), shell::commands),
    place("profile", File("/etc/bash.bash_logout"), shell::commands),
    place("profile", File("/etc/zsh/zshenv"), shell::commands),
    place("profile", File("/etc/zsh/zshrc"), shell::commands),
    place("profile", File("/etc/zsh/zprofile"), shell::commands),
    place("profile", File("/etc/zshrc"), shell::commands),
    place("profile", Home(".profile"), shell::commands),
    place("profile", Home(".bash_profile"), shell::commands),
    place("profile", Home(".bash_login"), shell::commands),
    place("profile", Home(".bashrc"), shell::commands),
    place("profile", Home(".bash_aliases"), shell::commands),
    place("profile", HomeFolder(".bashrc.d"), shell::commands),
    place("profile", Home(".cshrc"), shell::commands),
    place("profile", Home(".tcshrc"), shell::commands),
    place("profile", Home(".kshrc"), shell::commands),
    place("profile", Home(".zlogout"), shell::commands),
    place("profile", HomeFolder(".config/fish/conf.d"), shell::commands),
    place("profile", Home(".bash_logout"), shell::commands),
    place("profile", Home(".zshenv"), shell::commands),
    place("profile", Home(".zshrc"), shell::commands),
    place("profile", Home(".zprofile"), shell::commands),
    place("profile", Home(".zlogin"), shell::commands),
    place("profile", Home(".xprofile"), shell::commands),
    place("profile", Home(".config/fish/config.fish"), shell::commands),
    scripts("motd", Folder("/etc/update-motd.d"), Some("login")),
    place("udev", Folder("/etc/udev/rules.d"), udev::rules),
    place("udev", Folder("/run/udev/rules.d"), udev::rules),
    place("udev", Folder("/usr/lib/udev/rules.d"), udev::rules),
    place("udev", Folder("/lib/udev/rules.d"), udev::rules),
    place("autostart", Folder("/etc/xdg/autostart"), autostart::desktop),
    place("autostart", HomeFolder(".config/autostart"), autostart::desktop),
    place("hook", File("/etc/ssh/sshrc"), shell::commands),
    place("hook", Home(".ssh/rc"), shell::commands),
    place("hook", File("/etc/apt/apt.conf"), hooks::apt),
    place("hook", Folder("/etc/apt/apt.conf.d"), hooks::apt),
    scripts("hook", Folder("/etc/NetworkManager/dispatcher.d"), Some("network")),
    scripts("hook", Folder("/etc/NetworkManager/dispatcher.d/pre-up.d"), Some("network")),
    scripts("hook", Folder("/etc/NetworkManager/dispatcher.d/no-wait.d"), Some("network")),
    scripts("hook", Folder("/usr/lib/NetworkManager/dispatcher.d"), Some("network")),
    scripts("hook", Folder("/etc/network/if-down.d"), Some("network")),
    scripts("hook", Folder("/etc/network/if-post-down.d"), Some("network")),
    scripts("hook", Folder("/etc/network/if-up.d"), Some("network")),
    scripts("hook", Folder("/etc/network/if-pre-up.d"), Some("network")),
    scripts("hook", Folder("/etc/networkd-dispatcher/routable.d"), Some("network")),
    scripts("hook", Folder("/etc/networkd-dispatcher/configured.d"), Some("network")),
    scripts("hook", Folder("/etc/networkd-dispatcher/carrier.d"), Some("network")),
    scripts("hook", Folder("/etc/networkd-dispatcher/off.d"), Some("network")),
    place("hook", Folder("/etc/dhcp/dhclient-enter-hooks.d"), shell::commands),
    place("hook", Folder("/etc/dhcp/dhclient-exit-hooks.d"), shell::commands),
    place("pam", Folder("/etc/pam.d"), access::pam),
    place("pam", File("/etc/pam.conf"), access::pam),
    place("account", File("/etc/passwd"), access::accounts),
    place("sudoers", File("/etc/sudoers"), access::sudoers),
    place("sudoers", Folder("/etc/sudoers.d"), access::sudoers),
    place("ssh-key", Home(".ssh/authorized_keys"), access::keys),
    place("ssh-key", Home(".ssh/authorized_keys2"), access::keys),
    place("logrotate", File("/etc/logrotate.conf"), access::logrotate),
    place("logrotate", Folder("/etc/logrotate.d"), access::logrotate),
    place("sysctl", File("/etc/sysctl.conf"), access::sysctl),
    place("sysctl", Folder("/etc/sysctl.d"), access::sysctl),
    place("sysctl", Folder("/run/sysctl.d"), access::sysctl),
    place("sysctl", Folder("/usr/local/lib/sysctl.d"), access::sysctl),
    place("module", File("/etc/modules"), access::modules),
    place("module", Folder("/etc/modules-load.d"), access::modules),
    place("module", Folder("/run/modules-load.d"), access::modules),
    place("module", Folder("/usr/local/lib/modules-load.d"), access::modules),
    place("module", Folder("/etc/modprobe.d"), access::modprobe),
];
