# An Open vSwitch of the test's own in its net_lab, with its database and its sockets in a tmpfs over /run/openvswitch, so that
# ovs-vsctl finds it where it always looks. The datapath is the one in user space, which needs nothing of the kernel but /dev/net/tun.
#
#   ovs_lab_start            starts both
#   ovs_lab_bridge NAME      a bridge
#   ovs_lab_stop             ends both

ovs_lab_missing() {
  command -v ovs-vswitchd >/dev/null || { echo "openvswitch-switch is not installed"; return; }
  [ -c /dev/net/tun ] || echo "no /dev/net/tun for the datapath in user space"
}

ovs_lab_start() {
  net_lab_start
  lab sh -e -c '
    mkdir -p /run/openvswitch
    mount -t tmpfs -o mode=755 ovs /run/openvswitch
    cd /run/openvswitch
    ovsdb-tool create conf.db /usr/share/openvswitch/vswitch.ovsschema
    ovsdb-server --remote=punix:db.sock --pidfile --detach --no-chdir --log-file=db.log -vconsole:off conf.db
    ovs-vsctl --no-wait init
    ovs-vswitchd --pidfile --detach --no-chdir --log-file=vswitchd.log -vconsole:off' 3>&- 2>&1
}

ovs_lab_bridge() {
  lab ovs-vsctl -t 10 add-br "$1" -- set bridge "$1" datapath_type=netdev
  lab ip link set "$1" up
}

ovs_lab_pid() { lab cat "/run/openvswitch/$1.pid" 2>/dev/null; }

ovs_lab_stop() {
  [ -n "${NET_LAB:-}" ] || return 0
  local program pid
  for program in ovs-vswitchd ovsdb-server; do
    pid=$(ovs_lab_pid "$program") || continue
    end_in_lab "$pid"
  done
  net_lab_stop
}
