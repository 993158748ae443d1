# Namespaces of network and mounts that belong to one test, with a /sys that shows them.
#
#   net_lab_start      makes them; LAB is then the command prefix that enters them (net_probe.bash uses it)
#   net_lab_stop       ends them; what runs in them has to be ended before
# Command sockets of containers belong to a network namespace, so the programs that tests call by name are functions here, which
# run them in the lab when there is one.

LAB=()
lab() { "${LAB[@]}" "$@"; }

for program in start stop wait info attach; do
  eval "lxc-$program() { lab \"\$BERTH_BIN/lxc-$program\" \"\$@\"; }"
done

net_lab_start() {
  unshare -n -m --propagation private sleep infinity 3>&- &
  NET_LAB=$!
  eventually 5 net_lab_is_apart # before that it is in the namespaces of the host
  LAB=(nsenter -t "$NET_LAB" -n -m --)
  lab sh -e -c '
    mount -t sysfs sysfs /mnt
    mount --rbind /sys/fs/cgroup /mnt/fs/cgroup
    mount --move /mnt /sys
    ip link set lo up' 3>&-
}

net_lab_is_apart() { [ "$(cat "/proc/$NET_LAB/comm")" = sleep ]; }

net_lab_stop() {
  [ -n "${NET_LAB:-}" ] || return 0
  kill "$NET_LAB"
  wait "$NET_LAB" 2>/dev/null || true
  NET_LAB='' LAB=()
}

# end_in_lab PID: a process of the lab, and not before it is gone.
end_in_lab() {
  kill "$1" 2>/dev/null || return 0
  eventually 5 is_gone "$1"
}

is_gone() { [ ! -e "/proc/$1" ]; }
