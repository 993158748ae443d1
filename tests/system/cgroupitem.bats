# lxc-cgroup: files of a running container's control groups, in the words of either version.
load lib

item() { lxc-cgroup "${P[@]}" "${N[@]}" "$@"; }

@test "a value is printed as the kernel gives it, with LXC's end of line" {
  has_v1 pids || skip "needs v1"
  plain_container
  start_container
  item pids.max 123
  equals "$(item pids.max | od -An -c | tr -d ' ')" '123\n\n'
  equals "$(cat "/sys/fs/cgroup/pids/lxc.payload.$NAME/pids.max")" 123
  exits 0 item pids.max
}

@test "a refused value, an unknown file, and no container: status 1" {
  plain_container
  exits 1 item pids.max
  contains "$output" "not running"
  start_container
  exits 1 item pids.max rubbish
  exits 1 item nosuch.file
  exits 1 item nosuch.file 1
  exits 1 item
}

@test "names of files only" {
  only_berth
  plain_container
  start_container
  exits 1 item ../../notify_on_release
  contains "$output" "is not the name of a control group's file"
  exits 1 item ""
  exits 1 item pids.max 1 2
}

@test "names of v2 on a v1 hierarchy: limits, weights, bandwidth, counters" {
  only_berth
  has_v1 memory || skip "needs v1"
  only_hybrid
  plain_container
  start_container
  group=lxc.payload.$NAME
  equals "$(item memory.max)" max
  item memory.max 64M
  equals "$(cat "/sys/fs/cgroup/memory/$group/memory.limit_in_bytes")" 67108864
  equals "$(item memory.max)" 67108864
  equals "$(item memory.limit_in_bytes)" 67108864
  item memory.max max
  equals "$(item memory.max)" max
  [ "$(item memory.current)" -gt 0 ]
  equals "$(item cpu.weight)" 100
  item cpu.weight 50
  equals "$(cat "/sys/fs/cgroup/cpu/$group/cpu.shares")" 512
  item cpu.max "50000 200000"
  equals "$(cat "/sys/fs/cgroup/cpu/$group/cpu.cfs_quota_us")" 50000
  equals "$(item cpu.max)" "50000 200000"
  item cpu.max max
  equals "$(item cpu.max)" "max 200000"
  exits 1 item cpu.weight 0
  contains "$output" "has no equivalent in cgroup v1"
}

@test "a container is frozen and thawed by its file, in both words" {
  only_berth
  has_v1 freezer || skip "needs v1"
  plain_container
  start_container
  equals "$(item freezer.state)" THAWED
  item freezer.state FROZEN
  equals "$(item freezer.state)" FROZEN
  item freezer.state THAWED
}

@test "device rules" {
  has_v1 devices || skip "needs the devices controller"
  plain_container
  start_container
  item devices.deny a
  equals "$(item devices.list)" ""
  item devices.allow "c 1:3 rwm"
  equals "$(item devices.list)" "c 1:3 rwm"
  exits 1 item devices.allow "x 1:3"
}
