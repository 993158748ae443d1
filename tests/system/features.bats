# Settings of the configuration that show in the running container: log, console history, limits, kernel values, clocks, groups.
load lib

# Listens on /dev/log, where nobody else does, and writes what comes to a file. Stops after one second of silence at the latest.
listen_to_syslog() {
  [ ! -e /dev/log ] || skip "somebody listens on /dev/log"
  /usr/bin/python3 - "$1" "$LXCPATH/stop" 3>&- <<'PYTHON' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('/dev/log')
s.settimeout(0.1)
with open(sys.argv[1], 'ab') as out:
    for _ in range(200):
        try:
            out.write(s.recv(65536) + b'\n')
            out.flush()
        except TimeoutError:
            if os.path.exists(sys.argv[2]):
                break
os.unlink('/dev/log')
PYTHON
  listener=$!
  eventually 5 test -e /dev/log
}
end_listening() {
  touch "$LXCPATH/stop"
  wait "$listener"
}

@test "lxc.log.file and lxc.log.level: a failed start is told to the log, at the level asked for" {
  make_container <<<"lxc.log.file = $LXCPATH/log
lxc.apparmor.profile = unconfined
lxc.init.cmd = /absent"
  exits 1 lxc-start "${P[@]}" "${N[@]}" -d
  contains "$(cat "$LXCPATH/log")" "lxc-start $NAME "
  contains "$(cat "$LXCPATH/log")" " ERROR "
  only_berth
  contains "$(cat "$LXCPATH/log")" "cannot start: "
  contains "$(cat "$LXCPATH/log")" "/absent"
  echo "lxc.log.level = DEBUG" >>"$LXCPATH/$NAME/config"
  : >"$LXCPATH/log"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$(cat "$LXCPATH/log")" " DEBUG "
  : >"$LXCPATH/log"
  exits 1 lxc-start "${P[@]}" "${N[@]}" -l FATAL # the command line goes before the configuration
  equals "$(cat "$LXCPATH/log")" ""
}

@test "a log file that can't be opened is no secret" {
  only_berth
  make_container <<<"lxc.log.file = $LXCPATH/absent/log"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "opening the log file"
  contains "$output" "lxc.log.file = $LXCPATH/absent/log"
}

@test "-o none is no file" {
  only_berth
  before=$(ls -la /none 2>/dev/null || echo none)
  make_container <<<"lxc.log.level = DEBUG"
  lxc-start "${P[@]}" "${N[@]}" -o none 3>&-
  equals "$(ls -la /none 2>/dev/null || echo none)" "$before"
}

@test "lxc.log.syslog: facility, priority, and the file beside it" {
  only_root
  make_container <<<"lxc.log.file = $LXCPATH/log
lxc.apparmor.profile = unconfined
lxc.log.syslog = local3
lxc.init.cmd = /absent"
  listen_to_syslog "$LXCPATH/syslog"
  exits 1 lxc-start "${P[@]}" "${N[@]}" -d
  end_listening
  contains "$(cat "$LXCPATH/syslog")" "<155>" # local3, error
  contains "$(cat "$LXCPATH/syslog")" "lxc-start["
  contains "$(cat "$LXCPATH/syslog")" "]: $NAME: "
  contains "$(cat "$LXCPATH/log")" " ERROR "
}

@test "lxc.log.syslog of a running container, and no daemon is no failure" {
  only_root
  only_berth
  make_container <<<"lxc.log.syslog = daemon
lxc.log.level = DEBUG"
  start_container
  listen_to_syslog "$LXCPATH/syslog"
  lxc-stop -k "${P[@]}" "${N[@]}"
  end_listening
  contains "$(cat "$LXCPATH/syslog")" "<31>lxc-start[" # daemon, debug
}

@test "environment, limits, process files, sysctls" {
  make_container <<<"lxc.environment = GIVEN=one two
lxc.environment = TAKEN
lxc.prlimit.nofile = 900:1000
lxc.prlimit.core = 0
lxc.proc.oom_score_adj = 77
lxc.sysctl.net.ipv4.ip_forward = 1
lxc.apparmor.profile = unconfined"
  TAKEN=over start_container
  pid=$(init_pid)
  environment=$(tr '\0' '\n' <"/proc/$pid/environ")
  contains "$environment" "GIVEN=one two"
  contains "$environment" "TAKEN=over"
  contains "$(tr -s ' ' <"/proc/$pid/limits")" "Max open files 900 1000"
  contains "$(tr -s ' ' <"/proc/$pid/limits")" "Max core file size 0 0"
  equals "$(cat "/proc/$pid/oom_score_adj")" 77
  equals "$(inside cat /proc/sys/net/ipv4/ip_forward)" 1
}

@test "clocks: both offsets, in their units" {
  [ -e /proc/self/timens_offsets ] || skip "no time namespaces"
  make_container <<<"lxc.namespace.clone = mnt pid uts ipc net time
lxc.time.offset.boot = 10h
lxc.time.offset.monotonic = -5m
lxc.apparmor.profile = unconfined"
  start_container
  offsets=$(tr -s ' ' <"/proc/$(init_pid)/timens_offsets")
  contains "$offsets" "boottime 36000 0"
  contains "$offsets" "monotonic -300 0"
  up=$(inside cut -d. -f1 /proc/uptime)
  [ "$up" -ge $(($(cut -d. -f1 /proc/uptime) + 35990)) ]
}

@test "core scheduling: a cookie, or a start that says what the kernel lacks" {
  make_container <<<"lxc.sched.core = 1
lxc.apparmor.profile = unconfined"
  if lxc-start "${P[@]}" "${N[@]}" -d 3>&- 2>"$LXCPATH/error"; then
    equals "$(state)" RUNNING
  elif is_berth; then
    contains "$(cat "$LXCPATH/error")" "the kernel does not support core scheduling"
    contains "$(cat "$LXCPATH/error")" "lxc.sched.core = 1"
  fi
}

@test "the console's history is kept up to its size, read and cleared; the log file has all of it" {
  only_berth "LXC has no command that reads it"
  needs_built "$BERTH_BIN/live_probe"
  history() { "$BERTH_BIN/live_probe" "$LXCPATH" "$NAME" history "$@"; }
  make_container <<<"lxc.console.buffer.size = 4096
lxc.console.logfile = $LXCPATH/console"
  start_container
  inside sh -c 'i=1; while [ $i -le 400 ]; do echo "line number $i"; i=$((i+1)); done >/dev/console'
  eventually 5 grep -q "line number 400" "$LXCPATH/console"
  grep -q "line number 1.$" "$LXCPATH/console"
  kept=$(history read 0)
  contains "$kept" "line number 400"
  lacks "$kept" "line number 100"
  [ "${#kept}" -gt 3900 ] && [ "${#kept}" -le 4096 ]
  equals "$(history read 10 | wc -c)" 10
  history clear 0
  exits 1 history read 0
  sed -i /buffer.size/d "$LXCPATH/$NAME/config"
  lxc-stop -k "${P[@]}" "${N[@]}"
  start_container
  exits 1 history read 0
}

@test "id maps: several ranges, both kinds, and a range that is refused" {
  only_root
  make_container <<<"lxc.idmap = u 0 500000 1000
lxc.idmap = u 1000 600000 1
lxc.idmap = u 1001 501001 64535
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container
lxc.apparmor.profile = unconfined"
  start_container
  pid=$(init_pid)
  equals "$(tr -s ' ' <"/proc/$pid/uid_map" | sed 's/^ //')" "0 500000 1000
1000 600000 1
1001 501001 64535"
  equals "$(tr -s ' ' <"/proc/$pid/gid_map" | sed 's/^ //')" "0 500000 65536"
  equals "$(stat -c %u "/proc/$pid")" 500000
  lxc-stop -k "${P[@]}" "${N[@]}"
  only_berth
  sed -i 's/^lxc.idmap = u 1000 .*/lxc.idmap = u 999 600000 1/' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "lxc.idmap = u 999 600000 1"
  contains "$output" overlaps
}

# The container's own groups, as it sees them by its mounts.
@test "cgroup namespace, and each form of lxc.mount.auto = cgroup" {
  has_v1 memory || skip "needs v1"
  only_hybrid
  make_container <<<"lxc.apparmor.profile = unconfined"
  for mode in cgroup:ro cgroup:rw cgroup:mixed cgroup:rw:force cgroup-full:ro:force cgroup-full:rw:force cgroup-full:mixed:force; do
    sed -i '/^lxc.mount.auto/d;/^lxc.cap.drop/d' "$LXCPATH/$NAME/config"
    printf 'lxc.mount.auto = proc:mixed sys:ro %s\nlxc.cap.drop = sys_admin\n' "$mode" >>"$LXCPATH/$NAME/config"
    start_container
    equals "$(inside sed -n 's/.*memory://p' /proc/self/cgroup | cut -d/ -f1-2)" "/"
    case $mode in
    *:ro*) exits 1 inside mkdir /sys/fs/cgroup/memory/mine ;;
    *:rw*) inside mkdir /sys/fs/cgroup/memory/mine && inside rmdir /sys/fs/cgroup/memory/mine ;;
    esac
    lxc-stop -k "${P[@]}" "${N[@]}"
  done
}
