# Containers of berth in the hands of Debian's LXC 5.0.2, and the reverse: its programs and python3-lxc know nothing of berth.
load lib

LXC=/usr/bin

only_cross() {
  only_berth
  only_root
  [ -x "$LXC/lxc-start" ] || skip "needs Debian's lxc"
}

# theirs PROGRAM ARGUMENT...: Debian's program on the test's container.
theirs() {
  local program=$1
  shift
  timeout 20 "$LXC/lxc-$program" "${P[@]}" "${N[@]}" "$@"
}
ours() {
  local program=$1
  shift
  timeout 20 "$BERTH_BIN/lxc-$program" "${P[@]}" "${N[@]}" "$@"
}

# Debian's LXC leaves its monitor's pivot groups, and none of them was there when it was not started.
start_theirs() {
  timeout 20 "$LXC/lxc-start" "${P[@]}" "${N[@]}" "$@" 3>&-
  ours wait -s RUNNING -t 20
}
has_other_init() { [ "$(ours info -p -H)" != "$1" ]; }
forget_pivots() { rmdir /sys/fs/cgroup/*/lxc.pivot 2>/dev/null || true; }

monitored() { grep -c "'$NAME' changed state to \[$1\]" "$LXCPATH/.seen" || true; }
saw() { [ "$(monitored "$1")" -ge 1 ]; }

# It listens, and one client has come.
daemon_serves() { [ "$(grep -c "@lxc/.*/$LXCPATH\$" /proc/net/unix)" -ge 2 ]; }

# listen PROGRAM: a lxc-monitor in the background that writes to .seen, when its daemon serves.
listen() {
  "$1" "${P[@]}" -n "$NAME" >"$LXCPATH/.seen" 2>"$LXCPATH/.seen.err" 3>&- &
  listener=$!
  eventually 5 grep -q "@lxc/.*/$LXCPATH\$" /proc/net/unix
  eventually 5 daemon_serves
}
hush() {
  kill "$listener" 2>/dev/null || true
  wait "$listener" || true
  ours monitor -Q || true
  rm -rf "/run/lxc$LXCPATH"
}

# v2 COMMAND...: as on a host with the unified hierarchy only.
v2() {
  # shellcheck disable=SC2016
  unshare -m --propagation private sh -c 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh "$@"
}

# --- a container of berth, Debian's programs ---------------------------------------------------------------------------------

@test "Debian's lxc-info, lxc-ls and lxc-wait see a container of berth" {
  only_cross
  plain_container
  equals "$(theirs info -s -H)" STOPPED
  start_container
  equals "$(theirs info -s -H)" RUNNING
  equals "$(theirs info -p -H)" "$(ours info -p -H)"
  equals "$(theirs info -c lxc.uts.name -H)" "$NAME"
  contains "$("$LXC/lxc-ls" "${P[@]}" --active)" "$NAME"
  contains "$("$LXC/lxc-ls" "${P[@]}" --running -f)" "RUNNING"
  theirs wait -s RUNNING -t 5
  theirs wait -s STOPPED -t 20 3>&- &
  local waiter=$!
  ours stop -k
  wait "$waiter"
}

@test "Debian's lxc-attach enters a container of berth" {
  only_cross
  plain_container
  start_container
  equals "$(theirs attach -- hostname)" "$NAME"
  exits 7 theirs attach -- sh -c 'exit 7'
  equals "$(theirs attach -- readlink /proc/self/ns/pid)" "$(readlink "/proc/$(init_pid)/ns/pid")"
}

@test "Debian's lxc-stop ends and reboots a container of berth" {
  only_cross
  plain_container
  start_container
  local before
  before=$(ours info -p -H)
  theirs stop -r
  eventually 10 has_other_init "$before"
  ours wait -s RUNNING -t 10
  theirs stop
  equals "$(state)" STOPPED
  start_container
  theirs stop -k
  equals "$(state)" STOPPED
}

@test "Debian's lxc-freeze and lxc-unfreeze work on a container of berth, and the state follows" {
  only_cross
  plain_container
  start_container
  theirs freeze
  equals "$(state)" FROZEN
  equals "$(theirs info -s -H)" FROZEN
  theirs unfreeze
  equals "$(state)" RUNNING
}

@test "Debian's lxc-cgroup reads and writes groups of a container of berth" {
  only_cross
  has_v1 memory || skip "needs the v1 memory controller"
  plain_container
  start_container
  theirs cgroup memory.limit_in_bytes 67108864
  equals "$(theirs cgroup memory.limit_in_bytes)" 67108864
  equals "$(cat /sys/fs/cgroup/memory/lxc.payload."$NAME"/memory.limit_in_bytes)" 67108864
}

@test "Debian's lxc-device adds a node to a container of berth" {
  only_cross
  has_v1 devices || skip "needs the v1 devices controller"
  make_container <<<"lxc.cgroup.devices.deny = a
lxc.cgroup.devices.allow = c 1:3 rwm
lxc.cgroup.devices.allow = c 5:* rwm
lxc.cgroup.devices.allow = c 136:* rwm"
  start_container
  rm -f "$LXCPATH/$NAME/rootfs/dev/full"
  theirs device add /dev/full
  exits 1 inside sh -c 'echo x >/dev/full'
  contains "$output" "No space left"
}

@test "Debian's lxc-console talks to a container of berth" {
  only_cross
  make_container <<<"lxc.console.logfile = $LXCPATH/console.log"
  start_container
  python3 "$BATS_TEST_DIRNAME/speak.py" --expect "Connected to tty 1" --send '\x01q' -- "$LXC/lxc-console" "${P[@]}" "${N[@]}" -t 1
  eventually 5 grep -q "testinit is ready" "$LXCPATH/console.log"
}

@test "device rules of a running container change on a pure cgroup2 host, by Debian's lxc-cgroup" {
  only_cross
  make_container <<<"lxc.cgroup2.devices.deny = a
lxc.cgroup2.devices.allow = c 1:3 rwm
lxc.cgroup2.devices.allow = c 5:* rwm
lxc.cgroup2.devices.allow = c 136:* rwm"
  v2 "$BERTH_BIN/lxc-start" "${P[@]}" "${N[@]}" 3>&-
  node() { v2 "$BERTH_BIN/lxc-attach" "${P[@]}" "${N[@]}" -- sh -c 'rm -f /tmp/node; mknod /tmp/node c 10 200'; }
  rule() { v2 timeout 20 "$LXC/lxc-cgroup" "${P[@]}" "${N[@]}" "$@"; }
  run node
  [ "$status" != 0 ]
  rule devices.allow "c 10:200 rwm"
  node
  rule devices.deny "c 10:200 m"
  run node
  [ "$status" != 0 ]
  rule devices.allow a
  node
  rule devices.deny a
  run node
  [ "$status" != 0 ]
  rule devices.allow "c 10:200 rwm"
  node
  v2 "$BERTH_BIN/lxc-stop" "${P[@]}" "${N[@]}" -k
  v2 "$BERTH_BIN/lxc-start" "${P[@]}" "${N[@]}" 3>&-
  run node
  [ "$status" != 0 ] # the next start begins with the configuration's rules
  v2 "$BERTH_BIN/lxc-stop" "${P[@]}" "${N[@]}" -k
}

@test "python3-lxc manages a container of berth" {
  only_cross
  /usr/bin/python3 -c 'import lxc' 2>/dev/null || skip "needs python3-lxc"
  plain_container
  start_container
  run timeout 60 /usr/bin/python3 - "$LXCPATH" "$NAME" <<'PYTHON'
import sys
import time
import lxc

path, name = sys.argv[1:3]
c = lxc.Container(name, path)
assert c.defined and c.running and c.state == "RUNNING", c.state
assert c.init_pid > 0
assert name in lxc.list_containers(defined=False, config_path=path)
assert c.get_running_config_item("lxc.uts.name") == name
assert c.attach_wait(lxc.attach_run_command, ["hostname"]) == 0
assert c.freeze() and c.state == "FROZEN", c.state
assert c.unfreeze() and c.state == "RUNNING", c.state
assert c.set_cgroup_item("memory.limit_in_bytes", "67108864")
assert c.get_cgroup_item("memory.limit_in_bytes") == "67108864"
before = c.init_pid
assert c.reboot()
end = time.monotonic() + 10
while (c.init_pid in (before, -1) or c.state != "RUNNING") and time.monotonic() < end:
    time.sleep(0.05)
assert c.init_pid != before and c.wait("RUNNING", 10)
time.sleep(0.5)  # init must have set its traps
assert c.shutdown(10) and c.wait("STOPPED", 10) and c.state == "STOPPED"
print("done")
PYTHON
  contains "$output" done
}

@test "a long lxcpath is found under its hashed name from both sides" {
  only_cross
  local long=$LXCPATH/$(printf 'l%.0s' {1..100})
  mkdir "$long"
  plain_container
  mv "$LXCPATH/$NAME" "$long/$NAME"
  sed -i "s|$LXCPATH/$NAME|$long/$NAME|" "$long/$NAME/config"
  local P=(-P "$long")
  ours start 3>&-
  equals "$(theirs info -s -H)" RUNNING
  contains "$("$LXC/lxc-ls" "${P[@]}" --active)" "$NAME"
  equals "$(theirs attach -- hostname)" "$NAME"
  theirs stop -k
  start_theirs
  equals "$(ours info -s -H)" RUNNING
  contains "$(lxc-ls "${P[@]}" --active)" "$NAME"
  ours stop -k
  equals "$(ours info -s -H)" STOPPED
  forget_pivots
}

# --- a container of Debian's, berth's programs -------------------------------------------------------------------------------

@test "berth's commands manage a container that Debian's lxc-start started" {
  only_cross
  make_container <<<"lxc.console.logfile = $LXCPATH/console.log"
  start_theirs
  equals "$(state)" RUNNING
  equals "$(init_pid)" "$(theirs info -p -H)"
  contains "$(lxc-ls "${P[@]}" --active)" "$NAME"
  equals "$(inside hostname)" "$NAME"
  exits 7 inside sh -c 'exit 7'
  ours freeze
  equals "$(theirs info -s -H)" FROZEN
  ours unfreeze
  equals "$(theirs info -s -H)" RUNNING
  python3 "$BATS_TEST_DIRNAME/speak.py" --expect "Connected to tty 1" --send '\x01q' -- lxc-console "${P[@]}" "${N[@]}" -t 1
  eventually 5 grep -q "testinit is ready" "$LXCPATH/console.log"
  local before
  before=$(init_pid)
  ours stop -r
  eventually 10 has_other_init "$before"
  ours wait -s RUNNING -t 10
  ours wait -s STOPPED -t 20 3>&- &
  local waiter=$!
  ours stop
  wait "$waiter"
  equals "$(theirs info -s -H)" STOPPED
  forget_pivots
}

# --- lxc-monitor -----------------------------------------------------------------------------------------------------------------

# One life of the container, by the programs of directory $1; what lxc-monitor has seen of it.
live() {
  timeout 20 "$1/lxc-start" "${P[@]}" "${N[@]}" 3>&-
  ours wait -s RUNNING -t 10
  theirs freeze
  theirs unfreeze
  ours stop -t 10
  eventually 5 saw STOPPED
}

saw_a_life() {
  local state
  for state in STARTING RUNNING FREEZING FROZEN THAWED STOPPING STOPPED; do saw "$state" || fail "no $state in: $(cat "$LXCPATH/.seen")"; done
  grep -q "^'$NAME' exited with status \[0\]\$" "$LXCPATH/.seen"
}

@test "Debian's lxc-monitor and daemon show a container of berth" {
  only_cross
  plain_container
  listen "$LXC/lxc-monitor"
  live "$BERTH_BIN"
  hush
  saw_a_life
  equals "$(monitored STARTING)" 1
}

@test "berth's lxc-monitor and daemon show a container of Debian's" {
  only_cross
  plain_container
  listen "$BERTH_BIN/lxc-monitor"
  live "$LXC"
  hush
  saw_a_life
  forget_pivots
}

@test "berth's lxc-monitor listens to Debian's daemon, Debian's to berth's" {
  only_cross
  plain_container
  local first second
  for first in "$LXC" "$BERTH_BIN"; do
    second=$BERTH_BIN
    [ "$first" = "$LXC" ] || second=$LXC
    listen "$first/lxc-monitor"
    "$second/lxc-monitor" "${P[@]}" -n "$NAME" >"$LXCPATH/.seen.second" 3>&- &
    local other=$!
    sleep 0.3
    live "$BERTH_BIN"
    eventually 5 grep -q STOPPED "$LXCPATH/.seen.second"
    kill "$other"
    wait "$other" || true
    hush
    diff "$LXCPATH/.seen" "$LXCPATH/.seen.second"
    saw_a_life
  done
}

@test "freezing by berth a container of Debian's is shown too" {
  only_cross
  plain_container
  start_theirs
  listen "$BERTH_BIN/lxc-monitor"
  ours freeze
  ours unfreeze
  eventually 5 saw RUNNING
  hush
  saw FREEZING
  saw FROZEN
  saw THAWED
  ours stop -k
  forget_pivots
}

@test "lxc-monitor -Q ends the daemon, whose fifo goes with it; without one it fails" {
  only_cross
  listen "$BERTH_BIN/lxc-monitor"
  [ -p "/run/lxc$LXCPATH/monitor-fifo" ]
  equals "$(stat -c %a:%u "/run/lxc$LXCPATH/monitor-fifo")" 600:0
  theirs monitor -Q
  eventually 5 [ ! -e "/run/lxc$LXCPATH/monitor-fifo" ]
  local ended=0
  wait "$listener" || ended=$?
  equals "$ended" 1
  contains "$(cat "$LXCPATH/.seen.err")" "has ended"
  exits 1 ours monitor -Q
  contains "$output" "no lxc-monitord runs for $LXCPATH"
  rm -rf "/run/lxc$LXCPATH"
}

@test "lxc-monitor takes a regular expression for the whole name, and more than one lxcpath" {
  only_cross
  plain_container "${NAME}a"
  plain_container "${NAME}ab"
  exits 1 lxc-monitor "${P[@]}" -n '('
  contains "$output" "no regular expression"
  mkdir "$LXCPATH/other"
  "$BERTH_BIN/lxc-monitor" "${P[@]}" -P "$LXCPATH/other" -n "${NAME}a|nothing" >"$LXCPATH/.seen" 3>&- &
  listener=$!
  eventually 5 grep -q "@lxc/.*/$LXCPATH/other\$" /proc/net/unix
  sleep 0.3
  start_container "${NAME}ab"
  start_container "${NAME}a"
  eventually 5 grep -q "'${NAME}a' changed state to \[RUNNING\]" "$LXCPATH/.seen"
  lacks "$(cat "$LXCPATH/.seen")" "${NAME}ab"
  kill "$listener"
  wait "$listener" || true
  lxc-monitor "${P[@]}" -P "$LXCPATH/other" -Q
  rm -rf "/run/lxc$LXCPATH"
}

@test "another user can't listen to root's lxc-monitord, nor end it" {
  only_cross
  listen "$BERTH_BIN/lxc-monitor"
  run timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/python3 - "$LXCPATH" <<'PYTHON'
import re, socket, sys
name = next(line.split("@", 1)[1].rstrip("\n") for line in open("/proc/net/unix") if re.search("@lxc/.*/" + sys.argv[1] + "$", line))
s = socket.socket(socket.AF_UNIX)
s.connect("\0" + name)
s.settimeout(5)
try:
    s.send(b"quit")
    print("end" if s.recv(10) == b"" else "data")
except (BrokenPipeError, ConnectionResetError):
    print("end")
PYTHON
  equals "$output" end
  [ -p "/run/lxc$LXCPATH/monitor-fifo" ]
  hush
}

# --- root file systems on other stores ---------------------------------------------------------------------------------------

# A host's directory on btrfs, mounted below the test's; P names it.
on_btrfs() {
  grep -qw btrfs /proc/filesystems && command -v mkfs.btrfs >/dev/null || skip "needs btrfs"
  truncate -s 300M "$LXCPATH/.host"
  mkfs.btrfs -q "$LXCPATH/.host"
  mkdir "$LXCPATH/host"
  mount -o loop "$LXCPATH/.host" "$LXCPATH/host"
  P=(-P "$LXCPATH/host")
}
off_btrfs() {
  eventually 10 umount "$LXCPATH/host"
  eventually 10 sh -c "! losetup -a | grep -qF '$LXCPATH/'"
}

# A template for both: the root of all tests.
root_template() {
  cat >"$LXCPATH/.template" <<TEMPLATE
#!/bin/sh
for word; do case \$word in --rootfs=*) root=\${word#--rootfs=} ;; --path=*) path=\${word#--path=} ;; esac; done
mkdir -p "\$root" && cp -a "$(busybox_root)/." "\$root/" || exit 1
cat >>"\$path/config" <<CONFIG
lxc.signal.halt = SIGUSR1
lxc.signal.reboot = SIGTERM
lxc.init.cmd = /sbin/testinit
lxc.mount.auto = proc:mixed sys:ro
CONFIG
TEMPLATE
  chmod 755 "$LXCPATH/.template"
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/.config"
}

# of NAME WHO PROGRAM ARGUMENT...: on another container than the test's.
of() {
  local N=(-n "$1")
  shift
  "$@"
}

# lives MAKER OTHER KIND OPTION...: MAKER (theirs, ours) creates a container on KIND, which OTHER and MAKER start in turn, clones and
# snapshots; OTHER destroys it.
lives() {
  local maker=$1 other=$2 kind=$3
  shift 3
  root_template
  "$maker" create -t "$LXCPATH/.template" -f "$LXCPATH/.config" -B "$kind" "$@" >/dev/null
  contains "$("$other" ls)" "$NAME"
  "$other" start 3>&-
  "$other" wait -s RUNNING -t 20
  timeout 20 "$BERTH_BIN/lxc-attach" "${P[@]}" "${N[@]}" -- sh -c 'echo written > /by-one'
  "$other" stop -k
  "$maker" start 3>&-
  "$maker" wait -s RUNNING -t 20
  equals "$(timeout 20 "$BERTH_BIN/lxc-attach" "${P[@]}" "${N[@]}" -- cat /by-one)" written
  "$maker" stop -k
  "$maker" wait -s STOPPED -t 20
}

# A copy with the flags $3..., made by $1, is started and destroyed by $2.
copies() {
  local maker=$1 other=$2
  shift 2
  "$maker" copy -N "$NAME-c" "$@"
  equals "$(of "$NAME-c" "$other" info -s -H)" STOPPED
  of "$NAME-c" "$other" start 3>&-
  of "$NAME-c" "$other" wait -s RUNNING -t 20
  equals "$(timeout 20 "$BERTH_BIN/lxc-attach" "${P[@]}" -n "$NAME-c" -- cat /by-one)" written
  of "$NAME-c" "$other" stop -k
  of "$NAME-c" "$other" wait -s STOPPED -t 20
  of "$NAME-c" "$other" destroy
}

# A snapshot made by $1 is seen, restored to another name and destroyed by $2.
snapshots() {
  local maker=$1 other=$2
  "$maker" snapshot
  contains "$("$other" snapshot -L)" snap0
  "$other" snapshot -r snap0 -N "$NAME-r"
  of "$NAME-r" "$other" start 3>&-
  of "$NAME-r" "$other" wait -s RUNNING -t 20
  equals "$(timeout 20 "$BERTH_BIN/lxc-attach" "${P[@]}" -n "$NAME-r" -- cat /by-one)" written
  of "$NAME-r" "$maker" stop -k
  of "$NAME-r" "$maker" wait -s STOPPED -t 20
  of "$NAME-r" "$maker" destroy
  "$other" snapshot -d snap0
}

no_container() { [ ! -e "${P[1]}/$NAME" ] && [ ! -e "${P[1]}/$NAME-c" ] && [ ! -e "${P[1]}/$NAME-r" ]; }

@test "dir: made by Debian's, copied and snapshotted by both, destroyed by berth" {
  only_cross
  lives theirs ours dir
  copies theirs ours
  copies ours theirs
  copies theirs ours -s
  copies ours theirs -s
  snapshots ours theirs
  snapshots theirs ours
  ours destroy
  no_container
  forget_pivots
}

@test "dir: made by berth, destroyed by Debian's" {
  only_cross
  lives ours theirs dir
  copies theirs ours -s
  theirs destroy
  no_container
  forget_pivots
}

@test "btrfs: made by Debian's, copied and snapshotted by both, destroyed by berth" {
  only_cross
  on_btrfs
  lives theirs ours btrfs
  copies theirs ours -s
  copies ours theirs -s
  snapshots ours theirs
  snapshots theirs ours
  ours destroy
  no_container
  forget_pivots
  off_btrfs
}

@test "btrfs: made by berth, destroyed by Debian's" {
  only_cross
  on_btrfs
  lives ours theirs btrfs
  copies ours theirs -s
  theirs destroy
  no_container
  forget_pivots
  off_btrfs
}

@test "loop: made by Debian's, destroyed by berth" {
  only_cross
  lives theirs ours loop --fssize 96M
  copies ours theirs
  ours destroy
  no_container
  forget_pivots
}

@test "loop: made by berth, destroyed by Debian's" {
  only_cross
  lives ours theirs loop --fssize 96M
  theirs destroy
  no_container
  forget_pivots
}

@test "overlay: made by Debian's, copied and snapshotted by both, destroyed by berth" {
  only_cross
  lives theirs ours overlay
  copies theirs ours -s
  copies ours theirs -s
  snapshots theirs ours
  ours destroy
  no_container
  forget_pivots
}

@test "overlay: what berth took snapshots of, Debian's restores and destroys" {
  only_cross
  root_template
  theirs create -t "$LXCPATH/.template" -f "$LXCPATH/.config" -B overlay >/dev/null
  ours copy -N "$NAME-c" -s
  for one in "$NAME" "$NAME-c"; do
    of "$one" ours snapshot
    touch "$LXCPATH/$one/overlay/delta/later"
  done
  equals "$(cat "$LXCPATH/$NAME/lxc_snapshots")" "$(printf '%s\n' "$LXCPATH" "$NAME-c" "$LXCPATH/$NAME-c/snaps" snap0)"
  of "$NAME-c" theirs snapshot -r snap0
  [ ! -e "$LXCPATH/$NAME-c/overlay/delta/later" ]
  of "$NAME-c" theirs destroy -s
  [ ! -e "$LXCPATH/$NAME-c" ]
  rm -f "$LXCPATH/$NAME/lxc_snapshots"
  theirs snapshot -r snap0
  [ ! -e "$LXCPATH/$NAME/overlay/delta/later" ]
  theirs destroy -s
  no_container
}

@test "Debian's -s too destroys no clone" {
  only_cross
  for program in theirs ours; do
    plain_container
    ours copy -N "$NAME-c" -s
    exits 1 "$program" destroy -s
    [ -e "$LXCPATH/$NAME/rootfs/sbin/testinit" ]
    of "$NAME-c" "$program" destroy -s
    "$program" destroy -s
    no_container
  done
}

@test "clones of clones that Debian's lxc-copy made go with what they are made of, each once and before all that it names" {
  only_cross
  plain_container
  local pair
  for pair in "$NAME b" "b c" "c d" "b e"; do
    set -- $pair
    timeout 20 "$LXC/lxc-copy" "${P[@]}" -n "$1" -N "$2" -s -B overlay 3>&-
  done
  timeout 20 "$LXC/lxc-snapshot" "${P[@]}" -n c 3>&-
  # As LXC lists them: with everyone above.
  contains "$(paste -sd ' ' "$LXCPATH/$NAME/lxc_snapshots")" "$(echo "$LXCPATH "{b,c,d,e})"
  contains "$(paste -sd ' ' "$LXCPATH/d/lxc_rdepends")" "$LXCPATH c"
  printf '%s\n' "$LXCPATH" c >>"$LXCPATH/$NAME/lxc_snapshots" # twice, as older ones have it
  # A directory that is called as one of them and lies over something else is none.
  plain_container other
  timeout 20 "$LXC/lxc-copy" "${P[@]}" -n other -N f -s -B overlay 3>&-
  printf '%s\n' "$LXCPATH" f >>"$LXCPATH/b/lxc_snapshots"
  printf '%s\n' "$LXCPATH" b >>"$LXCPATH/f/lxc_rdepends"
  exits 1 ours destroy --clones -s
  contains "$output" "$LXCPATH/f can't go"
  sed -i '$d' "$LXCPATH/b/lxc_snapshots"
  sed -i '$d' "$LXCPATH/b/lxc_snapshots"
  exits 1 ours destroy --clones
  contains "$output" "snap0"
  exits 0 ours destroy --clones -s
  equals "$output" "$(printf 'destroyed %s\n' "$LXCPATH/"{d,c,e,b})"
  equals "$(ls "$LXCPATH" | paste -sd ' ')" "f other"
  timeout 20 "$LXC/lxc-destroy" "${P[@]}" -n f
  timeout 20 "$LXC/lxc-destroy" "${P[@]}" -n other
}

@test "a clone of a clone of Debian's goes with the latter, and what both lie over stays" {
  only_cross
  plain_container
  timeout 20 "$LXC/lxc-copy" "${P[@]}" "${N[@]}" -N b -s -B overlay 3>&-
  timeout 20 "$LXC/lxc-copy" "${P[@]}" -n b -N c -s -B overlay 3>&-
  exits 0 of b ours destroy --clones
  equals "$output" "destroyed $LXCPATH/c"
  equals "$(ls "$LXCPATH")" "$NAME"
  [ ! -s "$LXCPATH/$NAME/lxc_snapshots" ]
  ours destroy
}

@test "overlay: made by berth, destroyed by Debian's" {
  only_cross
  lives ours theirs overlay
  copies theirs ours -s
  theirs destroy
  no_container
  forget_pivots
}
