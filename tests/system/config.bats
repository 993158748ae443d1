# Configuration as the commands see it.
load lib

@test "lxc-config: lists its keys, prints values" {
  run lxc-config -l
  contains "$output" lxc.lxcpath
  contains "$output" lxc.default_config
  lxc-config lxc.lxcpath | grep -q '^/'
}

@test "lxc-config: an unknown key is refused" {
  exits 1 lxc-config lxc.nonesuch
}

@test "an include is read in its place, and again in a directory" {
  mkdir "$LXCPATH/conf.d"
  echo "lxc.uts.name = from-file" >"$LXCPATH/one.conf"
  echo "lxc.uts.name = from-directory" >"$LXCPATH/conf.d/two.conf"
  echo "lxc.uts.name = ignored" >"$LXCPATH/conf.d/two.txt"
  make_container <<<"lxc.include = $LXCPATH/one.conf
lxc.include = $LXCPATH/conf.d"
  start_container
  equals "$(inside hostname)" from-directory
}

@test "the last of several lines wins, an empty one clears" {
  make_container <<<"lxc.uts.name = first
lxc.uts.name = second
lxc.cap.drop = sys_time
lxc.cap.drop =
lxc.cap.drop = sys_boot"
  start_container
  equals "$(inside hostname)" second
  # 25 = CAP_SYS_TIME kept, 22 = CAP_SYS_BOOT dropped
  bounding=$(awk '/^CapBnd/ { print $2 }' "/proc/$(init_pid)/status")
  [ $((0x$bounding >> 25 & 1)) = 1 ]
  [ $((0x$bounding >> 22 & 1)) = 0 ]
}

@test "quotes around a value are taken off" {
  make_container <<<'lxc.uts.name = "quoted"'
  start_container
  equals "$(inside hostname)" quoted
}

@test "lines that are not lxc's and comments are passed over" {
  make_container <<<'# a comment
  # another
some.other = thing

	lxc.uts.name=tabbed'
  start_container
  equals "$(inside hostname)" tabbed
}

@test "--define overrides the file" {
  plain_container
  lxc-start "${P[@]}" "${N[@]}" -s lxc.uts.name=defined 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  equals "$(inside hostname)" defined
}

@test "--rcfile replaces the container's own configuration" {
  plain_container
  sed "s/^lxc.uts.name.*/lxc.uts.name = other/" "$LXCPATH/$NAME/config" >"$LXCPATH/rc"
  lxc-start "${P[@]}" "${N[@]}" -f "$LXCPATH/rc" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  equals "$(inside hostname)" other
}

@test "info -c of a stopped container tells what the file says" {
  plain_container
  sed -i "s/^lxc.uts.name.*/lxc.uts.name = changed/" "$LXCPATH/$NAME/config"
  equals "$(lxc-info "${P[@]}" "${N[@]}" -H -c lxc.uts.name)" changed
}

@test "the shipped configuration files can be read and run a container" {
  [ -d "$REPO/share/config" ] && only_berth
  make_container <<<"lxc.include = $REPO/share/config/common.conf"
  start_container
  equals "$(inside sh -c 'echo /dev/lxc/*')" "/dev/lxc/console /dev/lxc/tty1 /dev/lxc/tty2 /dev/lxc/tty3 /dev/lxc/tty4"
  inside sh -c 'cat /dev/null && ! cat /dev/kmsg'
}

@test "the plan as text and as JSON, without doing it" {
  only_berth
  plain_container
  exits 0 lxc-start "${P[@]}" "${N[@]}" --plan
  contains "$output" "mount"
  lxc-start "${P[@]}" "${N[@]}" --plan=json | python3 -c 'import json,sys; json.load(sys.stdin)'
  equals "$(state)" STOPPED
}

@test "a start without any configuration is refused" {
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "a volatile container: -f and no definition" {
  plain_container
  mv "$LXCPATH/$NAME/config" "$LXCPATH/rc"
  mv "$LXCPATH/$NAME" "$LXCPATH/tree"
  sed -i "s|$LXCPATH/$NAME/rootfs|$LXCPATH/tree/rootfs|" "$LXCPATH/rc"
  lxc-start "${P[@]}" "${N[@]}" -f "$LXCPATH/rc" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  equals "$(inside hostname)" "$NAME"
  lxc-stop "${P[@]}" "${N[@]}" -k
}
