"""What the comparison of configuration sets: for each key values that are right, wrong and odd."""

# Tried with every key.
ANYTHING = ["", " ", "0", "1", "2", "-1", "01", "0x10", "x", "yes", "10 20", " 1 ", "1,2", "4294967296", "99999999999999999999",
            "/abs/path", "rel/path", "../up", "a:b", '"quoted"', "'single'", "a = b", "a#b", "none", "auto", "10k", "ü"]



def anything(key):
    """ANYTHING for `key`. LXC makes a log file as soon as it is set: one outside of the test's directory would change later answers."""
    return ["@DIR@" + value if key == "lxc.log.file" and value.startswith("/") else value for value in ANYTHING]


SIGNALS = ["SIGTERM", "TERM", "sigterm", "SIGRTMIN+3", "SIGRTMAX-2", "SIGRTMIN", "SIGRTMIN+40", "15", "64", "65", "SIGNONE", "SIGRTMIN+"]
SIZES = ["4096", "4097", "5000", "1kB", "1 kB", "1MB", "1 GB", "1KB", "128kb", "1TB", "kB"]
NAMESPACES = ["net", "net pid", "cgroup ipc mnt net pid time user uts", "mount", "nope", "net net", "NET"]
PATHS = ["/a/b", "/a b/c", "/a//b/", "/a/./b", "/a/b/..", "//a", "/"]
COMMANDS = ["/bin/true", "/bin/true a 'b c'", "true", "/bin/sh -c \"a b\"", "/bin/sh 'open"]
ENVIRONMENT = ["A=1", "A=", "A", "=1", "A=b c", "HOME", "BERTH_UNSET_VARIABLE", "A=1=2"]
OFFSETS = ["1h", "90m", "5s", "5 s", "1500ms", "7us", "9ns", "5", "-5s", "5d", "0s", "1.5h"]
ADDRESSES4 = ["10.0.0.2", "10.0.0.2/24", "172.16.0.1", "192.168.1.1", "10.0.0.2/24 10.0.0.255", "10.0.0.2/33", "10.0.0.300/8", "224.0.0.1",
              "10.0.0.2/", "10.0.0.2/32", "10.0.0.2/0", "1.2.3"]
ADDRESSES6 = ["fe80::1", "2001:db8::2/64", "2001:DB8::2/48", "2001:db8:0:0:0:0:0:2/64", "::1/129", "::ffff:1.2.3.4/96", "fe80::1%eth0", "::/0"]
INTERFACES = ["eth0", "a-name-of-15-ch", "a-name-of-16-cha", "eth/0", "vmbr0+", "br 0", "."]

KEYS = {
    "lxc.apparmor.profile": ["unconfined", "generated", "unchanged", "lxc-container-default"],
    "lxc.apparmor.allow_incomplete": [],
    "lxc.apparmor.allow_nesting": [],
    "lxc.apparmor.raw": ["deny /proc/kcore r,", "mount,"],
    "lxc.arch": ["x86_64", "amd64", "i686", "linux32", "linux64", "armhf", "arm64", "aarch64", "ppc64le", "s390x", "riscv64", "x32", "X86_64",
                 "s390", "sparc", "mips64el", "loongarch64"],
    "lxc.autodev": [],
    "lxc.autodev.tmpfs.size": ["1000000", "500000", "1M", "64k"],
    "lxc.cap.drop": ["sys_time", "sys_time sys_module", "SYS_TIME", "cap_sys_time", "nope", "40", "41", "63", "64", "checkpoint_restore", "none"],
    "lxc.cap.keep": ["chown", "chown setuid", "none", "chown none setuid", "none chown", "nope", "5"],
    "lxc.cgroup.dir": ["machines", "a/b", "/machines", "a/../b"],
    "lxc.cgroup.dir.monitor": ["machines/m"],
    "lxc.cgroup.dir.container": ["machines/c"],
    "lxc.cgroup.dir.container.inner": ["inner", "a/b", ".", ".."],
    "lxc.cgroup.dir.monitor.pivot": ["pivot"],
    "lxc.cgroup.relative": [],
    "lxc.cgroup.memory.limit_in_bytes": ["512M", "-1"],
    "lxc.cgroup.devices.allow": ["a", "c 1:3 rwm"],
    "lxc.cgroup2.memory.max": ["512M", "max"],
    "lxc.cgroup2.devices.allow": ["a", "c 1:3 rwm"],
    "lxc.cgroup2": [],
    "lxc.cgroup": [],
    "lxc.console.buffer.size": SIZES,
    "lxc.console.logfile": PATHS,
    "lxc.console.path": PATHS,
    "lxc.console.rotate": [],
    "lxc.console.size": SIZES,
    "lxc.environment": ENVIRONMENT,
    "lxc.environment.runtime": ENVIRONMENT,
    "lxc.environment.hooks": ENVIRONMENT,
    "lxc.ephemeral": [],
    "lxc.execute.cmd": COMMANDS,
    "lxc.group": ["onboot", "a b", "a,b"],
    "lxc.hook": [],
    "lxc.hook.version": [],
    **{"lxc.hook." + name: COMMANDS for name in ("autodev", "clone", "destroy", "mount", "post-stop", "pre-mount", "pre-start", "start",
                                                 "start-host", "stop")},
    "lxc.idmap": ["u 0 100000 65536", "g 0 100000 65536", "b 0 100000 65536", "u 0 100000", "u 0 100000 0", "u a 1 2", "u  0  100000\t65536",
                  "U 0 1 2", "u 0 1 2 3", "u 0 4294967295 2"],
    "lxc.include": ["/nonexistent", "/nonexistent/", "/etc/hostname"],
    "lxc.init.cmd": COMMANDS,
    "lxc.init.cwd": PATHS,
    "lxc.init.gid": ["1000", "65534"],
    "lxc.init.groups": ["10", "10,20", "10 20", "10,a", ",", "10,,20", "10, 20", "10 ,20", "10,"],
    "lxc.init.uid": ["1000", "65534"],
    "lxc.keyring.session": [],
    "lxc.log.file": ["@DIR@/log"],
    "lxc.log.level": ["TRACE", "debug", "INFO", "ERROR", "FATAL", "NOTSET", "8", "9", "10", "NOPE"],
    "lxc.log.syslog": ["daemon", "local0", "local7", "local8", "kern"],
    "lxc.monitor.signal.pdeath": SIGNALS,
    "lxc.monitor.unshare": [],
    "lxc.mount.auto": ["proc", "proc:mixed", "proc:rw", "proc:ro", "sys", "sys:ro", "sys:mixed", "sys:rw", "proc sys", "cgroup", "cgroup:ro",
                       "cgroup:mixed", "cgroup:rw", "cgroup:force", "cgroup:rw:force", "cgroup-full", "cgroup-full:mixed",
                       "cgroup-full:ro:force", "proc:rw sys:ro cgroup-full:rw", "cgroup:mixed proc:mixed sys:mixed", "sys:mixed proc:mixed",
                       "proc proc:rw", "proc:x", "shmounts:/a", "shmounts:/a:/b", "shmounts:", "proc nope"],
    "lxc.mount.entry": ["proc proc proc nodev,noexec,nosuid 0 0", "/srv srv none bind,create=dir 0 0", "/srv srv none bind", "/srv srv",
                        "/a\\040b c none bind 0 0"],
    "lxc.mount.fstab": PATHS,
    "lxc.namespace.clone": NAMESPACES,
    "lxc.namespace.keep": NAMESPACES,
    **{"lxc.namespace.share." + name: ["web2", "12345", "/proc/1/ns/net"] for name in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user",
                                                                                      "uts", "nope")},
    "lxc.net": [],
    "lxc.net.0": [],
    "lxc.no_new_privs": [],
    **{"lxc.prlimit." + name: ["1024", "1024:2048", "unlimited", "1:unlimited", "2048:1024", "unlimited:1", " 5 : 6 ", "a", "1:", ":1", "1:2:3"]
       for name in ("nofile", "core", "as", "rtprio")},
    "lxc.prlimit.nope": ["1"],
    "lxc.prlimit": [],
    "lxc.proc.oom_score_adj": ["10", "-500"],
    "lxc.proc": [],
    "lxc.pty.max": ["1024"],
    "lxc.rootfs.managed": [],
    "lxc.rootfs.mount": PATHS,
    "lxc.rootfs.options": ["ro", "ro,noatime", "idmap=container", "idmap=/proc/1/ns/user", "bind", "optional", "relative", "create=dir"],
    "lxc.rootfs.path": ["/srv/c", "dir:/srv/c", "btrfs:/srv/c", "zfs:tank/c", "lvm:/dev/vg/c", "overlay:/a:/b", "overlayfs:/a:/b", "nbd:/a:1",
                        "loop:/a.img", "rbd:pool/c", "nope:/a", "dir:"],
    "lxc.sched.core": [],
    "lxc.seccomp.allow_nesting": [],
    "lxc.seccomp.notify.cookie": ["cookie"],
    "lxc.seccomp.notify.proxy": ["unix:/run/p.sock", "unix:@name", "unix:rel", "tcp:1", "/run/p.sock"],
    "lxc.seccomp.profile": PATHS,
    "lxc.selinux.context": ["system_u:system_r:lxc_t:s0:c22"],
    "lxc.selinux.context.keyring": ["system_u:system_r:lxc_t:s0:c22"],
    "lxc.signal.halt": SIGNALS,
    "lxc.signal.reboot": SIGNALS,
    "lxc.signal.stop": SIGNALS,
    "lxc.start.auto": [],
    "lxc.start.delay": ["5"],
    "lxc.start.order": ["-10", "10"],
    "lxc.sysctl.net.ipv4.ip_forward": ["1", "10 20"],
    "lxc.sysctl.kernel/msgmax": ["1"],
    "lxc.sysctl": [],
    "lxc.time.offset.boot": OFFSETS,
    "lxc.time.offset.monotonic": OFFSETS,
    "lxc.tty.dir": ["lxc", "a/b"],
    "lxc.tty.max": ["4"],
    "lxc.uts.name": ["web1", "a" * 64, "a" * 65],
    "lxc.utsname": ["old"],
    "lxc.limit.nofile": ["1"],
    "lxc.nope": ["1"],
    "lxc.": ["1"],
    "nope": ["1"],
}

NETWORK_TYPES = ["veth", "macvlan", "ipvlan", "vlan", "phys", "empty", "none"]

# Subkey -> values, the type under which it is set first.
NETWORK_KEYS = {
    "type": (NETWORK_TYPES + ["nope", "VETH"], None),
    "flags": (["up", "down"], "veth"),
    "hwaddr": (["00:16:3e:01:02:03", "00:16:3E:01:02:AB", "00:16:3e:01:02", "zz:16:3e:01:02:03"], "veth"),
    "ipv4.address": (ADDRESSES4, "veth"),
    "ipv4.gateway": (["10.0.0.1", "auto", "dev", "10.0.0.1/24", "x"], "veth"),
    "ipv6.address": (ADDRESSES6, "veth"),
    "ipv6.gateway": (["fe80::1", "auto", "dev", "2001:DB8::1", "x"], "veth"),
    "l2proxy": ([], "ipvlan"),
    "link": (INTERFACES, "veth"),
    "mtu": (["1500", "9000", "abc"], "veth"),
    "name": (INTERFACES, "veth"),
    "script.up": (COMMANDS, "veth"),
    "script.down": (COMMANDS, "veth"),
    "ipvlan.isolation": (["bridge", "private", "vepa", "nope"], "ipvlan"),
    "ipvlan.mode": (["l3", "l3s", "l2", "L3"], "ipvlan"),
    "macvlan.mode": (["private", "vepa", "bridge", "passthru", "nope"], "macvlan"),
    "veth.ipv4.route": (["192.0.2.0/24", "192.0.2.0", "192.0.2.0/33"], "veth"),
    "veth.ipv6.route": (["2001:db8::/64", "2001:db8::", "::/129"], "veth"),
    "veth.mode": (["bridge", "router", "nope"], "veth"),
    "veth.n_rxqueues": (["4", "4096", "5000"], "veth"),
    "veth.n_txqueues": (["4", "4096", "5000"], "veth"),
    "veth.pair": (INTERFACES, "veth"),
    "veth.vlan.id": (["42", "0", "4094", "4095", "none"], "veth"),
    "veth.vlan.tagged.id": (["42", "0", "4094", "4095", "none"], "veth"),
    "vlan.id": (["42", "0", "4094", "4095", "65535"], "vlan"),
    "nope": (["1"], "veth"),
}

# What get_keys is asked for.
PREFIXES = ["lxc", "lxc.", "lxc.apparmor", "lxc.autodev", "lxc.cap", "lxc.cgroup", "lxc.cgroup2", "lxc.cgroup.dir", "lxc.console", "lxc.environment",
            "lxc.execute", "lxc.hook", "lxc.idmap", "lxc.include", "lxc.init", "lxc.keyring", "lxc.log", "lxc.monitor", "lxc.mount",
            "lxc.namespace", "lxc.namespace.share", "lxc.net", "lxc.net.", "lxc.net.0", "lxc.net.0.", "lxc.net.0.type", "lxc.net.0.veth",
            "lxc.net.0.ipv4", "lxc.net.1", "lxc.prlimit", "lxc.proc", "lxc.pty", "lxc.rootfs", "lxc.rootfs.path", "lxc.sched", "lxc.seccomp",
            "lxc.selinux", "lxc.signal", "lxc.start", "lxc.sysctl", "lxc.time", "lxc.tty", "lxc.uts", "lxc.uts.name", "lxc.nope", "nope", "lxc.limit",
            "lxc.utsname"]
