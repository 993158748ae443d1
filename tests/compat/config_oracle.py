#!/usr/bin/python3
"""Asks the distribution's liblxc and berth the same questions about configuration, and compares the answers.

usage: config_oracle.py PROBE [--list [PATTERN]]
PROBE is the program tests/compat/config_probe.cpp. Differences that are meant stand in config_differences.py; any other is a failure,
and so is a row there that nothing needs any more. --list prints all differences, meant or not.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import config_values as values
import liblxc
from config_differences import DIFFERENCES


class Berth:
    """The probe, with the same face as liblxc.Container."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, verb, *words):
        line = " ".join([verb, *(word.hex() for word in words)])
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        verdict, _, text = self.process.stdout.readline().decode().strip().partition(" ")
        if verdict not in ("ok", "no"):
            raise RuntimeError("the probe died of: " + line)
        return (verdict == "ok", bytes.fromhex(text))

    def answer(self, verb, *words):
        good, text = self.ask(verb, *words)
        return text if good else None

    def new(self):
        self.ask("new")

    def set(self, key, value):
        return self.ask("set", key, value)[0]

    def clear(self, key):
        return self.ask("clear", key)[0]

    def get(self, key):
        return self.answer("get", key)

    def keys(self, prefix=b""):
        return self.answer("keys", prefix) if prefix else self.answer("keys")

    def load(self, path):
        return self.ask("load", path)[0]

    def text(self):
        return self.answer("text")


# --- questions ----------------------------------------------------------------------------------------------------------------
def questions_of_value(key, value, before):
    load = [("load", before)] if before else []
    ends = [("get", key), ("text",)]
    yield load + [("set", key, value)] + ends
    if value:
        yield load + [("set", key, value), ("set", key, value), ("get", key)]
        yield load + [("set", key, value), ("set", key, "")] + ends
        yield load + [("set", key, value), ("clear", key)] + ends
    yield [("load", before + key + " = " + value + "\n")] + ends
    yield [("load", before + key + "=" + value + "\n" + "# a comment\n" + key + " = \n")] + ends


def all_questions():
    """Pairs of what it is about, "KEY = VALUE" where one value is, and the steps."""
    for key, own in values.KEYS.items():
        yield key, [("get", key)]
        yield key, [("clear", key), ("text",)]
        for value in own + values.anything(key):
            for steps in questions_of_value(key, value, ""):
                yield key + " = " + value, steps
    for subkey, (own, kind) in values.NETWORK_KEYS.items():
        key = "lxc.net.0." + subkey
        before = "lxc.net.0.type = " + kind + "\n" if kind else ""
        yield key, [("get", key)]
        yield key, [("clear", key), ("text",)]
        for value in own + values.ANYTHING:
            for steps in questions_of_value(key, value, before):
                yield key + " = " + value, steps
        for kind in values.NETWORK_TYPES:  # which keys a type has
            yield key, [("load", "lxc.net.0.type = " + kind + "\n"), ("get", key)]
        if own:
            yield "early " + key, [("set", key, own[0]), ("get", key)]
            yield "early " + key, [("load", key + " = " + own[0] + "\nlxc.net.0.type = veth\n"), ("get", key)]
    for steps in questions_of_lists():
        yield "lists", steps
    for steps in questions_of_lines():
        yield "lines", steps
    for steps in questions_of_keys():
        yield "keys", steps


def questions_of_lists():
    """Several lines, and what one key's clearing does to another."""
    for key, first, second in [
            ("lxc.environment", "A=1", "B=2"), ("lxc.group", "a", "b c"), ("lxc.idmap", "u 0 100000 10", "g 0 100000 10"),
            ("lxc.cap.drop", "sys_time", "sys_module"), ("lxc.cap.keep", "chown", "none"), ("lxc.mount.auto", "proc:rw", "sys:ro"),
            ("lxc.mount.auto", "proc:rw sys:rw cgroup:rw", "proc:mixed"), ("lxc.mount.entry", "a b none bind 0 0", "c d none bind 0 0"),
            ("lxc.hook.start", "/a", "/b"), ("lxc.apparmor.raw", "a,", "b,"), ("lxc.init.groups", "1", "2,3"),
            ("lxc.prlimit.nofile", "1", "2"), ("lxc.sysctl.a.b", "1", "2"), ("lxc.proc.oom_score_adj", "1", "2"),
            ("lxc.cgroup2.memory.max", "1", "2"), ("lxc.namespace.share.net", "a", "b"), ("lxc.uts.name", "a", "b"),
            ("lxc.net.0.type", "veth", "macvlan"), ("lxc.net.0.type", "empty", "none")]:
        yield [("set", key, first), ("set", key, second), ("get", key), ("text",)]
        yield [("set", key, first), ("set", key, ""), ("set", key, second), ("get", key), ("text",)]
    for family, names in [("lxc.prlimit", ["core = 1", "nofile = 2"]), ("lxc.sysctl", ["a.b = 1", "c.d = 2"]), ("lxc.proc", ["a = 1", "b = 2"]),
                          ("lxc.cgroup2", ["memory.max = 1", "cpu.max = 2"]), ("lxc.hook", ["start = a", "stop = b"]),
                          ("lxc.namespace.share", ["net = a", "ipc = b"]), ("lxc.net", ["0.type = veth", "0.flags = up", "2.type = empty"]),
                          ("lxc.net.0", ["0.type = veth", "0.flags = up", "2.type = empty"])]:
        root = "lxc.net" if family == "lxc.net.0" else family
        text = "# first\n" + "".join(root + "." + line + "\n" for line in names)
        keys = [root + "." + line.split(" ")[0] for line in names]
        gets = [("get", family)] + [("get", key) for key in keys]
        yield [("load", text)] + gets
        for verb in [("clear", family), ("set", family, ""), ("clear", keys[0])]:
            yield [("load", text), verb] + gets
            yield [("load", text), verb, ("text",)]
    for first, second in [("lxc.cap.drop", "lxc.cap.keep"), ("lxc.cap.keep", "lxc.cap.drop"), ("lxc.namespace.keep", "lxc.namespace.clone"),
                          ("lxc.namespace.clone", "lxc.namespace.keep")]:
        value = "chown" if "cap" in first else "net"
        yield [("set", first, value), ("set", second, value), ("get", first), ("get", second)]
        yield [("set", first, value), ("clear", second), ("get", first)]


def questions_of_lines():
    for text in ["lxc.uts.name=a\n", "  lxc.uts.name =   a  \n", "lxc.uts.name = 'a'\n", 'lxc.uts.name = "a\n', 'lxc.uts.name = ""\n', "lxc.uts.name = a # b\n",
                 "uts.name = a\nlxc.uts.name = b", "lxc.uts.name\n", "lxc.uts.name a\n", "\n\n#x\nlxc.uts.name = a", "lxc.uts.name == a\n",
                 "lxc.uts.name\t=\ta\t\n", "lxc.uts.name = a\r\n", "foo\nlxc.uts.name = a\n", " # c\nlxc.uts.name = a\n", "lxc.uts.name = a b\n",
                 "lxc.nope = 1\nlxc.uts.name = a\n", "lxc.uts.name = a", "=\nlxc.uts.name = a\n", "LXC.uts.name = a\n"]:
        yield [("load", text), ("get", "lxc.uts.name"), ("text",)]


def questions_of_keys():
    networks = "".join("lxc.net.%d.type = %s\n" % pair for pair in enumerate(values.NETWORK_TYPES))
    yield [("load", "lxc.uts.name = a\n"), ("keys",)]
    yield [("load", networks), ("keys",)]
    for prefix in values.PREFIXES:
        yield [("load", "lxc.net.0.type = veth\nlxc.net.0.flags = up\n"), ("keys", prefix)]
        yield [("load", "lxc.prlimit.core = 1\nlxc.sysctl.a = 1\nlxc.proc.b = 1\nlxc.cgroup2.c.d = 1\n"), ("keys", prefix)]
    for number, _ in enumerate(values.NETWORK_TYPES):
        yield [("load", networks), ("keys", "lxc.net.%d" % number)]
    yield [("load", "lxc.net.0.flags = up\n"), ("keys", "lxc.net.0")]


# --- answers ------------------------------------------------------------------------------------------------------------------
def play(side, steps, directory):
    answers = []
    for verb, *words in steps:
        words = [word.replace("@DIR@", directory).encode() for word in words]
        if verb == "load":
            path = os.path.join(directory, "config").encode()
            with open(path, "wb") as file:
                file.write(words[0])
            words = [path]
        answer = getattr(side, verb)(*words)
        # The order of keys is each one's own affair; what ends a line is not.
        answers.append(sorted(answer.split(b"\n")) if verb == "keys" and answer is not None else answer)
        if verb == "load" and not answers[-1]:
            break
    return answers


def ask_lxc(questions, directory):
    """Each in a child of its own fate: a question that kills the library is an answer too."""
    answers = []
    while len(answers) < len(questions):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            os.chdir("/")
            with os.fdopen(writing, "w") as out:
                for steps in questions[len(answers):]:
                    container = liblxc.Container(directory)
                    empty = os.path.join(directory, "empty")
                    container.load(empty.encode())
                    print(repr(play(container, steps, directory)), file=out, flush=True)
                    container.put()
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as source:
            answers += [eval(line) for line in source]  # our own repr()
        if os.waitpid(child, 0)[1] != 0:
            answers.append("killed by a signal")
    return answers


def first_difference(label, steps, lxc, ours):
    """One line: what it was about, the step whose answers differ, and both answers."""
    if lxc == "killed by a signal":
        return "%s > %s: %s" % (label, steps, lxc)
    for (verb, *words), one, other in zip(steps, lxc, ours):
        if one != other:
            step = " ".join([verb, *words]).replace("\n", "\\n")
            return "%s > %s: %r but %r" % (label, step, one, other)
    raise RuntimeError("the answers are equal")


def main():
    refused = liblxc.why_not()
    if refused:
        print("skipped: " + refused)
        return 77
    os.environ.pop("BERTH_UNSET_VARIABLE", None)
    questions = list(all_questions())
    listing = "--list" in sys.argv
    wanted = re.compile(sys.argv[3] if len(sys.argv) > 3 else "")
    used, failures, differing = set(), 0, 0
    with tempfile.TemporaryDirectory(prefix="berth-oracle.") as directory:
        with open(os.path.join(directory, "empty"), "w") as file:
            file.write("\n")  # an empty file is none to LXC
        theirs = ask_lxc([steps for _, steps in questions], directory)
        berth = Berth(sys.argv[1])
        for (label, steps), lxc in zip(questions, theirs):
            berth.new()
            ours = play(berth, steps, directory)
            if ours == lxc:
                continue
            differing += 1
            line = first_difference(label, steps, lxc, ours)
            rows = [row for row, (pattern, _) in enumerate(DIFFERENCES) if re.search(pattern, line)]
            used.update(rows)
            failures += 0 if rows else 1
            if (listing or not rows) and wanted.search(line):
                print(("(meant) " if rows else "") + line)
        liblxc.forget(directory)
    for row, (pattern, _) in enumerate(DIFFERENCES):
        if row not in used:
            failures += 1
            print("nothing differs any more where config_differences.py says so: " + pattern)
    print("%d questions to liblxc %s and berth; %d answers differ, as %d rows say; %d failures" %
          (len(questions), liblxc.version(), differing, len(DIFFERENCES), failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
