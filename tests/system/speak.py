#!/usr/bin/env python3
"""Runs a command on a pty and holds a scripted conversation with it.

usage: speak.py [--send TEXT | --expect TEXT]... -- COMMAND...
Texts know Python's escapes. Exit status: the command's; 2 when an expected text did not come within 10 s.
"""
import os
import pty
import select
import sys
import time

LIMIT = 10


def main():
    split = sys.argv.index("--")
    script, command = sys.argv[1:split], sys.argv[split + 1 :]
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    seen = b""
    for verb, text in zip(script[::2], script[1::2]):
        data = text.encode().decode("unicode_escape").encode("latin-1")
        if verb == "--send":
            time.sleep(0.3)  # the other side must be reading
            os.write(master, data)
            continue
        end = time.monotonic() + LIMIT
        while data not in seen:
            if time.monotonic() > end or not select.select([master], [], [], 0.5)[0] and time.monotonic() > end:
                sys.stderr.write(f"no {data!r} in {seen!r}\n")
                sys.exit(2)
            if select.select([master], [], [], 0)[0]:
                try:
                    seen += os.read(master, 4096)
                except OSError:
                    sys.stderr.write(f"ended before {data!r}; said {seen!r}\n")
                    sys.exit(2)
        seen = seen.split(data, 1)[1]
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            sys.exit(os.waitstatus_to_exitcode(status))
        if select.select([master], [], [], 0.1)[0]:
            try:
                os.read(master, 4096)
            except OSError:
                pass
    sys.stderr.write("the command did not end\n")
    sys.exit(2)


main()
