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
  for mode in bridge private vepa; do
    for number in 11 12; do
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
      ! pings "${mode}11" 10.77.0.12
    fi
    net_stop "${mode}11"
    net_stop "${mode}12"
  done
  for name in one two; do
    net_container "$name" <<<"lxc.net.0.type = macvlan
lxc.net.0.link = up0
lxc.net.0.macvlan.mode = passthru"
  done
  net_start one
  exits 1 lxc-start "${P[@]}" -n two
  contains "$output" "up0"
  contains "$output" "passthru"
  net_stop one
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
