# lxc-top: what running containers use, on a terminal and in files.
load lib

top() { lxc-top "${P[@]}" "$@"; }
# on_terminal ROWSxCOLUMNS ACTION... -- OPTION...: see drive.py
on_terminal() {
  local actions=()
  while [ "$1" != -- ]; do
    actions+=("$1")
    shift
  done
  shift
  /usr/bin/python3 "$BATS_TEST_DIRNAME/drive.py" "${actions[@]}" -- "$BERTH_BIN/lxc-top" "${P[@]}" "$@"
}
titles=time_ms,container,cpu_nanos,cpu_sys_userhz,cpu_user_userhz,blkio_bytes,blkio_iops,mem_used_bytes,memsw_used_bytes,kernel_mem_used_bytes
# json EXPRESSION: of the list `rows` of what top --json wrote.
json() { /usr/bin/python3 -c 'import json, sys; rows = [json.loads(line) for line in sys.stdin]; print('"$1"')'; }
# Processor time that is worth a look.
burn() { inside sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; }

make_pair() {
  ETH=bp$((BASHPID % 100000))
  ip link add "${ETH}a" type veth peer name "${ETH}b"
  ip link set "${ETH}b" up
}
eval "lib_$(declare -f teardown)"
teardown() {
  ip link del "${ETH:-none}b" 2>/dev/null || true
  lib_teardown
}

@test "--batch: LXC's titles, and a line for each running container" {
  only_root
  plain_container
  plain_container "${NAME}z"
  plain_container "${NAME}stopped"
  start_container
  start_container "${NAME}z"
  burn
  only_berth "LXC wants a terminal for its standard input"
  run -0 top --batch --count 1
  equals "${lines[0]}" "$titles"
  equals "${#lines[@]}" 3
  [[ ${lines[1]} =~ ^[0-9]{13},$NAME,[0-9]+,[0-9]+,[0-9]+,[0-9]+,[0-9]+,[0-9]+,[0-9]+,[0-9]+$ ]] || fail "${lines[1]}"
  contains "${lines[2]}" ",${NAME}z,"
  local nanoseconds
  nanoseconds=$(cut -d, -f3 <<<"${lines[1]}")
  [ "$nanoseconds" -gt 10000000 ]
  run -0 top --batch --count 2 --delay 0.1 --reverse
  equals "${#lines[@]}" 5
  contains "${lines[1]}" ",${NAME}z,"
  run -0 top --batch --count 1 --sort c
  contains "${lines[1]}" ",$NAME,"
}

@test "--batch says what LXC's own lxc-top says of the same containers" {
  only_root
  only_berth
  [ -x /usr/bin/lxc-top ] || skip "no other lxc-top here"
  plain_container
  start_container
  burn
  inside sh -c 'cat /proc/self/mountinfo >/dev/null; sleep 0.2'
  # It wants a terminal to read from.
  /usr/bin/python3 "$BATS_TEST_DIRNAME/drive.py" 24x200 "see:time_ms" "see:,$NAME," "see:
" signal:TERM -- /usr/bin/lxc-top "${P[@]}" --batch --delay 5 >"$LXCPATH/other"
  top --batch --count 1 >"$LXCPATH/own"
  equals "$(head -n 1 "$LXCPATH/own")" "$(head -n 1 "$LXCPATH/other")"
  # Memory moves by a few pages between the two looks.
  local own other
  own=$(sed -n 2p "$LXCPATH/own" | cut -d, -f2,4-7)
  other=$(sed -n 2p "$LXCPATH/other" | cut -d, -f2,4-7)
  equals "$own" "$other"
}

@test "networks: bytes by container and interface, and how fast" {
  only_root
  only_berth
  plain_container
  start_container
  make_pair
  lxc-device "${P[@]}" "${N[@]}" add "${ETH}a" eth5
  inside ip link set eth5 up
  inside ip addr add 10.78.5.2/24 dev eth5
  local pid
  pid=$(init_pid)
  top --json --count 5 --delay 0.5 >"$LXCPATH/rows" 3>&- &
  local watcher=$!
  sleep 0.3
  nsenter -t "$pid" -n /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth5", 0x88b5))
for i in range(50): s.send(b"\xff" * 6 + bytes(6) + b"\x88\xb5" + bytes(986))'
  wait "$watcher"
  equals "$(json 'len(rows)' <"$LXCPATH/rows")" 5
  equals "$(json '[i["name"] for i in rows[0]["interfaces"]]' <"$LXCPATH/rows")" "['eth5']"
  equals "$(json 'rows[0]["tx_bytes_per_second"]' <"$LXCPATH/rows")" None
  equals "$(json '45000 <= sum(r["tx_bytes_per_second"] for r in rows[1:]) / 2 <= 60000' <"$LXCPATH/rows")" True
  local sent
  sent=$(nsenter -t "$pid" -n awk '$1 == "eth5:" { print $10 }' /proc/net/dev)
  equals "$(top --json --count 1 | json 'rows[0]["interfaces"][0]["tx_bytes"]')" "$sent"
  equals "$(top --batch --interfaces --count 1 | tail -n 1 | cut -d, -f13)" "$sent"
  contains "$(top --batch --interfaces --count 1)" ",processes,rx_bytes,tx_bytes,interfaces"
  contains "$(lxc-info "${P[@]}" "${N[@]}" --json)" '"name": "eth5"'
  contains "$(lxc-info "${P[@]}" "${N[@]}" --json)" "\"tx_bytes\": $sent"
}

@test "a container that has the host's network is not charged with the host's traffic" {
  only_root
  only_berth
  make_container <<<"lxc.net.0.type = none"
  sed -i '/lxc.net.0.type = empty/d' "$LXCPATH/$NAME/config"
  start_container
  equals "$(top --json --count 1 | json 'rows[0]["interfaces"]')" None
  # The host's interfaces are not the container's.
  equals "$(lxc-info "${P[@]}" "${N[@]}" --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["interfaces"])')" "[]"
}

@test "containers that come, go and restart while it runs" {
  only_root
  only_berth
  plain_container
  plain_container "${NAME}z"
  start_container
  top --json --delay 0.1 --count 40 >"$LXCPATH/rows" 3>&- &
  local watcher=$!
  start_container "${NAME}z"
  sleep 0.3
  lxc-stop "${P[@]}" "${N[@]}" -k
  start_container
  lxc-stop "${P[@]}" -n "${NAME}z" -k
  wait "$watcher"
  equals "$(json "len({r['pid'] for r in rows if r['name'] == '$NAME'})" <"$LXCPATH/rows")" 2
  equals "$(json "any(r['name'] == '${NAME}z' for r in rows)" <"$LXCPATH/rows")" True
  equals "$(json "rows[-1]['name']" <"$LXCPATH/rows")" "$NAME"
  # A new start is no use by its predecessor: no rate is beyond what one processor can do in the time.
  equals "$(json "all(0 <= (r['cpu_per_mille'] or 0) < 4000 for r in rows)" <"$LXCPATH/rows")" True
}

@test "several lxcpaths, one that has nothing, one that is not there" {
  only_root
  only_berth
  plain_container
  start_container
  mkdir "$LXCPATH/empty"
  run -0 top -P "$LXCPATH/empty" -P "$LXCPATH" -P /nonexistent --batch --count 1
  equals "${#lines[@]}" 2
  run -0 lxc-top -P "$LXCPATH/empty" --batch --count 1
  equals "$output" "$titles"
  run -0 lxc-top -P /nonexistent --json --count 1
  equals "$output" ""
  exits 1 lxc-top -P relative --batch --count 1
  contains "$output" "lxcpath is not absolute"
}

@test "on cgroup v2 alone" {
  only_root
  only_berth
  only_hybrid
  plain_container
  cat >"$LXCPATH/script" <<'S'
umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit 77
lxc-start -P "$1" -n "$2" && lxc-top -P "$1" --json --count 1
lxc-stop -P "$1" -n "$2" -k
S
  run unshare -m --propagation private sh "$LXCPATH/script" "$LXCPATH" "$NAME"
  [ "$status" != 77 ] || skip "no cgroup v2 alone here"
  equals "$status" 0
  equals "$(json 'rows[0]["cpu_ns"] > 0 and rows[0]["cpu_user_ns"] is not None' <<<"$output")" True
}

@test "who may not ask a container is told, and sees the others" {
  only_root
  only_berth
  plain_container
  start_container
  chmod 755 "$LXCPATH/$NAME"
  run -0 setpriv --reuid 65534 --regid 65534 --clear-groups "$(command -v lxc-top)" "${P[@]}" --batch --count 2 --delay 0.1
  contains "$output" "$LXCPATH/$NAME: its monitor does not answer"
  equals "$(grep -c 'does not answer' <<<"$output")" 1
  lacks "$output" ",$NAME,"
}

@test "delays and orders that are none" {
  only_berth
  local bad
  for bad in 0 -1 0.01 abc 1e3 '' . 1. 99999999999 1.2.3; do
    exits 1 top --batch --count 1 --delay "$bad"
    contains "$output" "is no delay"
  done
  exits 1 top --batch --sort z
  contains "$output" "is nothing to sort by"
  exits 1 top --batch --sort nm
  exits 1 top --batch --count 0
  exits 1 top --batch --json
  exits 1 top --batch --count 1 word
}

@test "without a terminal it says which forms need none" {
  only_berth
  exits 1 top </dev/null
  contains "$output" "standard input is no terminal"
  contains "$output" "--batch"
}

@test "a reader that goes away ends it" {
  only_root
  only_berth
  plain_container
  start_container
  run -0 timeout 10 bash -c 'lxc-top -P "$1" --batch --delay 0.1 | head -n 2' - "$LXCPATH"
  equals "${#lines[@]}" 2
}

@test "on a terminal: titles, keys, and q" {
  only_root
  only_berth
  plain_container
  plain_container "${NAME}z"
  start_container
  start_container "${NAME}z"
  run -0 on_terminal 24x200 "see:Container" "see:$NAME" "see:TOTAL 2 of 2" modes:changed key:r "see:${NAME}z" "see:TOTAL 2 of 2" \
    key:c see:TOTAL key:x key:m see:TOTAL key:k see:TOTAL key:i see:TOTAL key:q -- --delay 1000
  contains "$output" "modes kept"
  contains "$output" "status 0"
  contains "$output" "Total(Read/Write)"
  contains "$output" "Rx/s"
}

@test "on a terminal: it refreshes, and ends after --count" {
  only_root
  only_berth
  plain_container
  start_container
  run -0 on_terminal 24x120 "see:TOTAL 1 of 1" "see:TOTAL 1 of 1" "see:TOTAL 1 of 1" -- --delay 0.1 --count 3
  contains "$output" "status 0"
}

@test "on a terminal: another size is drawn at once" {
  only_root
  only_berth
  plain_container
  start_container
  run -0 on_terminal 24x200 "see:Read/Write" "see:TOTAL" size:10x60 "see:Container" "see:TOTAL" key:q -- --delay 1000
  contains "$output" "status 0"
  equals "$(grep -c 'Read/Write' <<<"$output")" 1
}

@test "on a terminal: whatever ends it, the terminal is as before" {
  only_root
  only_berth
  plain_container
  start_container
  local signal number
  for signal in TERM:15 HUP:1 INT:2 QUIT:3 USR1:10 ALRM:14; do
    number=${signal#*:}
    run -0 on_terminal 24x120 "see:TOTAL" modes:changed "signal:${signal%:*}" -- --delay 1000
    contains "$output" "modes kept"
    contains "$output" "status -$number"
  done
  run -0 on_terminal 24x120 "see:TOTAL" 'key:\x03' -- --delay 1000
  contains "$output" "modes kept"
  contains "$output" "status -2"
  run -0 on_terminal 24x120 "see:TOTAL" gone -- --delay 1000
  contains "$output" "status"
  lacks "$output" "never ended"
}

@test "on a terminal: stopped and continued" {
  only_root
  only_berth
  plain_container
  start_container
  run -0 on_terminal 24x120 "see:TOTAL" 'key:\x1a' stopped modes:kept signal:CONT "see:TOTAL" modes:changed key:q -- --delay 1000
  contains "$output" "modes kept"
  contains "$output" "status 0"
}

@test "names of interfaces do not reach the terminal as they are" {
  only_root
  only_berth
  plain_container
  start_container
  nsenter -t "$(init_pid)" -n ip link add $'x\e[5mY' type veth peer name other
  run -0 on_terminal 24x120 "see:TOTAL" key:i "see:other" key:q -- --delay 1000
  lacks "$output" $'\e[5m'
}
