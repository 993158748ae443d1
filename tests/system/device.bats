# lxc-device: device nodes and network interfaces that come and go while the container runs.
load lib

device() { lxc-device "${P[@]}" "${N[@]}" "$@"; }
fuse_number="10 229"
unprivileged="lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container"
deny_all="lxc.cgroup.devices.deny = a
lxc.cgroup.devices.allow = c 1:3 rwm
lxc.cgroup.devices.allow = c 1:5 r
lxc.cgroup.devices.allow = c 5:* rwm
lxc.cgroup.devices.allow = c 136:* rwm"
rules() { cat "/sys/fs/cgroup/devices/lxc.payload.$NAME/devices.list"; }

make_pair() {
  ETH=bd$((BASHPID % 100000))
  ip link add "${ETH}a" type veth peer name "${ETH}b"
}
# A name that ip(8) has for the container's network.
netns_name() {
  ip netns list | grep -q "^$ETH" || ip netns attach "$ETH" "$(init_pid)"
  printf '%s\n' "$ETH"
}
drop_netns_name() { ip netns del "${ETH:-none}" 2>/dev/null || true; }
drop_pair() { ip link del "${ETH:-none}a" 2>/dev/null || ip link del "${ETH:-none}b" 2>/dev/null || true; }
eval "lib_$(declare -f teardown)"
teardown() {
  drop_netns_name
  drop_pair
  lib_teardown
}

@test "a device node: made as the host's is, permitted, and taken away again" {
  only_root
  only_berth "LXC looks into the namespaces of process 1, and for the second name on the host"
  has_v1 devices || skip "needs the devices controller"
  mknod -m 640 "$LXCPATH/node" c 1 7
  chown 3:4 "$LXCPATH/node"
  make_container <<<"$deny_all"
  start_container
  lacks "$(rules)" "c 1:7"
  device add "$LXCPATH/node" /dev/deep/node
  equals "$(inside stat -c '%a %u %g %t %T' /dev/deep/node)" "640 3 4 1 7"
  contains "$(rules)" "c 1:7 rwm"
  exits 1 inside sh -c 'echo x >/dev/deep/node'
  contains "$output" "No space left"
  device del "$LXCPATH/node" /dev/deep/node
  exits 1 inside test -e /dev/deep/node
  lacks "$(rules)" "c 1:7"
}

@test "a node that fails takes back what its rule permitted, and no more" {
  only_root
  only_berth
  has_v1 devices || skip "needs the devices controller"
  mknod "$LXCPATH/node" c 1 7
  make_container <<<"$deny_all"
  start_container
  inside touch /etc/file
  exits 1 device add "$LXCPATH/node" /etc/file
  lacks "$(rules)" "c 1:7"
  mknod "$LXCPATH/zero" c 1 5
  exits 1 device add "$LXCPATH/zero" /etc/file
  contains "$(rules)" "c 1:5 r"
  lacks "$(rules)" "c 1:5 rw"
}

@test "a rule that is refused leaves what is at the place" {
  only_root
  only_berth
  has_v1 devices || skip "needs the devices controller"
  mknod "$LXCPATH/node" c 1 7
  make_container <<<"lxc.mount.entry = /dev/null dev/kept none bind,create=file"
  start_container
  local group=/sys/fs/cgroup/devices/lxc.payload.$NAME
  exits 1 unshare -m sh -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec lxc-device "$@"' "$group" \
    "${P[@]}" "${N[@]}" add "$LXCPATH/node" /dev/kept
  contains "$output" "permitting the device"
  equals "$(inside stat -c '%t %T' /dev/kept)" "1 3"
  contains "$(inside cat /proc/mounts)" /dev/kept
}

@test "without a name it is the same path; adding it again replaces the node" {
  only_root
  plain_container
  start_container
  device add /dev/fuse
  device add /dev/fuse
  equals "$(inside stat -c '%F' /dev/fuse)" "character special file"
  exits 1 inside ls /dev/.berth-new-node
  device del /dev/fuse
  exits 1 inside test -e /dev/fuse
}

@test "a name that the host does not have is no obstacle" {
  only_root
  only_berth "LXC looks for the second name on the host"
  plain_container
  start_container
  device add /dev/null /dev/renamed
  equals "$(inside stat -c '%t %T' /dev/renamed)" "1 3"
}

@test "a file that is no device is left alone, and links of the container end in its root" {
  only_root
  only_berth
  plain_container
  start_container
  inside sh -c 'echo precious >/etc/precious; ln -s /../../../../etc /dev/out'
  exits 1 device add /dev/null /etc/precious
  contains "$output" "is not a device node, and is left alone"
  equals "$(inside cat /etc/precious)" precious
  exits 1 device del /dev/null /etc/precious
  contains "$output" "is left alone"
  device add /dev/null "/dev/out/node$NAME"
  [ ! -e "/etc/node$NAME" ]
  inside test -c "/etc/node$NAME"
}

@test "an unprivileged container: the node opens, has its owner, and goes without a trace" {
  only_root
  only_berth "LXC makes nodes that do not open"
  make_container <<<"$unprivileged"
  start_container
  mknod -m 660 "$LXCPATH/node" c 1 5
  chown 0:6 "$LXCPATH/node"
  device add "$LXCPATH/node" /dev/deep/zero
  equals "$(inside stat -c '%a %u %g' /dev/deep/zero)" "660 0 6"
  equals "$(inside head -c 2 /dev/deep/zero | od -An -tx1)" " 00 00"
  device del "$LXCPATH/node" /dev/deep/zero
  equals "$(inside ls /dev/deep)" ""
  lacks "$(inside cat /proc/mounts)" /dev/deep
}

@test "what is no device, or no path" {
  only_root
  only_berth
  plain_container
  start_container
  exits 1 device add /etc/passwd
  contains "$output" "/etc/passwd is not a device"
  exits 1 device add /dev/absent
  contains "$output" "/dev/absent"
  exits 1 device add /dev/null relative
  contains "$output" "is not an absolute path"
  exits 1 device add nosuchnic
  contains "$output" "no network interface nosuchnic"
  exits 1 device move /dev/null
  contains "$output" "is not an action"
  exits 1 device add
  exits 1 device add /dev/null /dev/a b
}

@test "a container that does not run" {
  plain_container
  exits 1 device add /dev/null
  contains "$output" "not running"
}

@test "an interface goes in under another name, and comes back" {
  only_root
  only_berth "LXC looks into the namespaces of process 1, which not every host allows"
  plain_container
  start_container
  make_pair
  device add "${ETH}a" eth5
  contains "$(inside ip link)" eth5
  [ ! -e "/sys/class/net/${ETH}a" ]
  device del eth5 "${ETH}a"
  [ -e "/sys/class/net/${ETH}a" ]
  lacks "$(inside ip link)" eth5
  device add "${ETH}a"
  contains "$(inside ip link)" "${ETH}a"
  device del "${ETH}a"
  [ -e "/sys/class/net/${ETH}a" ]
  drop_pair
}

@test "a name that is taken: nothing has moved, and the interface is up as it was" {
  only_root
  only_berth
  plain_container
  start_container
  make_pair
  ip addr add 10.77.1.1/24 dev "${ETH}a"
  ip link set "${ETH}a" up
  exits 1 device add "${ETH}a" lo
  contains "$output" "the container has an interface lo already"
  contains "$(ip addr show "${ETH}a")" "10.77.1.1"
  contains "$(ip link show "${ETH}a")" ",UP"
  exits 1 device add "${ETH}a" 'a/b'
  device add "${ETH}a" eth5
  exits 1 device del eth5 "${ETH}b"
  contains "$output" "the host has an interface ${ETH}b already"
  contains "$(inside ip link)" eth5
  exits 1 device del eth9
  contains "$output" "the container has no interface eth9"
  exits 1 device add lo
  drop_pair
}

@test "an interface that got another name inside gets its own back, and keeps its other names" {
  only_root
  only_berth
  plain_container
  start_container
  make_pair
  ip link property add dev "${ETH}a" altname "${ETH}another"
  device add "${ETH}another" eth5
  contains "$(ip -n "$(netns_name)" link show eth5)" "altname ${ETH}another"
  device del eth5
  contains "$(ip link show "${ETH}a")" "altname ${ETH}another"
  lacks "$(ip link show "${ETH}a")" alias
  # Somebody's own note stays, and there is no place for ours.
  ip link set "${ETH}a" alias "left one"
  device add "${ETH}a" eth5
  device del eth5 "${ETH}c"
  contains "$(ip link show "${ETH}c")" "alias left one"
  drop_netns_name
  drop_pair
}

@test "another name that is taken: refused, and all is as it was" {
  only_root
  only_berth
  plain_container
  start_container
  make_pair
  ip link property add dev "${ETH}a" altname "${ETH}another"
  ip addr add 10.77.2.1/24 dev "${ETH}a"
  ip -6 addr add fd77::1/64 dev "${ETH}a"
  ip link set "${ETH}a" up
  nsenter -t "$(init_pid)" -n ip link add "${ETH}another" type veth peer name other
  exits 1 device add "${ETH}a"
  contains "$output" "the container has an interface ${ETH}another already"
  contains "$output" "another name of this interface"
  exits 1 device add "${ETH}a" "${ETH}another"
  contains "$(ip addr show "${ETH}a")" "fd77::1"
  contains "$(ip addr show "${ETH}a")" "10.77.2.1"
  contains "$(ip link show "${ETH}a")" ",UP"
  drop_pair
}

@test "a bridge stays, and is told why" {
  only_root
  only_berth
  plain_container
  start_container
  ETH=bd$((BASHPID % 100000))
  ip link add "${ETH}r" type bridge
  ip link set "${ETH}r" up
  run -0 ip link show "${ETH}r"
  status=0
  output=$(device add "${ETH}r" 2>&1) || status=$?
  up=$(ip -o link show "${ETH}r")
  ip link del "${ETH}r"
  # Kernels differ in what they let go; what stays is as it was.
  [ "$status" = 0 ] || { contains "$output" "keeps this interface" && contains "$up" ",UP"; }
}

@test "a container that shares the host's network has no interfaces of its own" {
  only_root
  only_berth
  plain_container
  sed -i 's/^lxc.net.0.type.*/lxc.net.0.type = none/' "$LXCPATH/$NAME/config"
  start_container
  make_pair
  exits 1 device add "${ETH}a"
  contains "$output" "shares the host's network"
  drop_pair
}

@test "names that the container gave its interfaces do not reach the terminal as they are" {
  only_root
  only_berth
  plain_container
  start_container
  nsenter -t "$(init_pid)" -n ip link add $'x\e[2J' type veth peer name other
  exits 1 device del nosuch
  contains "$output" "there are"
  lacks "$output" $'\e'
  run -0 lxc-ls "${P[@]}" -f -F name,interface
  contains "$output" other
  lacks "$output" $'\e'
}
