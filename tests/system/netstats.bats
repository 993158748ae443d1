# What is told of networks from outside: counters in lxc-info and lxc-top, names and addresses through the library and lxc-ls.
load netlib

lxc-top() { host lxc-top "$@"; }

# Several addresses of both families, as a configuration gives them.
many_addresses() {
  net_container "$1" <<<"lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.name = lan
lxc.net.0.ipv4.address = 10.77.0.21/24
lxc.net.0.ipv4.address = 10.77.0.22/24
lxc.net.0.ipv6.address = fd77::21/64
lxc.net.0.ipv6.address = fd77::22/64
lxc.net.1.type = veth
lxc.net.1.link = br0
lxc.net.1.flags = up
lxc.net.1.name = second
lxc.net.1.ipv4.address = 10.78.0.5/16"
}

# send NAME INTERFACE COUNT: frames of 1000 bytes that no stack answers.
send() {
  nsenter -t "$(init_pid "$1")" -n /usr/bin/python3 -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0x88b5))
for i in range(int(sys.argv[2])): s.send(b"\xff" * 6 + bytes(6) + b"\x88\xb5" + bytes(986))' "$2" "$3"
}
quiet_ipv6() { host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'; }
# counter NAME INTERFACE COLUMN of /proc/net/dev: 2 = received, 10 = sent.
counter() { nsenter -t "$(init_pid "$1")" -n awk -v name="$2:" -v column="$3" '$1 == name { print $column }' /proc/net/dev; }

@test "get_interfaces, get_ips and lxc-ls: several addresses of both families" {
  only_networks
  only_berth "the library of another build directory is tested"
  is_sanitized && skip "programs without the sanitizer's runtime can't load this library"
  /usr/bin/python3 -c 'import lxc' 2>/dev/null || skip "Debian's package python3-lxc is not installed"
  bridge
  many_addresses "$NAME"
  net_start "$NAME"
  # The ones that the kernel makes for the link come when they like.
  run -0 host env LD_LIBRARY_PATH="$BERTH_BIN/../lib" /usr/bin/python3 - "$LXCPATH" "$NAME" <<'P'
import sys, lxc
assert "berth" in open("/proc/self/maps").read().partition("liblxc.so")[0] or "/usr/lib" not in \
    next(line for line in open("/proc/self/maps") if "liblxc.so" in line)
c = lxc.Container(sys.argv[2], sys.argv[1])
print(c.get_interfaces())
print(c.get_ips(family="inet"))
print(c.get_ips(interface="lan", family="inet6"))
print(c.get_ips(interface="second", family="inet"))
print(c.get_ips(interface="lan"))
print(c.get_ips(interface="lo"))
print(c.get_ips(interface="none"))
P
  equals "${lines[0]}" "('lo', 'lan', 'second')"
  equals "${lines[1]}" "('10.77.0.21', '10.77.0.22', '10.78.0.5')"
  equals "$(tr -d "(),'" <<<"${lines[2]}" | tr ' ' '\n' | sort | tr '\n' ' ')" "fd77::21 fd77::22 "
  equals "${lines[3]}" "('10.78.0.5',)"
  equals "$(tr -d "(),'" <<<"${lines[4]}" | tr ' ' '\n' | sort | tr '\n' ' ')" "10.77.0.21 10.77.0.22 fd77::21 fd77::22 "
  equals "${lines[5]}" "('127.0.0.1', '::1')"
  equals "${lines[6]}" "()"
  run -0 lxc-ls "${P[@]}" -f -F NAME,INTERFACE,IPV4,IPV6
  contains "${lines[1]}" "lo, lan, second"
  contains "${lines[1]}" "10.77.0.21, 10.77.0.22, 10.78.0.5"
  contains "${lines[1]}" fd77::21
  contains "${lines[1]}" fd77::22
  run -0 lxc-info "${P[@]}" "${N[@]}" --json
  contains "$output" '"prefix": 16'
  net_stop "$NAME"
}

@test "lxc-info of a veth is LXC's text, to the byte" {
  only_networks
  only_berth
  [ -x /usr/bin/lxc-info ] || skip "no other lxc-info here"
  quiet_ipv6
  host ip link add br0 type bridge
  host ip link set br0 up
  net_container "$NAME" <<<"lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up"
  net_start "$NAME"
  send "$NAME" eth0 30
  # LXC's reads sysfs, and sees the interfaces of the namespace that it was mounted in.
  other_info() {
    nsenter --net="/run/netns/$NET" unshare -m sh -c 'mount --rbind /sys/fs/cgroup /mnt && mount -t sysfs none /sys &&
      mount --rbind /mnt /sys/fs/cgroup && exec /usr/bin/lxc-info "$@"' - "${P[@]}" "${N[@]}" "$@"
  }
  # Between two looks the kernel may send something of its own: they are repeated, and must agree in the end.
  says_the_same() { # FORM
    # shellcheck disable=SC2086
    diff <(lxc-info "${P[@]}" "${N[@]}" $1 | grep -v '^Memory\|^KMem\|^CPU') <(other_info $1 | grep -v '^Memory\|^KMem\|^CPU') >"$LXCPATH/differences"
  }
  local form
  for form in "" -H "-S -H" -S -i "-i -H"; do
    eventually 10 says_the_same "$form" || fail "$(cat "$LXCPATH/differences")"
  done
  contains "$(lxc-info "${P[@]}" "${N[@]}" -S)" "Link:           veth"
  contains "$(lxc-info "${P[@]}" "${N[@]}" -S)" " TX bytes:      29."
  net_stop "$NAME"
}

@test "networks that the host has no counter of are counted inside" {
  only_networks
  only_berth "LXC shows what went through the interface below"
  quiet_ipv6
  host ip link add up0 type veth peer name up1
  host ip link set up0 up
  host ip link set up1 up
  net_container "$NAME" <<<"lxc.net.0.type = macvlan
lxc.net.0.link = up0
lxc.net.0.flags = up
lxc.net.0.name = first
lxc.net.1.type = macvlan
lxc.net.1.link = up0
lxc.net.1.flags = up
lxc.net.2.type = phys
lxc.net.2.link = up1
lxc.net.2.flags = up"
  net_start "$NAME"
  send "$NAME" first 20
  send "$NAME" up1 5
  local second
  second=$(nsenter -t "$(init_pid)" -n ip -o link | grep -oE ': (eth|[a-z]+)[0-9]+@if' | grep -oE '[a-z]+[0-9]+' | grep -v up1 | head -n 1)
  # link NAME INTERFACE: what lxc-info has to say of it now.
  link() {
    local sent received
    sent=$(counter "$NAME" "$2" 10)
    received=$(counter "$NAME" "$2" 2)
    printf 'Link: %s TX bytes: %s RX bytes: %s Total bytes: %s ' "$1" "$sent" "$received" "$((sent + received))"
  }
  wanted() { link up0 first; link up0 "$second"; link up1 up1; }
  said() { lxc-info "${P[@]}" "${N[@]}" -S -H | grep -A 3 Link: | tr -s ' \n' ' '; }
  agree() { [ "$(wanted)" = "$(said)" ]; }
  eventually 10 agree || fail "wanted $(wanted)
said $(said)"
  [ "$(counter "$NAME" first 10)" -ge 20000 ]
  net_stop "$NAME"
}

@test "lxc-top: a veth's traffic, from the container's side" {
  only_networks
  only_berth
  bridge
  many_addresses "$NAME"
  net_start "$NAME"
  lxc-top "${P[@]}" --json --delay 0.5 --count 4 >"$LXCPATH/rows" 3>&- &
  local watcher=$!
  sleep 0.3
  send "$NAME" second 50
  wait "$watcher"
  run -0 /usr/bin/python3 - "$LXCPATH/rows" <<'P'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
print([i["name"] for i in rows[0]["interfaces"]])
def moved(name, key): return sum(i[key] for r in rows[1:] for i in r["interfaces"] if i["name"] == name) / 2
print(45000 < moved("second", "tx_bytes_per_second") < 60000, moved("lan", "tx_bytes_per_second") < 5000)
P
  equals "${lines[0]}" "['lan', 'second']"
  equals "${lines[1]}" "True True"
  net_stop "$NAME"
}
