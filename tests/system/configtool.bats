# berth config check, explain, show; lxc-update-config.
load lib

setup_file() { is_berth || skip "berth's own"; }

@test "check finds all problems in one run, with their places" {
  cat >"$LXCPATH/bad.conf" <<'C'
lxc.uts.nmae = x
# fine
lxc.net.0.type = veth
lxc.net.0.ipv4.address = 10.0.3.300/24
lxc.tty = 4
lxc.rootfs.path
C
  run -1 berth config check "$LXCPATH/bad.conf"
  contains "$output" "$LXCPATH/bad.conf:1: unknown key \"lxc.uts.nmae\""
  contains "$output" "did you mean \"lxc.uts.name\"?"
  contains "$output" "$LXCPATH/bad.conf:4: "
  contains "$output" "$LXCPATH/bad.conf:5: \"lxc.tty\" is the old name of \"lxc.tty.max\""
  contains "$output" "$LXCPATH/bad.conf:6: "
  equals "$(grep -c "^$LXCPATH" <<<"$output")" 4
  run -1 berth config check --json "$LXCPATH/bad.conf"
  equals "$(python3 -c 'import json,sys; print([p["line"] for p in json.load(sys.stdin)])' <<<"$output")" "[1, 4, 5, 6]"
}

@test "check of what is right says nothing; of a container, of files that include others" {
  plain_container
  equals "$(berth config check "${P[@]}" "$NAME")" ""
  printf 'lxc.include = %s\n' "$LXCPATH/part.conf" >"$LXCPATH/whole.conf"
  printf 'lxc.uts.name = x\nlxc.tty.max = many\n' >"$LXCPATH/part.conf"
  run -1 berth config check "$LXCPATH/whole.conf"
  contains "$output" "$LXCPATH/part.conf:2: "
  run -1 berth config check "${P[@]}" nobody
  contains "$output" "nobody: there is neither a file nor a container"
  # One that can't be read hides no other.
  run -1 berth config check "${P[@]}" nobody "$LXCPATH/whole.conf"
  contains "$output" "$LXCPATH/part.conf:2: "
  mkdir "$LXCPATH/conf.d"
  ln -s nothing "$LXCPATH/conf.d/a.conf"
  printf 'lxc.tty.max = many\n' >"$LXCPATH/conf.d/b.conf"
  printf 'lxc.include = %s\n' "$LXCPATH/conf.d" >"$LXCPATH/whole.conf"
  run -1 berth config check "$LXCPATH/whole.conf"
  contains "$output" "conf.d/a.conf"
  contains "$output" "conf.d/b.conf:1: "
  cd "$LXCPATH"
  equals "$(berth config check -P "$LXCPATH" "$NAME")" ""
  run -1 berth config check "$LXCPATH/conf.d"
  contains "$output" "it is not a regular file"
  run -1 berth config check
  contains "$output" "no file to check"
  run -1 berth config check /no/such/file
  contains "$output" "/no/such/file"
}

@test "check names the lines that everybody else passes over" {
  printf '\xef\xbb\xbflxc.uts.name = x\nlcx.tty.max = 3\n# fine\n\nfree \x1b[31mtext\n' >"$LXCPATH/odd.conf"
  run -1 berth config check "$LXCPATH/odd.conf"
  contains "$output" "odd.conf:1: the line is ignored"
  contains "$output" "byte order mark"
  contains "$output" 'did you mean "lxc.tty.max"?'
  contains "$output" "free ?[31mtext"
  equals "$(grep -c "is ignored" <<<"$output")" 3
  equals "$(berth config check -q "$LXCPATH/odd.conf" || echo "rc $?")" "rc 1"
}

@test "explain knows every key, as a file writes it" {
  contains "$(berth config explain lxc.init.cmd)" "example  lxc.init.cmd = "
  contains "$(berth config explain lxc.net.0.type)" "lxc.net.N.type"
  contains "$(berth config explain lxc.prlimit.nofile)" "lxc.prlimit.*"
  run -1 berth config explain lxc.init.cdm
  contains "$output" "did you mean \"lxc.init.cmd\"?"
  local key count=0
  while read -r key; do
    berth config explain "$key" >/dev/null || fail "$key"
    count=$((count + 1))
  done < <(berth config explain --json | python3 -c 'import json,sys
for row in json.load(sys.stdin): print(row["key"])')
  [ "$count" -gt 100 ] || fail "only $count"
  equals "$(berth config explain | grep -c '^  lxc\.')" "$count"
}

@test "show says what the configuration comes to, and which line said so" {
  make_container <<<"lxc.tty.max = 2
lxc.tty.max = 3
lxc.include = $LXCPATH/more.conf
lxc.environment = A=1"
  printf 'lxc.environment = B=2\n# a comment\nlxc.prlimit.nofile = 1024\n' >"$LXCPATH/more.conf"
  local shown config=$LXCPATH/$NAME/config
  shown=$(berth config show "${P[@]}" "$NAME" --origin)
  contains "$shown" "$config:$(grep -n 'tty.max = 3' "$config" | cut -d: -f1): lxc.tty.max = 3"
  lacks "$shown" "lxc.tty.max = 2"
  contains "$shown" "$LXCPATH/more.conf:1: lxc.environment = B=2"
  contains "$shown" "$config:$(grep -n 'A=1' "$config" | cut -d: -f1): lxc.environment = A=1"
  contains "$shown" "$LXCPATH/more.conf:3: lxc.prlimit.nofile = 1024"
  equals "$(berth config show "${P[@]}" "$NAME" lxc.tty.max)" "lxc.tty.max = 3"
  equals "$(berth config show --json "${P[@]}" "$NAME" lxc.tty.max | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["value"])')" 3
  run -1 berth config show "${P[@]}" "$NAME" lxc.tty.mxa
  contains "$output" "did you mean \"lxc.tty.max\"?"
  run -1 berth config show "${P[@]}" nobody
  contains "$output" "no such container"
}

@test "what show prints is a configuration that comes to the same" {
  make_container <<<"lxc.environment = A=1
lxc.environment = B=2
lxc.mount.entry = tmpfs mnt tmpfs create=dir 0 0
lxc.cap.drop = sys_time
lxc.prlimit.nofile = 1024"
  berth config show "${P[@]}" "$NAME" >"$LXCPATH/first"
  mkdir "$LXCPATH/again"
  cp "$LXCPATH/first" "$LXCPATH/again/config"
  berth config show "${P[@]}" again >"$LXCPATH/second"
  diff "$LXCPATH/first" "$LXCPATH/second"
  # What a getter alone would not tell.
  printf 'lxc.rootfs.path = zfs:tank/x\nlxc.namespace.keep = user net\nlxc.environment = " C=x "\n' >"$LXCPATH/again/config"
  berth config show "${P[@]}" again lxc.rootfs.path lxc.namespace.keep lxc.environment >"$LXCPATH/third"
  equals "$(cat "$LXCPATH/third")" 'lxc.rootfs.path = zfs:tank/x
lxc.namespace.keep = user net
lxc.environment = " C=x "'
}

@test "show: all lines that set a value, what is below a key, what is not set" {
  plain_container
  printf 'lxc.cap.drop = sys_time sys_module\nlxc.cap.drop = mac_admin\nlxc.prlimit.nofile = 1\nlxc.prlimit.core = 0\n' >"$LXCPATH/$NAME/config"
  local file=$LXCPATH/$NAME/config
  contains "$(berth config show "${P[@]}" "$NAME" --origin lxc.cap.drop)" "$file:1,2: lxc.cap.drop = sys_time"
  equals "$(berth config show "${P[@]}" "$NAME" lxc.prlimit | wc -l)" 2
  run -0 berth config show "${P[@]}" "$NAME" lxc.seccomp.profile
  contains "$output" "lxc.seccomp.profile is not set"
  printf 'lxc.cap.drop = sys_time\nlxc.cap.keep =\nlxc.cap.drop = mac_admin\n' >"$file"
  equals "$(berth config show "${P[@]}" "$NAME" --origin lxc.cap.drop)" "$file:3: lxc.cap.drop = mac_admin"
}

@test "lxc-update-config rewrites old names and keeps the old file" {
  local file=$LXCPATH/old.conf
  printf '# mine\nlxc.utsname = web1\nlxc.network.type = empty\nlxc.kmsg = 0\nlxc.rootfs = /srv/web1\n' >"$file"
  chmod 640 "$file"
  cp "$file" "$LXCPATH/before"
  run -1 berth config check "$file"
  contains "$output" "lxc-update-config -c $file"
  run -0 lxc-update-config -c "$file"
  contains "$output" "$file:4: lxc.kmsg = 0: removed"
  equals "$(cat "$file")" "# mine
lxc.uts.name = web1
lxc.net.0.type = empty
lxc.rootfs.path = dir:/srv/web1"
  equals "$(stat -c %a "$file")" 640
  cmp "$LXCPATH/before" "$file.backup"
  equals "$(berth config check "$file")" ""
  equals "$(lxc-update-config -c "$file")" "$file: nothing to change"
  [ ! -e "$file.backup.1" ]
  printf 'lxc.tty = 1\n' >"$file"
  lxc-update-config -q -c "$file"
  [ -e "$file.backup.1" ]
  cmp "$LXCPATH/before" "$file.backup"
  printf 'lxc.utsname\n' >"$file"
  run -1 lxc-update-config -c "$file"
  contains "$output" "$file:1"
  equals "$(cat "$file")" "lxc.utsname"
  run -1 lxc-update-config -c "$file" other
  contains "$output" "one file at a time"
  run -1 lxc-update-config
  contains "$output" "name it with -c FILE"
  run -1 lxc-update-config -c "$LXCPATH/nothing"
  contains "$output" "No such file"
}

@test "the manual page, the schema and the words hold every key" {
  berth config generate man >"$LXCPATH/page"
  berth config generate schema >"$LXCPATH/schema"
  berth config generate words >"$LXCPATH/words"
  equals "$(wc -l <"$LXCPATH/words")" "$(berth config explain --json | grep -c '"key":')"
  python3 - "$LXCPATH/schema" "$LXCPATH/words" "$LXCPATH/page" <<'P'
import json, re, sys
schema = json.load(open(sys.argv[1]))
patterns = [re.compile(one["pattern"]) for one in schema["items"]["properties"]["key"]["anyOf"]]
page = open(sys.argv[3]).read()
for line in open(sys.argv[2]):
    word = line.split("\t")[0]
    name = word.replace(".N.", ".0.") + ("0" if word.endswith(".") else "")
    assert name in ("lxc.hook", "lxc.include", "lxc.net.0") or any(one.match(name) for one in patterns), name
    assert word.rstrip(".").replace("-", "\\-") in page, word
assert not any(one.match("lxc.uts.nmae") for one in patterns)
P
  if command -v man >/dev/null && command -v groff >/dev/null; then
    equals "$(man --warnings -l "$LXCPATH/page" 2>&1 >/dev/null)" ""
  fi
  local command option
  while read -r command _; do
    berth config generate man "$command" >"$LXCPATH/$command.1"
    [ "$command" != config ] || continue # its help is another text
    for option in $(berth "$command" --help 2>&1 | grep -oE '^  (-., |    )--[a-z-]+' | grep -oE -- '[a-z][a-z-]+'); do
      contains "$(cat "$LXCPATH/$command.1")" "\\-\\-${option//-/\\-}\\fR"
    done
    ! command -v man >/dev/null || ! command -v groff >/dev/null ||
      equals "$(man --warnings -l "$LXCPATH/$command.1" 2>&1 >/dev/null)" ""
  done < <(grep '^[a-z]' "$REPO/src/cli/commands.list")
  contains "$(cat "$LXCPATH/export.1")" ".TH berth\\-export 1"
  contains "$(cat "$LXCPATH/start.1")" ".TH lxc\\-start 1"
  run -1 berth config generate man nothing
  run -1 berth config generate poem
  contains "$output" "man, schema, words and completion can"
}

@test "lxc-update-config keeps owner and mode, follows a link, refuses what has other names" {
  local file=$LXCPATH/real.conf
  printf 'lxc.tty = 1\n' >"$file"
  chown 1234:1235 "$file"
  chmod 660 "$file"
  ln -s real.conf "$LXCPATH/link.conf"
  (umask 077 && lxc-update-config -q -c "$LXCPATH/link.conf")
  [ -L "$LXCPATH/link.conf" ]
  equals "$(cat "$file")" "lxc.tty.max = 1"
  equals "$(stat -c '%u:%g %a' "$file" "$file.backup")" "1234:1235 660
1234:1235 660"
  printf 'lxc.tty = 1\n' >"$LXCPATH/one.conf"
  ln "$LXCPATH/one.conf" "$LXCPATH/two.conf"
  ln -s "$LXCPATH/nothing" "$LXCPATH/one.conf.backup"
  run -1 lxc-update-config -c "$LXCPATH/one.conf"
  contains "$output" "has other names too"
  rm "$LXCPATH/two.conf"
  lxc-update-config -q -c "$LXCPATH/one.conf"
  [ -L "$LXCPATH/one.conf.backup" ]
  equals "$(cat "$LXCPATH/one.conf.backup.1")" "lxc.tty = 1"
  run -1 lxc-update-config -c "$LXCPATH"
  contains "$output" "not a regular file"
}

@test "show --json is what the schema describes" {
  /usr/bin/python3 -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"
  make_container <<<"lxc.include = $REPO/share/config/common.conf
lxc.net.1.type = veth
lxc.net.1.hwaddr = 10:66:6a:xx:xx:xx
lxc.prlimit.nofile = 1024
lxc.environment = A=1
lxc.environment = B=2"
  berth config show --json "${P[@]}" "$NAME" >"$LXCPATH/shown.json"
  berth config generate schema >"$LXCPATH/schema.json"
  /usr/bin/python3 - "$LXCPATH/schema.json" "$LXCPATH/shown.json" <<'P'
import copy, json, sys, jsonschema
schema, shown = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
assert len(shown) > 40, shown
for error in validator.iter_errors(shown):
    raise SystemExit(error)
# It refuses what show never prints.
def spoilt(change):
    items = copy.deepcopy(shown)
    change(items)
    return items
def value_of(key, value):
    def change(items):
        next(item for item in items if item["key"] == key)["value"] = value
    return change
for change in (lambda items: items[0].update(key="lxc.uts.nmae"), lambda items: items[0].pop("value"), lambda items: items[0].update(more=1),
               value_of("lxc.autodev", "2"), lambda items: items[0].update(set_by=[{"file": "x", "line": -1}])):
    assert not validator.is_valid(spoilt(change))
P
}

@test "show gives a template of a hardware address as it is written" {
  make_container <<<"lxc.net.1.type = veth
lxc.net.1.hwaddr = 10:66:6a:xx:xx:XX
lxc.net.2.type = veth
lxc.net.2.hwaddr = 10:66:6a:01:02:03"
  local shown
  shown=$(berth config show "${P[@]}" "$NAME")
  contains "$shown" "lxc.net.1.hwaddr = 10:66:6a:xx:xx:XX"
  contains "$shown" "lxc.net.2.hwaddr = 10:66:6a:01:02:03"
  equals "$(berth config show "${P[@]}" "$NAME")" "$shown"
}

@test "check names the line that included a file with a mistake" {
  printf 'lxc.tty.max = many\n' >"$LXCPATH/inner.conf"
  printf '# second\nlxc.include = %s\n' "$LXCPATH/inner.conf" >"$LXCPATH/middle.conf"
  printf 'lxc.include = %s\nlxc.uts.nmae = x\n' "$LXCPATH/middle.conf" >"$LXCPATH/outer.conf"
  run -1 berth config check "$LXCPATH/outer.conf"
  contains "$output" "$LXCPATH/inner.conf:1: in a file included by $LXCPATH/outer.conf:1: in a file included by $LXCPATH/middle.conf:2: bad value for lxc.tty.max"
  contains "$output" "$LXCPATH/outer.conf:2: unknown key"
}

@test "check notes settings of control groups that this host does not have, device rules too" {
  printf '%s\n' 'lxc.cgroup.memory.limit_in_bytes = 512M' 'lxc.cgroup.devices.deny = a' 'lxc.cgroup.net_cls.classid = 1' \
    'lxc.cgroup2.memory.high = 1G' >"$LXCPATH/v1.conf"
  run -0 unshare -m --propagation private sh -c \
    'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' - berth config check "$LXCPATH/v1.conf"
  contains "$output" "$LXCPATH/v1.conf:1: note: lxc.cgroup.memory.limit_in_bytes is of control groups version 1"
  contains "$output" "here: a start sets memory.max = 512M"
  contains "$output" "$LXCPATH/v1.conf:2: note: lxc.cgroup.devices.deny"
  contains "$output" "here: the rule becomes part of a device program"
  contains "$output" "version 2 has nothing like it"
  lacks "$output" "v1.conf:4"
  only_hybrid
  equals "$(berth config check "$LXCPATH/v1.conf")" ""
}

@test "lxc-update-config keeps the access list and what users attached" {
  command -v setfattr >/dev/null || skip "attr is not installed"
  local file=$LXCPATH/list.conf
  printf 'lxc.tty = 1\n' >"$file"
  chmod 640 "$file"
  setfattr -n user.owner -v "the web team" "$file" || skip "the file system keeps no attributes"
  # u::rw-, u:1234:r--, g::r--, m::r--, o::---
  setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000400d204000004000400ffffffff10000400ffffffff20000000ffffffff "$file" ||
    skip "the file system keeps no access lists"
  lxc-update-config -q -c "$file"
  equals "$(cat "$file")" "lxc.tty.max = 1"
  local one
  for one in "$file" "$file.backup"; do
    equals "$(getfattr -n user.owner --only-values "$one" 2>/dev/null)" "the web team"
    contains "$(getfattr -n system.posix_acl_access -e hex "$one" 2>/dev/null)" "02000400d2040000"
    equals "$(stat -c %a "$one")" 640
  done
}
