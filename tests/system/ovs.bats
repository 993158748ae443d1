# veth on an Open vSwitch bridge, with the datapath in user space. With the one of the kernel: tests/vm/network.bats.
load lib
load net_lab
load net_probe
load ovs_lab

eval "$(declare -f setup | sed '1s/setup/plain_setup/')"
eval "$(declare -f teardown | sed '1s/teardown/plain_teardown/')"

setup() {
  local missing
  only_root
  missing=$(ovs_lab_missing)
  [ -z "$missing" ] || skip "$missing"
  plain_setup
  ovs_lab_start
  ovs_lab_bridge ovs0
  lab ip addr add 10.77.0.1/24 dev ovs0
  lab ip addr add fd77::1/64 dev ovs0 nodad
}

teardown() {
  local status=0
  end_server
  plain_teardown || status=1
  ovs_lab_stop
  return "$status"
}

# on_switch NAME NUMBER [<<< "more lines"]: 10.77.0.NUMBER and fd77::NUMBER on ovs0.
on_switch() {
  networked "$1" <<C
lxc.net.0.type = veth
lxc.net.0.link = ovs0
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.veth.pair = $1
lxc.net.0.ipv4.address = 10.77.0.$2/24
lxc.net.0.ipv6.address = fd77::$2/64
lxc.net.0.ipv4.gateway = 10.77.0.1
lxc.net.0.ipv6.gateway = fd77::1
$(cat)
C
}

# The datapath in user space forwards frames as they are, and a veth leaves checksums to a network card. berth looks to it itself.
checksums_here() {
  local name
  ! is_berth || return 0
  for name in "$@"; do
    in_net "$name" ethtool -K eth0 tx off >/dev/null 2>&1
  done
}

ports() { lab ovs-vsctl -t 5 list-ports ovs0; }
port() { lab ovs-vsctl -t 5 get port "$1" "$2"; }
no_port() { [ -z "$(ports)" ]; }

@test "two containers and the host on an ovs bridge: ping, TCP and DNS, IPv4 and IPv6" {
  on_switch "${NAME}a" 11 </dev/null
  on_switch "${NAME}b" 12 </dev/null
  begin "${NAME}a" "${NAME}b"
  equals "$(ports | sort | xargs)" "${NAME}a ${NAME}b"
  checksums_here "${NAME}a" "${NAME}b"
  carries "${NAME}a" "${NAME}b" 10.77.0.12 fd77::12
  host_answers "${NAME}a" 10.77.0.1 fd77::1
  resolves "${NAME}a" 10.77.0.1
  resolves "${NAME}b" fd77::1
  end "${NAME}a" "${NAME}b"
  eventually 5 no_port
}

@test "vlan.id on an ovs bridge separates" {
  on_switch "${NAME}a" 11 <<<"lxc.net.0.veth.vlan.id = 10"
  on_switch "${NAME}b" 12 <<<"lxc.net.0.veth.vlan.id = 10"
  on_switch "${NAME}c" 13 <<<"lxc.net.0.veth.vlan.id = 20"
  begin "${NAME}a" "${NAME}b" "${NAME}c"
  equals "$(port "${NAME}a" tag)" 10
  equals "$(port "${NAME}c" tag)" 20
  pings "${NAME}a" 10.77.0.12
  pings "${NAME}a" fd77::12
  cannot_ping "${NAME}c" 10.77.0.12
  cannot_ping "${NAME}c" fd77::12
}

@test "vlan.tagged.id on an ovs bridge: the container has the tags, each its own network" {
  on_switch "${NAME}a" 11 <<C
lxc.net.0.veth.vlan.id = 10
lxc.net.0.veth.vlan.tagged.id = 20
lxc.net.0.veth.vlan.tagged.id = 30
C
  on_switch "${NAME}b" 12 <<<"lxc.net.0.veth.vlan.tagged.id = 20"
  begin "${NAME}a" "${NAME}b"
  equals "$(port "${NAME}a" tag)" 10
  equals "$(port "${NAME}a" trunks)" "[20, 30]"
  equals "$(port "${NAME}b" trunks)" "[20]"
}

@test "a port that a crash left is taken over, with the tag of now" {
  only_berth
  on_switch "$NAME" 11 <<<"lxc.net.0.veth.vlan.id = 20"
  lab ovs-vsctl -t 5 --no-wait add-port ovs0 "$NAME" tag=10
  begin "$NAME"
  equals "$(port "$NAME" tag)" 20
  end "$NAME"
  eventually 5 no_port
}

@test "the monitor is killed: the port goes too" {
  only_berth
  on_switch "$NAME" 11 </dev/null
  begin "$NAME"
  equals "$(ports)" "$NAME"
  kill -KILL "$(awk '/^PPid/ { print $2 }' "/proc/$(init_pid)/status")"
  eventually 10 no_port
}

@test "ovs-vswitchd is dead: the start fails in time, names the bridge, and leaves nothing" {
  only_berth
  on_switch "$NAME" 11 </dev/null
  pid=$(ovs_lab_pid ovs-vswitchd)
  kill -KILL "$pid"
  eventually 5 is_gone "$pid"
  SECONDS=0
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  [ "$SECONDS" -lt 20 ] || fail "took $SECONDS s"
  contains "$output" ovs0
  eventually 5 no_port
  equals "$(lab ip -br link | awk -v name="$NAME" 'index($1, name) == 1')" ""
}

@test "neither a linux bridge nor one of ovs: the message names the link" {
  only_berth
  on_switch "$NAME" 11 </dev/null
  sed -i 's/link = ovs0/link = lo/' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "lo"
  contains "$output" bridge
}
