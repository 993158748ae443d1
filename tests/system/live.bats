# Mounts and interfaces of a running container, given to it from outside without preparation. live_probe calls the library from
# one of two threads and fails when a namespace of either has changed.
load lib

PROBE=$BERTH_BIN/live_probe
probe() { "$PROBE" "$LXCPATH" "$NAME" "$@"; }
needs_probe() { only_berth "the library is berth's" && needs_built "$PROBE"; }

source_tree() {
  mkdir -p "$LXCPATH/data/sub"
  echo content >"$LXCPATH/data/file"
}

unprivileged="lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container"

# veth pair with names of this test.
make_pair() {
  ETH=bv$((BASHPID % 100000))
  ip link add "${ETH}a" type veth peer name "${ETH}b"
}
drop_pair() { ip link del "${ETH:-none}a" 2>/dev/null || ip link del "${ETH:-none}b" 2>/dev/null || true; }
eval "lib_$(declare -f teardown)"
teardown() {
  drop_pair
  lib_teardown
}

@test "a directory and a file are bound into a running container, at places that are made for them" {
  needs_probe
  source_tree
  plain_container
  start_container
  before=$(wc -l </proc/self/mountinfo)
  probe mount "$LXCPATH/data" /srv/a/dir "" 0 ""
  probe mount "$LXCPATH/data/file" /srv/a/file "" 0 ""
  equals "$(inside cat /srv/a/dir/file)" content
  equals "$(inside cat /srv/a/file)" content
  equals "$(wc -l </proc/self/mountinfo)" "$before" # nothing of it on the host
  probe umount /srv/a/file 0
  probe umount /srv/a/dir 2
  lacks "$(inside cat /proc/mounts)" /srv/a
}

@test "flags of a mount: read-only, nosuid, nodev, noexec; recursive or not" {
  needs_probe
  source_tree
  mount -t tmpfs below "$LXCPATH/data/sub"
  touch "$LXCPATH/data/sub/deep"
  plain_container
  start_container
  probe mount "$LXCPATH/data" /srv/flat "" 15 ""
  line=$(inside grep ' /srv/flat ' /proc/mounts)
  for flag in ro nosuid nodev noexec; do contains ",$(cut -d' ' -f4 <<<"$line")," ",$flag,"; done
  exits 1 inside touch /srv/flat/x
  exits 1 inside test -e /srv/flat/sub/deep
  probe mount "$LXCPATH/data" /srv/deep none $((4096 + 16384)) ""
  inside test -e /srv/deep/sub/deep
  umount "$LXCPATH/data/sub"
}

@test "what the container mounts below a bound directory does not come out" {
  needs_probe
  source_tree
  mount --bind "$LXCPATH/data" "$LXCPATH/data"
  mount --make-shared "$LXCPATH/data"
  plain_container
  start_container
  probe mount "$LXCPATH/data" /srv/a "" 0 ""
  inside mount -t tmpfs inner /srv/a/sub
  lacks "$(cat /proc/self/mountinfo)" " inner "
  mount -t tmpfs outer "$LXCPATH/data/sub" # the other way it does, as with a mount entry
  umount "$LXCPATH/data/sub"
  umount "$LXCPATH/data"
}

@test "a file system with data, and its errors in the kernel's words" {
  needs_probe
  plain_container
  start_container
  probe mount mine /srv/t tmpfs 6 "size=64k,mode=711"
  contains "$(inside cat /proc/mounts)" "mine /srv/t tmpfs rw,nosuid,nodev"
  equals "$(inside stat -c %a /srv/t)" 711
  exits 1 probe mount none /srv/t tmpfs 0 size=rubbish
  contains "$output" "Bad value for 'size'"
  exits 1 probe mount none /srv/t nosuchfs 0 ""
  contains "$output" "fsopen(nosuchfs)"
  exits 1 probe mount none /srv/t proc 0 ""
  contains "$output" "a proc mounted from outside would be the host's"
  exits 1 probe mount "$LXCPATH/absent" /srv/x "" 0 ""
  contains "$output" "$LXCPATH/absent"
  exits 1 inside test -e /srv/x
}

@test "a target is resolved in the container: its links are followed and end in its root" {
  needs_probe
  source_tree
  plain_container
  start_container
  inside ln -s /../../../../tmp /link
  inside mkdir -p /tmp
  probe mount "$LXCPATH/data" /link/in "" 0 ""
  equals "$(inside cat /tmp/in/file)" content
  [ ! -e /tmp/in ]
  exits 1 probe mount "$LXCPATH/data" /proc/1/root/x "" 0 ""
  exits 1 probe mount "$LXCPATH/data" relative "" 0 ""
  contains "$output" "is not an absolute path"
}

@test "a place that is no mount, and one that is in use" {
  needs_probe
  plain_container
  start_container
  exits 1 probe umount /etc 0
  contains "$output" "nothing is mounted there"
  probe mount none /srv/t tmpfs 0 ""
  inside sh -c 'cd /srv/t && sleep 1000 >/dev/null 2>&1 & sleep 0.2'
  exits 1 probe umount /srv/t 0
  contains "$output" EBUSY
  probe umount /srv/t 2
}

@test "an unprivileged container: binds, a tmpfs of its own, owners mapped when asked" {
  needs_probe
  only_root
  source_tree
  make_container <<<"$unprivileged"
  start_container
  probe mount "$LXCPATH/data" /srv/plain "" 0 ""
  equals "$(inside stat -c %u /srv/plain/file)" 65534
  probe mount "$LXCPATH/data" /srv/mapped "" 0 idmap=container
  equals "$(inside stat -c %u /srv/mapped/file)" 0
  inside sh -c 'echo new >/srv/mapped/new'
  equals "$(stat -c %u "$LXCPATH/data/new")" 0
  probe mount none /srv/t tmpfs 0 size=64k
  inside touch /srv/t/x
  equals "$(inside stat -c %u /srv/t)" 0
  probe umount /srv/t 0
  inside umount /srv/mapped # it is the container's mount now
}

@test "a container that does not run, and one that is not there" {
  needs_probe
  plain_container
  exits 1 probe mount none /srv tmpfs 0 ""
  contains "$output" "the container is not running"
  exits 1 "$PROBE" "$LXCPATH" nobody umount /srv 0
  contains "$output" "nothing of that name is defined"
}

@test "a container of the other LXC takes mounts, devices and interfaces too" {
  needs_probe
  only_root
  [ -x /usr/bin/lxc-start ] || skip "the other LXC is not installed"
  source_tree
  make_container <<<"lxc.apparmor.profile = unconfined"
  /usr/bin/lxc-start "${P[@]}" "${N[@]}" 3>&-
  probe mount "$LXCPATH/data" /srv/a "" 0 ""
  equals "$(inside cat /srv/a/file)" content
  probe umount /srv/a 0
  lxc-device "${P[@]}" "${N[@]}" add /dev/zero /dev/nought
  equals "$(inside head -c 2 /dev/nought | od -An -tx1)" " 00 00"
  make_pair
  lxc-device "${P[@]}" "${N[@]}" add "${ETH}a" eth0
  contains "$(probe interfaces)" eth0
  lxc-device "${P[@]}" "${N[@]}" del eth0 "${ETH}a"
  drop_pair
  lxc-cgroup "${P[@]}" "${N[@]}" memory.max 64M
  equals "$(lxc-cgroup "${P[@]}" "${N[@]}" memory.max)" 67108864
  /usr/bin/lxc-stop -k "${P[@]}" "${N[@]}"
  rmdir /sys/fs/cgroup/*/lxc.monitor."$NAME" /sys/fs/cgroup/*/lxc.pivot 2>/dev/null || true
}

@test "interfaces and addresses of a container, by family, interface and scope" {
  needs_probe
  only_root
  plain_container
  start_container
  equals "$(probe interfaces)" lo
  equals "$(probe addresses "" "" 0)" ""
  make_pair
  lxc-device "${P[@]}" "${N[@]}" add "${ETH}a" eth0
  equals "$(probe interfaces)" "lo
eth0"
  ip link set "${ETH}b" up
  inside ip link set eth0 up
  inside ip addr add 10.20.30.40/24 dev eth0
  inside ip addr add fd00:20::30/64 dev eth0
  equals "$(probe addresses "" "" 0)" "10.20.30.40
fd00:20::30"
  equals "$(probe addresses "" inet 0)" 10.20.30.40
  equals "$(probe addresses eth0 inet6 0)" fd00:20::30
  equals "$(probe addresses lo inet 0)" 127.0.0.1
  equals "$(probe addresses absent "" 0)" ""
  index=$(inside cat /sys/class/net/eth0/ifindex)
  eventually 5 bash -c "'$PROBE' '$LXCPATH' '$NAME' addresses eth0 inet6 $index | grep -q ^fe80::"
  exits 1 probe addresses "" inet5 0
  drop_pair
}
