# Kinds of network whose modules a host need not have, in the virtual machine that tests/vm/run boots: the guest's own network is the
# host's here. The wire is a veth: l0 is the link that containers get, p0 its other end, a port of the bridge "wire", which plays the
# host (10.8.0.1, fd08::1) and everything beyond.
load ../system/lib
load ../system/net_probe

eval "$(declare -f setup | sed '1s/setup/plain_setup/')"
eval "$(declare -f teardown | sed '1s/teardown/plain_teardown/')"

setup_file() {
  [ -n "${BERTH_VM:-}" ] || return 0
  # The router advertisements of QEMU's network come and go by themselves.
  sysctl -qw net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.eth0.accept_ra=0
  ip -6 route flush dev eth0 proto ra
  ip -6 addr flush dev eth0 scope global
  ip -6 addr flush dev eth0 scope site
  ip -6 route flush root fec0::/10 # the prefix of an announced address stays without it
}

setup() {
  [ -n "${BERTH_VM:-}" ] || skip "changes the network of the host: only in the virtual machine of tests/vm/run"
  PRISTINE=$(network_state)
  plain_setup
}

teardown() {
  local status=0
  end_server
  plain_teardown || status=1
  undo_fixture
  back_to_pristine || status=1
  return "$status"
}

undo_fixture() {
  local link
  for link in wire p0 p1 l0 pn-a pn-b; do ip link del "$link" 2>/dev/null || true; done
  ip netns del beyond 2>/dev/null || true
  if [ -n "${OVS_RUNS:-}" ]; then ovs_end; fi
  # A card comes home without the routes over it.
  ip link set eth0 up && ip route replace default via 10.0.2.2 dev eth0 || true
  [ ! -e /sys/module/mac80211_hwsim ] || rmmod mac80211_hwsim
}

pristine() { [ "$(network_state)" = "$PRISTINE" ]; }
back_to_pristine() { eventually 5 pristine || diff <(echo "$PRISTINE") <(network_state); }

# wire [OPTIONS OF THE BRIDGE]: the bridge, and l0, l1 on it.
wire() {
  local number
  ip link add wire type bridge forward_delay 0 "$@"
  ip addr add 10.8.0.1/24 dev wire
  ip addr add fd08::1/64 dev wire nodad
  for number in 0 1; do
    ip link add "l$number" type veth peer name "p$number"
    ip link set "p$number" master wire up
    ip link set "l$number" up
  done
  ip link set wire up
}

unwire() {
  ip link del p0
  ip link del p1
  ip link del wire
}

# member NAME NUMBER [<<< "lines about the type"]: 10.8.0.NUMBER and fd08::NUMBER.
member() {
  {
    cat
    cat <<C
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.ipv4.address = 10.8.0.$2/24
lxc.net.0.ipv6.address = fd08::$2/64
C
  } | networked "$1"
}

detail() { in_net "$1" ip -d link show "$2"; }
has_link() { [ -e "/sys/class/net/$1" ]; }
# comes_back NAME: starts and stops a container whose monitor was killed: the next start clears the groups of the dead one, once nobody
# is in them.
comes_back() {
  local groups=/sys/fs/cgroup/lxc.payload.$1
  nobody_left() { [ -z "$(cat "$groups/cgroup.procs" 2>/dev/null)" ]; }
  eventually 10 nobody_left
  begin "$1"
  end "$1"
}

monitor_of() { awk '/^PPid/ { print $2 }' "/proc/$(init_pid "$1")/status"; }

# --- vlan -------------------------------------------------------------------------------------------------------------------------
@test "vlan: two containers and the host in one VLAN: ping, TCP, DNS, both families" {
  wire
  ip link add link wire name wire.10 type vlan id 10
  ip addr add 10.10.0.1/24 dev wire.10
  ip addr add fd10::1/64 dev wire.10 nodad
  ip link set wire.10 up
  local number
  for number in 0 1; do
    networked "$NAME$number" <<C
lxc.net.0.type = vlan
lxc.net.0.link = l$number
lxc.net.0.vlan.id = 10
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.ipv4.address = 10.10.0.1$number/24
lxc.net.0.ipv6.address = fd10::1$number/64
C
  done
  begin "${NAME}0" "${NAME}1"
  contains "$(detail "${NAME}0" eth0)" "vlan protocol 802.1Q id 10"
  carries "${NAME}0" "${NAME}1" 10.10.0.11 fd10::11
  host_answers "${NAME}0" 10.10.0.1 fd10::1
  resolves "${NAME}0" 10.10.0.1
  resolves "${NAME}1" fd10::1
  end "${NAME}0" "${NAME}1"
  unwire
}

@test "vlan: another id hears nothing; mtu and hwaddr are taken" {
  wire
  local number
  for number in 0 1; do
    member "$NAME$number" 1$number <<C
lxc.net.0.type = vlan
lxc.net.0.link = l$number
lxc.net.0.vlan.id = $((10 + number))
lxc.net.0.mtu = 1400
lxc.net.0.hwaddr = 02:00:00:00:00:0$number
C
  done
  begin "${NAME}0" "${NAME}1"
  contains "$(detail "${NAME}1" eth0)" "mtu 1400"
  contains "$(detail "${NAME}1" eth0)" "02:00:00:00:00:01"
  cannot_ping "${NAME}0" 10.8.0.11
  cannot_ping "${NAME}0" fd08::11
}

@test "vlan: the link is missing: named in the message, nothing is left" {
  only_berth
  member "$NAME" 11 <<C
lxc.net.0.type = vlan
lxc.net.0.link = nosuch0
lxc.net.0.vlan.id = 10
C
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" nosuch0
}

@test "vlan: the monitor is killed: no device stays" {
  wire
  member "$NAME" 11 <<C
lxc.net.0.type = vlan
lxc.net.0.link = l0
lxc.net.0.vlan.id = 10
C
  only_berth
  begin "$NAME"
  local init
  init=$(init_pid "$NAME")
  kill -KILL "$(monitor_of "$NAME")"
  gone() { [ ! -e "/proc/$init" ]; }
  eventually 10 gone
  free() { ip link add link l0 name again type vlan id 10 2>/dev/null; }
  eventually 5 free
  ip link del again
  comes_back "$NAME"
  unwire
}

# --- ipvlan -----------------------------------------------------------------------------------------------------------------------
@test "ipvlan l2: container and container, container and host: ping, TCP, DNS, both families" {
  wire
  local number
  for number in 0 1; do
    member "$NAME$number" 1$number <<C
lxc.net.0.type = ipvlan
lxc.net.0.link = l0
lxc.net.0.ipvlan.mode = l2
C
  done
  begin "${NAME}0" "${NAME}1"
  contains "$(detail "${NAME}0" eth0)" "ipvlan  mode l2 bridge"
  carries "${NAME}0" "${NAME}1" 10.8.0.11 fd08::11
  host_answers "${NAME}0" 10.8.0.1 fd08::1
  resolves "${NAME}0" 10.8.0.1
  resolves "${NAME}1" fd08::1
  end "${NAME}0" "${NAME}1"
  unwire
}

# In modes l3 and l3s the host of the link routes: it has an address on it, and what lies beyond has a route to it.
beyond() {
  ip netns add beyond
  ip link add l0 type veth peer name p0 netns beyond
  ip link set l0 up
  ip addr add 10.8.0.254/24 dev l0
  ip addr add fd08::254/64 dev l0 nodad
  ip -n beyond link set lo up
  ip -n beyond link set p0 up
  ip -n beyond addr add 10.8.0.1/24 dev p0
  ip -n beyond addr add fd08::1/64 dev p0 nodad
  ip -n beyond route add 10.9.0.0/24 via 10.8.0.254
  ip -n beyond route add fd09::/64 via fd08::254
}

not_beyond() {
  ip link del l0
  ip netns del beyond
}

# routed NAME NUMBER MODE [<<< "more lines"]
routed() {
  networked "$1" <<C
lxc.net.0.type = ipvlan
lxc.net.0.link = l0
lxc.net.0.ipvlan.mode = $3
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.ipv4.address = 10.9.0.$2/24
lxc.net.0.ipv4.gateway = dev
lxc.net.0.ipv6.address = fd09::$2/64
lxc.net.0.ipv6.gateway = dev
$(cat)
C
}

routed_by_ipvlan() {
  local mode=$1
  beyond
  routed "${NAME}0" 10 "$mode" </dev/null
  routed "${NAME}1" 11 "$mode" </dev/null
  begin "${NAME}0" "${NAME}1"
  contains "$(detail "${NAME}0" eth0)" "ipvlan  mode $mode bridge"
  carries "${NAME}0" "${NAME}1" 10.9.0.11 fd09::11
  RUN_IN=(ip netns exec beyond)
  host_answers "${NAME}0" 10.8.0.1 fd08::1
  resolves "${NAME}0" 10.8.0.1
  resolves "${NAME}1" fd08::1
  RUN_IN=()
  end "${NAME}0" "${NAME}1"
  not_beyond
}

@test "ipvlan l3: routed by the host of the link: ping, TCP, DNS, both families" { routed_by_ipvlan l3; }
@test "ipvlan l3s: routed by the host of the link: ping, TCP, DNS, both families" { routed_by_ipvlan l3s; }

@test "ipvlan isolation private: containers of one link can't reach each other, the wire they can" {
  wire
  local number
  for number in 0 1; do
    member "$NAME$number" 1$number <<C
lxc.net.0.type = ipvlan
lxc.net.0.link = l0
lxc.net.0.ipvlan.mode = l2
lxc.net.0.ipvlan.isolation = private
C
  done
  begin "${NAME}0" "${NAME}1"
  contains "$(detail "${NAME}0" eth0)" "ipvlan  mode l2 private"
  pings "${NAME}0" 10.8.0.1
  pings "${NAME}1" fd08::1
  cannot_ping "${NAME}0" 10.8.0.11
  cannot_ping "${NAME}0" fd08::11
  end "${NAME}0" "${NAME}1"
  unwire
}

@test "ipvlan isolation vepa: all goes over the wire, which turns it back when told to" {
  wire
  local number
  for number in 0 1; do
    member "$NAME$number" 1$number <<C
lxc.net.0.type = ipvlan
lxc.net.0.link = l0
lxc.net.0.ipvlan.mode = l2
lxc.net.0.ipvlan.isolation = vepa
C
  done
  begin "${NAME}0" "${NAME}1"
  contains "$(detail "${NAME}0" eth0)" "ipvlan  mode l2 vepa"
  pings "${NAME}0" 10.8.0.1
  cannot_ping "${NAME}0" 10.8.0.11
  end "${NAME}0" "${NAME}1"
  unwire
}

# --- a bridge that filters VLANs --------------------------------------------------------------------------------------------------
# on_bridge NAME NUMBER <<< "lines about VLANs"
on_bridge() {
  {
    cat <<C
lxc.net.0.type = veth
lxc.net.0.link = wire
lxc.net.0.veth.pair = $1
C
    cat
  } | member "$1" "$2"
}

vlans() { bridge -j vlan show dev "$1" | tr -d ' \n'; }

@test "veth.vlan.id on a bridge that filters: one VLAN, its own and no other" {
  wire vlan_filtering 1
  on_bridge "${NAME}a" 11 <<<"lxc.net.0.veth.vlan.id = 10"
  on_bridge "${NAME}b" 12 <<<"lxc.net.0.veth.vlan.id = 10"
  on_bridge "${NAME}c" 13 <<<"lxc.net.0.veth.vlan.id = 20"
  begin "${NAME}a" "${NAME}b" "${NAME}c"
  contains "$(vlans "${NAME}a")" '"vlans":[{"vlan":10,"flags":["PVID","EgressUntagged"]}]'
  carries "${NAME}a" "${NAME}b" 10.8.0.12 fd08::12
  cannot_ping "${NAME}c" 10.8.0.12
  cannot_ping "${NAME}c" fd08::12
  cannot_ping "${NAME}a" 10.8.0.1
  bridge vlan add dev wire vid 10 self pvid untagged
  host_answers "${NAME}a" 10.8.0.1 fd08::1
  end "${NAME}a" "${NAME}b" "${NAME}c"
  unwire
}

@test "veth.vlan.tagged.id: the tags reach the container, and those of no other VLAN" {
  wire vlan_filtering 1
  on_bridge "${NAME}a" 11 <<C
lxc.net.0.veth.vlan.id = 10
lxc.net.0.veth.vlan.tagged.id = 20
lxc.net.0.veth.vlan.tagged.id = 30
C
  on_bridge "${NAME}b" 12 <<<"lxc.net.0.veth.vlan.id = 20"
  begin "${NAME}a" "${NAME}b"
  contains "$(vlans "${NAME}a")" '"vlans":[{"vlan":10,"flags":["PVID","EgressUntagged"]},{"vlan":20},{"vlan":30}]'
  cannot_ping "${NAME}a" 10.8.0.12
  in_net "${NAME}a" ip link add link eth0 name eth0.20 type vlan id 20
  in_net "${NAME}a" ip addr add 10.20.0.1/24 dev eth0.20
  in_net "${NAME}a" ip link set eth0.20 up
  in_net "${NAME}b" ip addr add 10.20.0.2/24 dev eth0
  pings "${NAME}a" 10.20.0.2
  end "${NAME}a" "${NAME}b"
  unwire
}

@test "veth.vlan.id = none: nothing untagged" {
  wire vlan_filtering 1
  on_bridge "$NAME" 11 <<C
lxc.net.0.veth.vlan.id = none
lxc.net.0.veth.vlan.tagged.id = 1
C
  begin "$NAME"
  lacks "$(vlans "$NAME")" PVID
  contains "$(vlans "$NAME")" '{"vlan":1}'
  cannot_ping "$NAME" 10.8.0.1
  end "$NAME"
  unwire
}

@test "veth.vlan.id on a bridge that does not filter: refused with the command that makes it filter" {
  only_berth
  wire
  on_bridge "$NAME" 11 <<<"lxc.net.0.veth.vlan.id = 10"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" wire
  contains "$output" vlan_filtering
  unwire
}

# --- phys -------------------------------------------------------------------------------------------------------------------------
# card NAME: a network card of no wire, with all that a card can have.
card() {
  ip link add "$1" type dummy
  ip link property add dev "$1" altname "$1-one" altname "$1-two"
  ip link set "$1" mtu 1432 address 02:00:00:00:00:44
  ip addr add 10.44.0.4/24 dev "$1"
  ip addr add fd44::4/64 dev "$1" nodad
  ip link set "$1" up
}

card_state() {
  ip -j link show "$1" | tr -d ' \n' | grep -o '"\(ifname\|altnames\|mtu\|address\)":[^,]*,\|"altnames":[^]]*]'
  ip -br addr show "$1" | awk '{ for (i = 3; i <= NF; i++) if ($i !~ /^fe80/) print $i }'
}

on_card() {
  networked "$NAME" <<C
lxc.net.0.type = phys
lxc.net.0.link = ${1:-pn-a}
lxc.net.0.name = eth7
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.44.0.5/24
lxc.net.0.ipv6.address = fd44::5/64
C
}

@test "phys: the card is inside under its new name, and comes home with name, other names and addresses" {
  card pn-a
  local before
  before=$(card_state pn-a)
  on_card
  begin "$NAME"
  has_link pn-a && fail "the host has it still"
  contains "$(in_net "$NAME" ip -br addr show eth7)" 10.44.0.5/24
  contains "$(in_net "$NAME" ip -br addr show eth7)" fd44::5/64
  end "$NAME"
  eventually 5 has_link pn-a
  is_as_before() { [ "$(card_state pn-a)" = "$before" ]; }
  if is_berth; then eventually 5 is_as_before || equals "$(card_state pn-a)" "$before"; fi
}

@test "phys: link with +, the last match" {
  card pn-a
  ip link add pn-b type dummy
  on_card pn-+
  begin "$NAME"
  has_link pn-a || fail "the first match is gone"
  has_link pn-b && fail "the host has the last match still"
  in_net "$NAME" ip link show eth7
  end "$NAME"
  eventually 5 has_link pn-b
}

@test "phys: the monitor is killed: the card comes home under its name with its other names and addresses" {
  only_berth
  card pn-a
  local before
  before=$(card_state pn-a)
  on_card
  begin "$NAME"
  kill -KILL "$(monitor_of "$NAME")"
  is_as_before() { [ "$(card_state pn-a 2>/dev/null)" = "$before" ]; }
  eventually 10 is_as_before || equals "$(ip -br addr; card_state pn-a)" "$before"
  comes_back "$NAME"
  eventually 5 is_as_before || equals "$(ip -br addr; card_state pn-a)" "$before"
}

@test "phys: the container renamed the card and added an address: it comes home as it was" {
  only_berth
  card pn-a
  local before
  before=$(card_state pn-a)
  on_card
  begin "$NAME"
  in_net "$NAME" ip link set eth7 down
  in_net "$NAME" ip link set eth7 name strange0
  in_net "$NAME" ip addr add 10.45.0.1/24 dev strange0
  end "$NAME"
  is_as_before() { [ "$(card_state pn-a 2>/dev/null)" = "$before" ]; }
  eventually 5 is_as_before || equals "$(ip -br addr; card_state pn-a)" "$before"
}

@test "phys: the card vanishes while it is inside: the container runs on and stops, its name is free" {
  card pn-a
  on_card
  begin "$NAME"
  in_net "$NAME" ip link del eth7
  equals "$(state)" RUNNING
  end "$NAME"
  equals "$(state)" STOPPED
  card pn-a
  begin "$NAME"
  end "$NAME"
  eventually 5 has_link pn-a
}

@test "phys: a start that fails later gives the card back" {
  card pn-a
  local before
  before=$(card_state pn-a)
  on_card
  echo "lxc.hook.start-host = /bin/false" >>"$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  eventually 5 has_link pn-a
  is_as_before() { [ "$(card_state pn-a 2>/dev/null)" = "$before" ]; }
  if is_berth; then eventually 5 is_as_before || equals "$(ip -br addr; card_state pn-a)" "$before"; fi
}

@test "phys: a real network card: the container speaks through it to the world behind, then the host again" {
  ip -br link show eth0
  networked "$NAME" <<C
lxc.net.0.type = phys
lxc.net.0.link = eth0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.0.2.15/24
lxc.net.0.ipv4.gateway = 10.0.2.2
C
  begin "$NAME"
  has_link eth0 && fail "the host has it still"
  pings "$NAME" 10.0.2.2
  end "$NAME"
  eventually 5 has_link eth0
  ip link set eth0 up
  is_berth || ip addr replace 10.0.2.15/24 dev eth0
  ping -c 1 -W 5 10.0.2.2
}

# --- wireless ---------------------------------------------------------------------------------------------------------------------
@test "phys: a wireless card moves with its radio, and hears its peer on the host" {
  modprobe mac80211_hwsim radios=2 || skip "this kernel has no mac80211_hwsim"
  networked "$NAME" <<C
lxc.net.0.type = phys
lxc.net.0.link = wlan0
lxc.net.0.name = wifi0
C
  begin "$NAME"
  has_link wlan0 && fail "the host has it still"
  contains "$(in_net "$NAME" iw dev)" wifi0
  # One cell for both: each makes its own when it hears no other at the moment that it looks.
  local cell=(berth 2412 fixed-freq 02:00:00:00:05:55)
  iw dev wlan1 set type ibss
  ip link set wlan1 up
  ip addr add 10.55.0.1/24 dev wlan1
  iw dev wlan1 ibss join "${cell[@]}"
  in_net "$NAME" iw dev wifi0 set type ibss
  in_net "$NAME" ip link set wifi0 up
  in_net "$NAME" ip addr add 10.55.0.2/24 dev wifi0
  in_net "$NAME" iw dev wifi0 ibss join "${cell[@]}"
  pings "$NAME" 10.55.0.1
  end "$NAME"
  eventually 5 has_link wlan0
}

# --- Open vSwitch -----------------------------------------------------------------------------------------------------------------
ovs_begin() {
  modprobe openvswitch || skip "this kernel has no openvswitch"
  mkdir -p /run/openvswitch
  OVS_RUNS=1
  rm -f /run/openvswitch/conf.db
  ovsdb-tool create /run/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
  ovsdb-server --remote=punix:/run/openvswitch/db.sock --pidfile --detach -vconsole:off /run/openvswitch/conf.db 3>&-
  ovs-vsctl --no-wait init
  ovs-vswitchd --pidfile --detach -vconsole:off 3>&-
  ovs-vsctl -t 20 add-br ovs0
  ip addr add 10.8.0.1/24 dev ovs0
  ip addr add fd08::1/64 dev ovs0 nodad
  ip link set ovs0 up
}

ovs_end() {
  ovs-vsctl -t 10 --if-exists del-br ovs0
  local file pid
  for file in ovs-vswitchd ovsdb-server; do
    pid=$(cat "/run/openvswitch/$file.pid") || continue
    kill "$pid"
    gone() { [ ! -e "/proc/$pid" ]; }
    eventually 5 gone
  done
  ip link del ovs-system 2>/dev/null || true
  OVS_RUNS=
}

@test "Open vSwitch with the datapath of the kernel: ping, TCP, DNS, both families; VLANs; the port goes" {
  ovs_begin
  local number
  for number in 0 1 2; do
    member "$NAME$number" 1$number <<C
lxc.net.0.type = veth
lxc.net.0.link = ovs0
lxc.net.0.veth.pair = $NAME$number
$([ "$number" != 2 ] || echo "lxc.net.0.veth.vlan.id = 20")
C
  done
  begin "${NAME}0" "${NAME}1" "${NAME}2"
  carries "${NAME}0" "${NAME}1" 10.8.0.11 fd08::11
  host_answers "${NAME}0" 10.8.0.1 fd08::1
  resolves "${NAME}0" 10.8.0.1
  resolves "${NAME}1" fd08::1
  equals "$(ovs-vsctl get port "${NAME}2" tag)" 20
  cannot_ping "${NAME}2" 10.8.0.11
  end "${NAME}0" "${NAME}1" "${NAME}2"
  no_port() { [ -z "$(ovs-vsctl list-ports ovs0)" ]; }
  eventually 5 no_port
}
