"""Where berth's answers about configuration are meant to differ from those of liblxc 5.0.2, and why.

A row is a regular expression for the line that config_oracle.py prints of a difference, "KEY = VALUE > STEP: THEIRS but OURS", and the
reason. docs/differences.md tells users about the ones that they can meet.
"""


def _refused(key, value=".*"):
    """LXC takes the value, berth does not."""
    return r"^%s = (%s) > (set|clear|load) .*: True but False$" % (key, value)


def _taken(key, value):
    """The other way round."""
    return r"^%s = (%s) > (set|load) .*: False but True$" % (key, value)


_INTERFACES = r"lxc\.net\.0\.(link|name|veth\.pair)"

DIFFERENCES = [
    # --- what LXC 7.0 does, which berth follows
    (r"^(early )?lxc\.environment\.(runtime|hooks)\b", "keys of LXC 7.0"),
    (r"^lxc\.arch( = (x32|loongarch64))? > ", "names of LXC 7.0"),
    (r"^lxc\.arch = .*> (set lxc\.arch |load .*lxc\.arch = +\\n): False but True", "LXC 7.0 clears the architecture by an empty value"),
    (r"^lxc\.rootfs\.options = idmap=/", "LXC 7.0 takes the path of a user namespace"),
    # --- answers that are slips of the C library's printf
    (r": b'\((null|invalid)\)' but b'[a-z0-9]*'$", "LXC prints a missing text as (null) or (invalid)"),
    (r"^lxc\.net\.0\.type = .*> get lxc\.net\.0\.type: b'\(null\)' but None", "LXC makes a network without a type of a refused one"),
    # --- a refused or cleared value that stays
    (r"= (2|10|0x10|-1|4294967296) > get lxc\.\S+: b'(2|10|16)' but b'[01]'$", "LXC keeps the number that it has refused"),
    (r"^lxc\.net\.0\.ipv[46]\.gateway = (auto|dev) > get .*: b'(auto|dev)' but b''", "LXC does not clear auto and dev"),
    (r"^lxc\.tty\.max = .*> get lxc\.tty\.max: b'\d+' but b'0'", "LXC clears another field"),
    (r"^lxc\.monitor\.signal\.pdeath = .*> get lxc.monitor.signal.pdeath: b'0' but b'9'", "cleared means not set: SIGKILL"),
    # --- the saved text
    (r"= ( | 1 | 5 : 6 |\"quoted\"|'single') > text: ", "berth puts what would be lost into quotes: blanks at the ends, quotes"),
    (r"^lxc\.autodev = .*> text: b'' but b'lxc\.autodev = \\n'", "an empty autodev means 0 and must be kept to mean it tomorrow"),
    (r"^lines > text: ", "LXC adds a line end, drops leading empty lines and carriage returns; berth keeps the text as it is"),
    (r"^lists > text: .*lxc\.(prlimit|sysctl|proc|cgroup2)\.", "LXC forgets to remove the lines of a cleared family"),
    (r"^(lists|lxc\.idmap = .*) > text: None but", "LXC saves under an id map by a process in a new user namespace, which fails on this host"),
    # --- berth refuses when it reads what LXC fails about, or passes over, when it starts
    (_refused(r"lxc\.(init\.[ug]id|hook\.version|seccomp\.allow_nesting)"), "LXC takes for 0 what is no number: root, where a user was meant"),
    (_refused(r"lxc\.autodev\.tmpfs\.size"), "LXC takes for 500000 what is no number"),
    (_refused(r"lxc\.console\.(buffer\.)?size", "0x10|10k"), "LXC takes for one byte what has an unknown unit"),
    (_refused(r"lxc\.environment", "=1"), "a variable without a name"),
    (_refused(r"lxc\.(init|execute)\.cmd", " |/bin/sh 'open"), "no command, or a quote that is not closed"),
    (_refused(r"lxc\.init\.cwd", "(?!/).*"), "a relative working directory has nothing to be relative to"),
    (_refused(r"lxc\.idmap", "u 0 100000 0|u 0 4294967295 2"), "ranges of no ids, or beyond the last one, which the kernel refuses"),
    (_refused(r"lxc\.include", "(?!/).*"), "LXC passes over a relative name that is no file"),
    (_refused(r"lxc\.mount\.entry"), "mount lines with too few fields"),
    (_refused(r"lxc\.mount\.auto", "shmounts:"), "no directory is named"),
    (_refused(r"lxc\.tty\.dir", r"/abs/path|\.\./up"), "a name outside of /dev"),
    (_refused(r"lxc\.prlimit\.(nofile|core|as|rtprio)", " |2048:1024|unlimited:1|-1|1:|:1"), "limits that the kernel refuses, or half a pair"),
    (r"^lxc\.prlimit\.nope( = .*)? > .*: (True but False|b'.*' but None)$", "an unknown resource"),
    (_refused(r"lxc\.rootfs\.path", "nope:/a|a:b|dir:"), "LXC drops a type that it does not know"),
    (_refused(r"lxc\.(signal\.\w+|monitor\.signal\.pdeath)", "65"), "there is no such signal"),
    (_refused(r"lxc\.net\.0\.type"), "LXC makes a network without a type of a refused one, and clears that"),
    (_refused(r"lxc\.net\.0\.flags", "down"), "LXC raises the interface all the same"),
    (_refused(r"lxc\.net\.0\.hwaddr"), "no hardware address"),
    (_refused(_INTERFACES), "names that no interface can have, or that LXC cuts"),
    (_refused(r"lxc\.net\.0\.mtu"), "LXC takes any text"),
    (_refused(r"lxc\.net\.0\.ipv[46]\.address", "224.0.0.1|::1/129"), "an address of a group; a length beyond 128"),
    (_refused(r"lxc\.net\.0\.veth\.n_[rt]xqueues", "5000"), "more queues than the kernel makes"),
    (_refused(r"lxc\.net\.0\.vlan\.id", "4095|65535"), "there is no such virtual LAN"),
    # --- berth takes more
    (_taken(r"lxc\.(signal\.\w+|monitor\.signal\.pdeath)", "SIGRTMIN"), "the first real-time signal by its name"),
    (_taken(r"lxc\.namespace\.(keep|clone)", "mount"), "the manual's own example says mount"),
    (_taken(r"lxc\.log\.level", "NOTSET|9"), "what the getter gives can be set"),
    (_taken(r"lxc\.cap\.drop", "41|63"), "capabilities of later kernels by number"),
    (_taken(r"lxc\.net\.0\.ipv[46]\.address", "auto"), "berth's own: an address that berth picks"),
    (r"^lxc\.mount\.fstab = .* > (set lxc\.mount\.fstab |load .*): False but True$", "LXC clears the key and fails"),
    # --- getters
    (r"^lxc\.keyring\.session\b.* > get .*: b'[01]' but b'[01]'$", "berth follows the manual, which says the opposite of the code"),
    (r"^lxc\.rootfs\.mount\b.* > get ", "the default of the installation; LXC gives it only until the key has been cleared"),
    (r"^lxc\.net\.0\.veth\.vlan\.id\b.* > get .*: b'(0' but b''|-1' but b'none')$", "not set is not virtual LAN 0; none"),
    (r"^lxc\.net\.0\.ipvlan\.mode( = .*)? > get .*: b'l2' but b'l3'$", "l3 is the manual's default"),
    (r"^lxc\.net\.0\.ipv4\.address = .* > get .*/8(\\n.*)?' but b'", "LXC takes every address for one of class A"),
    (r"^(lxc\.cap\.keep = none|lists) > get lxc.cap.keep: b'' but b'none", "none is not nothing"),
    (r"^lxc\.seccomp\.notify\.proxy = unix:.* > get ", "as it was set"),
    (r"^lxc\.mount\.auto = .*(force|shmounts|cgroup2).* > get ", "force and shmounts are shown"),
    (r"^lxc\.mount\.auto = proc nope > get ", "LXC keeps the part before the mistake"),
    (r"^lxc\.console\.(buffer\.)?size = 0 > get .*: b'4096' but b'0'", "0 is off"),
    (r"^lxc\.autodev\.tmpfs\.size( = .*)? > get .*: b'(0|500000|-1)' but b'\d+'$", "units count; not set is the default"),
    (r"^(lists|lxc\.proc\..*) > get lxc\.proc\.oom_score_adj: b", "LXC joins the values of a repeated line"),
    (r"^early lxc\.net\.0\.", "LXC forgets what stands before the type of a network"),
    (r"^lxc\.net\.0\.type =  +> (set|load) .*: False but True", "nothing to clear is no mistake"),
    (r"^lxc\.net\.0\.name > get lxc\.net\.0\.name: b'lo' but b''", "LXC tells of the loopback interface where that is all there is"),
    (r"^lists > get lxc\.net: b'\(invalid\)", "LXC prints a missing text as (invalid)"),
    (r"^lists > get lxc\.cap\.(keep|drop): b'chown", "LXC's two keys share one list and one getter"),
    # --- lists of keys
    (r"^keys > keys: ", "berth knows the keys of LXC 7.0"),
    (r"^keys > keys lxc\.net\.\d", "LXC's lists lack some subkeys"),
    (r"^keys > keys lxc(\.\w+)*: (None|\[.*\]) but \[", "LXC's lists below a prefix are missing or out of date"),
]
