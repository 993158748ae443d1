# berth's own keys of networks: automatic addresses, published ports, limits, name servers. Everything happens in network namespaces that
# the tests make: one that is the host with its bridge, one that is another machine.
load lib

eval "$(declare -f setup | sed '1s/setup/setup_lib/')"
eval "$(declare -f teardown | sed '1s/teardown/teardown_lib/')"

PEER=("$(command -v python3)" "$BATS_TEST_DIRNAME/netown_peer.py")
BR=

# new_namespace VARIABLE: a network namespace, held by a process whose number the variable gets.
new_namespace() {
  unshare -n sleep 1000 3>&- &
  HELD+=("$!")
  printf -v "$1" %s "$!"
  eventually 5 own_namespace "$!"
}
own_namespace() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
on() { nsenter -t "$1" -n -- "${@:2}"; }

# Command sockets belong to a network namespace: all of berth runs in the test's host.
for command in start stop wait info attach destroy execute copy ls; do
  eval "lxc-$command() { on \"\$HOST\" \"\$BERTH_BIN/lxc-$command\" \"\$@\"; }"
done

setup() {
  only_berth
  only_root
  setup_lib
  HELD=()
  BR=bo$((RANDOM % 10000))x$BATS_TEST_NUMBER
  new_namespace HOST
  new_namespace AWAY
  on "$HOST" sh -ec "
    ip link set lo up
    ip link add $BR type bridge
    ip addr add 10.55.0.1/24 dev $BR
    ip -6 addr add fd55::1/64 dev $BR nodad
    ip link set $BR up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    ip link add up0 type veth peer name up0 netns $AWAY
    ip link set up0 up
    ip addr add 192.0.2.1/24 dev up0
    ip -6 addr add 2001:db8:55::1/64 dev up0 nodad"
  on "$AWAY" sh -ec "
    ip link set up0 up
    ip addr add 192.0.2.2/24 dev up0
    ip -6 addr add 2001:db8:55::2/64 dev up0 nodad"
}

teardown() {
  [ -n "${BR:-}" ] || return 0
  local failed=0 rest
  teardown_lib || failed=1
  rest=$(on "$HOST" nft list ruleset; on "$HOST" ip -o link show type ifb; on "$HOST" ip -o link show type veth | grep -v up0)
  [ -z "$rest" ] || { echo "left on the host: $rest"; failed=1; }
  rest=$(find /run/lxc/published -name "$BR@*" 2>/dev/null)
  [ -z "$rest" ] || { echo "left: $rest"; failed=1; }
  kill "${HELD[@]}" 2>/dev/null
  rm -rf "/var/lib/berth/addresses/$BR" "/var/lib/berth/addresses/${BR}b" "/run/lxc/net/$BR" "/var/lib/misc/dnsmasq.$BR.leases"
  return "$failed"
}

# veth_lines [LINES]: a network on the bridge.
veth_lines() {
  printf '%s\n' "lxc.net.0.type = veth" "lxc.net.0.link = $BR" "lxc.net.0.flags = up" "lxc.net.0.name = eth0"
  [ $# = 0 ] || printf '%s\n' "$@"
}
automatic() { veth_lines "lxc.net.0.ipv4.address = auto" "lxc.net.0.ipv6.address = auto" "lxc.net.0.ipv4.gateway = auto" "lxc.net.0.ipv6.gateway = auto" "$@"; }
# container_with NAME LINES...: with a network; the template's own line comes first and is replaced.
container_with() { automatic "${@:2}" | make_container "$1"; }
address_of() { on "$(init_pid "$1")" ip -o "${2:--4}" addr show dev eth0 scope global | awk '{ sub("/.*", "", $4); print $4 }'; }
book() { cat "/var/lib/berth/addresses/$BR"; }

# serve NAME PORT...: inside that container's network.
serve() {
  on "$(init_pid "$1")" "${PEER[@]}" serve "$@" >"$LXCPATH/$1.served" 3>&- &
  HELD+=("$!")
  eventually 5 grep -q ready "$LXCPATH/$1.served"
}
ask() { on "$1" "${PEER[@]}" ask "$2" "$3" "$4"; }

@test "an automatic address: free, kept over stops, told, freed by destroy" {
  container_with "$NAME"
  start_container
  first=$(address_of "$NAME")
  [[ $first == 10.55.0.* ]] || fail "$first"
  version6=$(address_of "$NAME" -6)
  [[ $version6 == fd55::* ]] || fail "$version6"
  on "$(init_pid "$NAME")" ping -c 1 -W 2 -q 10.55.0.1 >/dev/null
  eventually 5 on "$(init_pid "$NAME")" ping -c 1 -W 1 -q fd55::1 >/dev/null # the address is new: nobody else must have it
  for round in 1 2 3; do
    lxc-stop "${P[@]}" "${N[@]}" -k
    start_container
    equals "$(address_of "$NAME")" "$first"
    equals "$(address_of "$NAME" -6)" "$version6"
  done
  contains "$(book)" "$first 0 $LXCPATH/$NAME"
  lxc-destroy "${P[@]}" "${N[@]}" -f
  [ ! -e "/var/lib/berth/addresses/$BR" ] || fail "$(book)"
}

@test "a look at the plan picks nothing for good" {
  container_with "$NAME"
  contains "$(lxc-start "${P[@]}" "${N[@]}" --plan)" "10.55.0."
  [ ! -e "/var/lib/berth/addresses/$BR" ] || fail "$(book)"
}

@test "twenty containers that start at once have twenty addresses" {
  for i in $(seq 20); do container_with "$NAME-$i" </dev/null; done
  started=()
  for i in $(seq 20); do
    lxc-start "${P[@]}" -n "$NAME-$i" 3>&- &
    started+=("$!")
  done
  for pid in "${started[@]}"; do wait "$pid" || fail "a start failed"; done
  for i in $(seq 20); do address_of "$NAME-$i"; done | sort -u >"$LXCPATH/addresses"
  equals "$(wc -l <"$LXCPATH/addresses")" 20
  equals "$(grep -c . <(book | grep "^10\."))" 20
}

@test "a rename keeps the address, a copy gets one of its own" {
  container_with "$NAME"
  start_container
  first=$(address_of "$NAME")
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-2"
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-3" -R
  start_container "$NAME-2"
  start_container "$NAME-3"
  equals "$(address_of "$NAME-3")" "$first"
  [ "$(address_of "$NAME-2")" != "$first" ]
  lacks "$(book)" "$LXCPATH/$NAME
"
}

@test "an address that a neighbour has is not given out; a full network says so" {
  on "$HOST" ip addr flush dev "$BR"
  on "$HOST" ip addr add 10.55.0.1/30 dev "$BR"
  veth_lines "lxc.net.0.ipv4.address = auto" | make_container "$NAME"
  on "$HOST" ip neigh add 10.55.0.2 lladdr 02:00:00:00:00:01 dev "$BR" nud reachable
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "no address of 10.55.0.0/30 on $BR is free"
  contains "$output" "lxc.net.0.ipv4.address = auto"
  on "$HOST" ip neigh del 10.55.0.2 dev "$BR"
  start_container
  equals "$(address_of "$NAME")" 10.55.0.2
}

@test "an address that is written out belongs to one running container, and auto passes it over" {
  on "$HOST" ip addr flush dev "$BR"
  on "$HOST" ip addr add 10.55.0.1/29 dev "$BR"
  on "$HOST" ip addr add 10.55.0.2/29 dev "$BR"
  veth_lines "lxc.net.0.ipv4.address = 10.55.0.3/29" | make_container "$NAME"
  veth_lines "lxc.net.0.ipv4.address = 10.55.0.3/29" | make_container "$NAME-2"
  start_container
  exits 1 lxc-start "${P[@]}" -n "$NAME-2"
  contains "$output" "container $NAME of $LXCPATH has it on $BR"
  for n in 3 4 5; do
    veth_lines "lxc.net.0.ipv4.address = auto" | make_container "$NAME-$n"
    start_container "$NAME-$n"
    [[ $(address_of "$NAME-$n") = 10.55.0.[456] ]]
  done
  lxc-stop "${P[@]}" "${N[@]}" -k
  start_container "$NAME-2"
  equals "$(address_of "$NAME-2")" 10.55.0.3
  sed -i 's/10.55.0.3/10.55.0.2/' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "it is the address of $BR on the host"
}

@test "an automatic address needs a bridge with an address" {
  veth_lines "lxc.net.0.ipv4.address = auto" | sed /link/d | make_container "$NAME"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "an automatic address is one of the network of a bridge"
  on "$HOST" ip addr flush dev "$BR"
  veth_lines "lxc.net.0.ipv4.address = auto" | make_container "$NAME-2"
  exits 1 lxc-start "${P[@]}" -n "$NAME-2"
  contains "$output" "$BR has no IPv4 address"
  contains "$output" "ip addr add"
}

@test "published ports are reached from everywhere, by both versions of the protocol" {
  container_with "$NAME" "lxc.net.0.publish = 8080:80" "lxc.net.0.publish = 8080-8081:80-81/udp"
  container_with "$NAME-2"
  start_container
  start_container "$NAME-2"
  serve "$NAME" 80 81
  other=$(init_pid "$NAME-2")
  began=$(date +%s%N)
  run ask "$HOST" tcp ::1 8080 # nobody's: refused at once
  [ "$status" != 0 ] && [ $(($(date +%s%N) - began)) -lt 2000000000 ]
  for protocol in tcp udp; do
    contains "$(ask "$AWAY" $protocol 192.0.2.1 8080)" "$NAME:80 to 192.0.2.2"
    contains "$(ask "$AWAY" $protocol 2001:db8:55::1 8080)" "$NAME:80 to 2001:db8:55::2"
    contains "$(ask "$HOST" $protocol 127.0.0.1 8080)" "$NAME:80"
    contains "$(ask "$HOST" $protocol 192.0.2.1 8080)" "$NAME:80"
    contains "$(ask "$HOST" $protocol 10.55.0.1 8080)" "$NAME:80"
    contains "$(ask "$HOST" $protocol 2001:db8:55::1 8080)" "$NAME:80"
    contains "$(ask "$other" $protocol 192.0.2.1 8080)" "$NAME:80"
    contains "$(ask "$other" $protocol 2001:db8:55::1 8080)" "$NAME:80"
    contains "$(ask "$(init_pid "$NAME")" $protocol 192.0.2.1 8080)" "$NAME:80"
  done
  contains "$(ask "$AWAY" udp 192.0.2.1 8081)" "$NAME:81"
  exits 1 ask "$AWAY" tcp 192.0.2.1 8081
  lxc-stop "${P[@]}" "${N[@]}" -k
  exits 1 ask "$HOST" tcp 127.0.0.1 8080
  contains "$output" refused
  equals "$(on "$HOST" nft list ruleset)" ""
  equals "$(on "$HOST" cat "/proc/sys/net/ipv4/conf/$BR/route_localnet")" 0
}

@test "a port of one address of the host is that one's alone" {
  container_with "$NAME" "lxc.net.0.publish = 127.0.0.1:8080:80" "lxc.net.0.publish = [2001:db8:55::1]:8081:80"
  start_container
  serve "$NAME" 80
  contains "$(ask "$HOST" tcp 127.0.0.1 8080)" "$NAME:80"
  contains "$(ask "$AWAY" tcp 2001:db8:55::1 8081)" "$NAME:80"
  exits 1 ask "$AWAY" tcp 192.0.2.1 8080
  exits 1 ask "$AWAY" tcp 192.0.2.1 8081
}

@test "the services of the host's own loopback stay out of reach of containers" {
  on "$HOST" "${PEER[@]}" serve host 9999 >"$LXCPATH/host.served" 3>&- &
  HELD+=("$!")
  container_with "$NAME" "lxc.net.0.publish = 8080:80"
  start_container
  eventually 5 grep -q ready "$LXCPATH/host.served"
  inner=$(init_pid "$NAME")
  on "$inner" ip addr del 127.0.0.1/8 dev lo
  on "$inner" ip route add 127.0.0.1/32 via 10.55.0.1 dev eth0
  on "$inner" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
  exits 1 ask "$inner" tcp 127.0.0.1 9999
  contains "$(ask "$inner" tcp 10.55.0.1 9999)" "host:9999" # what is bound to all addresses can be reached by another
}

@test "a port is published once" {
  container_with "$NAME" "lxc.net.0.publish = 8080:80"
  container_with "$NAME-2" "lxc.net.0.publish = 8000-8100:8000-8100"
  start_container
  exits 1 lxc-start "${P[@]}" -n "$NAME-2"
  contains "$output" "port 8000-8100/tcp is published already"
  contains "$output" "container $NAME of $LXCPATH has 8080/tcp"
  contains "$output" "lxc.net.0.publish = 8000-8100:8000-8100"
  lxc-stop "${P[@]}" "${N[@]}" -k
  start_container "$NAME-2"
  serve "$NAME-2" 8050
  contains "$(ask "$AWAY" tcp 192.0.2.1 8050)" "$NAME-2:8050"
}

@test "a port is published once for all bridges; one that a container gives back just now is waited for" {
  on "$HOST" sh -ec "ip link add ${BR}b type bridge; ip addr add 10.56.0.1/24 dev ${BR}b; ip -6 addr add fd56::1/64 dev ${BR}b nodad; ip link set ${BR}b up"
  container_with "$NAME" "lxc.net.0.publish = 8080:80"
  container_with "$NAME-2" "lxc.net.0.publish = 8080:80"
  sed -i "s/= $BR\$/= ${BR}b/" "$LXCPATH/$NAME-2/config"
  start_container
  exits 1 lxc-start "${P[@]}" -n "$NAME-2"
  contains "$output" "port 8080/tcp is published already"
  contains "$output" "container $NAME of $LXCPATH has 8080/tcp"
  lxc-stop "${P[@]}" "${N[@]}" -k
  start_container "$NAME-2"
  serve "$NAME-2" 80
  contains "$(ask "$AWAY" tcp 192.0.2.1 8080)" "$NAME-2:80"
}

@test "a port that a process of the host listens on is refused" {
  on "$HOST" "${PEER[@]}" serve host 8080 >"$LXCPATH/host.served" 3>&- &
  HELD+=("$!")
  eventually 5 grep -q ready "$LXCPATH/host.served"
  container_with "$NAME" "lxc.net.0.publish = 8080:80"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "port 8080/tcp is in use by a process of the host"
  contains "$output" "try:"
}

@test "ports without an address, a bridge or forwarding are refused with the way out" {
  veth_lines "lxc.net.0.publish = 8080:80" | make_container "$NAME"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "lxc.net.0.ipv4.address = auto"
  container_with "$NAME-2" "lxc.net.0.publish = [::1]:8080:80"
  exits 1 lxc-start "${P[@]}" -n "$NAME-2"
  contains "$output" "a port of ::1 can't be published"
  on "$HOST" sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
  container_with "$NAME-3" "lxc.net.0.publish = 8080:80"
  exits 1 lxc-start "${P[@]}" -n "$NAME-3"
  contains "$output" "net.ipv4.ip_forward is 0"
  container_with "$NAME-4" "lxc.net.0.publish = 127.0.0.1:8080:80"
  start_container "$NAME-4"
  serve "$NAME-4" 80
  contains "$(ask "$HOST" tcp 127.0.0.1 8080)" "$NAME-4:80"
}

@test "chains of others in the same table stay" {
  on "$HOST" nft -f - <<<"table inet berth_$BR { chain theirs { type filter hook forward priority 0; accept; }; }"
  container_with "$NAME" "lxc.net.0.publish = 8080:80"
  start_container
  lxc-stop "${P[@]}" "${N[@]}" -k
  rules=$(on "$HOST" nft list ruleset)
  contains "$rules" "chain theirs"
  lacks "$rules" publish
  on "$HOST" nft delete table inet "berth_$BR"
}

# rate FROM TO_ADDRESS [-R]: megabits a second that arrive.
rate() {
  on "$1" iperf3 -J -c "$2" -t 4 -O 1 "${@:3}" | python3 -c "import json, sys; print(json.load(sys.stdin)['end']['sum_received']['bits_per_second'] / 1e6)"
}
within() { python3 -c "import sys; sys.exit(not $2 * 0.9 <= $1 <= $2 * 1.1)" || fail "$1 Mbit/s is not within 10 % of $2"; }

@test "limits hold within a tenth, in both directions, and go with the container" {
  container_with "$NAME" "lxc.net.0.limit.ingress = 20Mbit" "lxc.net.0.limit.egress = 60Mbit"
  start_container
  on "$HOST" iperf3 -s -B 10.55.0.1 >/dev/null 3>&- &
  HELD+=("$!")
  sleep 0.5
  inner=$(init_pid "$NAME")
  egress=$(rate "$inner" 10.55.0.1)
  ingress=$(rate "$inner" 10.55.0.1 -R)
  echo "# to the container $ingress of 20 Mbit/s, from it $egress of 60" >&3
  within "$ingress" 20
  within "$egress" 60
  contains "$(on "$HOST" ip -o link show type ifb)" ifb
  lxc-stop "${P[@]}" "${N[@]}" -k
  gone() { [ -z "$(on "$HOST" ip -o link show type ifb)" ]; }
  eventually 5 gone
}

@test "name servers: a file of its own, whatever was there" {
  container_with "$NAME" "lxc.net.0.dns = auto"
  ln -sf ../run/systemd/resolve/stub-resolv.conf "$LXCPATH/$NAME/rootfs/etc/resolv.conf"
  start_container
  equals "$(inside cat /etc/resolv.conf | grep -v '^#')" "nameserver 10.55.0.1"
  [ ! -L "$LXCPATH/$NAME/rootfs/etc/resolv.conf" ]
  lxc-stop "${P[@]}" "${N[@]}" -k
  sed -i 's/dns = auto/dns = 192.0.2.53 2001:db8::53/' "$LXCPATH/$NAME/config"
  start_container
  equals "$(inside cat /etc/resolv.conf | grep -v '^#')" "nameserver 192.0.2.53
nameserver 2001:db8::53"
  lxc-stop "${P[@]}" "${N[@]}" -k
  printf 'kept\n' >"$LXCPATH/$NAME/rootfs/etc/resolv.conf"
  sed -i '/dns/d' "$LXCPATH/$NAME/config"
  start_container
  equals "$(inside cat /etc/resolv.conf)" kept
}

@test "name servers beyond the three that programs ask are warned of" {
  veth_lines "lxc.net.0.dns = 192.0.2.1 192.0.2.2" "lxc.net.1.type = empty" "lxc.net.1.dns = 192.0.2.3 192.0.2.4" | make_container
  run lxc-start "${P[@]}" "${N[@]}"
  equals "$status" 0
  contains "$output" "192.0.2.4 is not asked"
}

@test "name servers never go into the host's own file" {
  before=$(cat /etc/resolv.conf)
  container_with "$NAME" "lxc.net.0.dns = 192.0.2.53"
  sed -i '/rootfs/d' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}" -- /bin/true
  contains "$output" "the host's own /etc/resolv.conf"
  equals "$(cat /etc/resolv.conf)" "$before"
}

# What lxc-net does for names, without the rest of it.
start_dnsmasq() {
  local run=/run/lxc/net/$BR
  mkdir -p "$run/names" "$run/reservations"
  : >"$run/state"
  on "$HOST" dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file="$run/dnsmasq.pid" --bind-interfaces --interface="$BR" \
    --except-interface=lo --dhcp-range=10.55.0.2,10.55.0.254 --dhcp-hostsdir="$run/reservations" --hostsdir="$run/names" \
    --dhcp-leasefile="/var/lib/misc/dnsmasq.$BR.leases" --log-facility="$LXCPATH/dnsmasq.log" 3>&-
  HELD+=("$(cat "$run/dnsmasq.pid")")
}
resolves() { [ "$(on "$HOST" "${PEER[@]}" resolve 10.55.0.1 "$1")" = "$2" ]; }

@test "containers find each other by name as long as they run, and nobody is leased their addresses" {
  start_dnsmasq
  container_with "$NAME" "lxc.net.0.dns = auto"
  veth_lines "lxc.net.0.ipv4.address = 10.55.0.77/24" "lxc.net.0.dns = auto" | make_container "$NAME-2"
  start_container
  start_container "$NAME-2"
  eventually 5 resolves "$NAME-2" 10.55.0.77
  contains "$(inside nslookup "$NAME-2" 2>&1)" 10.55.0.77
  first=$(address_of "$NAME")
  contains "$(cat "/run/lxc/net/$BR/reservations"/*)" ",$first"
  contains "$(cat "/run/lxc/net/$BR/reservations"/*)" ",10.55.0.77"
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-stop "${P[@]}" -n "$NAME-2" -k
  eventually 5 resolves "$NAME-2" none
  equals "$(cat "/run/lxc/net/$BR/reservations"/* | sed 's/.*,//')" "$first" # it is the stopped container's
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-3" -R
  equals "$(cat "/run/lxc/net/$BR/reservations"/* | sed 's/.*,//')" "$first"
  contains "$(ls "/run/lxc/net/$BR/reservations")" "$NAME-3-0@"
  lxc-destroy "${P[@]}" -n "$NAME-3"
  equals "$(ls "/run/lxc/net/$BR/reservations")" ""
}

@test "lxc-net: names, ports and addresses on its bridge; its stop leaves nothing, its next start keeps a stopped container's address" {
  [ ! -e /run/lxc/network_up ] || skip "lxc-net runs on this host"
  on "$HOST" ip link del "$BR"
  cat >"$LXCPATH/lxc-net" <<SETTINGS
LXC_BRIDGE="$BR"
LXC_ADDR="10.55.0.1"
LXC_NETMASK="255.255.255.0"
LXC_NETWORK="10.55.0.0/24"
LXC_DHCP_RANGE="10.55.0.2,10.55.0.254"
LXC_DHCP_LEASES="$LXCPATH/leases"
SETTINGS
  net() { on "$HOST" "$BERTH_BIN/lxc-net" "$1" --config "$LXCPATH/lxc-net"; }
  net start 3>&-
  veth_lines "lxc.net.0.ipv4.address = auto" "lxc.net.0.ipv4.gateway = auto" "lxc.net.0.publish = 8080:80" "lxc.net.0.dns = auto" | make_container
  start_container
  first=$(address_of "$NAME")
  eventually 5 resolves "$NAME" "$first"
  serve "$NAME" 80
  contains "$(ask "$AWAY" tcp 192.0.2.1 8080)" "$NAME:80"
  lxc-stop "${P[@]}" "${N[@]}" -k
  contains "$(on "$HOST" nft list ruleset)" masquerade # lxc-net's own
  net stop
  [ ! -e "/run/lxc/net/$BR" ] || fail "$(find "/run/lxc/net/$BR")"
  equals "$(on "$HOST" nft list ruleset)" ""
  net start 3>&-
  contains "$(cat "/run/lxc/net/$BR/reservations"/*)" ",$first"
  start_container
  equals "$(address_of "$NAME")" "$first"
  lxc-stop "${P[@]}" "${N[@]}" -k
  net stop
}

@test "an address that was leased while the container was stopped is the other's" {
  container_with "$NAME"
  start_container
  first=$(address_of "$NAME")
  lxc-stop "${P[@]}" "${N[@]}" -k
  mkdir -p /var/lib/misc
  echo "$(($(date +%s) + 365 * 86400)) 02:00:00:00:00:05 $first other *" >"/var/lib/misc/dnsmasq.$BR.leases"
  start_container
  second=$(address_of "$NAME")
  [ "$second" != "$first" ] || fail "$second is leased to another"
}

@test "a monitor that is killed leaves no rule, no port and no interface" {
  container_with "$NAME" "lxc.net.0.publish = 8080:80" "lxc.net.0.limit.egress = 10Mbit"
  start_container
  contains "$(on "$HOST" nft list ruleset)" published_tcp4
  inner=$(init_pid "$NAME")
  kill -9 "$(ps -o ppid= -p "$inner")"
  clean() { [ -z "$(on "$HOST" nft list ruleset; on "$HOST" ip -o link show type ifb)" ]; }
  eventually 10 clean
  # The next start clears the groups of a killed monitor once nobody is in them.
  nobody_left() { [ ! -e "/proc/$inner" ] && [ -z "$(cat "/sys/fs/cgroup/unified/lxc.payload.$NAME/cgroup.procs" 2>/dev/null)" ]; }
  eventually 10 nobody_left
  start_container
  serve "$NAME" 80
  contains "$(ask "$AWAY" tcp 192.0.2.1 8080)" "$NAME:80"
}

@test "ports, limits and addresses are there after a reboot too" {
  container_with "$NAME" "lxc.net.0.publish = 8080:80" "lxc.net.0.limit.egress = 10Mbit" "lxc.net.0.limit.ingress = 10Mbit"
  start_container
  first=$(address_of "$NAME") before=$(init_pid "$NAME")
  lxc-stop "${P[@]}" "${N[@]}" -r
  rebooted() { [ "$(state)" = RUNNING ] && [ "$(init_pid "$NAME")" != "$before" ] && [ -n "$(address_of "$NAME")" ]; }
  eventually 10 rebooted
  equals "$(address_of "$NAME")" "$first"
  serve "$NAME" 80
  contains "$(ask "$AWAY" tcp 192.0.2.1 8080)" "$NAME:80"
  equals "$(on "$HOST" ip -o link show type ifb | wc -l)" 1
}

@test "a start that fails leaves neither rules nor interfaces" {
  container_with "$NAME" "lxc.net.0.publish = 8080:80" "lxc.net.0.limit.egress = 10Mbit" "lxc.hook.start-host = /bin/false"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  clean() { [ -z "$(on "$HOST" nft list ruleset; on "$HOST" ip -o link show type ifb)" ]; }
  eventually 5 clean
}
