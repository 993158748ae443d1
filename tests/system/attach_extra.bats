# lxc-attach where it is easy to get wrong: terminals, big data, hostile containers.
load lib

running() {
  plain_container
  start_container
}
on_a_terminal() { script -qec "lxc-attach -P $LXCPATH -n $NAME -- $1" /dev/null; }

@test "three megabytes through the terminal, to a slow reader too" {
  running
  local text='i=0; while [ $i -lt 40000 ]; do echo "a line of some length with the number $i"; i=$((i+1)); done'
  expected=$(sh -c "$text" | md5sum)
  equals "$(on_a_terminal "sh -c '$text'" | tr -d '\r' | md5sum)" "$expected"
  slow() { while IFS= read -r -N 65536 block || [ -n "$block" ]; do printf %s "$block"; sleep 0.02; done; }
  equals "$(on_a_terminal "sh -c '$text'" | slow | tr -d '\r' | md5sum)" "$expected"
}

@test "an end of file that was typed before the command listens reaches it" {
  only_berth "throws away what was typed before"
  running
  # The terminal is in line mode when the key comes, and raw when it is read.
  cat >"$LXCPATH/ahead.py" <<'AHEAD'
import os, pty, sys, time
pid, master = pty.fork()
if pid == 0:
    time.sleep(0.3)
    os.execvp(sys.argv[1], sys.argv[1:])
os.write(master, b"typed\n\x04")
seen = b""
while True:
    try:
        block = os.read(master, 4096)
    except OSError:
        break
    seen += block
sys.stdout.buffer.write(seen.replace(b"\r", b""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
AHEAD
  exits 0 timeout 10 python3 "$LXCPATH/ahead.py" lxc-attach "${P[@]}" "${N[@]}" -- sh -c 'sed "s/^/heard: /"'
  contains "$output" "heard: typed"
  lacks "$output" "^@"
}

@test "ten megabytes in and out through pipes" {
  running
  head -c 10000000 /dev/urandom >"$LXCPATH/data"
  equals "$(inside cat <"$LXCPATH/data" | md5sum)" "$(md5sum <"$LXCPATH/data")"
}

@test "the session is the command's own: /dev/tty is never the caller's terminal" {
  only_berth
  running
  run script -qec "lxc-attach -P $LXCPATH -n $NAME -- sh -c 'echo word >/dev/tty' </dev/null >/dev/null 2>$LXCPATH/errors" /dev/null
  lacks "$output" word
  [ "$status" != 0 ]
}

@test "only the descriptors that are terminals are replaced" {
  running
  run script -qec "echo piped | lxc-attach -P $LXCPATH -n $NAME -- sh -c 'cat; tty; [ -t 1 ] && echo out is one'" /dev/null
  contains "$output" piped
  contains "$output" "not a tty"
  contains "$output" "out is one"
}

@test "the exit status passes through a terminal, also of a shell that a signal ends" {
  running
  run script -qec "lxc-attach -P $LXCPATH -n $NAME -- sh -c 'exit 42'" /dev/null
  [ "$status" = 42 ]
  run script -qec "lxc-attach -P $LXCPATH -n $NAME -- sh -c 'kill -TERM \$\$'" /dev/null
  [ "$status" = 143 ]
}

@test "a log of the terminal that can't be opened: nothing runs" {
  only_berth "runs it"
  running
  run script -qec "lxc-attach -P $LXCPATH -n $NAME -L /absent/log -- touch /ran" /dev/null
  [ "$status" = 1 ]
  contains "$output" "/absent/log"
  [ ! -e "$LXCPATH/$NAME/rootfs/ran" ]
  run script -qec "lxc-attach -P $LXCPATH -n $NAME -L $LXCPATH/log -- echo word" /dev/null
  [ "$status" = 0 ]
  contains "$(cat "$LXCPATH/log")" word
}

@test "a script without a first line is given to the shell" {
  running
  printf 'echo plain $1\n' | inside sh -c 'cat >/tmp/script; chmod 755 /tmp/script'
  equals "$(inside /tmp/script word)" "plain word"
}

@test "a frozen container is refused at once, with the way out" {
  only_berth "the other LXC waits for ever"
  running
  lxc-freeze "${P[@]}" "${N[@]}"
  run timeout 10 lxc-attach "${P[@]}" "${N[@]}" -- true
  lxc-unfreeze "${P[@]}" "${N[@]}"
  [ "$status" = 1 ]
  contains "$output" lxc-unfreeze
}

@test "kernels without setns by pidfd and without births into groups" {
  only_berth
  running
  export BERTH_FEATURES_OFF=pidfd-setns,clone-into-cgroup,new-mount-api
  equals "$(inside sh -c 'echo $(hostname) $(id -u)')" "$NAME 0"
  contains "$(on_a_terminal tty)" /dev/pts/
  pid=$(init_pid)
  for ns in mnt uts ipc pid net cgroup; do equals "$(inside readlink /proc/self/ns/$ns)" "$(readlink "/proc/$pid/ns/$ns")"; done
}

@test "kernels without clone3" {
  only_berth
  running
  export BERTH_FEATURES_OFF=clone3
  equals "$(inside sh -c 'echo $(hostname) $(id -u)')" "$NAME 0"
  contains "$(on_a_terminal tty)" /dev/pts/
  exits 7 inside sh -c 'exit 7'
  # Below the container's groups like its init, in every hierarchy.
  equals "$(inside sed 's|/\.lxc$|/|' /proc/self/cgroup)" "$(inside cat /proc/1/cgroup)"
  # A container that was started without it, too.
  lxc-stop "${P[@]}" "${N[@]}" -k
  start_container
  equals "$(inside sh -c 'echo $(hostname) $(id -u)')" "$NAME 0"
  lxc-stop "${P[@]}" "${N[@]}" -k
}

@test "a terminal in an id-mapped container, owned by the user it is for" {
  make_container <<<"lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container"
  start_container
  run on_a_terminal "sh -c 'stat -c %u \$(tty)'"
  contains "$output" 0
  run script -qec "lxc-attach -P $LXCPATH -n $NAME -u 7 -- sh -c 'stat -c owner=%u \$(tty)'" /dev/null
  contains "$output" owner=7
}

@test "a container without devpts: a terminal of the host, but not the caller's" {
  only_berth
  running
  inside sh -c 'umount -l /dev/pts; rm -rf /dev/ptmx'
  run on_a_terminal "sh -c 'test -t 0 && echo yes, a terminal'"
  contains "$output" "yes, a terminal"
}

@test "the working directory is the caller's where it exists inside" {
  running
  equals "$(cd /proc && lxc-attach "${P[@]}" "${N[@]}" -- pwd)" /proc
  equals "$(cd "$LXCPATH" && lxc-attach "${P[@]}" "${N[@]}" -- pwd)" /
}

@test "limits and environment of the configuration" {
  make_container <<<"lxc.prlimit.nofile = 333:444
lxc.environment = FOO=bar"
  start_container
  equals "$(inside sh -c 'ulimit -n; ulimit -Hn; echo $FOO' | tr '\n' ' ')" "333 444 bar "
}

@test "-R: the host's mounts with the container's /proc" {
  running
  run lxc-attach "${P[@]}" "${N[@]}" -s 'PID|NETWORK' -R -- sh -c 'ls -d /proc/[0-9]* | wc -l; ls /sys/class/net'
  [ "${lines[0]}" -lt 10 ]
  equals "${lines[1]}" lo
}

@test "ids that differ are set, groups are dropped" {
  running
  equals "$(lxc-attach "${P[@]}" "${N[@]}" -u 7 -g 8 -- sh -c 'id -u; id -g; grep Groups /proc/self/status' | tr -d '\n\t ')" 78Groups:
}

# Runs a command below a seccomp filter that allows everything.
filtered() {
  python3 - "$@" 3>&- <<'FILTER'
import ctypes, os, struct, sys
code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000))  # return SECCOMP_RET_ALLOW
program = struct.pack("HxxxxxxQ", 1, ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(22, 2, program, 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    sys.exit(f"no seccomp filter: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
FILTER
}

@test "attach is not freer than a container below a filter, unless told so" {
  only_root
  only_berth "attaches"
  plain_container
  filtered lxc-start "${P[@]}" "${N[@]}"
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  exits 1 lxc-attach "${P[@]}" "${N[@]}" -- true
  contains "$output" "confined by a seccomp filter"
  contains "$output" "--elevated-privileges=LSM"
  exits 1 lxc-attach "${P[@]}" "${N[@]}" -eCGROUP -- true
  exits 0 lxc-attach "${P[@]}" "${N[@]}" -eLSM -- true
  # Who is below the same filter hands it on.
  exits 0 filtered lxc-attach "${P[@]}" "${N[@]}" -- grep -q "Seccomp:.*2" /proc/self/status
}
