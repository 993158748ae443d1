# lxc-copy: copies, renames, ephemeral copies of containers whose root file system is a directory.
load lib

copy() { lxc-copy "${P[@]}" "${N[@]}" "$@" 3>&-; }
root() { printf '%s\n' "$LXCPATH/${1:-$NAME}/rootfs"; }

# What `find` and the tools of the attributes see, one line an entry; access times aside.
picture() {
  (cd "$1" && find . -printf '%p %y %m %U:%G %n %s %T@ %l\n' | sed -E 's/^(\S+ d \S+ \S+ \S+) \S+/\1/' | sort)
  (cd "$1" && getfattr -hRd -m - . 2>/dev/null | sort)
}

# Data of every kind, hostile names too.
fill() {
  local r=$1
  mkdir -p "$r/data/dir with  blanks" "$r/data/"$'new\nline' "$r/data/closed"
  head -c 300000 /dev/urandom >"$r/data/big"
  : >"$r/data/empty"
  echo one >"$r/data/one"
  ln "$r/data/one" "$r/data/dir with  blanks/two"
  ln -s /nowhere "$r/data/link"
  ln -s ../../../../../../etc/passwd "$r/data/out"
  truncate -s 20M "$r/data/sparse"
  printf x | dd of="$r/data/sparse" bs=1 seek=5000000 conv=notrunc status=none
  mkfifo "$r/data/fifo"
  mknod "$r/data/null" c 1 3
  python3 -c "import socket, os; os.chdir('$r/data'); socket.socket(socket.AF_UNIX).bind('socket')"
  setfattr -n user.note -v 'kept' "$r/data/one"
  setfattr -n trusted.note -v 'kept' "$r/data"
  setfattr -n security.capability -v 0sAQAAAgAgAAAAAAAAAAAAAAAAAAA= "$r/data/empty"
  setfacl -m u:1234:rx -m d:u:1234:rwx "$r/data/closed"
  chown -h 100000:100001 "$r/data/big" "$r/data/link"
  chmod 6751 "$r/data/big"
  chmod 0 "$r/data/closed"
  touch -h -d '2001-02-03 04:05:06.789012345' "$r/data/link" "$r/data/one" "$r/data/closed" "$r/data"
}

@test "a copy has everything that the container has, but its names and addresses" {
  only_root
  only_berth "LXC's copy has new times on its symbolic links and its root"
  make_container <<<"lxc.net.1.type = empty
lxc.net.1.hwaddr = 00:16:3e:11:22:33
# a comment"
  fill "$(root)"
  echo "$NAME" >"$(root)/etc/hostname"
  copy -N "${NAME}c"
  diff <(picture "$(root)" | grep -v '^./etc/hostname ') <(picture "$(root "${NAME}c")" | grep -v '^./etc/hostname ')
  diff -r --no-dereference "$(root)/data/dir with  blanks" "$(root "${NAME}c")/data/dir with  blanks"
  cmp "$(root)/data/big" "$(root "${NAME}c")/data/big"
  [ "$(du -k "$(root "${NAME}c")/data/sparse" | cut -f1)" -lt 1000 ]
  equals "$(cat "$(root "${NAME}c")/etc/hostname")" "${NAME}c"
  local config
  config=$(cat "$LXCPATH/${NAME}c/config")
  contains "$config" "lxc.uts.name = ${NAME}c"
  contains "$config" "lxc.rootfs.path = dir:$(root "${NAME}c")"
  contains "$config" "# a comment"
  contains "$config" "lxc.net.1.hwaddr = 00:16:3e:"
  lacks "$config" "11:22:33"
  [ ! -e "$LXCPATH/${NAME}c/partial" ]
  equals "$(/usr/bin/lxc-ls -P "$LXCPATH" -1 | sort | tr '\n' ' ')" "$NAME ${NAME}c "
  start_container "${NAME}c"
  equals "$(lxc-attach "${P[@]}" -n "${NAME}c" -- cat /proc/sys/kernel/hostname)" "${NAME}c"
  lxc-stop "${P[@]}" -n "${NAME}c"
}

@test "-K and -M keep names and addresses; another lxcpath takes the same name" {
  make_container <<<"lxc.net.1.type = empty
lxc.net.1.hwaddr = 00:16:3e:11:22:33"
  echo kept >"$(root)/etc/hostname"
  lxc-copy "${P[@]}" "${N[@]}" -K -M -p "$LXCPATH/.other/deep"
  config=$(cat "$LXCPATH/.other/deep/$NAME/config")
  contains "$config" "lxc.rootfs.path = dir:$LXCPATH/.other/deep/$NAME/rootfs"
  contains "$config" "11:22:33"
  equals "$(cat "$LXCPATH/.other/deep/$NAME/rootfs/etc/hostname")" kept
}

@test "hooks, fstab and clone hooks; hook options arrive word by word" {
  only_berth "LXC copies no hook from a directory below the container's"
  plain_container
  mkdir "$LXCPATH/$NAME/hooks"
  cat >"$LXCPATH/$NAME/hooks/clone" <<'HOOK'
#!/bin/sh
printf '%s|' "$@" >"$LXC_ROOTFS_MOUNT/words"
env | grep ^LXC_ >"$LXC_ROOTFS_MOUNT/environment"
[ ! -e "$LXC_ROOTFS_MOUNT/refuse" ] || { echo "not today"; exit 3; }
HOOK
  chmod 755 "$LXCPATH/$NAME/hooks/clone"
  echo "$(root)/etc mnt none bind,optional 0 0" >"$LXCPATH/$NAME/fstab"
  printf '%s\n' "lxc.hook.clone = $LXCPATH/$NAME/hooks/clone own" "lxc.hook.stop = $LXCPATH/$NAME/hooks/clone" \
    "lxc.mount.fstab = $LXCPATH/$NAME/fstab" "lxc.log.file = $LXCPATH/$NAME/log" >>"$LXCPATH/$NAME/config"
  copy -N "${NAME}c" -- 'a b' "it's"
  equals "$(cat "$(root "${NAME}c")/words")" "own|${NAME}c|lxc|clone|a b|it's|"
  environment=$(cat "$(root "${NAME}c")/environment")
  contains "$environment" "LXC_SRC_NAME=$NAME"
  contains "$environment" "LXC_NAME=${NAME}c"
  contains "$environment" "LXC_CONFIG_FILE=$LXCPATH/${NAME}c/config"
  lacks "$(grep -v '^#' "$LXCPATH/${NAME}c/config")" "$LXCPATH/$NAME/"
  [ -x "$LXCPATH/${NAME}c/hooks/clone" ] && [ -e "$LXCPATH/${NAME}c/fstab" ]
  : >"$(root)/refuse"
  exits 1 copy -N "${NAME}d"
  contains "$output" "| not today"
  contains "$output" "lxc.hook.clone"
  [ ! -e "$LXCPATH/${NAME}d" ]
}

@test "what can't be copied is refused, and nothing is made" {
  only_berth "the texts are berth's own"
  plain_container
  plain_container "${NAME}b"
  exits 1 copy -N "${NAME}b"
  contains "$output" "exists already"
  exits 1 copy -N "$NAME"
  contains "$output" "the container itself"
  exits 1 copy -N "$(printf 'x%.0s' {1..256})"
  contains "$output" "too long"
  exits 1 copy -N a/b
  exits 1 copy
  contains "$output" "--newname"
  exits 1 copy -N "${NAME}c" -s -B dir
  contains "$output" "try: make a full copy"
  exits 1 copy -N "${NAME}c" -B nosuch
  exits 1 copy -N "${NAME}c" -L 5G
  contains "$output" "no size of its own"
  exits 1 copy -e -t -D
  contains "$output" "--keepdata"
  exits 1 copy -e -t -B dir
  contains "$output" "overlay"
  exits 1 copy -e -m overlay=/etc/passwd:/x
  contains "$output" "an overlay is of directories"
  exits 1 copy -e -m union=/etc:/x
  contains "$output" "is no mount"
  exits 1 lxc-copy "${P[@]}" -n nobody -N "${NAME}c"
  contains "$output" "no such container"
  start_container
  exits 1 copy -N "${NAME}c"
  contains "$output" "--allowrunning"
  exits 1 copy -N "${NAME}c" -R
  equals "$(lxc-ls "${P[@]}" -1 | tr '\n' ' ')" "$NAME ${NAME}b "
}

@test "what copies write to an overlay mount is their own" {
  only_root
  local low=$LXCPATH/.low one=${NAME}e two=${NAME}f
  plain_container
  mkdir "$low"
  echo low >"$low/file"
  copy -e -D -N "$one" -m "overlay=$low:/mnt" >/dev/null
  inside_of() { lxc-attach "${P[@]}" -n "$1" -- sh -c "$2"; }
  inside_of "$one" 'echo one >/mnt/one'
  lxc-stop "${P[@]}" -n "$one" -k
  lxc-copy "${P[@]}" -n "$one" -N "$two" 3>&-
  lacks "$(cat "$LXCPATH/$two/config")" "upperdir=$LXCPATH/$one/"
  sed -i '/^lxc.ephemeral/d' "$LXCPATH/$two/config"
  start_container "$two"
  inside_of "$two" 'echo two >/mnt/two'
  equals "$(ls "$LXCPATH/$one"/delta#*)" one
  lxc-stop "${P[@]}" -n "$two" -k
  lxc-copy "${P[@]}" -n "$two" -N "${two}r" -R 3>&-
  start_container "${two}r"
  equals "$(inside_of "${two}r" 'cat /mnt/two /mnt/file' | tr '\n' ' ')" "two low "
  lxc-stop "${P[@]}" -n "${two}r" -k
}

@test "a running container is copied with -a, while it changes" {
  plain_container
  start_container
  inside sh -c 'mkdir /churn; (while :; do for i in 1 2 3 4 5 6; do mkdir -p /churn/$i/$i; echo x >/churn/$i/f; done; rm -rf /churn/*; done) >/dev/null 2>&1 &'
  for try in 1 2 3; do copy -a -N "${NAME}c$try"; done
  equals "$(state)" RUNNING
  start_container "${NAME}c1"
  lxc-stop "${P[@]}" -n "${NAME}c1" -k
}

@test "killed in the middle: the source is as it was, the half copy is cleaned up" {
  only_berth "LXC's copying process is another program"
  plain_container
  head -c 400M /dev/zero >"$(root)/large"
  before=$(picture "$(root)"; cat "$LXCPATH/$NAME/config")
  lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c" 3>&- &
  copier=$!
  until [ -e "$(root "${NAME}c")/large" ]; do kill -0 "$copier"; done
  kill -STOP "$copier" # while the other one is refused
  exits 1 lxc-destroy "${P[@]}" -n "${NAME}c"
  contains "$output" "another process"
  kill -9 "$copier"
  wait "$copier" || true
  [ -e "$LXCPATH/${NAME}c/partial" ]
  equals "$(picture "$(root)"; cat "$LXCPATH/$NAME/config")" "$before"
  lacks "$(lxc-ls "${P[@]}" -1)" "${NAME}c"
  rm "$(root)/large"
  copy -N "${NAME}c"
  [ ! -e "$LXCPATH/${NAME}c/partial" ] && [ ! -e "$(root "${NAME}c")/large" ]
}

@test "a copy without --newname: a second operand is told as the name" {
  only_berth "the texts are berth's own"
  plain_container
  exits 1 lxc-copy "${P[@]}" "$NAME" "${NAME}b"
  contains "$output" "try: -N ${NAME}b"
}

@test "a full disk: the error names the file, nothing is left" {
  only_root
  only_berth "the texts are berth's own"
  plain_container
  head -c 3M /dev/urandom >"$(root)/large"
  mkdir "$LXCPATH/.small"
  mount -t tmpfs -o size=2m tmpfs "$LXCPATH/.small"
  exits 1 copy -p "$LXCPATH/.small/path"
  left=$(ls -A "$LXCPATH/.small")
  umount "$LXCPATH/.small"
  contains "$output" "No space left on device"
  contains "$output" "try: make room"
  equals "$left" ""
}

@test "what is mounted in the root is not copied" {
  only_root
  plain_container
  mkdir -p "$(root)/mnt"
  mount -t tmpfs tmpfs "$(root)/mnt"
  echo secret >"$(root)/mnt/file"
  copy -N "${NAME}c"
  umount "$(root)/mnt"
  [ -d "$(root "${NAME}c")/mnt" ] && [ ! -e "$(root "${NAME}c")/mnt/file" ]
}

@test "a rename moves the container: no copy, every path in its configuration follows" {
  make_container <<<"lxc.net.1.type = empty
lxc.net.1.hwaddr = 00:16:3e:11:22:33"
  printf '%s\n' "lxc.log.file = $LXCPATH/$NAME/log" "lxc.hook.stop = /bin/sh $LXCPATH/$NAME/stop $(root)" >>"$LXCPATH/$NAME/config"
  echo old >"$(root)/etc/hostname"
  inode=$(stat -c %i "$(root)/etc/hostname")
  copy -R -N "${NAME}r"
  [ ! -e "$LXCPATH/$NAME" ]
  is_berth || return 0
  equals "$(stat -c %i "$(root "${NAME}r")/etc/hostname")" "$inode"
  equals "$(cat "$(root "${NAME}r")/etc/hostname")" "${NAME}r"
  lacks "$(cat "$LXCPATH/${NAME}r/config")" "$LXCPATH/$NAME/"
  contains "$(cat "$LXCPATH/${NAME}r/config")" "00:16:3e:11:22:33"
  sed -i /hook.stop/d "$LXCPATH/${NAME}r/config"
  equals "$(ls -A "$LXCPATH/${NAME}r" | tr '\n' ' ')" "config rootfs "
  start_container "${NAME}r"
  exits 1 lxc-copy "${P[@]}" -n "${NAME}r" -R -N other
  lxc-stop "${P[@]}" -n "${NAME}r" -k
}

@test "a rename that is refused or whose hook fails changes nothing" {
  only_berth "the texts are berth's own"
  make_container <<<"lxc.hook.clone = /bin/false"
  mkdir "$LXCPATH/taken"
  state_of() { picture "$LXCPATH/$NAME/rootfs" | grep -v '^./etc/hostname' && ls -A "$LXCPATH/$NAME" && cat "$LXCPATH/$NAME/config"; }
  before=$(state_of)
  exits 1 copy -R -N taken
  contains "$output" "taken"
  exits 1 copy -R -N "${NAME}r"
  contains "$output" "the clone hook exited with status 1"
  [ ! -e "$LXCPATH/${NAME}r" ]
  equals "$(state_of)" "$before"
}

# What the directory looks like between the two moves of a rename: it has the new name, the configuration is still the old one.
half_renamed() {
  sed "s|$LXCPATH/$NAME|$LXCPATH/${NAME}r|; s|uts.name = .*|uts.name = ${NAME}r|" "$LXCPATH/$NAME/config" >"$LXCPATH/$NAME/config.renamed"
  ln -s "${NAME}r" "$LXCPATH/$NAME/renamed-to"
  mv "$LXCPATH/$NAME" "$LXCPATH/${NAME}r"
}

@test "a rename killed between its two moves is finished by the same command, and by destroy" {
  only_berth
  plain_container
  half_renamed
  copy -R -N "${NAME}r"
  equals "$(ls -A "$LXCPATH/${NAME}r" | tr '\n' ' ')" "config rootfs "
  contains "$(cat "$LXCPATH/${NAME}r/config")" "dir:$(root "${NAME}r")"
  lxc-copy "${P[@]}" -n "${NAME}r" -R -N "$NAME"
  half_renamed
  plain_container # a new one under the old name must not lose its root
  lxc-destroy "${P[@]}" -n "${NAME}r"
  [ ! -e "$LXCPATH/${NAME}r" ] && [ -e "$(root)/sbin/testinit" ]
}

@test "a rename killed between its two moves is finished by a start and by a snapshot" {
  only_berth
  plain_container
  half_renamed
  lxc-start "${P[@]}" -n "${NAME}r" 3>&-
  equals "$(state "${NAME}r")" RUNNING
  lxc-stop "${P[@]}" -n "${NAME}r"
  equals "$(ls -A "$LXCPATH/${NAME}r" | tr '\n' ' ')" "config rootfs "
  lxc-copy "${P[@]}" -n "${NAME}r" -R -N "$NAME"
  half_renamed
  plain_container # a new one under the old name is not what the snapshot is of
  lxc-snapshot "${P[@]}" -n "${NAME}r"
  contains "$(cat "$LXCPATH/${NAME}r/config")" "dir:$(root "${NAME}r")"
  contains "$(cat "$LXCPATH/${NAME}r/snaps/snap0/config")" "$LXCPATH/${NAME}r/snaps/snap0/rootfs"
}

@test "a rename moves a root that an included file names" {
  only_berth
  plain_container
  grep rootfs.path "$LXCPATH/$NAME/config" >"$LXCPATH/$NAME/root.conf"
  sed -i "s|^lxc.rootfs.path.*|lxc.include = $LXCPATH/$NAME/root.conf|" "$LXCPATH/$NAME/config"
  copy -R -N "${NAME}r"
  lxc-start "${P[@]}" -n "${NAME}r" 3>&-
  lxc-stop "${P[@]}" -n "${NAME}r"
  lxc-destroy "${P[@]}" -n "${NAME}r"
  [ ! -e "$LXCPATH/${NAME}r" ]
}

@test "-e: runs a copy, which goes when it stops; with -D it stays" {
  plain_container
  is_berth || skip "LXC needs an overlay"
  # Ephemeral from its first moment, as its clone hook can see.
  printf '#!/bin/sh\ngrep -x "lxc.ephemeral = 1" "$LXC_CONFIG_FILE" && [ -e "${LXC_CONFIG_FILE%%config}partial" ]\n' >"$LXCPATH/hook"
  chmod +x "$LXCPATH/hook"
  echo "lxc.hook.clone = $LXCPATH/hook" >>"$LXCPATH/$NAME/config"
  output=$(copy -e)
  sed -i '/lxc.hook.clone/d' "$LXCPATH/$NAME/config"
  contains "$output" "as clone of $NAME"
  name=$(sed -n 's/Created \(.*\) as clone.*/\1/p' <<<"$output")
  [[ $name == "$NAME"_?????? ]]
  equals "$(state "$name")" RUNNING
  lxc-stop "${P[@]}" -n "$name"
  eventually 10 test ! -e "$LXCPATH/$name"
  copy -e -D -N "${NAME}d"
  lxc-stop "${P[@]}" -n "${NAME}d"
  [ -e "$LXCPATH/${NAME}d/config" ]
}

@test "-e with a command: runs it in the copy, ends as it does; -m binds" {
  plain_container
  is_berth || skip "LXC needs an overlay"
  mkdir "$LXCPATH/.share" && echo shared >"$LXCPATH/.share/file"
  exits 7 copy -q -e -m "bind=$LXCPATH/.share:/mnt/share:ro" -- sh -c 'cat /mnt/share/file; touch /mnt/share/new 2>/dev/null; touch /left; exit 7'
  equals "$output" shared
  [ ! -e "$LXCPATH/.share/new" ] && [ ! -e "$(root)/left" ]
  eventually 10 sh -c "[ \"\$(ls '$LXCPATH')\" = '$NAME' ]"
}

@test "-e of a copy that can't be started leaves nothing" {
  only_berth
  make_container <<<"lxc.init.cmd = /no/such/init"
  exits 1 copy -e
  contains "$output" "/no/such/init"
  equals "$(ls "$LXCPATH")" "$NAME"
}

@test "a container with an id map is copied with its owners, and the copy runs" {
  only_root
  make_container <<<"lxc.idmap = u 0 100000 65536
lxc.idmap = g 0 100000 65536"
  chown -hR 100000:100000 "$(root)"
  chmod 755 "$LXCPATH/$NAME"
  copy -N "${NAME}c"
  equals "$(stat -c %a:%u "$LXCPATH/${NAME}c")" 755:0
  equals "$(stat -c %u "$(root "${NAME}c")/bin")" 100000
  start_container "${NAME}c"
  lxc-stop "${P[@]}" -n "${NAME}c" -k
}

@test "a host name that can't be written stops a rename before it moves anything; one that comes later stops no start" {
  only_root
  only_berth
  plain_container
  echo old >"$(root)/etc/hostname"
  mount --bind -o ro "$(root)" "$(root)" # as chattr +i would, on every file system
  mount -o remount,bind,ro "$(root)"
  exits 1 copy -R -N "${NAME}r"
  contains "$output" "hostname"
  umount "$(root)"
  equals "$(ls -A "$LXCPATH/$NAME" | tr '\n' ' ')" "config rootfs "
  equals "$(cat "$(root)/etc/hostname")" old
  # Killed after the move; then nobody can write it any more.
  if chattr +i "$(root)/etc/hostname" 2>/dev/null; then
    exits 1 copy -R -N "${NAME}r"
    contains "$output" "hostname"
    equals "$(ls -A "$LXCPATH/$NAME" | tr '\n' ' ')" "config rootfs "
    ln -s "$NAME" "$LXCPATH/$NAME/renamed-to"
    echo earlier >"$LXCPATH/$NAME/renamed-from"
    cp "$LXCPATH/$NAME/config" "$LXCPATH/$NAME/config.renamed"
    exits 0 berth doctor "${P[@]}" "$NAME" -y
    equals "$(ls -A "$LXCPATH/$NAME" | tr '\n' ' ')" "config rootfs "
    chattr -i "$(root)/etc/hostname"
  fi
  copy -R -N "${NAME}r"
  equals "$(cat "$(root "${NAME}r")/etc/hostname")" "${NAME}r"
}

@test "a container is renamed whose paths lead through a link, or whose lxcpath is one" {
  only_berth
  plain_container
  ln -s "$LXCPATH" "$LXCPATH/.link"
  sed -i "s|dir:$LXCPATH/|dir:$LXCPATH/.link/|" "$LXCPATH/$NAME/config"
  copy -R -N "${NAME}a"
  contains "$(cat "$LXCPATH/${NAME}a/config")" "lxc.rootfs.path = dir:$LXCPATH/${NAME}a/rootfs"
  lxc-copy -P "$LXCPATH/.link" -n "${NAME}a" -R -N "${NAME}b" 3>&-
  contains "$(cat "$LXCPATH/${NAME}b/config")" "${NAME}b/rootfs"
  exits 0 berth doctor "${P[@]}" "${NAME}b"
  local link=(-P "$LXCPATH/.link" -n "${NAME}b")
  lxc-snapshot "${link[@]}"
  echo later >"$LXCPATH/${NAME}b/rootfs/etc/later"
  lxc-snapshot "${link[@]}" -r snap0
  [ ! -e "$LXCPATH/${NAME}b/rootfs/etc/later" ]
  lxc-snapshot "${link[@]}" -r snap0 -N "${NAME}c"
  [ -e "$LXCPATH/${NAME}c/rootfs/sbin/testinit" ]
  # A snapshot that was taken by the one name, and is restored by the other.
  lxc-snapshot "${P[@]}" -n "${NAME}b"
  echo later >"$LXCPATH/${NAME}b/rootfs/etc/later"
  lxc-snapshot "${link[@]}" -r snap1
  lxc-snapshot "${P[@]}" -n "${NAME}b" -r snap0
  [ ! -e "$LXCPATH/${NAME}b/rootfs/etc/later" ]
  exits 0 berth doctor "${P[@]}"
}
