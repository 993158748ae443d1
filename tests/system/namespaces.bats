# Namespaces: which are made, kept, shared.
load lib

ns_of() { readlink "/proc/$1/ns/$2"; }

@test "without a word: mount, uts, ipc, pid, net, cgroup are the container's own, user and time the host's" {
  plain_container
  start_container
  pid=$(init_pid)
  for ns in mnt uts ipc pid net cgroup; do [ "$(ns_of "$pid" $ns)" != "$(ns_of $$ $ns)" ]; done
  for ns in user time; do equals "$(ns_of "$pid" $ns)" "$(ns_of $$ $ns)"; done
}

@test "namespace.keep" {
  make_container <<<"lxc.namespace.keep = ipc user"
  start_container
  equals "$(ns_of "$(init_pid)" ipc)" "$(ns_of $$ ipc)"
  [ "$(ns_of "$(init_pid)" mnt)" != "$(ns_of $$ mnt)" ]
}

@test "namespace.clone" {
  make_container <<<"lxc.namespace.clone = mnt pid uts net"
  start_container
  equals "$(ns_of "$(init_pid)" ipc)" "$(ns_of $$ ipc)"
  [ "$(ns_of "$(init_pid)" uts)" != "$(ns_of $$ uts)" ]
}

@test "namespace.share by name, by pid, by path" {
  plain_container
  start_container
  first=$(init_pid)
  for way in "$NAME" "$first" "/proc/$first/ns/ipc"; do
    rm -rf "$LXCPATH/${NAME}s"
    make_container "${NAME}s" <<<"lxc.namespace.share.ipc = $way"
    start_container "${NAME}s"
    equals "$(ns_of "$(init_pid "${NAME}s")" ipc)" "$(ns_of "$first" ipc)"
    lxc-stop "${P[@]}" -n "${NAME}s" -k
  done
}

@test "--share-net joins another container's network" {
  plain_container
  start_container
  plain_container "${NAME}s"
  lxc-start "${P[@]}" -n "${NAME}s" --share-net="$NAME" 3>&-
  lxc-wait "${P[@]}" -n "${NAME}s" -s RUNNING -t 20
  equals "$(ns_of "$(init_pid "${NAME}s")" net)" "$(ns_of "$(init_pid)" net)"
  lxc-stop "${P[@]}" -n "${NAME}s" -k
}

@test "time namespace with an offset" {
  [ -e /proc/self/ns/time ] || skip "the kernel has no time namespace"
  make_container <<<"lxc.namespace.clone = cgroup ipc mnt net pid uts time
lxc.time.offset.boot = 100000h"
  start_container
  [ "$(ns_of "$(init_pid)" time)" != "$(ns_of $$ time)" ]
  [ "$(inside cut -d. -f1 /proc/uptime)" -gt 360000000 ]
}

@test "network empty: the loopback alone, and up" {
  plain_container
  start_container
  equals "$(inside ls /sys/class/net)" lo
  only_berth "the other LXC leaves it down"
  inside ping -c 1 -W 2 127.0.0.1 >/dev/null
}

@test "network none: the host's" {
  make_container <<<"lxc.net.0.type = none"
  start_container
  equals "$(ns_of "$(init_pid)" net)" "$(ns_of $$ net)"
}
