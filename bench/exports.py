"""Row of bench/run about backups: what packs a container is to be as fast as tar and zstd are."""

import os
import shutil
import subprocess

MEGABYTES, QUICK_MEGABYTES = 600, 60
QUICK_RUNS = 5
LEVEL = 3
BUDGET = 1.1
SOURCES = ("/usr/lib", "/usr/share", "/usr/bin")  # files as containers have them


def fill(root, megabytes):
    """A root of copies of this host's files, with so much in it."""
    left = megabytes << 20
    for source in SOURCES:
        for directory, subdirectories, names in os.walk(source):
            subdirectories.sort()
            target = root + directory
            os.makedirs(target, exist_ok=True)
            for name in sorted(names):
                path = f"{directory}/{name}"
                if os.path.islink(path):
                    os.symlink(os.readlink(path), f"{target}/{name}")
                elif os.path.isfile(path) and os.path.getsize(path) <= 64 << 20:
                    shutil.copy2(path, f"{target}/{name}")
                    left -= os.path.getsize(path)
                if left <= 0:
                    return


def make_source(lxcpath, name, megabytes):
    """A container that can't start and needs not."""
    root = f"{lxcpath}/{name}/rootfs"
    os.makedirs(root)
    fill(root, megabytes)
    with open(f"{lxcpath}/{name}/config", "w", encoding="ascii") as file:
        file.write(f"lxc.rootfs.path = dir:{root}\nlxc.uts.name = {name}\n")
    os.sync()


def row(bench):
    runtime = bench.runtimes.get("berth")
    if runtime is None:
        return
    for program in ("tar", "zstd"):
        if shutil.which(program) is None:
            bench.note(f"export: {program} is not installed")
            return
    quick = bench.options.runs < QUICK_RUNS
    lxcpath, threads = bench.work + "/exports", os.cpu_count() or 1
    make_source(lxcpath, "source", QUICK_MEGABYTES if quick else MEGABYTES)
    # Both have the archive on the disk at their end.
    tar = (f"tar --xattrs --xattrs-include='*' --numeric-owner -C {lxcpath}/source -cf - rootfs |"
           f" zstd -q -f -{LEVEL} -T{threads} -o {lxcpath}/tar.tar.zst && sync {lxcpath}/tar.tar.zst")
    berth = os.path.dirname(runtime.program("copy")) + "/berth"
    candidates = {"berth": [berth, "export", "-P", lxcpath, "source", f"{lxcpath}/berth.tar.zst", "--force", "--level", str(LEVEL),
                            "--threads", str(threads), "--progress", "none"],
                  "tar | zstd": ["/bin/sh", "-c", tar]}
    before = {name: os.sync for name in candidates}
    values = bench.race(candidates, max(3, bench.options.runs // 8), before=before)
    bench.report("export, zstd, all processors", "ms", values, [(f"<= {BUDGET} x tar | zstd", "tar | zstd", BUDGET)])
    if not quick and len(values) == len(candidates):
        sizes = {name: os.path.getsize(f"{lxcpath}/{name}.tar.zst") for name in ("berth", "tar")}
        bench.note("archives: " + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.items()))
    shutil.rmtree(lxcpath)
