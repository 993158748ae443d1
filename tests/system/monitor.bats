# The process that stays beside a container: what it is called, whose child it is, where it mounts, what its death means.
load lib

monitor_pid() { awk '{ print $4 }' "/proc/$(init_pid)/stat"; }
status_field() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"; }

@test "the monitor's title is [lxc monitor] LXCPATH NAME" {
  plain_container
  start_container
  equals "$(tr '\0' ' ' <"/proc/$(monitor_pid)/cmdline" | sed 's/ *$//')" "[lxc monitor] $LXCPATH $NAME"
}

@test "the monitor is no child of what started it, daemonized or not" {
  only_berth
  plain_container
  run timeout 60 python3 - "$BERTH_BIN" "$LXCPATH" "$NAME" <<'PYTHON'
import os, subprocess, sys, time

bindir, path, name = sys.argv[1:4]
def call(*words):
    return subprocess.run([bindir + "/" + words[0], "-P", path, "-n", name, *words[1:]], capture_output=True, text=True)

started = subprocess.Popen([bindir + "/lxc-start", "-F", "-P", path, "-n", name], stdin=subprocess.DEVNULL)
while call("lxc-info", "-s", "-H").stdout.strip() != "RUNNING":
    time.sleep(0.05)
init = int(call("lxc-info", "-p", "-H").stdout)
stat = lambda pid: open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
monitor = int(stat(init)[1])
assert int(stat(monitor)[1]) != started.pid, "the monitor is a child"
assert open(f"/proc/{started.pid}/task/{started.pid}/children").read() == ""
assert call("lxc-stop", "-k").returncode == 0
assert started.wait(10) == 128 + 9, started.returncode
print("done")
PYTHON
  contains "$output" done
}

@test "lxc.monitor.unshare gives the monitor and its hooks mounts of their own" {
  printf '#!/bin/sh\nreadlink /proc/self/ns/mnt >"%s/hook.ns"\nmount -t tmpfs hooked /mnt\n' "$LXCPATH" >"$LXCPATH/hook"
  chmod 755 "$LXCPATH/hook"
  mkdir "$LXCPATH/shared"
  mount -t tmpfs shared "$LXCPATH/shared"
  mount --make-shared "$LXCPATH/shared"
  make_container <<<"lxc.monitor.unshare = 1
lxc.hook.pre-start = $LXCPATH/hook"
  start_container
  lacks "$(cat /proc/mounts)" "hooked /mnt"
  contains "$(cat "/proc/$(monitor_pid)/mounts")" "hooked /mnt"
  equals "$(cat "$LXCPATH/hook.ns")" "$(readlink "/proc/$(monitor_pid)/ns/mnt")"
  # What the host mounts later still reaches the monitor, where it shares its mounts.
  mkdir "$LXCPATH/shared/later"
  mount -t tmpfs later "$LXCPATH/shared/later"
  grep -q "later $LXCPATH/shared/later" "/proc/$(monitor_pid)/mounts"
  umount "$LXCPATH/shared/later"
  lxc-stop "${P[@]}" "${N[@]}" -k
  umount "$LXCPATH/shared"
}

@test "without lxc.monitor.unshare the monitor stays among the host's mounts" {
  plain_container
  start_container
  equals "$(readlink "/proc/$(monitor_pid)/ns/mnt")" "$(readlink /proc/self/ns/mnt)"
}

# start_with_trap LINE: a container whose init writes down which signal it got.
start_with_trap() {
  make_container <<<"$1"
  cat >"$LXCPATH/$NAME/rootfs/etc/test.start" <<'S'
#!/bin/sh
S
  cat >"$LXCPATH/$NAME/rootfs/sbin/testinit" <<'S'
#!/bin/sh
trap 'echo USR2 >/got; exit 0' USR2
trap 'exit 0' USR1
echo ready >/ready
while :; do
  sleep 1000 &
  wait $!
done
S
  start_container
  eventually 5 [ -e "$LXCPATH/$NAME/rootfs/ready" ]
}
orphan() {
  local init monitor
  init=$(init_pid)
  monitor=$(monitor_pid)
  kill -KILL "$monitor"
  printf '%s\n' "$init"
}
gone() { [ ! -e "/proc/$1" ] || [ "$(status_field "$1" State)" = Z ]; }

@test "the monitor's death is init's: SIGKILL without lxc.monitor.signal.pdeath" {
  start_with_trap ""
  init=$(orphan)
  eventually 5 gone "$init"
  [ ! -e "$LXCPATH/$NAME/rootfs/got" ]
  start_container # clears what is left of the groups
}

@test "lxc.monitor.signal.pdeath chooses the signal that init gets when the monitor dies" {
  start_with_trap "lxc.monitor.signal.pdeath = SIGUSR2"
  init=$(orphan)
  eventually 5 gone "$init"
  equals "$(cat "$LXCPATH/$NAME/rootfs/got")" USR2
  start_container
}

@test "commands work for a caller that ignores SIGCHLD" {
  only_berth
  plain_container
  run timeout 60 python3 - "$BERTH_BIN" "$LXCPATH" "$NAME" <<'PYTHON'
import signal, subprocess, sys

bindir, path, name = sys.argv[1:4]
ignore = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
call = lambda *words: subprocess.run([bindir + "/" + words[0], "-P", path, "-n", name, *words[1:]], preexec_fn=ignore).returncode
assert call("lxc-start") == 0
assert call("lxc-attach", "--", "sh", "-c", "exit 7") == 7
assert call("lxc-stop", "-k") == 0
print("done")
PYTHON
  contains "$output" done
}

@test "a program that starts, enters and stops a container by liblxc keeps no child, whatever it does with SIGCHLD" {
  only_berth
  local library=$BERTH_BIN/../lib
  needs_built "$library/liblxc.so.1"
  /usr/bin/python3 -c 'import lxc' 2>/dev/null || skip "needs python3-lxc"
  plain_container
  cat >"$LXCPATH/caller.py" <<'PYTHON'
import errno, os, signal, sys
import lxc

path, name, habit = sys.argv[1:4]
heard = []
def take_everybody(number, frame):
    heard.append(number)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
if habit == "ignored":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if habit == "handler":
    signal.signal(signal.SIGCHLD, take_everybody)

def no_children():
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None

c = lxc.Container(name, path)
assert c.start(), "start"
assert c.wait("RUNNING", 10)
assert no_children() is None, no_children()
assert not heard, heard
status = c.attach_wait(lxc.attach_run_command, ["sh", "-c", "exit 7"])
if habit == "usual":  # the module waits itself, by waitpid(2), which finds nothing where somebody else takes every child
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 7, status
assert c.stop(), "stop"
assert c.wait("STOPPED", 10)
assert no_children() is None, no_children()
print("done", habit)
PYTHON
  local habit
  for habit in usual ignored handler; do
    run env LD_LIBRARY_PATH="$library" timeout 60 /usr/bin/python3 "$LXCPATH/caller.py" "$LXCPATH" "$NAME" "$habit" 3>&-
    contains "$output" "done $habit"
  done
}

@test "the output of lxc-monitor ends with it, though lxc-monitord stays" {
  only_berth
  plain_container
  timeout 15 bash -c 'timeout 1 lxc-monitor "$@" 2>&1 | cat' _ "${P[@]}" "${N[@]}"
  exits 0 lxc-monitor -Q "${P[@]}" "${N[@]}" # still there
}
