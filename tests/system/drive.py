#!/usr/bin/env python3
"""Runs a program on a terminal of its own and does with it what a person would.

usage: drive.py ROWSxCOLUMNS ACTION... -- PROGRAM [ARGUMENT...]
actions, in their order:
  see:TEXT     until the program has written TEXT since the last action that saw something (10 s at most)
  key:TEXT     types it; \\xHH is a byte
  size:RxC     another window
  signal:NAME  to the program
  gone         the terminal is closed
  stopped      until the program is stopped (10 s)
  modes:kept, modes:changed   fails unless the terminal's modes are as before the program, or not
Prints what the program wrote, then "modes kept" or "modes changed", and "status N" as subprocess counts it.
"""
import fcntl, os, pty, select, signal, struct, subprocess, sys, termios, time

LONG = 10


class Terminal:
    def __init__(self, size, command):
        self.master, self.slave = pty.openpty()
        self.resize(size)
        self.before = termios.tcgetattr(self.slave)
        self.child = subprocess.Popen(command, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                      preexec_fn=self.become_leader)
        self.written = b""
        self.seen = 0

    def become_leader(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def resize(self, size):
        rows, columns = map(int, size.split("x"))
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            self.written += os.read(self.master, 65536)
        return bool(ready)

    def see(self, text):
        end = time.monotonic() + LONG
        while True:
            at = self.written.find(text, self.seen)
            if at >= 0:
                self.seen = at + len(text)
                return
            if time.monotonic() > end or self.child.poll() is not None and not self.read(0):
                sys.exit(f"never saw {text!r} in {self.written[self.seen:]!r}")
            self.read(0.05)

    def wait_stopped(self):
        end = time.monotonic() + LONG
        while open(f"/proc/{self.child.pid}/stat").read().rsplit(") ")[1][0] != "T":
            if time.monotonic() > end:
                sys.exit("never stopped")
            self.read(0.05)

    def act(self, action):
        kind, _, text = action.partition(":")
        value = text.encode().decode("unicode_escape").encode("latin-1")
        if kind == "see":
            self.see(value)
        elif kind == "key":
            os.write(self.master, value)
        elif kind == "size":
            self.resize(text)
        elif kind == "signal":
            self.child.send_signal(getattr(signal, "SIG" + text))
        elif kind == "modes":
            self.expect_modes(text)
        elif kind == "stopped":
            self.wait_stopped()
        elif kind == "gone":
            os.close(self.slave)
            os.close(self.master)
            self.master = None
        else:
            sys.exit(f"no action {action!r}")

    def kept(self):
        return termios.tcgetattr(self.slave) == self.before

    def expect_modes(self, wanted):
        if self.kept() != (wanted == "kept"):
            sys.exit(f"the terminal's modes are not {wanted}")

    def finish(self):
        end = time.monotonic() + LONG
        while self.child.poll() is None and time.monotonic() < end:
            if self.master is not None:
                self.read(0.05)
            else:
                time.sleep(0.05)
        late = self.child.poll() is None
        if late:
            self.child.kill()
        status = self.child.wait()
        if self.master is not None:
            while self.read(0):
                pass
            print(self.written.decode(errors="replace").replace("\r\n", "\n"))
            print("modes", "kept" if self.kept() else "changed")
        print("status", "never ended" if late else status)


def main():
    split = sys.argv.index("--")
    terminal = Terminal(sys.argv[1], sys.argv[split + 1:])
    try:
        for action in sys.argv[2:split]:
            terminal.act(action)
        terminal.finish()
    finally:
        if terminal.child.poll() is None:
            terminal.child.kill()
            terminal.child.wait()


main()
