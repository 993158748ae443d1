# liblxc.so.1: programs written for LXC's library on berth's, and the C headers.
load lib

only_library() {
  only_root
  only_berth "the library of another build directory is tested"
  is_sanitized && skip "programs without the sanitizer's runtime can't load this library"
  LIB=$(cd "$BERTH_BIN/../lib" && pwd)
  GENERATED=$(cd "$BERTH_BIN/../include/generated" && pwd)
  [ -e "$LIB/liblxc.so.1" ] || fail "$LIB/liblxc.so.1 is not built"
}

STRICT=(-Wall -Wextra -Werror -O1)
own_headers() { printf '%s\n' -I"$REPO/include" -I"$GENERATED"; }
debian_headers() {
  [ -e /usr/include/lxc/lxccontainer.h ] || skip "Debian's package lxc-dev is not installed"
}

# Compiles tests/compat/$1.c to $BUILT, with Debian's headers unless the other arguments say otherwise.
compile() {
  local source=$1
  shift
  BUILT=$BATS_TEST_TMPDIR/$source
  gcc -std=c11 -pthread "${STRICT[@]}" "$@" "$REPO/tests/compat/$source.c" -o "$BUILT" -L"$LIB" -llxc
}

# Whatever the linker was given, on berth it has to be berth's library.
on_berth() {
  contains "$(LD_LIBRARY_PATH=$LIB ldd "$1")" "$LIB/liblxc.so.1"
  LD_LIBRARY_PATH=$LIB timeout -k 5 120 "$@" 3>&- </dev/null
}
on_debian() { env -u LD_LIBRARY_PATH timeout -k 5 120 "$@" 3>&- </dev/null; }

gone() { equals "$(find "$LXCPATH" -mindepth 1 -maxdepth 1 ! -name '.*')" ""; }

# --- C programs ---------------------------------------------------------------------------------------------------------------------
@test "a C program compiled with Debian's headers runs on this library" {
  only_library
  debian_headers
  compile c_client
  on_berth "$BUILT" "$LXCPATH" "$NAME" --hostile
  gone
}

@test "a C program compiled with this header runs on this library" {
  only_library
  mapfile -t headers < <(own_headers)
  compile c_client "${headers[@]}"
  on_berth "$BUILT" "$LXCPATH" "$NAME" --hostile
  gone
}

@test "a C program compiled with this header runs on Debian's library" {
  only_library
  [ -e /usr/lib/x86_64-linux-gnu/liblxc.so.1 ] || skip "Debian's package liblxc1 is not installed"
  mapfile -t headers < <(own_headers)
  compile c_client "${headers[@]}"
  run on_debian "$BUILT" "$LXCPATH" "$NAME"
  [ "$status" = 0 ] || fail "$output"
  contains "${lines[0]}" "running on 5."
  gone
  # LXC leaves its monitor's groups.
  find /sys/fs/cgroup -depth -type d -name "lxc.monitor.$NAME" -exec rmdir {} + 2>/dev/null || true
}

@test "a threaded program" {
  only_library
  debian_headers
  compile threads
  run on_berth "$BUILT" "$LXCPATH" "$NAME" "$(busybox_root)"
  [ "$status" = 0 ] || fail "$output"
  gone
}

@test "the library reads and writes no memory that is not its own, and loses none" {
  only_library
  command -v valgrind >/dev/null || skip "valgrind is not installed"
  debian_headers
  compile c_client -g
  # No start: valgrind refuses the clone() that makes the monitor.
  run env LD_LIBRARY_PATH="$LIB" timeout -k 5 120 valgrind --quiet --error-exitcode=9 --child-silent-after-fork=yes \
    --leak-check=full --errors-for-leak-kinds=definite "$BUILT" "$LXCPATH" "$NAME" --stopped 3>&- </dev/null
  [ "$status" = 0 ] || fail "$output"
  gone
}

# --- bindings -----------------------------------------------------------------------------------------------------------------------
@test "Debian's Python binding" {
  only_library
  /usr/bin/python3 -c 'import lxc' 2>/dev/null || skip "Debian's package python3-lxc is not installed"
  run env LD_LIBRARY_PATH="$LIB" timeout -k 5 300 /usr/bin/python3 "$REPO/tests/compat/python_lxc.py" "$LXCPATH" "$NAME" 3>&- </dev/null
  [ "$status" = 0 ] || fail "$output"
  contains "$output" "library: berth's"
  gone
}

@test "Debian's Lua binding" {
  only_library
  lua5.2 -e 'require("lxc.core")' 2>/dev/null || skip "Debian's packages lua5.2 and lua-lxc are not installed"
  run env LD_LIBRARY_PATH="$LIB" timeout -k 5 120 lua5.2 "$REPO/tests/compat/lua_lxc.lua" "$LXCPATH" "$NAME" 3>&- </dev/null
  [ "$status" = 0 ] || fail "$output"
  gone
}

# --- the library as a file ------------------------------------------------------------------------------------------------------------
@test "the library exports the functions of its headers and nothing else" {
  only_library
  wanted=$(grep -oE '^ +[a-z_]+;' "$REPO/src/capi/liblxc.map" | tr -d ' ;' | sort)
  equals "$(wc -l <<<"$wanted")" 15
  equals "$(nm -D --defined-only "$LIB/liblxc.so.1" | awk '{ print $3 }' | sort)" "$wanted"
  contains "$(readelf -d "$LIB/liblxc.so.1")" "soname: [liblxc.so.1]"
}

@test "the headers compile alone in every language that includes them" {
  only_library
  mapfile -t headers < <(own_headers)
  local header standard
  for header in lxccontainer.h attach_options.h version.h; do
    printf '#include <lxc/%s>\nextern int used;\n' "$header" >"$BATS_TEST_TMPDIR/alone.c"
    cp "$BATS_TEST_TMPDIR/alone.c" "$BATS_TEST_TMPDIR/alone.cpp"
    for standard in c99 c11 gnu17; do
      gcc -std=$standard -pedantic-errors "${STRICT[@]}" "${headers[@]}" -fsyntax-only "$BATS_TEST_TMPDIR/alone.c"
    done
    for standard in c++11 c++17 c++20; do
      g++ -std=$standard -pedantic-errors "${STRICT[@]}" "${headers[@]}" -fsyntax-only "$BATS_TEST_TMPDIR/alone.cpp"
    done
    if command -v clang-19 >/dev/null; then
      clang-19 -std=c11 -pedantic-errors "${STRICT[@]}" "${headers[@]}" -fsyntax-only "$BATS_TEST_TMPDIR/alone.c"
    fi
  done
}

@test "the default attach options can be used in C and in C++" {
  only_library
  mapfile -t headers < <(own_headers)
  cat >"$BATS_TEST_TMPDIR/options.c" <<'C'
#include <lxc/attach_options.h>
static lxc_attach_options_t everywhere = LXC_ATTACH_OPTIONS_DEFAULT;
int main(void) {
  lxc_attach_options_t here = LXC_ATTACH_OPTIONS_DEFAULT;
  return here.namespaces == -1 && everywhere.stderr_fd == 2 && here.log_fd == -EBADF && here.uid == (uid_t)-1 && here.groups.list == 0 ? 0 : 1;
}
C
  cp "$BATS_TEST_TMPDIR/options.c" "$BATS_TEST_TMPDIR/options.cpp"
  gcc -std=c99 -pedantic-errors "${STRICT[@]}" "${headers[@]}" "$BATS_TEST_TMPDIR/options.c" -o "$BATS_TEST_TMPDIR/c"
  g++ -std=c++11 -pedantic-errors "${STRICT[@]}" "${headers[@]}" "$BATS_TEST_TMPDIR/options.cpp" -o "$BATS_TEST_TMPDIR/cpp"
  "$BATS_TEST_TMPDIR/c"
  "$BATS_TEST_TMPDIR/cpp"
}

@test "members, constants and structures are where Debian's header has them" {
  only_library
  debian_headers
  mapfile -t headers < <(own_headers)
  # Everything of Debian's structures, taken from its header; private members too, as programs touch them.
  members() {
    gcc -E -P /usr/include/lxc/lxccontainer.h | tr '\n' ' ' | sed -E "s/.*struct $1 \{//; s/\};.*//" | tr ';' '\n' |
      sed -nE 's/.*\(\*([a-z0-9_]+)\)\(.*/\1/p; t; s/.*[ *]([a-z0-9_]+)( *:.*)?$/\1/p'
  }
  {
    printf '#include <lxc/lxccontainer.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n'
    for member in $(members lxc_container); do
      printf 'printf("%%s %%zu\\n", "%s", offsetof(struct lxc_container, %s));\n' "$member" "$member"
    done
    for type in lxc_snapshot migrate_opts lxc_console_log lxc_log lxc_mount; do
      printf 'printf("%%s %%zu\\n", "%s", sizeof(struct %s));\n' "$type" "$type"
    done
    printf 'printf("options %%zu\\n", sizeof(lxc_attach_options_t));\n'
    for constant in $(grep -hoE '\bLXC_(CLONE|CREATE|ATTACH|MOUNT_API)_[A-Z0-9_]+' /usr/include/lxc/*.h | sort -u |
      grep -vE '_DEFAULT$|_H$|PERSONALITY$'); do
      printf 'printf("%%s %%ld\\n", "%s", (long)(%s));\n' "$constant" "$constant"
    done
    printf 'return 0; }\n'
  } >"$BATS_TEST_TMPDIR/layout.c"
  gcc "$BATS_TEST_TMPDIR/layout.c" -o "$BATS_TEST_TMPDIR/theirs"
  gcc "${headers[@]}" "$BATS_TEST_TMPDIR/layout.c" -o "$BATS_TEST_TMPDIR/ours"
  theirs=$("$BATS_TEST_TMPDIR/theirs")
  [ "$(wc -l <<<"$theirs")" -gt 90 ] || fail "the header was not understood: $theirs"
  equals "$("$BATS_TEST_TMPDIR/ours")" "$theirs"
}

@test "pkg-config finds the library" {
  only_library
  command -v pkg-config >/dev/null || skip "pkg-config is not installed"
  export PKG_CONFIG_PATH=$LIB/pkgconfig
  pkg-config --validate lxc
  equals "$(pkg-config --modversion lxc)" "$(sed -n 's/^#define LXC_VERSION "\(.*\)"/\1/p' "$GENERATED/lxc/version.h")"
  contains "$(pkg-config --libs lxc)" "-llxc"
  # The prefix is where it gets installed: moved to the build, a program compiles and runs by it.
  mkdir -p "$BATS_TEST_TMPDIR/include"
  cp -r "$REPO/include/lxc" "$GENERATED/lxc" "$BATS_TEST_TMPDIR/include"
  printf '#include <lxc/lxccontainer.h>\n#include <lxc/version.h>\n#include <string.h>\nint main(void) { return strcmp(lxc_get_version(), LXC_VERSION); }\n' >"$BATS_TEST_TMPDIR/version.c"
  local flags=(--define-variable=libdir="$LIB" --define-variable=includedir="$BATS_TEST_TMPDIR/include")
  # shellcheck disable=SC2046
  gcc $(pkg-config "${flags[@]}" --cflags lxc) "$BATS_TEST_TMPDIR/version.c" $(pkg-config "${flags[@]}" --libs lxc) -o "$BATS_TEST_TMPDIR/version"
  on_berth "$BATS_TEST_TMPDIR/version"
}
