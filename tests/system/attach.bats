# lxc-attach: a process more in a running container.
load lib

running() {
  plain_container
  start_container
}

@test "namespaces, cgroup, root and host name are the container's" {
  running
  pid=$(init_pid)
  for ns in mnt uts ipc pid net cgroup; do equals "$(inside readlink /proc/self/ns/$ns)" "$(readlink "/proc/$pid/ns/$ns")"; done
  equals "$(inside hostname)" "$NAME"
  inside sleep 300 3>&- &
  attacher=$!
  found() { pgrep -f "^sleep 300$" -P "$attacher" >/dev/null || pgrep -f "^sleep 300$" >/dev/null; }
  eventually 10 found
  guest=$(pgrep -f "^sleep 300$" | tail -n 1)
  contains "$(cat "/proc/$guest/cgroup")" "lxc.payload.$NAME"
  kill "$guest"
  wait "$attacher" || true
}

@test "exit statuses: the command's, 126, 127, 128 + signal" {
  running
  exits 0 inside true
  exits 42 inside sh -c 'exit 42'
  exits 127 inside no-such-command
  exits 126 inside /etc/passwd
  exits 143 inside sh -c 'kill -TERM $$'
  exits 137 inside sh -c 'kill -KILL $$'
}

@test "the environment: kept, set, cleared, some kept" {
  running
  export FROM_HOST=1 OTHER=2
  contains "$(inside env)" FROM_HOST=1
  contains "$(inside env)" container=lxc
  equals "$(lxc-attach "${P[@]}" "${N[@]}" -v MINE=x -- sh -c 'echo $MINE')" x
  run lxc-attach "${P[@]}" "${N[@]}" --clear-env -- env
  lacks "$output" FROM_HOST
  contains "$output" container=lxc
  contains "$output" PATH=
  run lxc-attach "${P[@]}" "${N[@]}" --clear-env --keep-var FROM_HOST -- env
  contains "$output" FROM_HOST=1
  lacks "$output" OTHER
}

@test "--uid and --gid" {
  running
  equals "$(lxc-attach "${P[@]}" "${N[@]}" -u 1000 -g 1001 -- sh -c 'echo $(id -u):$(id -g)')" 1000:1001
}

@test "--namespaces enters only the named ones" {
  running
  equals "$(lxc-attach "${P[@]}" "${N[@]}" -s 'NETWORK|UTSNAME' -- hostname)" "$NAME"
  equals "$(lxc-attach "${P[@]}" "${N[@]}" -s 'NETWORK' -- readlink /proc/self/ns/mnt)" "$(readlink /proc/self/ns/mnt)"
  equals "$(lxc-attach "${P[@]}" "${N[@]}" -s 'NETWORK' -- readlink /proc/self/ns/net)" "$(readlink "/proc/$(init_pid)/ns/net")"
  exits 1 lxc-attach "${P[@]}" "${N[@]}" -s 'NONESUCH' -- true
}

@test "capabilities are the container's, unless elevated" {
  make_container <<<"lxc.cap.drop = sys_time"
  start_container
  [ $((0x$(inside awk '/^CapBnd/ { print $2 }' /proc/self/status) >> 25 & 1)) = 0 ]
  [ $((0x$(lxc-attach "${P[@]}" "${N[@]}" -e -- awk '/^CapBnd/ { print $2 }' /proc/self/status) >> 25 & 1)) = 1 ]
}

@test "input and output pass through pipes unchanged" {
  running
  equals "$(printf 'a\r\nb' | inside cat | od -c | head -n 1)" "$(printf 'a\r\nb' | od -c | head -n 1)"
  equals "$(inside sh -c 'echo out; echo err >&2' 2>/dev/null)" out
}

@test "no descriptor of the host reaches the command" {
  only_berth
  running
  exec 9</etc/hostname
  run inside ls -l /proc/self/fd
  exec 9<&-
  lacks "$output" "hostname"
}

@test "a terminal: the command gets a pty of the container" {
  running
  run script -qec "lxc-attach -P $LXCPATH -n $NAME -- tty" /dev/null
  contains "$output" /dev/pts/
}

@test "with no command: a shell" {
  running
  equals "$(echo 'echo from $(hostname)' | lxc-attach "${P[@]}" "${N[@]}")" "from $NAME"
}

@test "a container that is not running is refused" {
  plain_container
  exits 1 inside true
}

@test "into an id-mapped container" {
  make_container <<<"lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container"
  start_container
  equals "$(inside cat /proc/self/uid_map | awk '{ print $2 }')" 500000
  equals "$(inside id -u)" 0
}

@test "the attached process dies with the container" {
  running
  inside sleep 301 3>&- &
  attacher=$!
  started() { inside ps | grep -q 'sleep 301'; }
  eventually 10 started
  lxc-stop "${P[@]}" "${N[@]}" -k
  run wait "$attacher"
  equals "$(pgrep -f '^sleep 301$')" ""
}

@test "a hundred in a row leave nothing" {
  running
  count() { inside sh -c 'set -- /proc/[0-9]*; echo $#'; }
  before=$(count)
  for _ in $(seq 100); do inside true; done
  none_left() { [ "$(count)" = "$before" ]; }
  eventually 5 none_left
}

@test "an attach that fails leaves no group that it made" {
  only_root
  only_berth
  only_hybrid
  make_container <<<"lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container"
  start_container
  export BERTH_FEATURES_OFF=clone-into-cgroup
  local group=/sys/fs/cgroup/unified/lxc.payload.$NAME/.lxc
  exits 1 lxc-attach "${P[@]}" "${N[@]}" -u 70000 -- true # no such user in its map
  [ ! -e "$group" ]
  inside true
  [ -e "$group" ] # with others it stays, as LXC's
}
