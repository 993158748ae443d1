# For tests of networks: a network namespace of the test's own stands for the host, so that no interface, route or address of the
# machine changes and several runs don't meet. `host COMMAND...` runs there; what a container leaves there fails the test.
load lib

only_networks() {
  only_root
  ip netns list >/dev/null 2>&1 || skip "needs network namespaces"
}

eval "lib_$(declare -f setup)"
eval "lib_$(declare -f teardown)"
setup() {
  lib_setup
  [ "$(id -u)" = 0 ] || return 0
  NET=$NAME
  ip netns add "$NET"
  host ip link set lo up
}

teardown() {
  local failed=0 namespace
  lib_teardown || failed=1
  for namespace in "${NET:-}" ${NET:+${NET}b}; do
    [ ! -e "/run/netns/$namespace" ] || ip netns del "$namespace" || failed=1
  done
  return "$failed"
}

host() { nsenter --net="/run/netns/$NET" -- "$@"; }

# The names of command sockets belong to a network namespace: every command that asks a monitor has to run where that one does.
for command in start stop attach info wait ls copy destroy device execute freeze unfreeze; do
  eval "lxc-$command() { host lxc-$command \"\$@\"; }"
done

# bridge [NAME [COMMANDS OF ip link add...]]: with 10.77.0.1/24 and fd77::1/64 when it is br0.
bridge() {
  local name=${1:-br0}
  shift || true
  host ip link add "$name" type bridge "$@"
  if [ "$name" = br0 ]; then
    host ip addr add 10.77.0.1/24 dev br0
    host ip addr add fd77::1/64 dev br0 nodad
  fi
  host ip link set "$name" up
}

# As make_container, without its network: the lines on standard input bring theirs.
net_container() {
  make_container "$@"
  local name=$NAME word
  for word in "$@"; do [ "$word" = -b ] || name=$word; done
  sed -i '0,/^lxc.net.0.type = empty$/{//d}' "$LXCPATH/$name/config"
}

# A veth container on br0. net_veth NAME NUMBER
net_veth() {
  net_container "$1" <<<"lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.77.0.$2/24
lxc.net.0.ipv6.address = fd77::$2/64"
}

net_start() {
  local name=${1:-$NAME}
  [ $# = 0 ] || shift
  lxc-start "${P[@]}" -n "$name" "$@" 3>&-
  lxc-wait "${P[@]}" -n "$name" -s RUNNING -t 20
}

# Ends it at once, and waits until nothing of it is left.
net_stop() {
  local name=${1:-$NAME}
  lxc-stop "${P[@]}" -n "$name" -k
  lxc-wait "${P[@]}" -n "$name" -s STOPPED -t 20
}

in_container() {
  local name=$1
  shift
  lxc-attach "${P[@]}" -n "$name" -- "$@"
}

# What the "host" has of networks, without what changes by itself.
net_state() {
  host ip -o -d link show | sed -E 's/ (qlen [0-9]+|state [A-Z]+|<[A-Z,_-]*>)//g; s/ (timer|hello_timer|tcn_timer|topology_change_timer|gc_timer) +[0-9.]+//g; s/topology_change[a-z_]* [01]//g' | sed 's/bridge_id [^ ]*//; s/designated_root [^ ]*//' | awk '{ print "link", $2 }'
  host ip -o addr show | awk '$4 !~ /^fe80/ { print "address", $2, $4 }'
  host ip route show | sed 's/ linkdown//; s/^/route /'
  host ip -6 route show | grep -v '^fe80' | sed 's/ linkdown//; s/^/route6 /'
  host ip neigh show proxy | sed 's/^/proxy /'
  host ip -6 neigh show proxy | sed 's/^/proxy6 /'
}
net_before() { net_state | sort >"$LXCPATH/.net"; }
net_is_as_before() { diff "$LXCPATH/.net" <(net_state | sort) >"$LXCPATH/.net.diff"; }
net_unchanged() { eventually 10 net_is_as_before || { cat "$LXCPATH/.net.diff" >&2; return 1; }; }

# reaches NAME ADDRESS: the container gets answers.
pings() { in_container "$1" ping -c 1 -W 1 "$2" >/dev/null 2>&1; }
reaches() { eventually 8 pings "$1" "$2"; }
host_pings() { host busybox ping -c 1 -W 1 "$1" >/dev/null 2>&1; }
host_reaches() { eventually 8 host_pings "$1"; }

# carries SENDER RECEIVER ADDRESS: 8 MB over TCP, both ways of the stack, the bytes counted where they arrive. "" = the host.
at() {
  local who=$1
  shift
  if [ -n "$who" ]; then in_container "$who" "$@"; else host busybox "$@"; fi
}
carries() {
  local sender=$1 receiver=$2 address=$3 began=${EPOCHREALTIME/./} bytes
  # Standard input that never ends: at its end nc would end the connection.
  [ -p "$LXCPATH/endless" ] || mkfifo "$LXCPATH/endless"
  { at "$receiver" nc -l -p 5001 <>"$LXCPATH/endless" | wc -c >"$LXCPATH/received"; } 3>&- &
  local reader=$!
  listens() { at "$receiver" netstat -ltn 2>/dev/null | grep -q ':5001 '; }
  eventually 10 listens
  at "$sender" sh -c "dd if=/dev/zero bs=64k count=128 2>/dev/null | nc -w 5 $address 5001" || true
  wait "$reader"
  bytes=$(cat "$LXCPATH/received")
  equals "$bytes" 8388608
  echo "# ${sender:-host} -> ${receiver:-host} $address: 8 MiB in $(((${EPOCHREALTIME/./} - began) / 1000)) ms with both starts" >&3
}
