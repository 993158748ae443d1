# Fixtures of the system tests. Every test works in a lxcpath of its own under names of its own, and teardown fails the test
# when anything of it is left on the host.
#
#   BERTH_BIN     directory with the lxc-* programs (default: the release build). With BERTH_BIN=/usr/bin the same tests run against
#                 the distribution's LXC, which proves the tests themselves; what is berth's alone is skipped there.

bats_require_minimum_version 1.5.0
REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BERTH_BIN=${BERTH_BIN:-$REPO/build/release/bin}
PATH=$BERTH_BIN:$PATH
export LC_ALL=C
unset LXC_NAME LXC_ROOTFS_PATH

is_berth() { [ -x "$BERTH_BIN/berth" ]; }
is_sanitized() { [[ $BERTH_BIN == */build/*san/bin ]]; }
only_berth() { is_berth || skip "${1:-no behaviour of the other LXC}"; }
# needs_built FILE: a program or library of the same build, which an installed berth has not got.
needs_built() {
  [ -e "$1" ] && return
  [ "$BERTH_BIN" != /usr/bin ] || skip "${1##*/} belongs to no installation"
  fail "$1 is missing: build it, ./test does"
}
only_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
only_hybrid() { [ -d /sys/fs/cgroup/unified ] || skip "needs the hybrid cgroup layout"; }
# The limit hierarchy of a v1 controller is there.
has_v1() { [ -d "/sys/fs/cgroup/$1" ]; }

# --- life of a test -------------------------------------------------------------------------------------------------------------
setup() {
  LXCPATH=$(mktemp -d /tmp/berth-test.XXXXXX)
  chmod 755 "$LXCPATH"
  P=(-P "$LXCPATH")
  NAME=bt$$x$BATS_TEST_NUMBER
  N=(-n "$NAME")
  host_state >"$LXCPATH/.before"
}

teardown() {
  [ -n "${LXCPATH:-}" ] || return 0
  local config name
  for config in "$LXCPATH"/*/config; do
    [ -e "$config" ] || continue
    name=$(basename "$(dirname "$config")")
    lxc-stop "${P[@]}" -n "$name" -k >/dev/null 2>&1 || true
  done
  # What a test that failed had begun beside itself.
  local jobs
  jobs=$(jobs -p)
  # shellcheck disable=SC2086
  [ -z "$jobs" ] || kill $jobs 2>/dev/null || true
  local leaks=0
  check_no_leaks || leaks=1
  unmount_below "$LXCPATH"
  chattr -R -i -a "$LXCPATH" 2>/dev/null || true
  rm -rf --one-file-system "$LXCPATH"
  return "$leaks"
}

# What a test can leave behind that carries its lxcpath or its names. One line each.
host_state() {
  local prefix=bt$$x
  awk -v path="$LXCPATH" 'index($5, path) == 1 { print "mount " $5 }' /proc/self/mountinfo
  find /sys/fs/cgroup -type d \( -name "lxc.payload.$prefix*" -o -name "lxc.monitor.$prefix*" \) 2>/dev/null | sed 's/^/cgroup /'
  awk -v path="$LXCPATH" 'index($NF, "@" path) == 1 { print "socket " $NF }' /proc/net/unix
  local file command
  for file in $(grep -lsaF -e "$LXCPATH" /proc/[0-9]*/cmdline); do # one program for all of them: a virtual machine is slow
    command=$({ tr '\0' ' ' <"$file"; } 2>/dev/null) || continue
    case $command in
    *"lxc monitor"*"$LXCPATH"* | *berth-monitor*"$LXCPATH"*) echo "process $(basename "${file%/cmdline}") $command" ;;
    esac
  done
}

# The host has what it had when the test began. A monitor may need a moment to go.
check_no_leaks() {
  local try now
  for try in $(seq 50); do
    now=$(host_state)
    [ "$now" != "$(cat "$LXCPATH/.before")" ] || return 0
    sleep 0.1
  done
  is_berth || return 0 # the other LXC leaves its monitor's cgroups when a start fails
  printf 'left behind after %s looks:\n' "$try"
  diff "$LXCPATH/.before" <(printf '%s\n' "$now") | grep '^[<>]'
  return 1
}

unmount_below() {
  local point
  awk -v path="$1" 'index($5, path "/") == 1 || $5 == path { print $5 }' /proc/self/mountinfo | sort -r | while read -r point; do
    umount -l "$(printf '%b' "$point")" || true
  done
}

# --- containers -----------------------------------------------------------------------------------------------------------------
# The root file system of the busybox template, made once a run, or before it (BERTH_TEST_BASE).
busybox_root() {
  local base=${BERTH_TEST_BASE:-${BATS_RUN_TMPDIR:-$BATS_FILE_TMPDIR}}
  if [ ! -e "$base/root/sbin/testinit" ]; then
    rm -rf "$base/root" "$base/scratch"
    mkdir -p "$base/scratch"
    : >"$base/scratch/config"
    "$REPO/share/templates/lxc-busybox" --name=x --path="$base/scratch" --rootfs="$base/root" >/dev/null
    # An init that obeys at once: USR1 halts, TERM and HUP reboot, INT reboots too (the default reboot signal).
    cat >"$base/root/sbin/testinit" <<'INIT'
#!/bin/sh
trap 'exit 0' USR1 PWR
trap 'reboot -f' TERM INT HUP
[ ! -x /etc/test.start ] || /etc/test.start
echo "testinit is ready"
while :; do
  sleep 1000 &
  wait $!
done
INIT
    chmod 755 "$base/root/sbin/testinit"
  fi
  printf '%s\n' "$base/root"
}

# make_container [NAME] [-b] <<< "more configuration lines": a defined, stopped container with a quick init (-b: busybox's own init).
make_container() {
  local name=$NAME init=/sbin/testinit
  while [ $# -gt 0 ]; do
    case $1 in
    -b) init=/sbin/init ;;
    *) name=$1 ;;
    esac
    shift
  done
  local directory=$LXCPATH/$name
  mkdir -m 770 "$directory"
  cp -a "$(busybox_root)" "$directory/rootfs"
  {
    cat <<CONFIG
lxc.rootfs.path = dir:$directory/rootfs
lxc.uts.name = $name
lxc.net.0.type = empty
lxc.signal.halt = SIGUSR1
lxc.signal.reboot = SIGTERM
lxc.tty.max = 2
lxc.pty.max = 16
lxc.mount.auto = proc:mixed sys:ro
lxc.init.cmd = $init
CONFIG
    [ -t 0 ] || cat
  } >"$directory/config"
}

# With nothing on standard input.
plain_container() { make_container "$@" </dev/null; }

start_container() {
  local name=${1:-$NAME}
  lxc-start "${P[@]}" -n "$name" 3>&-
  lxc-wait "${P[@]}" -n "$name" -s RUNNING -t 20
}

inside() { lxc-attach "${P[@]}" "${N[@]}" -- "$@"; }
state() { lxc-info "${P[@]}" -n "${1:-$NAME}" -s -H; }
init_pid() { lxc-info "${P[@]}" -n "${1:-$NAME}" -p -H; }

# --- assertions -----------------------------------------------------------------------------------------------------------------
fail() {
  printf '%s\n' "$*" >&2
  return 1
}

equals() { [ "$1" = "$2" ] || fail "expected: $2
     got: $1"; }

contains() { [[ $1 == *"$2"* ]] || fail "expected to contain: $2
                got: $1"; }

lacks() { [[ $1 != *"$2"* ]] || fail "expected to lack: $2
             got: $1"; }

# exits STATUS COMMAND...: runs it, keeps its output in $output (both streams) and compares the status.
exits() {
  local wanted=$1
  shift
  run "-$wanted" "$@" || true
  [ "$status" = "$wanted" ] || fail "'$*' exited with $status, not $wanted:
$output"
}

# eventually SECONDS COMMAND...: succeeds as soon as the command does.
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "did not happen in time: $*" || return 1
    sleep 0.05
  done
}
