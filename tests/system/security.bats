# What init may do: capabilities, no_new_privs, limits, ids, sysctls, id maps.
load lib

bounding() { awk '/^CapBnd/ { print $2 }' "/proc/$(init_pid)/status"; }
has_capability() { [ $((0x$(bounding) >> $1 & 1)) = 1 ]; }

@test "cap.drop takes from the bounding set" {
  make_container <<<"lxc.cap.drop = sys_time mac_admin
lxc.cap.drop = sys_module"
  start_container
  for number in 25 33 16; do ! has_capability $number; done
  has_capability 21
}

@test "cap.keep keeps only those" {
  make_container <<<"lxc.cap.keep = chown kill sys_admin setuid setgid net_admin"
  start_container
  equals "$(bounding)" "$(printf '%016x' $((1 << 0 | 1 << 5 | 1 << 21 | 1 << 7 | 1 << 6 | 1 << 12)))"
}

@test "cap.keep = none drops every capability" {
  make_container <<<"lxc.cap.keep = none"
  start_container
  equals "$(bounding)" 0000000000000000
}

@test "no_new_privs" {
  make_container <<<"lxc.no_new_privs = 1"
  start_container
  equals "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$(init_pid)/status")" 1
}

@test "prlimit: soft:hard, one number, unlimited" {
  make_container <<<"lxc.prlimit.nofile = 1000:2000
lxc.prlimit.core = 0
lxc.prlimit.stack = unlimited"
  start_container
  limits=$(cat "/proc/$(init_pid)/limits")
  grep -Eq 'Max open files +1000 +2000' <<<"$limits"
  grep -Eq 'Max core file size +0 +0' <<<"$limits"
  grep -Eq 'Max stack size +unlimited +unlimited' <<<"$limits"
}

@test "sysctl and proc values" {
  make_container <<<"lxc.sysctl.net.ipv4.ip_forward = 1
lxc.sysctl.kernel.msgmax = 65536
lxc.mount.auto =
lxc.mount.auto = proc:rw sys:ro
lxc.proc.oom_score_adj = 10"
  start_container
  equals "$(inside cat /proc/sys/net/ipv4/ip_forward)" 1
  equals "$(inside cat /proc/sys/kernel/msgmax)" 65536
  equals "$(cat "/proc/$(init_pid)/oom_score_adj")" 10
}

@test "init's uid, gid and groups" {
  make_container <<<"lxc.init.uid = 1000
lxc.init.gid = 1001
lxc.init.groups = 7,8"
  start_container
  status=$(cat "/proc/$(init_pid)/status")
  grep -Eq '^Uid:\s+1000\s+1000' <<<"$status"
  grep -Eq '^Gid:\s+1001\s+1001' <<<"$status"
  grep -Eq '^Groups:\s+7 8 *$' <<<"$status"
}

@test "groups of the starter do not reach init" {
  plain_container
  start_container
  equals "$(awk '/^Groups/ { $1 = ""; print $0 }' "/proc/$(init_pid)/status" | tr -d ' ')" ""
}

@test "init.cwd, personality, environment" {
  make_container <<<"lxc.init.cwd = /made
lxc.arch = i686
lxc.environment = GREETING=hello world"
  is_berth || mkdir "$LXCPATH/$NAME/rootfs/made"
  start_container
  equals "$(readlink "/proc/$(init_pid)/cwd" | sed "s|.*/made|/made|")" /made
  equals "$(cat "/proc/$(init_pid)/personality")" 00000008
  environment=$(tr '\0' '\n' <"/proc/$(init_pid)/environ")
  contains "$environment" "GREETING=hello world"
  contains "$environment" "container=lxc"
}

@test "a memory limit by a cgroup key" {
  if has_v1 memory; then key=lxc.cgroup.memory.limit_in_bytes; else key=lxc.cgroup2.memory.max; fi
  make_container <<<"$key = 64M"
  start_container
  run find /sys/fs/cgroup -path "*lxc.payload.$NAME/memory.*" \( -name memory.limit_in_bytes -o -name memory.max \)
  equals "$(cat "${lines[0]}")" 67108864
}

@test "device rules: what is denied stays shut" {
  has_v1 devices || skip "the pure v2 host is another test"
  make_container <<<"lxc.cgroup.devices.deny = a
lxc.cgroup.devices.allow = c 1:3 rwm
lxc.cgroup.devices.allow = c 5:* rwm
lxc.cgroup.devices.allow = c 136:* rwm"
  start_container
  inside sh -c ': </dev/null'
  exits 1 inside sh -c ': </dev/zero'
}

# The pure v2 view of a hybrid host: a mount namespace in which the unified hierarchy is all there is.
v2_view() {
  cat >"$LXCPATH/.v2" <<'V2'
#!/bin/bash
set -e
mount --make-rprivate /
mkdir /tmp/berth-v2.$$
mount -t cgroup2 cgroup2 /tmp/berth-v2.$$
umount -l /sys/fs/cgroup
mount --move /tmp/berth-v2.$$ /sys/fs/cgroup
rmdir /tmp/berth-v2.$$
exec "$@"
V2
  chmod 755 "$LXCPATH/.v2"
}
in_v2() { unshare -m "$LXCPATH/.v2" "$@"; }
start_in_v2() {
  in_v2 lxc-start "${P[@]}" "${N[@]}" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
}
# opens STATUS REDIRECTION: what opening a device inside comes to.
opens() { exits "$1" in_v2 lxc-attach "${P[@]}" "${N[@]}" -- sh -c "true $2"; }

@test "device rules on cgroup v2: what is denied stays shut, also after a reboot" {
  only_hybrid
  v2_view
  make_container <<<"lxc.cgroup2.devices.deny = a
lxc.cgroup2.devices.allow = c 1:3 rwm
lxc.cgroup2.devices.allow = c 1:7 r
lxc.cgroup2.devices.allow = c 5:* rwm
lxc.cgroup2.devices.allow = c 136:* rwm"
  start_in_v2
  opens 0 "<>/dev/null"
  opens 1 "</dev/zero"
  opens 0 "</dev/full"
  opens 1 "<>/dev/full"
  is_berth || return 0 # the other LXC leaves a reboot to its own tests
  first=$(init_pid)
  lxc-stop "${P[@]}" "${N[@]}" -r
  rebooted() { [ "$(init_pid)" != "$first" ] && [ "$(state)" = RUNNING ]; }
  eventually 20 rebooted
  opens 0 "<>/dev/null"
  opens 1 "</dev/zero"
}

@test "device rules on cgroup v2: a list that denies leaves the rest open, v1 words are understood" {
  only_hybrid
  only_berth "the other LXC denies everything when nothing is allowed, and knows v1 words on v1 hosts only"
  v2_view
  make_container <<<"lxc.cgroup.devices.deny = c 1:5 w"
  start_in_v2
  opens 0 "<>/dev/null"
  opens 0 "</dev/zero"
  opens 1 ">/dev/zero"
  opens 1 "<>/dev/zero"
}

@test "device rules on cgroup v2: in the plan, and a warning where the kernel has no device programs" {
  only_hybrid
  only_berth
  v2_view
  make_container <<<"lxc.cgroup2.devices.deny = a
lxc.cgroup2.devices.allow = c *:* rwm"
  contains "$(in_v2 lxc-start "${P[@]}" "${N[@]}" --plan)" "setting the device rules (deny a, allow c *:* rwm)"
  contains "$(in_v2 lxc-start "${P[@]}" "${N[@]}" --plan=json)" '"op": "device-program"'
  BERTH_FEATURES_OFF=device-program exits 0 in_v2 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "device rules need device programs of cgroup v2"
}

@test "the container's groups carry LXC's names and are gone afterwards" {
  plain_container
  start_container
  grep -q "/lxc.payload.$NAME" "/proc/$(init_pid)/cgroup"
  monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(init_pid)/status")
  grep -q "/lxc.monitor.$NAME" "/proc/$monitor/cgroup"
  lxc-stop "${P[@]}" "${N[@]}" -k
  none_left() { [ -z "$(find /sys/fs/cgroup -name "lxc.*.$NAME*")" ]; }
  eventually 5 none_left # the monitor's own go with it, a moment after the command
}

@test "lxc.cgroup.dir: the groups are made below it" {
  only_root
  make_container <<<"lxc.cgroup.dir = above$NAME/inner"
  start_container
  contains "$(cat "/proc/$(init_pid)/cgroup")" "/above$NAME/inner/lxc.payload.$NAME"
  lxc-stop "${P[@]}" "${N[@]}" -k
  find /sys/fs/cgroup -depth -type d -path "*/above$NAME*" -exec rmdir {} + 2>/dev/null || true
}

idmapped_container() {
  make_container <<<"lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.mount.auto =
lxc.mount.auto = proc:mixed sys:ro"
}

@test "an id map with a root that was shifted" {
  only_root
  idmapped_container
  chown -hR 500000:500000 "$LXCPATH/$NAME/rootfs"
  chmod 755 "$LXCPATH/$NAME"
  start_container
  equals "$(awk '{ print $1, $2, $3 }' "/proc/$(init_pid)/uid_map")" "0 500000 65536"
  equals "$(awk '/^Uid/ { print $2 }' "/proc/$(init_pid)/status")" 500000
  equals "$(inside id -u)" 0
  inside touch /etc/mine
  equals "$(stat -c %u "$LXCPATH/$NAME/rootfs/etc/mine")" 500000
  for node in null zero full urandom tty; do inside sh -c ": </dev/$node"; done 2>/dev/null || true
  inside sh -c 'echo x >/dev/null'
}

@test "an id map with rootfs idmap=container: the files keep their owners on disk" {
  only_root
  idmapped_container
  echo "lxc.rootfs.options = idmap=container" >>"$LXCPATH/$NAME/config"
  start_container
  equals "$(awk '/^Uid/ { print $2 }' "/proc/$(init_pid)/status")" 500000
  equals "$(inside stat -c %u /etc/passwd)" 0
  inside touch /etc/mine
  equals "$(stat -c %u "$LXCPATH/$NAME/rootfs/etc/mine")" 0
}

@test "an id map: ttys, console and pts belong to the container's root" {
  only_root
  idmapped_container
  echo "lxc.rootfs.options = idmap=container" >>"$LXCPATH/$NAME/config"
  start_container
  equals "$(inside stat -c %u /dev/console)" 0
  equals "$(inside stat -c %u /dev/tty1)" 0
  inside sh -c 'ls /dev/pts >/dev/null'
}

@test "an ordinary user cannot control root's container" {
  only_root
  plain_container
  start_container
  chmod 755 "$LXCPATH/$NAME"
  run setpriv --reuid 65534 --regid 65534 --clear-groups lxc-stop "${P[@]}" "${N[@]}" -k
  [ "$status" != 0 ]
  equals "$(state)" RUNNING
}

# Nothing has happened to the container.
unharmed() {
  equals "$(state)" RUNNING
  equals "$(init_pid)" "$1"
  inside true
}

@test "the command socket tells and does nothing for another user" {
  only_root
  plain_container
  start_container
  local init
  init=$(init_pid)
  exits 0 python3 "$BATS_TEST_DIRNAME/stranger.py" "$LXCPATH" "$NAME"
  unharmed "$init"
}

@test "a connection of root's does not make its next user root" {
  only_root
  plain_container
  start_container
  local init
  init=$(init_pid)
  exits 0 python3 "$BATS_TEST_DIRNAME/stranger.py" --inherited "$LXCPATH" "$NAME"
  unharmed "$init"
}

@test "another user's connections use up no place" {
  only_root
  only_berth "keeps them"
  plain_container
  start_container
  mkdir -m 777 "$LXCPATH/open"
  mkfifo "$LXCPATH/end"
  python3 "$BATS_TEST_DIRNAME/stranger.py" --hold 900 "$LXCPATH/open/sign" "$LXCPATH" "$NAME" <"$LXCPATH/end" 3>&- &
  exec 9>"$LXCPATH/end"
  eventually 20 test -e "$LXCPATH/open/sign"
  equals "$(timeout 10 lxc-info "${P[@]}" "${N[@]}" -s -H 9>&-)" RUNNING
  exec 9>&-
  wait $!
}
