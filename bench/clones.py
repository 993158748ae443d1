"""Rows of bench/run about clones that share data: their time must not grow with the size of what is cloned."""

import contextlib
import os
import shutil
import subprocess
import time

SIZES = {"10 MB": 10, "250 MB": 250, "2 GB": 2048}
QUICK_SIZES = {"10 MB": 10, "100 MB": 100}  # of a round that only shows that it runs
QUICK_RUNS = 5
FLAT = 1.3  # the largest may take so much longer than the smallest


@contextlib.contextmanager
def btrfs(directory):
    """A btrfs on a loop device of its own; its mount point. Gone at the end."""
    image, point = directory + "/btrfs.img", directory + "/btrfs"
    with open(image, "wb") as file:
        file.truncate(8 << 30)
    subprocess.run(["mkfs.btrfs", "-q", image], check=True)
    os.makedirs(point)
    subprocess.run(["mount", "-o", "loop", image, point], check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", point], check=True)
        os.unlink(image)


@contextlib.contextmanager
def plain(directory):
    os.makedirs(directory + "/plain", exist_ok=True)
    yield directory + "/plain"


def fill(root, megabytes):
    """A root with so much in it: files of 1 MB, one in ten cut in 64 pieces."""
    block = os.urandom(1 << 20)
    for number in range(megabytes):
        place = f"{root}/data{number // 100}"
        os.makedirs(place, exist_ok=True)
        pieces = 64 if number % 10 == 0 else 1
        for piece in range(pieces):
            with open(f"{place}/{number}.{piece}", "wb") as file:
                file.write(block[: len(block) // pieces])


def make_source(runtime, place, name, megabytes, subvolume):
    """A container that can't start and needs not: its directory, a configuration, a root."""
    directory = f"{place}/{name}"
    os.makedirs(directory)
    root = directory + "/rootfs"
    if subvolume:
        subprocess.run(["btrfs", "-q", "subvolume", "create", root], check=True)
    else:
        os.makedirs(root)
    fill(root, megabytes)
    with open(directory + "/config", "w", encoding="ascii") as file:
        file.write(f"lxc.rootfs.path = {'btrfs' if subvolume else 'dir'}:{root}\nlxc.uts.name = {name}\n")
    os.sync()


def sizes(bench):
    return SIZES if bench.options.runs >= QUICK_RUNS else QUICK_SIZES


def settle(place):
    """Waits until a destroyed snapshot is gone: the kernel removes it later, at the cost of whoever writes to the file system then."""
    subprocess.run(["btrfs", "filesystem", "sync", place], check=True, capture_output=True)  # wakes who removes
    while subprocess.run(["btrfs", "subvolume", "list", "-d", place], check=True, capture_output=True).stdout:
        time.sleep(0.01)
    subprocess.run(["sync", "-f", place], check=True)


def snapshot_alone(place, source):
    """What the kernel needs for it, by the program of btrfs: the command, and what undoes it."""
    copy = f"{place}/alone"
    subprocess.run(["btrfs", "-q", "subvolume", "snapshot", source, copy], check=True)

    def undo():
        subprocess.run(["btrfs", "-q", "subvolume", "delete", copy], check=True)
        settle(place)

    return [shutil.which("btrfs"), "-q", "subvolume", "snapshot", source, copy], undo


def measure(bench, kind, place):
    """{runtime: {size: ms}}"""
    subvolume = kind == "btrfs"
    values = {}
    for size, megabytes in sizes(bench).items():
        candidates, before = {}, {}
        for runtime in bench.runtimes.values():
            lxcpath = f"{place}/{runtime.name}-{megabytes}"
            make_source(runtime, lxcpath, "source", megabytes, subvolume)
            options = ["-s"] if subvolume else ["-s", "-B", "overlay"]
            candidates[runtime.name] = [runtime.program("copy"), "-P", lxcpath, "-n", "source", "-N", "clone", *options]

            def destroy(words=(runtime.program("destroy"), "-P", lxcpath, "-n", "clone")):
                subprocess.run(words, capture_output=True, check=False)
                if subvolume:
                    settle(place)

            before[runtime.name] = destroy
        if subvolume:
            candidates["btrfs"], before["btrfs"] = snapshot_alone(place, f"{lxcpath}/source/rootfs")
        for name, value in bench.race(candidates, max(5, bench.options.runs // 4), before=before).items():
            values.setdefault(name, {})[size] = value
        for clean in before.values():
            clean()
        for runtime in bench.runtimes.values():
            if not subvolume:
                shutil.rmtree(f"{place}/{runtime.name}-{megabytes}")
    return values


def beyond(measured, alone):
    """What each takes more than the kernel's snapshot alone. That takes a reference to each block below the top one of the source's tree,
    up to some hundreds, and so grows with the size at first, whoever asks for it."""
    return {name: {size: value - alone[size] for size, value in of_size.items()} for name, of_size in measured.items()}


def report(bench, what, measured):
    values = {f"{name} {size}": value for name, of_size in measured.items() for size, value in of_size.items()}
    smallest, *_, largest = sizes(bench)
    if "berth" in measured:
        values["berth"] = measured["berth"][largest]
    bench.report(f"clone that shares data, {what}", "ms", values,
                 [(f"{largest} takes no more than {FLAT} x {smallest}", f"berth {smallest}", FLAT), ("no slower than LXC", f"lxc {largest}", 1.0)])


def row(bench, kind):
    with (btrfs if kind == "btrfs" else plain)(bench.work) as place:
        measured = measure(bench, kind, place)
    report(bench, kind, measured)
    alone = measured.pop("btrfs", None)
    if alone:
        report(bench, "btrfs, beyond the kernel's snapshot", beyond(measured, alone))
