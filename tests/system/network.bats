# Networks: every type that this kernel has, with containers that talk; what each key does; what is left afterwards.
load netlib

@test "veth on a bridge: ping, TCP, containers and host, both families" {
  only_networks
  bridge
  net_before
  net_veth one 11
  net_veth two 12
  net_start one
  net_start two
  for address in 10.77.0.1 10.77.0.12 fd77::1 fd77::12; do reaches one "$address"; done
  for address in 10.77.0.11 fd77::11; do
    host_reaches "$address"
    reaches two "$address"
  done
  carries one two 10.77.0.12
  carries one two fd77::12
  carries "" one 10.77.0.11
  carries one "" 10.77.0.1
  carries one "" fd77::1
  contains "$(lxc-info "${P[@]}" -n one -i -H)" 10.77.0.11
  contains "$(lxc-info "${P[@]}" -n one -i -H)" fd77::11
  contains "$(lxc-ls "${P[@]}" -f -F NAME,IPV4,IPV6)" 10.77.0.12
  net_stop one
  net_stop two
  net_unchanged
}

@test "veth: every key of the interface inside" {
  only_networks
  bridge
  host ip link set br0 mtu 1400
  net_before
  net_container <<<"lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.name = lan
lxc.net.0.hwaddr = 02:00:00:00:00:xx
lxc.net.0.ipv4.address = 10.77.0.11/24
lxc.net.0.ipv4.address = 10.77.1.11/28 10.77.1.12
lxc.net.0.ipv4.address = 10.77.2.11/31
lxc.net.0.ipv4.address = 10.77.3.11/32
lxc.net.0.ipv6.address = fd77::11/64
lxc.net.0.ipv6.address = fd78::11/96
lxc.net.0.ipv4.gateway = auto
lxc.net.0.ipv6.gateway = auto
lxc.net.0.veth.pair = ${NAME:0:13}p
lxc.net.0.veth.n_rxqueues = 2
lxc.net.0.veth.n_txqueues = 3
lxc.net.1.type = veth
lxc.net.1.mtu = 1300"
  net_start
  addresses=$(inside ip addr show lan)
  contains "$addresses" "mtu 1400"
  contains "$addresses" "02:00:00:00:00:"
  contains "$addresses" "inet 10.77.0.11/24 brd 10.77.0.255"
  contains "$addresses" "inet 10.77.1.11/28 brd 10.77.1.12"
  contains "$addresses" "inet 10.77.2.11/31 scope"
  contains "$addresses" "inet 10.77.3.11/32 scope"
  contains "$addresses" "inet6 fd77::11/64"
  contains "$addresses" "inet6 fd78::11/96"
  contains "$(inside ip route)" "default via 10.77.0.1 dev lan"
  contains "$(inside ip -6 route)" "default via fd77::1 dev lan"
  details=$(host ip -d link show "${NAME:0:13}p")
  contains "$details" "mtu 1400"
  contains "$details" "master br0"
  contains "$details" "numtxqueues 3 numrxqueues 2"
  pid=$(init_pid)
  contains "$(nsenter -t "$pid" -n ip -d link show lan)" "numtxqueues 3 numrxqueues 2"
  # The second: no name, no flags.
  contains "$(inside ip link show eth0)" "mtu 1300"
  lacks "$(inside ip link show eth0)" ",UP"
  lacks "$(host ip link show "$(lxc-info "${P[@]}" "${N[@]}" -c lxc.net.1.veth.pair -H)")" master
  equals "$(lxc-info "${P[@]}" "${N[@]}" -c lxc.net.0.veth.pair -H)" "${NAME:0:13}p"
  equals "$(lxc-info "${P[@]}" "${N[@]}" -c lxc.net.1.name -H)" eth0
  net_stop
  net_unchanged
}

@test "router mode: the host leads there, and answers for the gateway in both families" {
  only_networks
  bridge
  host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  # The kernel answers for the gateway when a route leads to it elsewhere: a host's default route does.
  host ip route add default via 10.77.0.254
  net_before
  net_container <<<"lxc.net.0.type = veth
lxc.net.0.veth.mode = router
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.99.0.5/32
lxc.net.0.ipv4.gateway = 169.254.1.1
lxc.net.0.ipv6.address = fd99::5/128
lxc.net.0.ipv6.gateway = fe80::1
lxc.net.0.veth.ipv4.route = 10.98.0.0/24
lxc.net.0.veth.ipv6.route = fd98::/64
lxc.net.0.veth.pair = ${NAME:0:13}p"
  net_start
  host_reaches 10.99.0.5
  host_reaches fd99::5
  reaches "$NAME" 10.77.0.1
  reaches "$NAME" fd77::1
  carries "$NAME" "" 10.77.0.1
  contains "$(host ip route)" "10.98.0.0/24 dev ${NAME:0:13}p"
  contains "$(host ip -6 route)" "fd98::/64 dev ${NAME:0:13}p"
  contains "$(host ip -6 neigh show proxy)" "fe80::1 dev ${NAME:0:13}p"
  net_stop
  net_unchanged
}

@test "static routes of a bridged pair lead to the bridge, and go with the container" {
  only_networks
  bridge
  net_before
  net_container <<<"lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.77.0.11/24
lxc.net.0.veth.ipv4.route = 10.98.0.0/24
lxc.net.0.veth.ipv4.route = 10.97.0.0/24
lxc.net.0.veth.ipv6.route = fd98::/64"
  net_start
  routes=$(host ip route; host ip -6 route)
  contains "$routes" "10.98.0.0/24 dev br0"
  contains "$routes" "10.97.0.0/24 dev br0"
  contains "$routes" "fd98::/64 dev br0"
  net_stop
  net_unchanged
  # A route that is taken: nothing of the start stays, and the foreign one does.
  host ip route add 10.97.0.0/24 dev br0
  net_before
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "10.97.0.0/24"
  net_unchanged
}

@test "l2proxy: the host answers for the addresses on the link" {
  only_networks
  # A neighbour beyond the link, which asks for the container's address.
  ip netns add "${NET}b"
  host ip link add up0 type veth peer name up1 netns "${NET}b"
  host ip addr add 192.168.7.1/24 dev up0
  host ip -6 addr add fd07::1/64 dev up0 nodad
  host ip link set up0 up
  ip -n "${NET}b" addr add 192.168.7.9/24 dev up1
  ip -n "${NET}b" -6 addr add fd07::9/64 dev up1 nodad
  ip -n "${NET}b" link set up1 up
  net_container <<<"lxc.net.0.type = veth
lxc.net.0.veth.mode = router
lxc.net.0.link = up0
lxc.net.0.l2proxy = 1
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 192.168.7.5/32
lxc.net.0.ipv4.gateway = 169.254.1.1
lxc.net.0.ipv6.address = fd07::5/128
lxc.net.0.ipv6.gateway = fe80::1"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "l2proxy needs"
  contains "$output" "/proc/sys/net/ipv"
  host ip route add default via 192.168.7.254
  host sysctl -qw net.ipv4.conf.all.forwarding=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.up0.proxy_ndp=1
  net_before
  net_start
  beyond() { ip netns exec "${NET}b" busybox ping -c 1 -W 1 "$1" >/dev/null; }
  eventually 8 beyond 192.168.7.5
  eventually 8 beyond fd07::5
  net_stop
  net_unchanged
}

@test "macvlan: each mode; containers talk in bridge mode, and not in private" {
  only_networks
  ip netns add "${NET}b"
  host ip link add up0 type veth peer name up1 netns "${NET}b"
  host ip link set up0 up
  ip -n "${NET}b" addr add 10.77.0.1/24 dev up1
  ip -n "${NET}b" -6 addr add fd77::1/64 dev up1 nodad
  ip -n "${NET}b" link set up1 up
  net_before
  local tens=0
  for mode in bridge private vepa; do
    tens=$((tens + 1)) # others know the addresses of the last round by their hardware
    for number in ${tens}1 ${tens}2; do
      net_container "$mode$number" <<<"lxc.net.0.type = macvlan
lxc.net.0.link = up0
lxc.net.0.macvlan.mode = $mode
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.77.0.$number/24
lxc.net.0.ipv6.address = fd77::$number/64"
      net_start "$mode$number"
      contains "$(nsenter -t "$(init_pid "$mode$number")" -n ip -d link show eth0)" "macvlan mode $mode"
      reaches "$mode$number" 10.77.0.1
      reaches "$mode$number" fd77::1
    done
    if [ "$mode" = bridge ]; then
      reaches bridge11 10.77.0.12
      reaches bridge11 fd77::12
      carries bridge11 bridge12 10.77.0.12
      carries bridge11 bridge12 fd77::12
    else
      if pings "$mode${tens}1" "10.77.0.${tens}2"; then fail "in mode $mode they reach each other"; fi
    fi
    net_stop "$mode${tens}1"
    net_stop "$mode${tens}2"
  done
  # On another card: the kernel takes its time with the interfaces of namespaces that end, and these have to be alone.
  host ip link add card0 type veth peer name card1
  net_before
  for name in one two; do
    net_container "$name" <<<"lxc.net.0.type = macvlan
lxc.net.0.link = card0
lxc.net.0.macvlan.mode = passthru"
  done
  net_start one
  exits 1 lxc-start "${P[@]}" -n two
  contains "$output" "on card0"
  contains "$output" "passthru"
  net_stop one
  # Again at once, although the card has to be free of the last one.
  for time in 1 2 3; do
    net_start one
    net_stop one
  done
  net_unchanged
}

@test "empty has the loopback interface, up; none is the host's network; no section is a namespace with nothing up" {
  only_networks
  plain_container
  net_start
  contains "$(inside ip addr)" "inet 127.0.0.1/8"
  pings "$NAME" 127.0.0.1
  pings "$NAME" ::1
  equals "$(inside ls /sys/class/net 2>/dev/null | grep -v '^lo$')" ""
  net_container none <<<"lxc.net.0.type = none"
  net_start none
  equals "$(readlink "/proc/$(init_pid none)/ns/net")" "$(host readlink /proc/self/ns/net)"
  net_container nothing </dev/null
  net_start nothing
  lacks "$(in_container nothing ip link)" ",UP"
}

@test "names: the lowest free ethN in order; a name that is given twice or too long is refused" {
  only_networks
  net_container <<<"lxc.net.0.type = veth
lxc.net.3.type = veth
lxc.net.3.name = eth0
lxc.net.5.type = veth
lxc.net.7.type = veth
lxc.net.7.name = eth2"
  net_start
  names() { lxc-info "${P[@]}" "${N[@]}" -c "lxc.net.$1.name" -H; }
  equals "$(names 0) $(names 3) $(names 5) $(names 7)" "eth1 eth0 eth3 eth2"
  net_stop
  sed -i 's/^lxc.net.7.name.*/lxc.net.7.name = eth0/' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "lxc.net.3 and lxc.net.7 both call their interface eth0"
  contains "$output" "/config:"
  sed -i 's/^lxc.net.7.name.*/lxc.net.7.name = abcdefghijklmnop/' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "at most 15 characters"
}

@test "reboot from inside: the networks are there again, and once" {
  only_networks
  bridge
  net_before
  net_veth "$NAME" 11
  net_start
  first=$(init_pid)
  inside kill -TERM 1
  again() { [ -n "$(init_pid)" ] && [ "$(init_pid)" != "$first" ]; }
  eventually 10 again
  reaches "$NAME" 10.77.0.1
  reaches "$NAME" fd77::1
  equals "$(host ip -o link show master br0 | wc -l)" 1
  net_stop
  net_unchanged
}

# --- a physical interface: one end of a pair stands for it ------------------------------------------------------------------------
make_nic() {
  ip netns add "${NET}b"
  host ip link add nic0 type veth peer name far0 netns "${NET}b"
  host ip link set nic0 address 02:11:22:33:44:55 mtu 1480
  host ip link property add dev nic0 altname nic-of-the-test
  host ip addr add 10.66.0.7/24 dev nic0
  host ip addr add 10.66.1.7/24 dev nic0
  host ip -6 addr add fd66::7/64 dev nic0 nodad
  host ip link set nic0 up
  ip -n "${NET}b" addr add 10.66.0.1/24 dev far0
  ip -n "${NET}b" -6 addr add fd66::1/64 dev far0 nodad
  ip -n "${NET}b" link set far0 up
}
nic_state() {
  host ip link show nic0 | sed -E 's/^[0-9]+: //; s/state [A-Z]+//; s/(LOWER_UP|M-DOWN|NO-CARRIER),?//; s/qdisc [a-z]+//'
  host ip -o addr show nic0 | awk '$4 !~ /^fe80/ { print $4 }' | sort
}
nic_is_home() { diff <(nic_state 2>&1) "$LXCPATH/.nic" >"$LXCPATH/.nic.diff"; }
nic_comes_home() { eventually 10 nic_is_home || { cat "$LXCPATH/.nic.diff" >&2; return 1; }; }
nic_container() {
  net_container "$@" <<<"lxc.net.0.type = phys
lxc.net.0.link = nic0
lxc.net.0.name = lan0
lxc.net.0.flags = up
lxc.net.0.mtu = 1450
lxc.net.0.hwaddr = 02:aa:aa:aa:aa:aa
lxc.net.0.ipv4.address = 10.66.0.9/24
lxc.net.0.ipv6.address = fd66::9/64
lxc.net.0.ipv4.gateway = 10.66.0.1"
}

@test "phys: moves in, talks, and comes home with all it had" {
  only_networks
  make_nic
  nic_state >"$LXCPATH/.nic"
  contains "$(cat "$LXCPATH/.nic")" nic-of-the-test
  nic_container
  net_start
  exits 1 host ip link show nic0
  reaches "$NAME" 10.66.0.1
  reaches "$NAME" fd66::1
  contains "$(inside ip addr show lan0)" "mtu 1450"
  contains "$(inside ip addr show lan0)" "02:aa:aa:aa:aa:aa"
  lacks "$(inside ip addr show lan0)" "10.66.0.7"
  net_stop
  nic_comes_home
  # A shutdown from inside, and a reboot after which it is in the container again.
  net_start
  first=$(init_pid)
  inside kill -TERM 1
  again() { [ -n "$(init_pid)" ] && [ "$(init_pid)" != "$first" ]; }
  eventually 10 again
  reaches "$NAME" 10.66.0.1
  inside kill -USR1 1 || true # the shell of the attach may go with the container
  lxc-wait "${P[@]}" "${N[@]}" -s STOPPED -t 10
  nic_comes_home
}

@test "phys: whatever the container did to it, it comes home" {
  only_networks
  make_nic
  nic_state >"$LXCPATH/.nic"
  nic_container
  there() { nsenter -t "$(init_pid)" -n "$@"; }
  for deed in rename bridge addresses down names; do
    net_start
    case $deed in
    rename) there ip link set lan0 down && there ip link set lan0 name other ;;
    bridge) there ip link add br9 type bridge && there ip link set lan0 master br9 ;;
    addresses) there ip addr flush dev lan0 && there ip link set lan0 address 02:bb:bb:bb:bb:bb mtu 1300 ;;
    down) there ip link set lan0 down ;;
    names) there ip link property del dev lan0 altname nic-of-the-test ;;
    esac
    net_stop
    nic_comes_home
  done
}

@test "phys: its name was given away meanwhile; it comes home under another, and that is said" {
  only_networks
  make_nic
  nic_container
  net_start
  host ip link add nic0 mtu 1333 type veth peer name nic0peer
  net_stop
  contains "$(host ip link show dev nic0)" "mtu 1333"
  eventually 10 host ip link show nic-of-the-test
  contains "$(host ip -o addr show dev "$(host ip -o link show nic-of-the-test | sed -E 's/^[0-9]+: ([^:@]*).*/\1/')")" 10.66.0.7
}

@test "phys: the last interface whose name begins so; one twice; one that vanishes while the container has it" {
  only_networks
  make_nic
  host ip link add nic1 type veth peer name other0
  net_container <<<"lxc.net.0.type = phys
lxc.net.0.link = nic+"
  net_start
  contains "$(inside ip link)" "nic1"
  exits 1 host ip link show nic1
  ip -n "$NET" link del other0 # the pair goes, as a card that is pulled out
  net_stop
  host ip link show nic0 >/dev/null
  printf 'lxc.net.1.type = phys\nlxc.net.1.link = nic0\n' >>"$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "both move nic0 in"
  sed -i 's/nic+/card+/' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "the host has no interface whose name begins with card"
  sed -i 's/card+/lo/' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "can't be called lo"
  echo "lxc.net.0.name = lo0" >>"$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "can't leave the host"
}

@test "a network that another container has: by the configuration, the option and a process" {
  only_networks
  bridge
  net_veth one 11
  net_start one
  net_container two <<<"lxc.namespace.share.net = one
lxc.net.0.type = veth
lxc.net.0.link = br0"
  lxc-start "${P[@]}" -n two 3>&- 2>"$LXCPATH/said"
  lxc-wait "${P[@]}" -n two -s RUNNING -t 10
  contains "$(cat "$LXCPATH/said")" "is not set up"
  same() { equals "$(readlink "/proc/$(init_pid two)/ns/net")" "$(readlink "/proc/$(init_pid one)/ns/net")"; }
  same
  reaches two 10.77.0.1
  equals "$(host ip -o link show master br0 | wc -l)" 1
  net_stop two
  sed -i /lxc.n/d "$LXCPATH/two/config"
  for who in one "$(init_pid one)"; do
    net_start two --share-net "$who"
    same
    net_stop two
  done
  reaches one 10.77.0.1
}

@test "ids that are mapped: a veth inside a user namespace" {
  only_networks
  bridge
  net_before
  net_container <<<"lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.77.0.11/24
lxc.net.0.ipv4.gateway = auto
lxc.net.0.ipv6.address = fd77::11/64
lxc.net.1.type = macvlan
lxc.net.1.link = br0"
  net_start
  reaches "$NAME" 10.77.0.1
  reaches "$NAME" fd77::1
  inside ip link set eth1 up # the namespace is the container's own
  net_stop
  net_unchanged
}

@test "a copy has hardware addresses of its own" {
  only_networks
  bridge
  net_container <<<"lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.hwaddr = 02:16:3e:01:02:03"
  lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c"
  line=$(grep hwaddr "$LXCPATH/${NAME}c/config")
  contains "$line" "lxc.net.0.hwaddr"
  lacks "$line" "02:16:3e:01:02:03"
}

# --- scripts ----------------------------------------------------------------------------------------------------------------------
# script FILE: appends its arguments and what it knows from its environment.
script() {
  cat >"$1" <<H
#!/bin/sh
{
  echo "args: \$*"
  env | grep '^LXC_' | sed -E 's/^(LXC_PID|LXC_[A-Z]*_NS)=.*/\1=x/' | sort
} >>"$LXCPATH/log"
H
  chmod 755 "$1"
}
scripted() {
  net_container "$@" <<<"lxc.hook.version = $version
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.script.up = $LXCPATH/script one two
lxc.net.0.script.down = $LXCPATH/script
lxc.net.1.type = macvlan
lxc.net.1.link = br0
lxc.net.1.script.up = $LXCPATH/script
lxc.net.1.script.down = $LXCPATH/script
lxc.net.2.type = veth
lxc.net.2.veth.pair = ${NAME:0:13}q
lxc.net.2.script.up = $LXCPATH/script
lxc.net.2.script.down = $LXCPATH/script
lxc.net.3.type = empty
lxc.net.3.script.up = $LXCPATH/script
lxc.net.3.script.down = $LXCPATH/script"
}

# In LXC the environment of a script still has what the one before it set: a macvlan network has a pair's name.
only_own() {
  awk '/^args:/ { type = $0 ~ / macvlan/ ? "macvlan" : $0 ~ / empty/ ? "empty" : "veth" }
    type != "veth" && /^LXC_NET_PEER=/ { next }
    type == "empty" && /^LXC_NET_PARENT=/ { next }
    { print }'
}

@test "scripts: arguments and environment, as LXC gives them to the same configuration" {
  only_networks
  [ -x /usr/bin/lxc-start ] || skip "needs the distribution's LXC"
  bridge
  script "$LXCPATH/script"
  local lines
  for version in 0 1; do
    rm -rf "${LXCPATH:?}/$NAME"
    scripted
    : >"$LXCPATH/log"
    net_start
    net_stop
    net_before
    ours=$(cat "$LXCPATH/log")
    : >"$LXCPATH/log"
    # LXC looks for interfaces in /sys, which has to be that of the namespace, with the host's cgroups.
    cat >"$LXCPATH/reference" <<L
mkdir "$LXCPATH/cg"
mount --rbind /sys/fs/cgroup "$LXCPATH/cg"
mount -t sysfs sysfs /sys
mount --rbind "$LXCPATH/cg" /sys/fs/cgroup
PATH=/usr/bin:/usr/sbin:/bin:/sbin
/usr/bin/lxc-start -P "$LXCPATH" -n "$NAME" -o "$LXCPATH/reference.log"
/usr/bin/lxc-stop -P "$LXCPATH" -n "$NAME" -k
L
    host unshare -m bash "$LXCPATH/reference" 3>&- || { cat "$LXCPATH/reference.log" >&2; return 1; }
    rmdir "$LXCPATH/cg" /sys/fs/cgroup/*/lxc.pivot 2>/dev/null || true
    # The pair has another name each time.
    # The pair has another name each time; LXC mounts roots in a directory of its own, tells its log level, and passes only the
    # namespaces that are not the host's.
    lines='s/veth[A-Za-z0-9]{6}/vethXXXXXX/; /^LXC_(ROOTFS_MOUNT|LOG_LEVEL|TIME_NS|USER_NS)=/d'
    diff <(sed -E "$lines" "$LXCPATH/log" | only_own) <(sed -E "$lines" <<<"$ours" | only_own)
  done
}

@test "an up script that fails ends the start, and nothing is left" {
  only_networks
  bridge
  net_before
  printf '#!/bin/sh\necho "no tunnel today"\nexit 7\n' >"$LXCPATH/script"
  chmod 755 "$LXCPATH/script"
  net_container <<<"lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.veth.ipv4.route = 10.98.0.0/24
lxc.net.1.type = veth
lxc.net.1.script.up = $LXCPATH/script"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "running the up script of lxc.net.1"
  contains "$output" "no tunnel today"
  contains "$output" "/config:"
  net_unchanged
  # A down script that fails is said in the log, and does not keep the container.
  sed -i 's/script.up/script.down/' "$LXCPATH/$NAME/config"
  net_start "$NAME" -o "$LXCPATH/log" -l DEBUG
  net_stop
  contains "$(cat "$LXCPATH/log")" "no tunnel today"
  net_unchanged
}

# --- what is wrong ----------------------------------------------------------------------------------------------------------------
# refuses LINES WORDS...: the start fails, its message has all the words, and nothing is left.
refuses() {
  local lines=$1 word
  shift
  rm -rf "${LXCPATH:?}/$NAME"
  net_container <<<"$lines"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  echo "$output" >>"${E_MESSAGES:-/dev/null}"
  for word in "set by: $LXCPATH/$NAME/config:" "try: " "$@"; do contains "$output" "$word"; done
  net_unchanged
}

@test "what can't be is refused: the object, the line and the way out are named" {
  only_networks
  bridge
  host ip link add taken type veth peer name plain0
  host ip link add port0 type veth peer name port1
  host ip link set port0 master br0
  net_before
  local veth='lxc.net.0.type = veth
lxc.net.0.flags = up
lxc.net.0.link = br0'
  refuses "${veth/br0/br9}" "no bridge br9" "ip link add br9 type bridge"
  refuses "${veth/br0/plain0}" "plain0 is no bridge" "of the kind veth" macvlan
  refuses "$veth
lxc.net.0.veth.pair = taken" "an interface taken already"
  refuses "$veth
lxc.net.0.ipv4.gateway = 10.77.0.1" "needs an address" "lxc.net.0.ipv4.address"
  refuses "${veth/lxc.net.0.flags = up/lxc.net.0.mtu = 1400}
lxc.net.0.ipv4.address = 10.77.0.5/24
lxc.net.0.ipv4.gateway = 10.77.0.1" "to be up" "lxc.net.0.flags = up"
  refuses "lxc.net.0.type = veth
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.77.0.5/24
lxc.net.0.ipv4.gateway = auto" "there is no link" "lxc.net.0.link"
  refuses "$veth
lxc.net.0.veth.vlan.id = 7" "does not look at VLAN tags" "vlan_filtering 1"
  refuses "lxc.net.0.type = macvlan" "needs a link" "lxc.net.0.link"
  refuses "lxc.net.0.type = macvlan
lxc.net.0.link = absent0" "no interface absent0"
  refuses "lxc.net.0.type = macvlan
lxc.net.0.link = br0
lxc.net.0.veth.pair = x" "for networks of type veth"
  refuses "lxc.net.0.link = br0" "has no type" "lxc.net.0.type = veth"
  refuses "$veth
lxc.net.1.type = none" "must be the only one"
  refuses "$veth
lxc.net.0.mtu = 30" "MTU"
  refuses "$veth
lxc.net.0.name = lo" "can't be called lo"
  refuses "$veth
lxc.net.0.veth.pair = rv%d" "can't be called rv%d" "lxc.net.0.veth.pair"
  refuses "$veth
lxc.net.0.mtu = 1000
lxc.net.0.ipv6.address = fd00::2/64" "IPv6 needs 1280"
  refuses "$veth
lxc.net.0.ipv6.address = ff02::1/64" "of a group"
  refuses "$veth
lxc.net.0.veth.ipv4.route = 10.98.0.1/24" "bits beyond its length"
  refuses "lxc.net.0.type = phys
lxc.net.0.link = br0" "leave its network namespace"
  refuses "lxc.net.0.type = macvlan
lxc.net.0.link = port0" "belongs to a bridge"
  refuses "$veth
lxc.net.0.hwaddr = 01:00:00:00:00:01" "hardware address"
  refuses "$veth
lxc.net.0.ipv4.address = 10.77.0.5/24
lxc.net.0.ipv4.address = 10.77.0.5/24" "10.77.0.5/24"
  refuses "lxc.net.0.type = ipvlan
lxc.net.0.link = taken" "ipvlan"
  refuses "lxc.net.0.type = vlan
lxc.net.0.link = taken
lxc.net.0.vlan.id = 9" "vlan"
}

@test "two sections of one number are one" {
  only_networks
  bridge
  net_container <<<"lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.type = veth
lxc.net.0.name = lan"
  net_start
  equals "$(inside ls /proc/sys/net/ipv4/conf | tr '\n' ' ')" "all default lan lo "
}

@test "virtual LANs of a Linux bridge: untagged, none and tagged" {
  only_networks
  host ip link add br1 type bridge vlan_filtering 1 2>/dev/null || skip "the kernel's bridges know no virtual LANs"
  host ip link set br1 up
  net_container <<<"lxc.net.0.type = veth
lxc.net.0.link = br1
lxc.net.0.veth.pair = ${NAME:0:13}a
lxc.net.0.veth.vlan.id = 7
lxc.net.0.veth.vlan.tagged.id = 8
lxc.net.0.veth.vlan.tagged.id = 9
lxc.net.1.type = veth
lxc.net.1.link = br1
lxc.net.1.veth.pair = ${NAME:0:13}b
lxc.net.1.veth.vlan.id = none
lxc.net.1.veth.vlan.tagged.id = 9
lxc.net.2.type = veth
lxc.net.2.link = br1
lxc.net.2.veth.pair = ${NAME:0:13}c"
  net_start
  vlans() { host bridge vlan show dev "${NAME:0:13}$1" | tail -n +2 | sed 's/^[^ \t]*[ \t]*//' | tr '\n' ';'; }
  equals "$(vlans a)" "7 PVID Egress Untagged;8;9;"
  equals "$(vlans b)" "9;"
  equals "$(vlans c)" "1 PVID Egress Untagged;"
}

@test "many containers start at once on one bridge: each has its address, and none leaves anything" {
  only_networks
  only_berth
  bridge
  net_before
  local many=${BERTH_MANY:-200} number began root
  root=$(busybox_root)
  for number in $(seq "$many"); do
    mkdir "$LXCPATH/m$number"
    cat >"$LXCPATH/m$number/config" <<C
lxc.rootfs.path = dir:$root
lxc.uts.name = m$number
lxc.init.cmd = /sbin/testinit
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.77.$((1 + number / 250)).$((number % 250 + 1))/16
C
  done
  began=${EPOCHREALTIME/./}
  host bash -c 'seq "$1" | xargs -P 16 -I{} lxc-start -P "$2" -n m{}' - "$many" "$LXCPATH" 3>&-
  echo "# $many veth containers started in $(((${EPOCHREALTIME/./} - began) / 1000)) ms" >&3
  equals "$(host ip -o link show master br0 | wc -l)" "$many"
  equals "$(lxc-ls "${P[@]}" -f -F NAME,IPV4 | grep -c '10\.77\.')" "$many"
  began=${EPOCHREALTIME/./}
  host bash -c 'seq "$1" | xargs -P 16 -I{} lxc-stop -k -P "$2" -n m{}' - "$many" "$LXCPATH" 3>&-
  echo "# and stopped in $(((${EPOCHREALTIME/./} - began) / 1000)) ms" >&3
  net_unchanged
}

@test "the monitor is killed: routes, proxies and the pair go, and a phys card comes home" {
  only_networks
  only_berth
  bridge
  host sysctl -qw net.ipv4.conf.br0.forwarding=1 net.ipv6.conf.br0.forwarding=1 net.ipv6.conf.br0.proxy_ndp=1
  make_nic
  nic_state >"$LXCPATH/.nic"
  net_before
  nic_container
  cat >>"$LXCPATH/$NAME/config" <<C
lxc.net.1.type = veth
lxc.net.1.link = br0
lxc.net.1.flags = up
lxc.net.1.l2proxy = 1
lxc.net.1.ipv4.address = 10.77.0.11/24
lxc.net.1.ipv6.address = fd77::11/64
lxc.net.1.veth.ipv4.route = 10.98.0.0/24
lxc.net.1.veth.ipv6.route = fd98::/64
C
  net_start
  contains "$(host ip neigh show proxy)" 10.77.0.11
  contains "$(host ip -6 neigh show proxy)" fd77::11
  exits 1 host ip link show nic0
  kill -9 "$(awk '/^PPid/ { print $2 }' "/proc/$(init_pid)/status")"
  nic_comes_home
  net_unchanged
  # And the name can be used again.
  net_start
  reaches "$NAME" 10.66.0.1
  net_stop
  nic_comes_home
  net_unchanged
}

@test "peer killed between creation and the rest: nothing is left" {
  only_networks
  bridge
  net_before
  # The first process dies while the networks are made: an up script kills it.
  printf '#!/bin/sh\nkill -9 $LXC_PID\nexit 0\n' >"$LXCPATH/script"
  chmod 755 "$LXCPATH/script"
  net_container <<<"lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.veth.ipv4.route = 10.98.0.0/24
lxc.net.0.script.up = $LXCPATH/script
lxc.net.1.type = veth
lxc.net.1.link = br0
lxc.net.1.flags = up
lxc.net.1.ipv4.address = 10.77.0.11/24"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "cannot start"
  net_unchanged
}
