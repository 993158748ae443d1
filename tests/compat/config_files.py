#!/usr/bin/python3
"""Configurations as other programs write them: berth finds nothing wrong, saves them byte for byte, loads them to the same values again,
and liblxc gives the same values for each key. Old ones name their old keys, and are right after lxc-update-config.

usage: config_files.py BERTH PROBE DIRECTORY-OF-SHARED-CONFIGURATION
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import liblxc
from config_oracle import Berth

# Keys of which the two say different things by intention (config_differences.py, docs/differences.md).
UNLIKE = {"lxc.cap.keep": "LXC's two keys share one list and one getter",
          "lxc.keyring.session": "the manual against the code", "lxc.mount.auto": "force and shmounts are shown",
          "lxc.rootfs.mount": "the default of the installation", "lxc.autodev.tmpfs.size": "LXC gives 0 when it is not set"}
UNLIKE_NETWORK = {"ipvlan.mode": "LXC's answer when it is not set", "veth.vlan.id": "LXC gives 0 when it is not set"}

failures = []


def expect(holds, name, text):
    if not holds:
        failures.append("%s: %s" % (name, text))


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def values_of(side):
    """All keys with their values; of networks their subkeys."""
    values = {}
    for key in side.keys().decode().split():
        values[key] = side.get(key.encode())
    for number in range(64):
        prefix = "lxc.net.%d" % number
        for subkey in (side.keys(prefix.encode()) or b"").decode().split():
            if subkey not in UNLIKE_NETWORK:
                values[prefix + "." + subkey] = side.get((prefix + "." + subkey).encode())
    return values


def load(probe, path, name):
    probe.new()
    good, why = probe.ask("load", path.encode())
    expect(good, name, "does not load: " + why.decode())
    return values_of(probe)


def compare(name, ours, theirs):
    for key, value in theirs.items():
        if key in UNLIKE or key not in ours and value in (None, b""):
            continue
        value = b"" if value == b"(null)" else value
        expect(ours.get(key) == value, name, "%s: liblxc has %r, berth %r" % (key, value, ours.get(key)))


def check_today(berth, probe, path, name, directory):
    status, said = run(berth, "config", "check", path)
    notes = all(": note: " in line or line.startswith("  ") for line in said.splitlines())
    expect(status == 0 and notes, name, "config check: " + said)
    ours = load(probe, path, name)
    with open(path, "rb") as file:
        text = file.read()
    expect(probe.text() == text, name, "is not saved as it was")
    again = os.path.join(directory, "again")
    with open(again, "wb") as file:
        file.write(probe.text())
    expect(load(probe, again, name) == ours, name, "has other values when it is loaded again")
    if liblxc.why_not():
        return 0
    container = liblxc.Container(directory)
    expect(container.load(path.encode()), name, "liblxc does not load it")
    theirs = values_of(container)
    container.put()
    compare(name, ours, theirs)
    return sum(1 for value in theirs.values() if value)


def check_legacy(berth, path, name):
    with open(path) as file:
        lines = file.read().splitlines()
    first = next(i for i, line in enumerate(lines, 1) if line.startswith("lxc."))
    status, said = run(berth, "config", "check", path)
    expect(status == 1 and said.startswith("%s:%d: " % (path, first)), name, "config check does not name line %d: %s" % (first, said))
    expect("lxc-update-config -c " + path in said, name, "config check does not name the way out")
    status, said = run(os.path.join(os.path.dirname(berth), "lxc-update-config"), "-c", path)
    expect(status == 0, name, "lxc-update-config: " + said)


def main():
    berth, probe, shared = sys.argv[1:4]
    probe = Berth(probe)
    files = sorted(glob.glob(os.path.join(HERE, "configs", "*.conf"))) + sorted(glob.glob(os.path.join(HERE, "configs", "legacy", "*.conf")))
    compared = 0
    with tempfile.TemporaryDirectory(prefix="berth-files.") as directory:
        for source in files:
            name = os.path.relpath(source, os.path.join(HERE, "configs"))
            path = os.path.join(directory, os.path.basename(source))
            with open(source) as file:
                text = file.read().replace("@CONFIG@", shared).replace("@SCRATCH@", directory)
            with open(path, "w") as file:
                file.write(text)
            if name.startswith("legacy"):
                check_legacy(berth, path, name)
            compared += check_today(berth, probe, path, name, directory)
        liblxc.forget(directory)
    print("\n".join(failures))
    print("%d files, %d values compared with liblxc%s; %d failures" %
          (len(files), compared, " (" + liblxc.why_not() + ")" if liblxc.why_not() else "", len(failures)))
    return 1 if failures or len(files) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
