# Storage of type rbd on a Ceph cluster of one monitor and one OSD, whose objects are in memory, in the virtual machine that
# tests/vm/run boots: images are mapped by its kernel's module rbd, or by rbd-nbd.
# Whoever may read /proc could reach the cluster: it knows no keys, and listens on the loopback address only.
PROBE=/build/build/release/bin/conformance_storage_test

setup_file() {
  [ -n "${BERTH_VM:-}" ] || return 0
  export CEPH=/root/ceph CEPH_CONF=/root/ceph/ceph.conf BERTH_TEST_RBD_POOL=lxc
  local began=$SECONDS
  start_ceph >&2
  echo "# the cluster took $((SECONDS - began)) s" >&3
}

setup() {
  [ -n "${BERTH_VM:-}" ] || skip "needs a Ceph cluster and a kernel that maps its images: only in the virtual machine of tests/vm/run"
}

teardown_file() {
  [ -n "${BERTH_VM:-}" ] || return 0
  local file
  for file in "$CEPH"/osd.pid "$CEPH"/mon.pid; do [ ! -e "$file" ] || kill -KILL "$(<"$file")"; done
  rm -rf "$CEPH"
}

write_ceph_conf() {
  cat >"$CEPH_CONF" <<END
[global]
fsid = $1
mon host = [v2:127.0.0.1:3300/0,v1:127.0.0.1:6789/0]
auth cluster required = none
auth service required = none
auth client required = none
ms bind ipv6 = false
mon data = $CEPH/mon
mon allow pool size one = true
mon allow pool delete = true
mon warn on pool no redundancy = false
mon data avail crit = 1
mon data avail warn = 1
osd data = $CEPH/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd pool default size = 1
osd pool default min size = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
run dir = $CEPH
admin socket = $CEPH/\$name.asok
log file = $CEPH/\$name.log
END
}

# Programs that stay get none of bats's descriptors, or bats waits for them.
stay() {
  local file=$CEPH/$1.pid
  shift
  "$@" </dev/null >>"$CEPH/output" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  echo $! >"$file"
}

osd_is_up() { timeout 60 ceph osd stat | grep -q '1 up'; }

start_ceph() {
  local fsid osd_id seconds
  mkdir -p "$CEPH/mon" "$CEPH/osd"
  fsid=$(</proc/sys/kernel/random/uuid) osd_id=$(</proc/sys/kernel/random/uuid)
  write_ceph_conf "$fsid"
  monmaptool --create --fsid "$fsid" --addv a '[v2:127.0.0.1:3300,v1:127.0.0.1:6789]' "$CEPH/monmap"
  ceph-mon --mkfs -i a --monmap "$CEPH/monmap" --setuser root --setgroup root
  stay mon ceph-mon -f -i a --setuser root --setgroup root
  timeout 90 ceph osd new "$osd_id"
  ceph-osd -i 0 --mkfs --osd-uuid "$osd_id" --setuser root --setgroup root
  stay osd ceph-osd -f -i 0 --setuser root --setgroup root
  for ((seconds = 0; seconds < 60; seconds++)); do
    osd_is_up && break
    sleep 1
  done
  timeout 90 ceph osd pool create lxc 4
  timeout 90 rbd pool init lxc
}

# Each rbd command takes a guest in software emulation seconds: one life of two roots, not the whole suite of all stores.
@test "rbd: images are made, cloned, resized, renamed and destroyed" {
  run timeout -k 5 400 "$PROBE" --gtest_filter='RbdTest.*'
  echo "$output"
  [ "$status" = 0 ]
  [[ $output == *"[  PASSED  ] "[1-9]* ]]
  [[ $output != *"[  SKIPPED ]"* ]]
  [ "$(rbd device list --format json)" = "[]" ]
  [ -z "$(rbd ls lxc)" ]
}

@test "rbd: a kernel without the module rbd maps by rbd-nbd" {
  modprobe nbd
  if [ -e /sys/bus/rbd ]; then rmmod rbd; fi
  echo 'install rbd /bin/false' >/etc/modprobe.d/no-rbd.conf
  run timeout -k 5 200 "$PROBE" --gtest_filter='RbdTest.ADevice*'
  echo "$output"
  rm /etc/modprobe.d/no-rbd.conf
  [ "$status" = 0 ]
  [[ $output != *"[  SKIPPED ]"* ]]
  [ ! -e /sys/bus/rbd ]
  [ "$(rbd device list -t nbd --format json)" = "[]" ]
}
