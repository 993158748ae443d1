# lxc-net: the shared bridge, in network namespaces that the tests make. HOST plays the host, CLIENT a container, UPLINK what is
# beyond.
load lib

setup_file() { is_berth || skip "berth's own"; }

eval "plain_$(declare -f setup)"
setup() {
  plain_setup
  HOST=${NAME}h CLIENT=${NAME}c UPLINK=${NAME}u
  ip netns add "$HOST"
  ip -n "$HOST" link set lo up
  SETTINGS=$LXCPATH/lxc-net
  settings 'LXC_DOMAIN="lxc"'
  OPTIONS=(--config "$SETTINGS" --run-directory "$LXCPATH/run")
}

eval "plain_$(declare -f teardown)"
teardown() {
  local space pid
  for space in "$HOST" "$CLIENT" "$UPLINK"; do
    [ -e "/run/netns/$space" ] || continue
    for pid in $(ip netns pids "$space"); do kill "$pid" 2>/dev/null || true; done
    ip netns del "$space"
  done
  plain_teardown
}

# settings LINE...: the settings file, beginning with what every test needs.
settings() { printf '%s\n' "LXC_DHCP_LEASES=$LXCPATH/leases" "$@" >"$SETTINGS"; }

on() { ip netns exec "$@"; }
net() { on "$HOST" lxc-net "$@" "${OPTIONS[@]}"; }
bridge_has() { contains "$(ip -n "$HOST" address show dev "${2:-lxcbr0}")" "$1"; }
resolver_pid() { net status --json | sed -n 's/.*"dnsmasq_pid": \([0-9]*\).*/\1/p'; }

# All of HOST that lxc-net may change.
network_state() {
  ip -n "$HOST" -d link | sed 's/^[0-9]*: //; s/ *hello_timer.*//'
  ip -n "$HOST" address | grep inet
  ip -n "$HOST" route show table all
  ip -n "$HOST" -6 route show table all
  on "$HOST" nft list ruleset
  on "$HOST" sysctl -a 2>/dev/null | grep -E '^net\.ipv[46]\.(ip_forward|conf\.)'
  on "$HOST" ss -Hulnt
  [ ! -e "$LXCPATH/run/net" ] || find "$LXCPATH/run/net" "$LXCPATH/run/network_up" ! -path "*/net" ! -name lock 2>/dev/null || true
}

# A namespace CLIENT with eth0 on the bridge, as a container has it.
add_client() {
  ip netns add "$CLIENT"
  ip link add "v$$a" netns "$HOST" type veth peer name eth0 netns "$CLIENT"
  ip -n "$HOST" link set "v$$a" master "${1:-lxcbr0}" up
  ip -n "$CLIENT" link set lo up
  ip -n "$CLIENT" link set eth0 up
}

# An address by DHCP, under a name.
ask_for_lease() {
  cat >"$LXCPATH/udhcpc" <<'SCRIPT'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address replace "$ip/$mask" dev "$interface"
ip route replace default via "$router"
echo "dns=$dns domain=$domain"
SCRIPT
  chmod 755 "$LXCPATH/udhcpc"
  on "$CLIENT" busybox udhcpc -i eth0 -f -q -n -t 10 -T 1 -x "hostname:$1" -s "$LXCPATH/udhcpc" 2>&1
}

# A namespace UPLINK behind HOST that knows no way to the bridge's networks.
add_uplink() {
  ip netns add "$UPLINK"
  ip link add "v$$u" netns "$HOST" type veth peer name eth0 netns "$UPLINK"
  ip -n "$HOST" address add 192.0.2.2/24 dev "v$$u"
  ip -n "$HOST" address add 2001:db8::2/64 dev "v$$u" nodad
  ip -n "$HOST" link set "v$$u" up
  ip -n "$HOST" route add default via 192.0.2.1
  ip -n "$HOST" -6 route add default via 2001:db8::1
  ip -n "$UPLINK" address add 192.0.2.1/24 dev eth0
  ip -n "$UPLINK" address add 2001:db8::1/64 dev eth0 nodad
  ip -n "$UPLINK" link set eth0 up
  ip -n "$UPLINK" link set lo up
  # Tells everybody who asks where the question came from.
  on "$UPLINK" python3 -c '
import socket
server = socket.create_server(("::", 8000), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    peer, address = server.accept()
    peer.sendall(address[0].removeprefix("::ffff:").encode() + b"\n")
    peer.close()' >/dev/null 2>&1 3>&- &
  eventually 10 uplink_listens
}
uplink_listens() { on "$UPLINK" ss -Hltn | grep -q 8000; }
# seen_as ADDRESS: how the uplink sees a connection of the client.
seen_as() {
  on "$CLIENT" timeout 10 python3 -c '
import socket, sys
print(socket.create_connection((sys.argv[1], 8000), 5).makefile().read().strip())' "$1"
}

@test "start, status and stop are what they say, twice each, and leave nothing" {
  local before
  before=$(network_state)
  exits 3 net status
  contains "$output" "not running"
  exits 0 net start
  equals "$output" ""
  bridge_has 10.0.3.1/24
  bridge_has 10:66:6a:00:00:00
  equals "$(on "$HOST" cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding)" "1
1"
  [ -e "$LXCPATH/run/network_up" ]
  exits 0 net start
  contains "$output" "already running"
  exits 0 net status
  contains "$output" "running"
  contains "$output" "10.0.3.0/24"
  net status --json | python3 -c '
import json, sys
s = json.load(sys.stdin)
assert s["running"] and s["bridge"] == "lxcbr0" and s["filter"] == "nft" and s["faults"] == [] and s["ports"] == [], s
assert "10.0.3.1/24" in s["addresses"] and s["dnsmasq_pid"] > 1, s'
  local pid
  pid=$(resolver_pid)
  contains "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "--conf-file= "
  exits 0 net restart
  [ "$(resolver_pid)" != "$pid" ]
  exits 0 net stop
  equals "$output" ""
  equals "$(network_state)" "$before"
  exits 0 net stop
  contains "$output" "not running"
  exits 3 net status
}

@test "a container gets an address by DHCP, a name, and one for IPv6 by itself" {
  net start
  add_client
  local mac
  mac=$(on "$CLIENT" cat /sys/class/net/eth0/address)
  contains "$(ask_for_lease web1)" "dns=10.0.3.1 domain=lxc"
  local address
  address=$(ip -n "$CLIENT" -4 -o address show dev eth0 | awk '{ print $4 }')
  [[ $address == 10.0.3.*/24 ]]
  contains "$(on "$CLIENT" busybox nslookup web1.lxc 10.0.3.1)" "${address%/24}"
  net status --json | python3 -c '
import json, sys
leases = json.load(sys.stdin)["leases"]
assert [(l["name"], l["address"], l["hardware_address"]) for l in leases] == [("web1", sys.argv[1], sys.argv[2])], leases
assert leases[0]["expires"] > 1e9, leases' "${address%/24}" "$mac"
  contains "$(net status)" "${address%/24} web1 $mac expires "
  contains "$(net status)" "v$$a"
  eventually 20 client_has_ipv6
  on "$CLIENT" busybox ping -c 1 -w 5 "$(bridge_ipv6)" >/dev/null
}
bridge_ipv6() { ip -n "$HOST" -6 -o address show dev lxcbr0 scope global | awk '{ sub("/64", "", $4); print $4 }'; }
client_has_ipv6() { ip -n "$CLIENT" -6 -o address show dev eth0 scope global -tentative | grep -q 'inet6 fd'; }

@test "what others write for containers with addresses of their own, dnsmasq knows at once" {
  net start
  add_client
  local mac
  mac=$(on "$CLIENT" cat /sys/class/net/eth0/address)
  echo "$mac,10.0.3.77,fixed" >"$LXCPATH/run/net/lxcbr0/reservations/fixed"
  echo "10.0.3.88 other" >"$LXCPATH/run/net/lxcbr0/names/other"
  ip -n "$CLIENT" address add 10.0.3.99/24 dev eth0
  eventually 10 resolves other 10.0.3.88
  eventually 10 resolves other.lxc 10.0.3.88
  ip -n "$CLIENT" address flush dev eth0
  ask_for_lease anything
  contains "$(ip -n "$CLIENT" -4 address show dev eth0)" 10.0.3.77/24
  rm "$LXCPATH/run/net/lxcbr0/"*/{fixed,other} 2>/dev/null || true
}
resolves() { on "$CLIENT" busybox nslookup -type=a "$1" 10.0.3.1 2>&1 | grep -q "$2"; }

translation_works() {
  net start
  add_client
  add_uplink
  ask_for_lease web1 >/dev/null
  equals "$(seen_as 192.0.2.1)" 192.0.2.2
  eventually 20 client_has_ipv6
  eventually 20 client_has_route6
  equals "$(seen_as 2001:db8::1)" 2001:db8::2
}
client_has_route6() { ip -n "$CLIENT" -6 route | grep -q '^default'; }

@test "address translation to an uplink, IPv4 and IPv6, by nftables" {
  translation_works
  contains "$(on "$HOST" nft list table inet berth_lxcbr0)" masquerade
}

@test "the same by iptables; a stop leaves no rule and no chain" {
  settings LXC_USE_NFT=false
  translation_works
  equals "$(on "$HOST" nft list tables inet)" ""
  exits 0 net status
  contains "$output" "by iptables"
  contains "$(on "$HOST" iptables -S FORWARD)" "-j berth-fw-lxcbr0"
  net stop
  equals "$(on "$HOST" iptables-save | grep -v '^[#:*]\|COMMIT')" ""
  equals "$(on "$HOST" ip6tables-save | grep -v '^[#:*]\|COMMIT')" ""
  lacks "$(on "$HOST" iptables-save)" berth
}

@test "a repair leaves what works, and a restart that can't start again stops nothing" {
  net start
  add_client
  local pid
  pid=$(resolver_pid)
  on "$HOST" sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.lxcbr0.accept_ra=1
  exits 3 net status
  contains "$output" "net.ipv6.conf.all.forwarding was switched off"
  contains "$output" "net.ipv6.conf.lxcbr0.accept_ra was set to 1"
  exits 0 net start
  contains "$output" "repaired: net.ipv6.conf.all.forwarding was switched off"
  exits 0 net status
  equals "$(resolver_pid)" "$pid"
  settings "LXC_DHCP_CONFILE=$LXCPATH/none"
  exits 0 net start
  contains "$output" "the settings are not those it was started with; \`lxc-net restart\` applies them"
  exits 1 net restart
  contains "$output" "LXC_DHCP_CONFILE names a file that can't be read"
  exits 0 net status
  equals "$(resolver_pid)" "$pid"
  settings LXC_ADDR=10.0.5.1
  exits 0 net restart
  bridge_has 10.0.5.1/24
  lacks "$(ip -n "$HOST" address show dev lxcbr0)" 10.0.3.1
  exits 0 net start
  contains "$output" "already running"
  lacks "$output" "warning"
}

@test "a restart does not stop forwarding for a moment, and a later stop does" {
  local before
  before=$(network_state)
  net start
  on "$HOST" python3 -c '
import os, sys, time
path = "/proc/sys/net/ipv4/ip_forward"
open(sys.argv[1] + "/watches", "w").close()
while not os.path.exists(sys.argv[1] + "/enough"):
    if open(path).read().strip() != "1": open(sys.argv[1] + "/was-off", "w").close()' "$LXCPATH" >/dev/null 2>&1 3>&- &
  local watcher=$!
  eventually 10 test -e "$LXCPATH/watches"
  exits 0 net restart
  : >"$LXCPATH/enough"
  wait "$watcher"
  [ ! -e "$LXCPATH/was-off" ]
  exits 0 net stop
  equals "$(network_state)" "$before"
}

@test "a full run directory does not keep a stop from undoing" {
  mkdir "$LXCPATH/run"
  mount -t tmpfs -o size=128k tmpfs "$LXCPATH/run"
  local rules
  exits 0 net start
  head -c 1M /dev/zero >"$LXCPATH/run/fill" 2>/dev/null || true
  exits 0 net stop
  rules=$(on "$HOST" nft list ruleset)
  rm "$LXCPATH/run/fill"
  exits 3 net status
  umount "$LXCPATH/run"
  equals "$rules" ""
  equals "$(on "$HOST" cat /proc/sys/net/ipv4/ip_forward)" 0
  equals "$(ip -n "$HOST" -br link | wc -l)" 1
}

@test "iptables: rules of IPv6 that were flushed are missed and made again" {
  settings LXC_USE_NFT=false
  net start
  on "$HOST" ip6tables -F
  exits 3 net status
  contains "$output" "the rules of address translation are gone"
  exits 0 net start
  exits 0 net status
}

@test "iptables: the rules pass a firewall that refuses to forward, and are there once after a second start" {
  on "$HOST" iptables -P FORWARD DROP
  settings LXC_USE_NFT=false
  translation_works
  kill -9 "$(resolver_pid)"
  exits 0 net start
  contains "$output" "repaired: dnsmasq does not run"
  equals "$(on "$HOST" iptables -S FORWARD | grep -c berth-fw)" 2
  net stop
  equals "$(on "$HOST" iptables -S FORWARD)" "-P FORWARD DROP"
}

@test "without IPv6 there is none, and a bridge may be called br-lan.0_x" {
  settings LXC_IPV6_ENABLE=false LXC_BRIDGE=br-lan.0_x LXC_ADDR=10.8.0.1 LXC_NETMASK=255.255.0.0
  net start
  bridge_has 10.8.0.1/16 br-lan.0_x
  lacks "$(ip -n "$HOST" address show dev br-lan.0_x)" fd
  equals "$(on "$HOST" cat /proc/sys/net/ipv6/conf/all/forwarding)" 0
  contains "$(on "$HOST" nft list table inet berth_br-lan.0_x)" "10.8.0.0/16"
  contains "$(tr '\0' ' ' <"/proc/$(resolver_pid)/cmdline")" "--dhcp-range=10.8.0.2,10.8.255.254,255.255.0.0 "
  net stop
  equals "$(on "$HOST" nft list tables)" ""
}

@test "the bridge is deaf to what containers advertise, with and without IPv6, and as long as it is there" {
  local line
  for line in LXC_IPV6_ENABLE=true LXC_IPV6_ENABLE=false; do
    settings "$line"
    exits 0 net start
    add_client
    equals "$(on "$HOST" cat /proc/sys/net/ipv6/conf/lxcbr0/accept_ra /proc/sys/net/ipv6/conf/lxcbr0/autoconf)" "0
0"
    exits 0 net stop
    equals "$(on "$HOST" cat /proc/sys/net/ipv6/conf/lxcbr0/accept_ra)" 0
    ip netns del "$CLIENT"
    eventually 10 no_ports
    ip -n "$HOST" link del lxcbr0
  done
}

@test "a host whose new interfaces have no IPv6 gets a bridge that has" {
  on "$HOST" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
  local before
  before=$(network_state)
  exits 0 net start
  equals "$output" ""
  [ -n "$(bridge_ipv6)" ]
  exits 0 net status
  exits 0 net stop
  equals "$(network_state)" "$before"
}

@test "a host that has no IPv6 gets none, and an error when the settings ask for it" {
  on "$HOST" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
  exits 0 net start
  contains "$output" "this host has no IPv6, nor has the bridge"
  exits 0 net status
  net stop
  settings LXC_IPV6_ADDR=fd00:1::1
  exits 1 net start
  contains "$output" "which this host has not"
}

@test "a container on the bridge keeps it: stop says so, the next start takes it again" {
  local before
  before=$(network_state)
  net start
  add_client
  exits 0 net stop
  contains "$output" "the bridge lxcbr0 stays: v$$a is on it"
  bridge_has UP
  lacks "$(ip -n "$HOST" address show dev lxcbr0)" 10.0.3.1
  equals "$(on "$HOST" nft list ruleset)" ""
  exits 3 net status
  exits 0 net start
  equals "$output" ""
  ask_for_lease again >/dev/null
  ip netns del "$CLIENT"
  eventually 10 no_ports
  net stop
  equals "$(network_state)" "$before"
}
no_ports() { [ -z "$(ip -n "$HOST" link show master lxcbr0)" ]; }

@test "a bridge that was there before is used, and stays as it was" {
  ip -n "$HOST" link add lxcbr0 type bridge
  exits 0 net start
  exits 0 net stop
  lacks "$(ip -n "$HOST" link show dev lxcbr0)" ",UP"
  ip -n "$HOST" address add 10.0.3.1/24 dev lxcbr0
  ip -n "$HOST" link set lxcbr0 up
  local before
  before=$(network_state)
  exits 0 net start
  exits 0 net status
  exits 0 net stop
  equals "$(network_state)" "$before"
}

@test "published ports of running containers outlive stop and start" {
  net start
  on "$HOST" nft -f - <<'RULES'
add map inet berth_lxcbr0 published_tcp { type inet_service : ipv4_addr . inet_service; }
add chain inet berth_lxcbr0 publish_in { type nat hook prerouting priority dstnat; }
add rule inet berth_lxcbr0 publish_in dnat ip to tcp dport map @published_tcp
add element inet berth_lxcbr0 published_tcp { 8080 : 10.0.3.7 . 80 }
RULES
  exits 0 net stop
  contains "$output" "stays: it publishes ports"
  contains "$(on "$HOST" nft list table inet berth_lxcbr0)" "8080 : 10.0.3.7 . 80"
  lacks "$(on "$HOST" nft list table inet berth_lxcbr0)" masquerade
  exits 0 net start
  contains "$(on "$HOST" nft list table inet berth_lxcbr0)" "8080 : 10.0.3.7 . 80"
  contains "$(on "$HOST" nft list table inet berth_lxcbr0)" masquerade
  on "$HOST" nft delete element inet berth_lxcbr0 published_tcp '{ 8080 }'
  exits 0 net stop
  equals "$(on "$HOST" nft list tables)" ""
}

@test "ports that are registered as published are published again by a start" {
  net start
  local pid registry
  sleep 300 3>&- &
  pid=$!
  registry=/run/lxc/published/lxcbr0@$(on "$HOST" stat -Lc %i /proc/self/ns/net)
  mkdir -p -m 700 /run/lxc/published
  registry_line "$pid" >"$registry"
  exits 3 net status
  contains "$output" "the rules of published ports are gone"
  exits 0 net start
  contains "$output" "repaired: the rules of published ports are gone"
  contains "$(on "$HOST" nft list table inet berth_lxcbr0)" 10.0.3.7
  exits 0 net status
  on "$HOST" nft flush ruleset
  exits 3 net status
  exits 0 net restart
  contains "$(on "$HOST" nft list table inet berth_lxcbr0)" 10.0.3.7
  exits 0 net status
  kill "$pid"
  wait "$pid" || true
  exits 0 net restart
  rm -f "$registry"
}

# What a running container with a published port leaves in the registry; the process PID stands for it.
registry_line() {
  echo "# ports that berth publishes; written by berth"
  echo "tcp,*,8080,1,10.0.3.7,80 $1 $(awk '{ print $22 }' "/proc/$1/stat") 0 $LXCPATH/web1"
}

@test "forwarding stays on for a veth of others, and is said; the way out of the host does not count" {
  net start
  add_uplink
  ip netns add "$CLIENT"
  ip link add "v$$r" netns "$HOST" type veth peer name eth0 netns "$CLIENT"
  ip -n "$HOST" link set "v$$r" up
  exits 0 net stop
  contains "$output" "goes on forwarding: v$$r may need it"
  equals "$(on "$HOST" cat /proc/sys/net/ipv4/ip_forward)" 1
  on "$HOST" sysctl -qw net.ipv4.ip_forward=0
  ip -n "$HOST" link del "v$$r"
  net start
  exits 0 net stop
  equals "$(on "$HOST" cat /proc/sys/net/ipv4/ip_forward)" 0
}

@test "what is broken is shown, and repaired by a start" {
  net start
  on "$HOST" nft flush ruleset
  on "$HOST" sysctl -qw net.ipv4.ip_forward=0
  ip -n "$HOST" address del 10.0.3.1/24 dev lxcbr0
  kill -9 "$(resolver_pid)"
  exits 3 net status
  contains "$output" "faulty"
  contains "$output" "dnsmasq does not run"
  contains "$output" "the rules of address translation are gone"
  contains "$output" "net.ipv4.ip_forward was switched off"
  contains "$output" "lost its address 10.0.3.1/24"
  exits 0 net start
  contains "$output" "repaired: dnsmasq does not run"
  exits 0 net status
  equals "$(on "$HOST" cat /proc/sys/net/ipv4/ip_forward)" 1
  ip -n "$HOST" link del lxcbr0
  exits 3 net status
  exits 0 net start
  exits 0 net status
  net stop
  equals "$(on "$HOST" nft list tables)" ""
}

@test "killed at any moment, a start is cleared by the next one or by a stop" {
  local before delay
  before=$(network_state)
  for delay in 0.005 0.01 0.02 0.03 0.04 0.05 0.06 0.08; do
    timeout -s KILL "$delay" ip netns exec "$HOST" "$BERTH_BIN/lxc-net" start "${OPTIONS[@]}" >/dev/null 2>&1 || true
    eventually 5 nothing_starts
    net stop
    equals "$(network_state)" "$before"
  done
  timeout -s KILL 0.03 ip netns exec "$HOST" "$BERTH_BIN/lxc-net" start "${OPTIONS[@]}" >/dev/null 2>&1 || true
  net start
  exits 0 net status
  net stop
  equals "$(network_state)" "$before"
}
# nft and dnsmasq that were on their way end by themselves.
nothing_starts() { ! pgrep -f "lxc-net start --config $SETTINGS" >/dev/null; }

@test "files of a host that has been started again are no hindrance" {
  net start
  local pid
  pid=$(resolver_pid)
  sed -i 's/^life .*/life another net:[1]/' "$LXCPATH/run/net/lxcbr0/state"
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  ip -n "$HOST" link del lxcbr0
  on "$HOST" nft flush ruleset
  exits 3 net status
  exits 0 net start
  exits 0 net status
  net stop
}

@test "the files of one network namespace are not another's" {
  net start
  ip netns add "$CLIENT"
  exits 1 on "$CLIENT" lxc-net start "${OPTIONS[@]}"
  contains "$output" "belongs to a bridge in another network namespace"
  exits 3 on "$CLIENT" lxc-net status "${OPTIONS[@]}"
  exits 1 on "$CLIENT" lxc-net stop "${OPTIONS[@]}"
  exits 0 net status
}

@test "a program that has port 53 is named, and nothing is changed" {
  ip netns exec "$HOST" /usr/bin/python3 -c '
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", 53)); s.listen(); time.sleep(600)' \
    >/dev/null 2>&1 3>&- &
  local taker=$! before
  eventually 10 port_53_taken
  before=$(network_state)
  exits 1 net start
  contains "$output" "port 53 (DNS) of lxcbr0 is taken"
  contains "$output" "python3 (pid $taker) listens on every address"
  contains "$output" "except-interface=lxcbr0"
  equals "$(network_state)" "$before"
  kill "$taker"
  wait "$taker" || true
  # The stub of systemd-resolved is in nobody's way, nor another dnsmasq that keeps to its interface.
  on "$HOST" dnsmasq --conf-file= --bind-interfaces --listen-address=127.0.0.53 --interface=lo --pid-file="$LXCPATH/other.pid"
  exits 0 net start
  equals "$output" ""
  exits 0 net status
  kill "$(cat "$LXCPATH/other.pid")"
}
port_53_taken() { on "$HOST" ss -Hltn | grep -q :53; }

@test "a program that has port 53 of IPv6 alone is in the way of a bridge with IPv6 only" {
  ip netns exec "$HOST" /usr/bin/python3 -c '
import socket, time
s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1); s.bind(("::", 53)); s.listen(); time.sleep(600)' \
    >/dev/null 2>&1 3>&- &
  eventually 10 port_53_taken
  exits 1 net start
  contains "$output" "port 53 (DNS) of lxcbr0 is taken"
  settings LXC_IPV6_ENABLE=false
  exits 0 net start
  exits 0 net status
}

@test "a DHCP server that shares its port with nobody: named, and all is undone" {
  ip netns exec "$HOST" /usr/bin/python3 -c '
import socket, time
s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("0.0.0.0", 67)); time.sleep(600)' >/dev/null 2>&1 3>&- &
  local taker=$! before
  eventually 10 port_67_taken
  before=$(network_state)
  exits 1 net start
  contains "$output" "port 67 (DHCP) of lxcbr0 is taken"
  contains "$output" "python3 (pid $taker)"
  equals "$(network_state)" "$before"
}
port_67_taken() { on "$HOST" ss -Hlun | grep -q :67; }

@test "a start that fails half-way is undone" {
  local before
  before=$(network_state)
  echo "this is no option of dnsmasq" >"$LXCPATH/dnsmasq.conf"
  settings "LXC_DHCP_CONFILE=$LXCPATH/dnsmasq.conf"
  exits 1 net start
  contains "$output" "starting the bridge lxcbr0"
  contains "$output" "starting dnsmasq"
  contains "$output" "bad option at line 1 of $LXCPATH/dnsmasq.conf"
  equals "$(network_state)" "$before"
  settings "LXC_DHCP_CONFILE=$LXCPATH/none"
  exits 1 net start
  contains "$output" "LXC_DHCP_CONFILE names a file that can't be read"
  equals "$(network_state)" "$before"
}

@test "dnsmasq's own file is used when the settings name one" {
  echo "address=/fixed.example/10.9.9.9" >"$LXCPATH/dnsmasq.conf"
  settings "LXC_DHCP_CONFILE=$LXCPATH/dnsmasq.conf" LXC_DHCP_PING=false LXC_DHCP_MAX=7 LXC_DHCP_RANGE=10.0.3.50,10.0.3.60,2h
  net start
  add_client
  ask_for_lease web1 >/dev/null
  contains "$(ip -n "$CLIENT" -4 address show dev eth0)" " 10.0.3.5"
  resolves fixed.example 10.9.9.9
  local arguments
  arguments=$(tr '\0' ' ' <"/proc/$(resolver_pid)/cmdline")
  contains "$arguments" "--dhcp-lease-max=7 "
  contains "$arguments" "--no-ping "
}

@test "a network that is in use elsewhere is refused, with one that is free" {
  ip -n "$HOST" link add other0 type bridge
  ip -n "$HOST" address add 10.0.3.200/25 dev other0
  ip -n "$HOST" link set other0 up
  exits 1 net start
  contains "$output" "the network 10.0.3.0/24 is in use"
  contains "$output" "10.0.3.128/25 over other0"
  contains "$output" "LXC_NETWORK=10.0.4.0/24"
  settings LXC_NETWORK=10.0.4.0/24
  exits 0 net start
  bridge_has 10.0.4.1/24
  exits 0 net stop
  contains "$output" "goes on forwarding: other0 may need it"
}

@test "an interface of that name that is no bridge is left alone" {
  ip -n "$HOST" link add lxcbr0 type veth peer name lxcbr1
  local before
  before=$(network_state)
  exits 1 net start
  contains "$output" "the interface lxcbr0 is no bridge"
  contains "$output" "it is of kind veth"
  equals "$(network_state)" "$before"
}

@test "packet filters of others are not touched; what opens them is said, and is right" {
  on "$HOST" nft -f - <<'RULES'
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    meta l4proto ipv6-icmp accept
  }
  chain forward { type filter hook forward priority filter; policy drop; }
}
RULES
  exits 0 net start
  contains "$output" "warning: the packet filter of this host (inet filter forward) refuses"
  contains "$output" "nft insert rule inet filter forward iifname lxcbr0 accept && nft insert rule inet filter forward oifname lxcbr0 accept"
  local said=$output line
  lacks "$(on "$HOST" nft list table inet filter)" lxcbr0
  while read -r line; do
    on "$HOST" sh -c "${line#*to allow it: }"
  done < <(grep 'to allow it: ' <<<"$said")
  exits 0 net restart
  equals "$output" ""
  translation_works
}

@test "interfaces that learn their routes from routers go on doing so while the host forwards" {
  add_uplink
  on "$HOST" sysctl -qw "net.ipv6.conf.v$$u.accept_ra=1"
  net start
  equals "$(on "$HOST" cat "/proc/sys/net/ipv6/conf/v$$u/accept_ra" /proc/sys/net/ipv6/conf/lxcbr0/accept_ra)" "2
0"
  net stop
  equals "$(on "$HOST" cat "/proc/sys/net/ipv6/conf/v$$u/accept_ra")" 1
}

@test "every mistake of the settings is named, with its line" {
  settings LXC_ADDR=10.0.3.300 LXC_BRIDGE=much-too-long-a-name LXC_DHCP_MAX=many 'LXC_DOMAIN="lxc' 'LXC_NETMASK=$(ask)' \
    LXC_BRIDGE_MAC=1:2:3 LXC_IPV6_MASK=80 LXC_USE_NFT=perhaps
  exits 1 net start
  contains "$output" "the settings have 8 mistakes"
  contains "$output" "$SETTINGS:2: LXC_ADDR: '10.0.3.300' is not an IPv4 address, as in 10.0.3.1"
  contains "$output" "$SETTINGS:5: LXC_DOMAIN: a double quote is not closed"
  contains "$output" "$SETTINGS:6: LXC_NETMASK: '\$' with anything but the name of a variable needs a shell"
  contains "$output" "$SETTINGS:9: LXC_USE_NFT: 'perhaps' is neither true nor false"
  settings LXC_BRIGDE=x
  exits 0 net start
  contains "$output" "$SETTINGS:2: LXC_BRIGDE is no variable of lxc-net; it is ignored. Did you mean LXC_BRIDGE?"
  # A stop needs the name of the bridge only.
  settings LXC_ADDR=wrong
  exits 0 net stop
  exits 1 net status
  contains "$output" "the settings have a mistake"
}

@test "networks and names that can't be are refused with their line" {
  local line
  for line in LXC_NETWORK=127.0.0.0/8 LXC_NETWORK=0.0.0.0/8 LXC_NETWORK=224.0.0.0/24 LXC_IPV6_NETWORK=fe80::/64 LXC_IPV6_NETWORK=ff02::/64 \
    LXC_IPV6_NETWORK=::/64 LXC_IPV6_ADDR=::ffff:10.0.3.1 LXC_BRIDGE=all LXC_BRIDGE=default; do
    settings "$line"
    exits 1 net start
    contains "$output" "$SETTINGS:2: ${line%%=*}: '${line#*=}' is "
    # Nothing of it is needed to start nothing.
    settings "$line" USE_LXC_BRIDGE=false
    exits 0 net start
    contains "$output" "USE_LXC_BRIDGE is false"
  done
  settings USE_LXC_BRIDGE=maybe
  exits 1 net start
}

@test "ip6tables opens what ip6tables refuses" {
  on "$HOST" ip6tables -P FORWARD DROP
  exits 0 net start
  contains "$output" ": ip6tables -I FORWARD -i lxcbr0 -j ACCEPT && ip6tables -I FORWARD -o lxcbr0 -j ACCEPT"
}

@test "the status while somebody starts it is that" {
  net start
  sed -i '/^complete/d' "$LXCPATH/run/net/lxcbr0/state"
  equals "$(stat -c %a "$LXCPATH/run/net/lxcbr0/state")" 644
  exits 3 net status
  contains "$output" "a start did not come to its end"
  /usr/bin/python3 -c '
import fcntl, struct, sys, time
file = open(sys.argv[1], "r+")
fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("held", flush=True)
time.sleep(60)' "$LXCPATH/run/net/lock" >"$LXCPATH/held" 2>/dev/null 3>&- &
  local holder=$!
  eventually 10 grep -q held "$LXCPATH/held"
  exits 3 net status
  kill "$holder"
  contains "$output" "starting or stopping"
  lacks "$output" "did not come to its end"
}

@test "USE_LXC_BRIDGE=false starts nothing; wrong words are status 2" {
  settings USE_LXC_BRIDGE=false
  exits 0 net start
  contains "$output" "USE_LXC_BRIDGE is false"
  equals "$(ip -n "$HOST" -br link | wc -l)" 1
  exits 2 net begin
  exits 2 net
  exits 2 net start now
  exits 2 net --no-such-option
  exits 1 on "$HOST" lxc-net start --config "$LXCPATH/none"
  contains "$output" "$LXCPATH/none"
}
