# Containers on every backing store that this host can have: made, started, written to, started again, copied, destroyed.
load lib

setup_file() { only_berth "the stores are berth's own"; }

only_loop() {
  only_root
  [ -e /dev/loop-control ] || skip "needs loop devices"
  command -v "mkfs.$1" >/dev/null || skip "needs mkfs.$1"
}
only_filesystem() { grep -qw "$1" /proc/filesystems || modprobe "$1" 2>/dev/null || skip "the kernel has no $1"; }

# A host's directory on a file system of its own, mounted at $LXCPATH/host: containers live there.
host_on() {
  only_loop "$1"
  only_filesystem "$1"
  truncate -s "${2:-400M}" "$LXCPATH/.host"
  "mkfs.$1" -q "$LXCPATH/.host" >/dev/null
  mkdir "$LXCPATH/host"
  mount -o loop "$LXCPATH/.host" "$LXCPATH/host"
  P=(-P "$LXCPATH/host")
}

# Before the leak check looks for mounts.
teardown_stores() {
  local config
  for config in "${P[1]}"/*/config; do
    [ -e "$config" ] || continue
    lxc-stop "${P[@]}" -n "$(basename "$(dirname "$config")")" -k >/dev/null 2>&1 || true
  done
  [ ! -d "$LXCPATH/host" ] || eventually 5 umount "$LXCPATH/host" || return 1
  eventually 5 no_loops || { loops && return 1; }
}

eval "$(declare -f teardown | sed 's/^teardown/teardown_all/')"
teardown() {
  local failed=0
  teardown_stores || failed=1
  teardown_all || failed=1
  return "$failed"
}

# Loop devices that show a file of the test.
loops() { losetup -a | grep -F "$LXCPATH/" || true; }
no_loops() { [ -z "$(loops)" ]; }
some_loops() { ! no_loops; }
ended() { ! grep -q . "/proc/$1/cmdline" 2>/dev/null; }

# The busybox root of all tests, as a template: much quicker than making one.
quick_template() {
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
}

# create_on KIND OPTION...: by the template above.
create_on() {
  quick_template
  local kind=$1
  shift
  lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/.template" -f "$LXCPATH/.config" -B "$kind" "$@"
}

mounted_root() { inside sed -n 's/^[^ ]* \/ \([^ ]*\) \([^ ]*\) .*/\1 \2/p' /proc/mounts; }

# What every store must do. $1: the type of the file system that the container sees as its root.
whole_life() {
  local type=$1
  start_container
  [[ $(mounted_root) == "$type "* ]] || fail "root: $(mounted_root)"
  inside sh -c 'echo first > /written'
  lxc-stop "${P[@]}" "${N[@]}"
  start_container
  equals "$(inside cat /written)" first
  lxc-stop "${P[@]}" "${N[@]}" -r
  eventually 10 inside test -e /written
  inside sh -c 'echo second > /written'
  # Another container on the same root, refused or not, takes nothing from this one.
  lxc-execute "${P[@]}" -n "$NAME-x" -s lxc.rootfs.path="$(lxc-info "${P[@]}" "${N[@]}" -c lxc.rootfs.path | sed 's/.* = //')" -- true 2>/dev/null || true
  equals "$(state)" RUNNING
  equals "$(inside cat /written)" second
  lxc-stop "${P[@]}" "${N[@]}" -k
  [ ! -e "$LXCPATH/rootfs/written" ]
}

snapshot_life() {
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-s" -s
  lxc-start "${P[@]}" -n "$NAME-s" 3>&-
  lxc-wait "${P[@]}" -n "$NAME-s" -s RUNNING -t 20
  equals "$(lxc-attach "${P[@]}" -n "$NAME-s" -- cat /written)" second
  lxc-attach "${P[@]}" -n "$NAME-s" -- sh -c 'echo third > /written'
  lxc-stop "${P[@]}" -n "$NAME-s" -k
  lxc-destroy "${P[@]}" -n "$NAME-s"
}

gone() {
  lxc-destroy "${P[@]}" "${N[@]}"
  local path=${P[1]}
  equals "$(find "$path" -mindepth 1 -maxdepth 1 ! -name '.*' ! -name host ! -name lost+found | sort)" ""
  no_loops
}

@test "loop, ext4: a whole life" {
  only_loop ext4
  create_on loop --fssize 96M
  no_loops
  equals "$(stat -c %s "$LXCPATH/$NAME/rootdev")" $((96 << 20))
  whole_life ext4
  gone
}

@test "loop: a template dies with its killed command; who else holds the image mounted is named" {
  only_loop ext4
  local pid
  cat >"$LXCPATH/.template" <<TEMPLATE
#!/bin/sh
sleep 300 >/dev/null 2>&1 3>&- &
echo \$! >"$LXCPATH/.left"
echo \$\$ >"$LXCPATH/.self"
wait
TEMPLATE
  chmod 755 "$LXCPATH/.template"
  lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/.template" -B loop --fssize 32M >/dev/null 2>&1 3>&- &
  pid=$!
  eventually 10 [ -s "$LXCPATH/.self" ]
  kill -9 "$pid"
  wait "$pid" || true
  eventually 5 ended "$(cat "$LXCPATH/.self")"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "end the process $(cat "$LXCPATH/.left") (sleep)"
  kill -9 "$(cat "$LXCPATH/.left")"
  eventually 5 no_loops
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "loop, xfs: a whole life" {
  only_loop xfs
  only_filesystem xfs
  create_on loop --fstype xfs --fssize 320M
  whole_life xfs
  gone
}

@test "loop, btrfs: a whole life" {
  only_loop btrfs
  only_filesystem btrfs
  create_on loop --fstype btrfs --fssize 160M
  whole_life btrfs
  gone
}

# A command that hangs before it cuts the image: the background's $!, and its output in the file.
hanging_resize() {
  strace -f -qq -o /dev/null -e trace=ftruncate -e inject=ftruncate:delay_enter="$1" \
    berth storage resize "${P[@]}" "$NAME" "$2" >"$LXCPATH/.hanging" 2>&1 3>&- &
}

@test "loop, btrfs: two that change the size of a running container's root wait for each other" {
  only_loop btrfs
  command -v strace >/dev/null || skip "needs strace"
  create_on loop --fstype btrfs --fssize 600M
  lxc-start "${P[@]}" "${N[@]}"
  hanging_resize 2500ms 300M
  local first=$!
  sleep 1
  berth storage resize "${P[@]}" "$NAME" 700M
  wait "$first" || fail "$(cat "$LXCPATH/.hanging")"
  equals "$(stat -c %s "$LXCPATH/$NAME/rootdev")" $((700 << 20))
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-start "${P[@]}" "${N[@]}"
  lxc-stop "${P[@]}" "${N[@]}" -k
}

@test "loop, btrfs: an image is not cut when its file system has grown again" {
  only_loop btrfs
  command -v strace >/dev/null || skip "needs strace"
  create_on loop --fstype btrfs --fssize 600M
  local device
  device=$(losetup --show -f "$LXCPATH/$NAME/rootdev")
  mkdir "$LXCPATH/host" # teardown unmounts it
  mount "$device" "$LXCPATH/host"
  losetup -d "$device"
  strace -f -qq -o /dev/null -e trace=ioctl -e inject=ioctl:delay_exit=200ms \
    berth storage resize "${P[@]}" "$NAME" 300M >"$LXCPATH/.hanging" 2>&1 3>&- &
  local resizing=$! left=500
  while kill -0 "$resizing" 2>/dev/null && ((left-- > 0)); do
    btrfs filesystem resize max "$LXCPATH/host" >/dev/null
    sleep 0.02
  done
  local status=0
  wait "$resizing" || status=$?
  equals "$status" 1
  contains "$(cat "$LXCPATH/.hanging")" "has grown again meanwhile"
  equals "$(stat -c %s "$LXCPATH/$NAME/rootdev")" $((600 << 20))
}

@test "loop: what a root takes is told between starts, not in the middle of one" {
  only_loop ext4
  command -v strace >/dev/null || skip "needs strace"
  create_on loop --fssize 96M
  strace -f -qq -o /dev/null -e trace=fstatfs,statfs -e inject=statfs:delay_enter=2s -e inject=fstatfs:delay_enter=2s \
    berth storage usage "${P[@]}" "$NAME" >"$LXCPATH/.hanging" 2>&1 3>&- &
  local telling=$!
  eventually 5 some_loops
  lxc-start "${P[@]}" "${N[@]}"
  wait "$telling" || fail "$(cat "$LXCPATH/.hanging")"
  contains "$(cat "$LXCPATH/.hanging")" loop
  lxc-stop "${P[@]}" "${N[@]}" -k
}

@test "loop on a file system that shares blocks: a snapshot clone starts" {
  host_on btrfs
  create_on loop --fssize 96M
  whole_life ext4
  snapshot_life
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "btrfs: a whole life, and a snapshot clone" {
  host_on btrfs
  create_on btrfs
  btrfs subvolume show "$LXCPATH/host/$NAME/rootfs" >/dev/null
  whole_life btrfs
  snapshot_life
  lxc-destroy "${P[@]}" "${N[@]}"
  equals "$(ls "$LXCPATH/host")" ""
}

@test "overlay over a directory: a whole life, and a snapshot clone" {
  only_root
  only_filesystem overlay
  create_on overlay
  whole_life overlay
  snapshot_life
  gone
}

@test "a clone that shares data syncs what it writes, not the file system of everybody" {
  only_berth
  is_sanitized && skip "sanitizers and strace exclude each other"
  plain_container
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-full"
  strace -f -y -e trace=fsync,syncfs -o "$LXCPATH/.calls" lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-shared" -s -B overlay 3>&-
  grep -q "fsync(.*/$NAME-shared/config>) *= 0" "$LXCPATH/.calls" || fail "$(cat "$LXCPATH/.calls")"
  grep -q "fsync(.*/hostname>) *= 0" "$LXCPATH/.calls" || fail "$(cat "$LXCPATH/.calls")"
  lacks "$(cat "$LXCPATH/.calls")" syncfs
  # A copy of a copy gets its upper layer, and a full copy everything: those are many files.
  for options in "-n $NAME-shared -N $NAME-again -s" "-n $NAME-full -N $NAME-more"; do
    # shellcheck disable=SC2086
    strace -f -y -e trace=fsync,syncfs -o "$LXCPATH/.calls" lxc-copy "${P[@]}" $options 3>&-
    grep -q 'syncfs(.*) *= 0' "$LXCPATH/.calls" || fail "$options: $(cat "$LXCPATH/.calls")"
  done
  for name in again more shared full; do lxc-destroy "${P[@]}" -n "$NAME-$name"; done
}

@test "what a template has written is on the disk before the container is complete" {
  only_berth
  only_root
  is_sanitized && skip "sanitizers and strace exclude each other"
  printf '#!/bin/sh\nfor a; do case $a in --rootfs=*) echo x >"${a#*=}/file" ;; esac; done\n' >"$LXCPATH/template"
  chmod 755 "$LXCPATH/template"
  local calls=(strace -f -y -e trace=fsync,syncfs,unlinkat -o "$LXCPATH/.calls")
  "${calls[@]}" lxc-create "${P[@]}" "${N[@]}" -f /dev/null -t "$LXCPATH/template" 3>&-
  equals "$(grep -Eo "syncfs\(.*/$NAME>|$NAME/partial\"" "$LXCPATH/.calls" | sed 's|.*[/(]||')" "$NAME>"$'\n''partial"'
  # Without a template one file is written, and the whole file system need not be.
  "${calls[@]}" lxc-create "${P[@]}" -n "${NAME}n" -f /dev/null -t none 3>&-
  grep -q "fsync(.*/config.*) *= 0" "$LXCPATH/.calls" || fail "$(cat "$LXCPATH/.calls")"
  lacks "$(cat "$LXCPATH/.calls")" syncfs
  for name in "$NAME" "${NAME}n"; do lxc-destroy "${P[@]}" -n "$name"; done
}

@test "overlay of several layers" {
  only_root
  only_filesystem overlay
  plain_container
  mkdir -p "$LXCPATH/$NAME"/{middle,top,overlay/{delta,work}}
  echo of-the-middle >"$LXCPATH/$NAME/middle/layer"
  echo of-the-top >"$LXCPATH/$NAME/top/layer"
  echo middle >"$LXCPATH/$NAME/middle/only"
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = overlay:$LXCPATH/$NAME/rootfs:$LXCPATH/$NAME/middle:$LXCPATH/$NAME/overlay/delta|" \
    "$LXCPATH/$NAME/config"
  start_container
  equals "$(inside cat /layer)" of-the-middle
  inside sh -c 'echo changed > /layer; rm /only'
  equals "$(cat "$LXCPATH/$NAME/overlay/delta/layer")" changed
  [ -c "$LXCPATH/$NAME/overlay/delta/only" ]
  lxc-stop "${P[@]}" "${N[@]}" -k
  start_container
  equals "$(inside cat /layer)" changed
  exits 1 inside test -e /only
}

@test "overlay: layers with commas and blanks in their names" {
  only_root
  only_filesystem overlay
  plain_container
  local odd="$LXCPATH/$NAME/a,b c"
  mkdir -p "$odd/delta" "$odd/work"
  mv "$LXCPATH/$NAME/rootfs" "$odd/lower,x"
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = overlay:$odd/lower,x:$odd/delta|" "$LXCPATH/$NAME/config"
  start_container
  inside sh -c 'echo changed > /layer'
  equals "$(cat "$odd/delta/layer")" changed
}

@test "a pre-mount hook prepares a layer of an overlay" {
  only_root
  only_filesystem overlay
  plain_container
  mkdir -p "$LXCPATH/$NAME/overlay/delta"
  cat >"$LXCPATH/$NAME/hook" <<HOOK
#!/bin/sh
mount -t tmpfs none "$LXCPATH/$NAME/overlay" && mkdir "$LXCPATH/$NAME/overlay/delta" "$LXCPATH/$NAME/overlay/work"
HOOK
  chmod 755 "$LXCPATH/$NAME/hook"
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = overlay:$LXCPATH/$NAME/rootfs:$LXCPATH/$NAME/overlay/delta|" "$LXCPATH/$NAME/config"
  echo "lxc.hook.pre-mount = $LXCPATH/$NAME/hook" >>"$LXCPATH/$NAME/config"
  start_container
  inside sh -c 'echo gone-soon > /layer'
  [ ! -e "$LXCPATH/$NAME/overlay/delta/layer" ]
  lxc-stop "${P[@]}" "${N[@]}" -k
  start_container
  exits 1 inside test -e /layer
}

@test "loop: ro and noatime of lxc.rootfs.options" {
  only_loop ext4
  create_on loop --fssize 96M
  echo "lxc.rootfs.options = ro,noatime,commit=7" >>"$LXCPATH/$NAME/config"
  start_container
  [[ $(mounted_root) == "ext4 ro,noatime"* ]] || fail "root: $(mounted_root)"
  contains "$(mounted_root)" commit=7
  exits 1 inside sh -c 'echo x > /written'
  contains "$output" "Read-only file system"
}

@test "loop: the root gets the container's ids by idmap=container" {
  only_loop ext4
  create_on loop --fssize 96M
  printf 'lxc.idmap = %s 0 200000 65536\n' u g >>"$LXCPATH/$NAME/config"
  echo "lxc.rootfs.options = idmap=container" >>"$LXCPATH/$NAME/config"
  chmod 755 "$LXCPATH/$NAME"
  start_container
  inside sh -c 'echo mine > /written'
  equals "$(inside stat -c %u /written /bin)" "0
0"
  lxc-stop "${P[@]}" "${N[@]}" -r
  eventually 10 inside test -e /written
  lxc-stop "${P[@]}" "${N[@]}" -k
  equals "$(debugfs -R 'stat /written' "$LXCPATH/$NAME/rootdev" 2>/dev/null | sed -n 's/.*User: *\([0-9]*\) .*/\1/p')" 0
}

@test "overlay under an id map: by the monitor, and inside for a pre-mount hook" {
  only_root
  only_filesystem overlay
  plain_container
  printf 'lxc.idmap = %s 0 200000 65536\n' u g >>"$LXCPATH/$NAME/config"
  chmod 755 "$LXCPATH/$NAME"
  mkdir -p "$LXCPATH/$NAME/overlay/delta" "$LXCPATH/$NAME/overlay/work"
  chown -R 200000:200000 "$LXCPATH/$NAME/rootfs" "$LXCPATH/$NAME/overlay"
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = overlay:$LXCPATH/$NAME/rootfs:$LXCPATH/$NAME/overlay/delta|" "$LXCPATH/$NAME/config"
  start_container
  inside sh -c 'echo mine > /written; rm -r /mnt; mkdir /mnt'
  equals "$(stat -c %u "$LXCPATH/$NAME/overlay/delta/written")" 200000
  lacks "$(mounted_root)" userxattr
  lxc-stop "${P[@]}" "${N[@]}" -k
  echo 'lxc.hook.pre-mount = /bin/true' >>"$LXCPATH/$NAME/config"
  start_container
  contains "$(mounted_root)" userxattr
  equals "$(inside cat /written)" mine
}

@test "a killed monitor leaves no loop device" {
  only_loop ext4
  create_on loop --fssize 96M
  start_container
  local monitor
  monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(init_pid)/status")
  kill -KILL "$monitor"
  eventually 10 no_loops
  start_container
  inside true
}

@test "a start that fails leaves no loop device" {
  only_loop ext4
  create_on loop --fssize 96M
  echo "lxc.init.cmd = /no/such/init" >>"$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "/no/such/init"
  no_loops
  echo "lxc.rootfs.options = nosuchoption" >>"$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "the kernel says: "
  contains "$output" nosuchoption
  no_loops
}

@test "loop: copies and snapshots have the file system of what they are made of, unless --fstype says another" {
  only_loop xfs
  only_filesystem xfs
  create_on loop --fstype xfs --fssize 320M
  type_of() { blkid -o value -s TYPE "$1"; }
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-c"
  equals "$(type_of "$LXCPATH/$NAME-c/rootdev")" xfs
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-e" --fstype ext4 -L 128M
  equals "$(type_of "$LXCPATH/$NAME-e/rootdev")" ext4
  lxc-snapshot "${P[@]}" "${N[@]}"
  equals "$(type_of "$LXCPATH/$NAME/snaps/snap0/rootdev")" xfs
  lxc-snapshot "${P[@]}" "${N[@]}" -r snap0
  equals "$(type_of "$LXCPATH/$NAME/rootdev")" xfs
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-d" -B dir --fstype ext4
  contains "$output" "leave out --fstype"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-d" -L 100M
  contains "$output" "at least 300 MiB"
  lacks "$output" "Usage"
  [ ! -e "$LXCPATH/$NAME-d" ]
  no_loops
}

@test "lxc-copy -B best and none; --tmpfs of a root on a device; sizes" {
  only_loop ext4
  create_on loop --fssize 96M
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-n" -B none
  grep -q "^lxc.rootfs.path = dir:$LXCPATH/$NAME-n/rootfs$" "$LXCPATH/$NAME-n/config"
  [ -x "$LXCPATH/$NAME-n/rootfs/sbin/testinit" ]
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-b" -B best
  lacks "$(cat "$LXCPATH/$NAME-b/config")" "loop:"
  lxc-destroy "${P[@]}" -n "$NAME-b"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -e -t
  contains "$output" "--tmpfs can't be used with a root file system of type loop"
  equals "$(ls "$LXCPATH")" "$NAME
$NAME-n"
  lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-l" -L 128M
  equals "$(stat -c %s "$LXCPATH/$NAME-l/rootdev")" $((128 << 20))
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-x" -L 0
  contains "$output" "there must be room for something"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-x" -L 1.5G
  contains "$output" "1536M"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -N "$NAME-x" -L 99999999999T
  contains "$output" "too large"
  [ ! -e "$LXCPATH/$NAME-x" ]
}

@test "a root without a type is found to be a file with a file system" {
  only_loop ext4
  create_on loop --fssize 96M
  sed -i 's|^lxc.rootfs.path = loop:|lxc.rootfs.path = |' "$LXCPATH/$NAME/config"
  start_container
  [[ $(mounted_root) == "ext4 "* ]]
}

@test "--plan shows the mount and connects nothing" {
  only_loop ext4
  create_on loop --fssize 96M
  run -0 lxc-start "${P[@]}" "${N[@]}" --plan
  contains "$output" "opening the file system of loop:$LXCPATH/$NAME/rootdev"
  no_loops
}

@test "create: a template that fails or is killed leaves no image" {
  only_loop ext4
  quick_template
  printf '#!/bin/sh\nexit 7\n' >"$LXCPATH/.template"
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/.template" -f "$LXCPATH/.config" -B loop --fssize 64M
  [ ! -e "$LXCPATH/$NAME" ]
  no_loops
  printf '#!/bin/sh\nsleep 60 & touch %s; wait\n' "$LXCPATH/.running" >"$LXCPATH/.template"
  lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/.template" -f "$LXCPATH/.config" -B loop --fssize 64M 3>&- &
  local creator=$!
  eventually 10 test -e "$LXCPATH/.running"
  grep -q "$LXCPATH" /proc/self/mountinfo && fail "the host sees the template's mount"
  local template left
  template=$(pgrep -P "$creator")
  left=$(pgrep -P "$template")
  kill -KILL "$creator"  # and the template with it
  kill -KILL $left
  wait "$creator" || true
  eventually 10 no_loops
  lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "create refuses options of other stores by their names, and makes nothing" {
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t none --vgname lxc
  contains "$output" "--vgname can't be used with the backing store dir"
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t busybox -B loop --zfsroot tank
  contains "$output" "--zfsroot can't be used with the backing store loop"
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t busybox -B dir --fssize 1G
  contains "$output" "--fssize can't be used with the backing store dir"
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t busybox -B loop --dir /srv/x
  contains "$output" "--dir can't be used with the backing store loop"
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t busybox -B loop --fssize 12Q
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t busybox -B l
  contains "$output" "there is no back end 'l'"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "what was there before is neither taken nor removed" {
  host_on btrfs
  quick_template
  local there=$LXCPATH/host/precious options
  P=(-P "$LXCPATH/host/lxc")
  btrfs subvolume create "$there" >/dev/null
  echo precious >"$there/file"
  mkdir "$LXCPATH/host/directory"
  for options in "-B btrfs --dir $there" "-B btrfs --dir $LXCPATH/host/directory"; do
    exits 1 lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/.template" -f "$LXCPATH/.config" $options
    contains "$output" "already"
    [ ! -e "$LXCPATH/host/lxc/$NAME" ]
  done
  create_on dir
  berth export "${P[@]}" "$NAME" "$LXCPATH/.archive.tar"
  for options in "-B dir --dir $there" "-B btrfs --dir $there" "-B dir --dir $LXCPATH/host/directory"; do
    exits 1 berth import "${P[@]}" "$LXCPATH/.archive.tar" "${NAME}i" $options
    contains "$output" "already"
    [ ! -e "$LXCPATH/host/lxc/${NAME}i" ]
  done
  exits 0 berth doctor "${P[@]}" -y
  equals "$(cat "$there/file")" precious
  [ -d "$LXCPATH/host/directory" ]
}

@test "a root with a mount in it is not destroyed, and loses nothing" {
  only_root
  create_on dir
  mkdir "$LXCPATH/$NAME/rootfs/zz"
  mount -t tmpfs none "$LXCPATH/$NAME/rootfs/zz"
  (cd "$LXCPATH/$NAME/rootfs" && find . -xdev | sort) >"$LXCPATH/.entries"
  run lxc-destroy "${P[@]}" "${N[@]}"
  umount "$LXCPATH/$NAME/rootfs/zz"
  equals "$status" 1
  contains "$output" "something is mounted there: $LXCPATH/$NAME/rootfs/zz"
  [ ! -L "$LXCPATH/$NAME/destroying" ] # it is the container that it was
  lxc-info "${P[@]}" "${N[@]}" >/dev/null
  diff "$LXCPATH/.entries" <(cd "$LXCPATH/$NAME/rootfs" && find . | sort)
  lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "a directory on btrfs with read-only snapshots in it is destroyed" {
  host_on btrfs
  create_on dir
  local root=$LXCPATH/host/$NAME/rootfs
  btrfs subvolume create "$root/sv" >/dev/null
  echo text >"$root/sv/file"
  btrfs subvolume snapshot -r "$root/sv" "$root/etc/snap" >/dev/null
  btrfs subvolume create "$root/sv/below" >/dev/null
  btrfs subvolume snapshot -r "$root/sv/below" "$root/sv/below/snap" >/dev/null
  exits 0 lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/host/$NAME" ]
  equals "$(btrfs subvolume list "$LXCPATH/host")" ""
}

@test "zfs: the mount point of a root is in its container's directory" {
  only_root
  [ -x /usr/sbin/zfs-fuse ] || skip "needs zfs-fuse"
  [ -e /dev/fuse ] || skip "needs FUSE"
  quick_template
  export LXCPATH NAME
  # The daemon's socket and its list of pools have fixed places: here they are the test's own.
  cat >"$LXCPATH/.in-zfs" <<'SCRIPT'
set -eE
trap 'echo "line $LINENO failed" >&2' ERR
mount -t tmpfs run /run
mkdir /run/lock
mount -t tmpfs zfs /var/lib/zfs
zfs-fuse --no-daemon --no-kstat-mount </dev/null >/dev/null 2>&1 &
daemon=$!
trap 'zpool destroy tank || true; kill -KILL $daemon; wait $daemon || true' EXIT
for _ in {1..200}; do [ ! -e /run/zfs/zfs_socket ] || break; sleep 0.1; done
truncate -s 256M "$LXCPATH/.disk"
zpool create -m none tank "$LXCPATH/.disk"
mount_point() {
  local got
  got=$(zfs get -H -o value mountpoint "tank/lxc/$1")
  [ "$got" = "$2" ] || { echo "mount point of $1: $got, not $2" >&2; return 1; }
}
lxc-create -P "$LXCPATH" -n "$NAME" -t "$LXCPATH/.template" -f "$LXCPATH/.config" -B zfs --zfsroot tank/lxc
mount_point "$NAME" "$LXCPATH/$NAME/rootfs"
lxc-start -P "$LXCPATH" -n "$NAME"
lxc-wait -P "$LXCPATH" -n "$NAME" -s RUNNING -t 20
lxc-attach -P "$LXCPATH" -n "$NAME" -- sh -c 'echo kept > /written'
lxc-stop -P "$LXCPATH" -n "$NAME" -k
# What says that a rename was begun is on the disk before the dataset has its new name.
command -v strace >/dev/null && trace=(strace -f -qq -y -e trace=fsync,execve,execveat -o "$LXCPATH/.trace") || trace=()
"${trace[@]}" lxc-copy -P "$LXCPATH" -n "$NAME" -R -N "$NAME-r"
mount_point "$NAME-r" "$LXCPATH/$NAME-r/rootfs"
[ -z "${trace[*]}" ] || awk -v "top=<$LXCPATH>)" -v "directory=<$LXCPATH/$NAME-r>)" '
  /fsync/ && index($0, top) { moved = 1 }
  /fsync/ && index($0, directory) { marked = 1 }
  /exec.*"rename"/ { renamed = marked && moved ? 1 : -1; exit }
  END { exit renamed != 1 }' "$LXCPATH/.trace" || { cat "$LXCPATH/.trace" >&2; exit 1; }
lxc-copy -P "$LXCPATH" -n "$NAME-r" -R -N "$NAME"
lxc-copy -P "$LXCPATH" -n "$NAME" -N "$NAME-c"
mount_point "$NAME-c" "$LXCPATH/$NAME-c/rootfs"
lxc-copy -P "$LXCPATH" -n "$NAME" -N "$NAME-s" -s
mount_point "$NAME-s" "$LXCPATH/$NAME-s/rootfs"
lxc-snapshot -P "$LXCPATH" -n "$NAME"
mount_point "$NAME-snap0" "$LXCPATH/$NAME/snaps/snap0/rootfs"
berth export -P "$LXCPATH" "$NAME" "$LXCPATH/.archive"
berth import -P "$LXCPATH" "$LXCPATH/.archive" "$NAME-i" --zfsroot tank/lxc
mount_point "$NAME-i" "$LXCPATH/$NAME-i/rootfs"
for one in s c i; do lxc-destroy -P "$LXCPATH" -n "$NAME-$one" -s; done
lxc-snapshot -P "$LXCPATH" -n "$NAME" -r snap0
mount_point "$NAME" "$LXCPATH/$NAME/rootfs"
# As a loss of power in the middle of a restore would leave it, had it taken the mark of the restore with it: the old root stays.
aside=tank/lxc/$NAME-replaced staging=$LXCPATH/$NAME/restoring
claim=/var/lib/berth/roots/$(printf %s "zfs:$aside" | sha256sum | cut -d" " -f1)
mkdir "$staging"
echo "zfs:$aside" >"$staging/roots-being-made"
printf %s "$staging" >"$claim"
zfs rename "tank/lxc/$NAME" "$aside"
! berth doctor -P "$LXCPATH" -y "$NAME" >"$LXCPATH/.doctor" 2>&1 || exit 1
grep -q "nothing has taken its place" "$LXCPATH/.doctor" || { cat "$LXCPATH/.doctor" >&2; exit 1; }
zfs rename "$aside" "tank/lxc/$NAME"
berth doctor -P "$LXCPATH" -y "$NAME"
[ ! -e "$staging" ] && [ ! -e "$claim" ]
lxc-destroy -P "$LXCPATH" -n "$NAME" -s
[ -z "$(zfs list -H -r -t all -o name tank/lxc | grep -v '^tank/lxc$')" ]
[ ! -e "$LXCPATH/$NAME" ]
SCRIPT
  run timeout -k 5 120 unshare -m --propagation private bash "$LXCPATH/.in-zfs" 3>&-
  [ "$status" = 0 ] || fail "$output"
}

# copy OPTION...: an ephemeral copy; its name is put into $COPY.
ephemeral() {
  run -0 lxc-copy "${P[@]}" "${N[@]}" -e "$@" 3>&-
  COPY=$(sed -n 's/^Created \(.*\) as clone of .*/\1/p' <<<"$output")
  [ -n "$COPY" ]
}
in_copy() { lxc-attach "${P[@]}" -n "$COPY" -- "$@"; }

@test "lxc-copy -e -t keeps what changes in memory" {
  only_root
  only_filesystem overlay
  plain_container
  ephemeral -t
  in_copy sh -c 'echo mine > /written'
  equals "$(in_copy cat /written)" mine
  equals "$(in_copy hostname)" "$COPY"
  [ ! -e "$LXCPATH/$COPY/overlay/delta/written" ]
  [ ! -e "$LXCPATH/$NAME/rootfs/written" ]
  lxc-stop "${P[@]}" -n "$COPY" -k
  eventually 10 test ! -e "$LXCPATH/$COPY"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -e -t -D
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -e -t -B dir
}

@test "lxc-copy -e -t of a container with an id map" {
  only_root
  only_filesystem overlay
  plain_container
  printf 'lxc.idmap = %s 0 200000 65536\n' u g >>"$LXCPATH/$NAME/config"
  chmod 755 "$LXCPATH/$NAME"
  chown -R 200000:200000 "$LXCPATH/$NAME/rootfs"
  ephemeral -t
  in_copy sh -c 'echo mine > /written; rm -r /mnt; mkdir /mnt'
  equals "$(in_copy stat -c %u /written)" 0
  lxc-stop "${P[@]}" -n "$COPY" -k
  eventually 10 test ! -e "$LXCPATH/$COPY"
}

@test "lxc-copy -e -m overlay: changes of a directory of the host stay the copy's" {
  only_root
  only_filesystem overlay
  plain_container
  mkdir "$LXCPATH/.data of it"
  echo host >"$LXCPATH/.data of it/file"
  chmod 711 "$LXCPATH/.data of it"
  ephemeral -m "overlay=$LXCPATH/.data of it:/srv/data"
  equals "$(in_copy cat /srv/data/file)" host
  in_copy sh -c 'echo copy > /srv/data/file'
  equals "$(in_copy stat -c %a /srv/data)" 711
  equals "$(cat "$LXCPATH/.data of it/file")" host
  equals "$(cat "$LXCPATH/$COPY"/delta#*/file)" copy
  lxc-stop "${P[@]}" -n "$COPY" -k
  eventually 10 test ! -e "$LXCPATH/$COPY"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -e -m "overlay=$LXCPATH/.data of it/file:/srv/data"
}

@test "btrfs: a copy of what is at its limit says so, and how to get on; a rename needs no room" {
  only_root
  host_on btrfs
  create_on btrfs --fssize 40M
  head -c 40M /dev/urandom >"${P[1]}/$NAME/rootfs/big" || true
  local file
  for file in $(seq 6000); do echo x >"${P[1]}/$NAME/rootfs/$file" || break; done 2>/dev/null
  sync -f "${P[1]}"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -e
  contains "$output" "the root file system btrfs:${P[1]}/$NAME"
  contains "$output" "is full"
  contains "$output" "its limit is 40 MiB"
  contains "$output" "berth storage usage -P '${P[1]}' $NAME"
  contains "$output" "berth storage resize -P '${P[1]}' $NAME SIZE"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c" -s
  contains "$output" "berth storage resize"
  equals "$(ls "${P[1]}")" "$NAME"
  # What it says helps.
  lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c" -s -L 60M
  lxc-destroy "${P[@]}" -n "${NAME}c"
  lxc-copy "${P[@]}" "${N[@]}" -R -N "${NAME}r"
  exits 0 berth doctor "${P[@]}"
  berth storage resize "${P[@]}" "${NAME}r" 80M
  lxc-copy "${P[@]}" -n "${NAME}r" -N "${NAME}c" -s
  lxc-destroy "${P[@]}" -n "${NAME}c"
  lxc-destroy "${P[@]}" -n "${NAME}r"
}

@test "a running container on btrfs is copied to another file system, from a snapshot that does not stay" {
  only_root
  host_on btrfs
  create_on btrfs
  start_container
  mkdir "$LXCPATH/.other"
  lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c" -p "$LXCPATH/.other" -a 3>&-
  [ -e "$LXCPATH/.other/${NAME}c/rootfs/sbin/testinit" ]
  [ ! -e "$LXCPATH/.other/${NAME}c/standing-still" ]
  equals "$(ls -A "${P[1]}/$NAME" | tr '\n' ' ')" "config rootfs "
  exits 1 sh -c "btrfs subvolume list '${P[1]}' | grep standing-still"
  lxc-destroy -P "$LXCPATH/.other" -n "${NAME}c"
}

@test "a copy of a running container on btrfs to another file system that is killed leaves nothing that does not go" {
  only_root
  host_on btrfs
  create_on btrfs
  start_container
  mkdir "$LXCPATH/.other" "${P[1]}/$NAME/rootfs/many"
  (cd "${P[1]}/$NAME/rootfs/many" && seq 20000 | xargs touch)
  lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c" -p "$LXCPATH/.other" -a 3>&- &
  local pid=$!
  until [ -e "$LXCPATH/.other/${NAME}c/rootfs/many" ] || ! kill -0 $pid; do :; done
  kill -9 $pid
  wait $pid || true
  [ -e "${P[1]}/$NAME/${NAME}c-standing-still" ] || skip "it was over before it could be killed"
  exits 0 berth doctor -P "$LXCPATH/.other" "${NAME}c" --repair
  [ ! -e "$LXCPATH/.other/${NAME}c" ]
  equals "$(ls -A "${P[1]}/$NAME" | tr '\n' ' ')" "config rootfs "
  lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c" -p "$LXCPATH/.other" -a 3>&-
  [ -e "$LXCPATH/.other/${NAME}c/rootfs/many/20000" ]
  lxc-destroy -P "$LXCPATH/.other" -n "${NAME}c"
}
