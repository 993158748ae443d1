# A whole distribution: Debian 12 by debootstrap, systemd as init.
load lib
load net_lab
load net_probe

setup_file() {
  command -v debootstrap >/dev/null || skip "debootstrap is not installed"
  DEBIAN_ROOT=$("$BATS_TEST_DIRNAME/debian-root") || return 1
  export DEBIAN_ROOT
}

eval "$(declare -f teardown | sed '1s/teardown/plain_teardown/')"

teardown() {
  local status=0
  # First, as its settings and its state are in the directory that goes.
  if [ -n "${BRIDGE:-}" ]; then lab lxc-net stop "${NET_OPTIONS[@]}" || status=1; fi
  plain_teardown || status=1
  net_lab_stop
  return "$status"
}

debian_container() {
  local directory=$LXCPATH/$NAME
  mkdir -m 755 "$directory"
  cp -a --reflink=auto "$DEBIAN_ROOT" "$directory/rootfs"
  rm -f "$directory/rootfs/.complete"
  echo "$NAME" >"$directory/rootfs/etc/hostname"
  {
    cat <<CONFIG
lxc.include = $REPO/share/config/common.conf
lxc.rootfs.path = dir:$directory/rootfs
lxc.uts.name = $NAME
lxc.net.0.type = empty
lxc.arch = amd64
CONFIG
    cat
  } >"$directory/config"
}

booted() {
  local word
  word=$(inside systemctl is-system-running 2>/dev/null)
  [ "$word" = running ] || [ "$word" = degraded ]
}

boots_cleanly() {
  start_container
  eventually 90 booted
  equals "$(inside systemctl --failed --no-legend --plain)" ""
  equals "$(inside systemctl is-system-running)" running
  equals "$(inside hostname)" "$NAME"
}

stops_in_time() {
  local begin=$EPOCHREALTIME end
  lxc-stop "${P[@]}" "${N[@]}" --nokill -t 30
  end=$EPOCHREALTIME
  equals "$(state)" STOPPED
  local took=$(((${end/./} - ${begin/./}) / 1000))
  [ "$took" -lt 5000 ] || fail "the stop took $took ms"
}

@test "systemd reaches running without a failed unit, and stops in time" {
  debian_container </dev/null
  boots_cleanly
  stops_in_time
}

@test "the same with an id map and rootfs idmap=container" {
  only_root
  debian_container <<C
lxc.include = $REPO/share/config/userns.conf
lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container
# systemd has CAP_SYS_RAWIO here, so it wants debugfs, which a user namespace may not mount; what is mounted it leaves alone.
lxc.mount.entry = /sys/kernel/debug sys/kernel/debug none bind,optional 0 0
lxc.mount.entry = /sys/kernel/tracing sys/kernel/tracing none bind,optional 0 0
C
  boots_cleanly
  equals "$(awk '/^Uid/ { print $2 }' "/proc/$(init_pid)/status")" 500000
  equals "$(inside stat -c %u /etc/passwd)" 0
  stops_in_time
}

@test "systemd reboots" {
  debian_container </dev/null
  boots_cleanly
  before=$(init_pid)
  inside systemctl reboot || true
  rebooted() { now=$(init_pid) && [ -n "$now" ] && [ "$now" != -1 ] && [ "$now" != "$before" ]; }
  eventually 30 rebooted
  eventually 90 booted
  stops_in_time
}

# The pure v2 view of a hybrid host: a mount namespace in which the unified hierarchy is all there is.
@test "systemd in the pure v2 view" {
  only_hybrid
  only_berth
  debian_container </dev/null
  cat >"$LXCPATH/v2" <<'V2'
#!/bin/bash
set -e
mount --make-rprivate /
mkdir /tmp/v2.$$
mount -t cgroup2 cgroup2 /tmp/v2.$$
umount -l /sys/fs/cgroup
mount --move /tmp/v2.$$ /sys/fs/cgroup
rmdir /tmp/v2.$$
exec "$@"
V2
  chmod 755 "$LXCPATH/v2"
  unshare -m "$LXCPATH/v2" lxc-start "${P[@]}" "${N[@]}" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  in_v2() { unshare -m "$LXCPATH/v2" lxc-attach "${P[@]}" "${N[@]}" -- "$@"; }
  ready() {
    local word
    word=$(in_v2 systemctl is-system-running 2>/dev/null)
    [ "$word" = running ] || [ "$word" = degraded ]
  }
  eventually 90 ready
  equals "$(in_v2 systemctl --failed --no-legend --plain)" ""
  equals "$(in_v2 systemctl is-system-running)" running
  equals "$(in_v2 stat -f -c %T /sys/fs/cgroup)" cgroup2fs
  local begin=$EPOCHREALTIME end
  unshare -m "$LXCPATH/v2" lxc-stop "${P[@]}" "${N[@]}" --nokill -t 30
  end=$EPOCHREALTIME
  [ $(((${end/./} - ${begin/./}) / 1000)) -lt 5000 ]
}

# The bridge of lxc-net in a network namespace of this test's own.
shared_bridge() {
  BRIDGE=lxcbr0
  NET_OPTIONS=(--config "$LXCPATH/lxc-net" --run-directory "$LXCPATH/run")
  cat >"$LXCPATH/lxc-net" <<C
USE_LXC_BRIDGE="true"
LXC_BRIDGE="$BRIDGE"
LXC_ADDR="10.66.3.1"
LXC_NETMASK="255.255.255.0"
LXC_NETWORK="10.66.3.0/24"
LXC_DHCP_RANGE="10.66.3.2,10.66.3.254"
LXC_DHCP_MAX="253"
LXC_DOMAIN="lxc"
LXC_DHCP_LEASES="$LXCPATH/leases"
C
  net_lab_start
  lab lxc-net start "${NET_OPTIONS[@]}" 3>&-
}

plugged_in() {
  cat <<C
lxc.net.0.type = veth
lxc.net.0.link = $BRIDGE
lxc.net.0.flags = up
lxc.net.0.name = eth0
C
}

# networkd is there, as it is part of systemd; a Debian of the minimal kind only has to be told that it wants it.
switch_networkd_on() {
  local root=$LXCPATH/$NAME/rootfs
  mkdir -p "$root/etc/systemd/network" "$root/etc/systemd/system/multi-user.target.wants"
  printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/eth0.network"
  ln -s /lib/systemd/system/systemd-networkd.service "$root/etc/systemd/system/multi-user.target.wants/"
}

@test "systemd gets its address by DHCP from lxc-net, and another container reaches it by its name" {
  only_berth
  shared_bridge
  debian_container < <(plugged_in)
  sed -i '/^lxc\.net\.0\.type = empty$/d' "$LXCPATH/$NAME/config"
  switch_networkd_on
  boots_cleanly
  has_lease() { [[ $(in_net "$NAME" ip -4 -o addr show eth0) == *" 10.66.3."*dynamic* ]]; }
  eventually 30 has_lease
  local address peer=${NAME}p
  address=$(in_net "$NAME" ip -4 -o addr show eth0 | awk '{ sub("/.*", "", $4); print $4 }')
  contains "$(cat "$LXCPATH/leases")" " $address $NAME "

  { plugged_in; echo "lxc.net.0.ipv4.address = 10.66.3.250/24"; } | networked "$peer"
  echo "nameserver 10.66.3.1" >"$LXCPATH/$peer/rootfs/etc/resolv.conf"
  start_container "$peer"
  contains "$(within "$peer" nslookup "$NAME" 10.66.3.1)" "$address"
  contains "$(within "$peer" nslookup "$NAME.lxc" 10.66.3.1)" "$address"
  pings "$peer" "$NAME.lxc"
  pings "$peer" "$address"
  stops_in_time
}
