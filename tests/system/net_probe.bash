# Questions to a network that is there: does it carry pings, TCP, names. Both address families are asked in the same words.
#   LAB      how to get to where the network is: a command prefix (net_lab.bash); empty for here
#   RUN_IN   from there to what plays the host or the world beyond: another one
# and calls end_server in its teardown.

declare -F lab >/dev/null || { LAB=() && lab() { "${LAB[@]}" "$@"; }; }
RUN_IN=()

# networked NAME <<< "lxc.net.0.type = ...": a stopped container with these network lines, and none of those of the fixture.
networked() {
  make_container "$1"
  sed -i '/^lxc\.net\.0\.type = empty$/d' "$LXCPATH/$1/config"
  mkdir -p "$LXCPATH/$1/rootfs/www"
  head -c 300000 /dev/urandom >"$LXCPATH/$1/rootfs/www/blob"
}

# in_net NAME COMMAND...: a program of the host in the container's network.
in_net() {
  local pid
  pid=$(init_pid "$1") || return
  shift
  nsenter -n -t "$pid" -- "$@"
}

within() {
  local name=$1
  shift
  lxc-attach "${P[@]}" -n "$name" -- "$@"
}

# pings NAME ADDRESS: one answer within two seconds (neighbours are found in the first).
pings() {
  local try program=ping
  [[ $2 != *:* ]] || program=ping6
  for try in 1 2 3 4 5; do
    if within "$1" "$program" -c 1 -W 1 "$2" >/dev/null 2>&1; then return 0; fi
  done
  fail "$1 can't ping $2 ($try tries): $(in_net "$1" ip -br addr 2>&1; in_net "$1" ip route 2>&1; in_net "$1" ip -6 route 2>&1)"
}

# Every packet is lost: the counterpart of pings, which a test calls where pings has succeeded for another pair.
cannot_ping() {
  local program=ping
  [[ $2 != *:* ]] || program=ping6
  if within "$1" "$program" -c 2 -W 1 "$2" >/dev/null 2>&1; then fail "$1 can ping $2"; fi
}

# serve NAME: offers /www/blob to all.
serve() { within "$1" httpd -p 80 -h /www; }

url_host() { [[ $1 != *:* ]] && echo "$1" || echo "[$1]"; }

# fetches NAME ADDRESS FILE: what comes over TCP from port 80 is what FILE holds, within 15 seconds.
fetches() {
  local sum
  sum=$(within "$1" timeout 15 sh -c "wget -q -O - http://$(url_host "$2")/blob | md5sum") || fail "$1 gets nothing from $2" || return
  equals "${sum%% *}" "$(md5sum <"$3" | cut -d' ' -f1)"
}

# carries FROM TO ADDRESS...: ping and TCP from one container to another at each of its addresses.
carries() {
  local from=$1 to=$2 address
  shift 2
  serve "$to"
  for address in "$@"; do
    pings "$from" "$address"
    fetches "$from" "$address" "$LXCPATH/$to/rootfs/www/blob"
  done
}

# host_answers NAME ADDRESS...: ping and TCP from the container to the host (or what plays it).
host_answers() {
  local name=$1 address
  shift
  mkdir -p "$LXCPATH/www"
  head -c 300000 /dev/urandom >"$LXCPATH/www/blob"
  "${LAB[@]}" "${RUN_IN[@]}" busybox httpd -f -p 80 -h "$LXCPATH/www" 3>&- &
  SERVER=$!
  for address in "$@"; do
    pings "$name" "$address"
    fetches "$name" "$address" "$LXCPATH/www/blob"
  done
  end_server
}

# Also for a teardown, as a test may fail while one runs.
end_server() {
  [ -n "${SERVER:-}" ] || return 0
  kill "$SERVER" 2>/dev/null || true
  wait "$SERVER" 2>/dev/null || true
  SERVER=
}

# resolves NAME SERVER: a name server there knows peer.test at 192.0.2.7 and 2001:db8::7, and both families' answers arrive.
resolves() {
  local name=$1 address=$2 said=
  "${LAB[@]}" "${RUN_IN[@]}" dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces \
    --listen-address="$address" --host-record=peer.test,192.0.2.7,2001:db8::7 --user=root --pid-file= >"$LXCPATH/dnsmasq.log" 2>&1 3>&- &
  SERVER=$!
  asked() { said=$(within "$name" nslookup peer.test "$address" 2>&1) && [[ $said == *192.0.2.7* && $said == *2001:db8::7* ]]; }
  eventually 10 asked || fail "$name asked $address: $said; $(cat "$LXCPATH/dnsmasq.log")"
  end_server
}

# begin NAME...: starts them, one after the other.
begin() {
  local name
  for name in "$@"; do start_container "$name"; done
}

end() {
  local name
  for name in "$@"; do lxc-stop "${P[@]}" -n "$name" -k; done
}

# Interfaces, addresses, routes and neighbour proxies of the host, in a form that two moments can be compared in.
network_state() {
  lab "${RUN_IN[@]}" sh -c 'ip -br link; ip -br addr; ip route show table all; ip neigh show proxy' |
    awk '!/^(broadcast|local|multicast|anycast) / && !/fe80::\/64|ff00::/ { gsub(/ linkdown| expires [0-9]+sec/, ""); print }' | sort
}
