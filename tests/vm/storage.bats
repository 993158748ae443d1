# Stores that need drivers which a host need not have (device-mapper, nbd), in the virtual machine that tests/vm/run boots: a volume
# group on its disk /dev/vdb, images in its memory.
load ../system/lib

eval "$(declare -f setup | sed '1s/setup/plain_setup/')"
eval "$(declare -f teardown | sed '1s/teardown/plain_teardown/')"

conformance=$REPO/build/release/bin/conformance_storage_test

setup_file() {
  [ -n "${BERTH_VM:-}" ] || return 0
  modprobe dm-mod
  modprobe nbd
  mkdir -p /root/lvm
  # LVM looks at that disk alone, keeps no copies of what it changes, and starts no daemon: each costs seconds here.
  cat >/root/lvm/lvm.conf <<CONF
devices { filter = [ "a|^/dev/vdb\$|", "r|.*|" ]
  use_devicesfile = 0 }
activation { monitoring = 0 }
backup { backup = 0
  archive = 0 }
CONF
  export LVM_SYSTEM_DIR=/root/lvm LVM_SUPPRESS_FD_WARNINGS=1
  vgcreate -q -y store /dev/vdb
  lvcreate -q -y -L 1G -T store/pool
}

teardown_file() {
  [ -n "${BERTH_VM:-}" ] || return 0
  LVM_SYSTEM_DIR=/root/lvm vgremove -q -f -f -y store
}

setup() {
  [ -n "${BERTH_VM:-}" ] || skip "needs device-mapper and nbd, and a disk to spend: only in the virtual machine of tests/vm/run"
  only_berth "the stores are berth's own"
  export LVM_SYSTEM_DIR=/root/lvm LVM_SUPPRESS_FD_WARNINGS=1
  plain_setup
}

teardown() {
  [ -n "${BERTH_VM:-}" ] || return 0
  local failed=0 left volume
  plain_teardown || failed=1
  left=$(volumes | grep -vx pool || true)
  [ -z "$left" ] || { echo "volumes left: $left"; failed=1; for volume in $left; do lvremove -q -f "store/$volume"; done; }
  if connected; then failed=1; fi
  return "$failed"
}

volumes() { lvs --noheadings -o lv_name store | sed 's/ //g'; }
# Says which devices show an image.
connected() { grep -H . /sys/block/nbd*/pid 2>/dev/null; }

template() {
  cat >"$LXCPATH/.template" <<TEMPLATE
#!/bin/sh
for word; do case \$word in --rootfs=*) root=\${word#--rootfs=} ;; --path=*) path=\${word#--path=} ;; esac; done
cp -a "$(busybox_root)/." "\$root/" || exit 1
cat >>"\$path/config" <<CONFIG
lxc.signal.halt = SIGUSR1
lxc.signal.reboot = SIGTERM
lxc.tty.max = 2
lxc.pty.max = 16
lxc.mount.auto = proc:mixed sys:ro
lxc.init.cmd = /sbin/testinit
CONFIG
TEMPLATE
  chmod 755 "$LXCPATH/.template"
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/.config"
  lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/.template" -f "$LXCPATH/.config" "$@"
}

started() {
  lxc-start "${P[@]}" -n "$1" 3>&-
  lxc-wait "${P[@]}" -n "$1" -s RUNNING -t 30
}

# suite FILTER: tests of the conformance suite, none of which may be skipped.
suite() {
  run timeout -k 5 400 "$conformance" --gtest_brief=1 --gtest_filter="$1"
  echo "$output"
  equals "$status" 0
  lacks "$output" SKIPPED
  contains "$output" "[  PASSED  ]"
}

@test "lvm keeps the promises of a store: thin volumes" {
  suite '*/BackingStoreTest.SnapshotsWhereItSaysSo/lvm_thin:*/BackingStoreTest.ResizesWhereItSaysSo/lvm_thin:*/BlockStoreTest.WhatIsInUse*/lvm_thin:*/BlockStoreTest.KilledCopies*/lvm_thin'
}

@test "lvm keeps the promises of a store: thick volumes" {
  suite '*/BackingStoreTest.DestroysAllOfIt*/lvm_thick:*/BlockStoreTest.ASnapshotIsMounted*/lvm_thick:*/BlockStoreTest.Shrinks*/lvm_thick'
}

@test "nbd keeps the promises of a store" {
  suite '*/BackingStoreTest.CreatesAnEmptyRootOnce/nbd_*:*/BackingStoreTest.SnapshotsWhereItSaysSo/nbd_*:*/BackingStoreTest.ResizesWhereItSaysSo/nbd_qcow2:*/BlockStoreTest.WhatIsInUse*/nbd_qcow2:*/BlockStoreTest.KilledCopies*/nbd_qcow2'
}

@test "lvm, thin: a container starts, so does its snapshot, which needs nobody" {
  template -B lvm --vgname store --thinpool pool --fssize 64M --fstype ext4
  grep -qx "lxc.rootfs.path = lvm:/dev/store/$NAME" "$LXCPATH/$NAME/config"
  lvchange -q -a n "store/$NAME" # as after a boot that activates nothing
  started "$NAME"
  inside sh -c 'echo one > /written'
  run lxc-destroy "${P[@]}" "${N[@]}"
  [ "$status" -ne 0 ]
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-s" -s
  lxc-destroy "${P[@]}" "${N[@]}"
  equals "$(volumes | sort | tr '\n' ' ')" "$NAME-s pool "
  started "$NAME-s"
  equals "$(lxc-attach "${P[@]}" -n "$NAME-s" -- cat /written)" one
  lxc-stop "${P[@]}" -n "$NAME-s" -k
  lxc-destroy "${P[@]}" -n "$NAME-s"
}

@test "lvm: XFS of a source and of its snapshot have UUIDs of their own, both in use" {
  template -B lvm --vgname store --thinpool pool --fssize 320M --fstype xfs
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-s" -s
  started "$NAME"
  started "$NAME-s"
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-stop "${P[@]}" -n "$NAME-s" -k
  lxc-destroy "${P[@]}" -n "$NAME-s"
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "lvm: what can't be is refused, with the way out, and nothing is made" {
  run template -B lvm --vgname absent
  [ "$status" -ne 0 ]
  contains "$output" "vgcreate absent"
  run template -B lvm --vgname store --thinpool none --fssize 90G
  [ "$status" -ne 0 ]
  contains "$output" "has no room"
  lvcreate -q -y -L 8M -n "$NAME" store
  run template -B lvm --vgname store --thinpool none --fssize 64M
  [ "$status" -ne 0 ]
  contains "$output" "there is something at lvm:/dev/store/$NAME already"
  equals "$(volumes | sort | tr '\n' ' ')" "$NAME pool "
  lvremove -q -f "store/$NAME"
}

@test "nbd: a container starts, and its image is disconnected at its end" {
  template -B nbd --fssize 64M
  [ -z "$(connected)" ]
  started "$NAME"
  [ -n "$(connected)" ]
  inside sh -c 'echo one > /written'
  lxc-stop "${P[@]}" "${N[@]}" -k
  eventually 10 sh -c '! grep -q . /sys/block/nbd*/pid 2>/dev/null'
  started "$NAME"
  equals "$(inside cat /written)" one
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "lvm, thick: a restore in place is refused before anything is touched; one under a new name is a copy" {
  template -B lvm --vgname store --thinpool none --fssize 32M --fstype ext4
  lxc-snapshot "${P[@]}" "${N[@]}"
  local before entries
  before=$(volumes | sort | tr '\n' ' ')
  entries=$(ls -A "$LXCPATH/$NAME")
  run lxc-snapshot "${P[@]}" "${N[@]}" -r snap0
  [ "$status" -ne 0 ]
  contains "$output" "the snapshot snap0 needs what would be replaced"
  contains "$output" "--newname"
  equals "$(volumes | sort | tr '\n' ' ')" "$before"
  equals "$(ls -A "$LXCPATH/$NAME")" "$entries"
  lxc-snapshot "${P[@]}" "${N[@]}" -r snap0 -N "$NAME-b"
  lxc-destroy "${P[@]}" "${N[@]}" -s
  started "$NAME-b"
  lxc-stop "${P[@]}" -n "$NAME-b" -k
  lxc-destroy "${P[@]}" -n "$NAME-b"
}

@test "lvm: a destroy that is refused leaves the container as it was" {
  template -B lvm --vgname store --thinpool pool --fssize 32M --fstype ext4
  lvchange -q -a y -K "store/$NAME"
  mkdir "$LXCPATH/.mnt"
  mount "/dev/store/$NAME" "$LXCPATH/.mnt"
  run lxc-destroy "${P[@]}" "${N[@]}"
  [ "$status" -ne 0 ]
  umount "$LXCPATH/.mnt"
  [ ! -L "$LXCPATH/$NAME/destroying" ]
  started "$NAME"
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "nbd: the doctor disconnects what nobody uses, and leaves what is mounted" {
  template -B nbd --fssize 64M
  qemu-nbd --connect=/dev/nbd5 --format=qcow2 "$LXCPATH/$NAME/rootdev.qcow2"
  eventually 20 sh -c 'blkid /dev/nbd5 >/dev/null'
  mkdir "$LXCPATH/.mnt"
  mount /dev/nbd5 "$LXCPATH/.mnt"
  run berth doctor "${P[@]}" "$NAME" --repair
  equals "$status" 1
  contains "$output" "/dev/nbd5 is still connected to $LXCPATH/$NAME/rootdev.qcow2, and in use"
  [ -e "$LXCPATH/.mnt/sbin/testinit" ]
  umount "$LXCPATH/.mnt"
  run berth doctor "${P[@]}" "$NAME"
  equals "$status" 1
  contains "$output" "/dev/nbd5 is still connected"
  [ -n "$(connected)" ]
  berth doctor "${P[@]}" "$NAME" --repair
  [ -z "$(connected)" ]
  berth doctor "${P[@]}" "$NAME"
  lxc-destroy "${P[@]}" "${N[@]}"
}

# clones KIND OPTION...: a copy that shares data with a container of this kind needs it, and goes by --clones alone.
clones() {
  template -B "$@" --fssize 32M --fstype ext4
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-s" -s
  lxc-snapshot "${P[@]}" "${N[@]}"
  equals "$(cat "$LXCPATH/$NAME-s/lxc_rdepends")" "$LXCPATH"$'\n'"$NAME"
  equals "$(cat "$LXCPATH/$NAME/snaps/snap0/lxc_rdepends")" "$LXCPATH"$'\n'"$NAME"
  equals "$(cat "$LXCPATH/$NAME/lxc_snapshots")" "$LXCPATH"$'\n'"$NAME-s"
  berth doctor "${P[@]}"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}" -s
  contains "$output" "clones depend"
  exits 0 lxc-destroy "${P[@]}" "${N[@]}" -s --clones
  equals "$output" "destroyed $LXCPATH/$NAME-s"
  equals "$(lxc-ls "${P[@]}" -1)" ""
}

@test "nbd: a copy that shares data needs its source" { clones nbd; }

@test "lvm, thick: a copy that shares data needs its source" { clones lvm --vgname store; }
