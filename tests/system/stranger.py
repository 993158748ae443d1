#!/usr/bin/env python3
"""Sends every command to a container's command socket as another user, and demands that each is refused.

usage: stranger.py [--inherited | --hold N FILE] LXCPATH NAME
--inherited: the connections are root's, what is sent on them is the other user's.
--hold N FILE: opens N connections that say nothing, makes FILE, and keeps them until its standard input ends.
Exit status: 0 when everything was refused; 1 with a line for each answer that came.
"""
import array
import os
import socket
import struct
import sys

NOBODY = 65534
COMMANDS = 27  # and a few beyond
LIMIT = 5
EPERM = 1

# Well-formed arguments, so that it is not their form which is refused.
DATA = {
    6: b"memory\0",  # get_cgroup
    7: b"lxc.uts.name\0",  # get_config_item
    10: struct.pack("8i", *[1] * 8),  # add_state_client
    11: struct.pack("??xxxxxxQ?xxxxxxx", True, True, 100, False),  # console_log: read and clear
    19: b"memory\0",  # get_limit_cgroup
}


def connect(address):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(address)  # waits for a place in the queue
    connection.settimeout(LIMIT)
    return connection


def become_nobody():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def refusal_of(connection, command):
    """Nothing when it was refused, else what came."""
    data = DATA.get(command, b"")
    descriptors = array.array("i")
    try:
        connection.sendall(struct.pack("iiQ", command, len(data), 0) + data)
        answer, control, _, _ = connection.recvmsg(8192, socket.CMSG_SPACE(24 * descriptors.itemsize))
    except (BrokenPipeError, ConnectionResetError):
        return None  # hung up on: nothing was said
    except TimeoutError:
        return "no answer"
    if control:
        return f"descriptors: {control}"
    if not answer:
        return None
    result, length, value = struct.unpack("iiQ", answer[:16])
    if result != -EPERM or length != 0 or value != 0 or len(answer) > 16:
        return f"result {result}, value {value:#x}, {answer[16:]!r}"
    return None


def ask_everything(address, inherited):
    numbers = [*range(COMMANDS + 3), -1]
    made = [connect(address) for _ in numbers] if inherited else None
    become_nobody()
    told = 0
    for index, command in enumerate(numbers):
        answer = refusal_of(made[index] if made else connect(address), command)
        if answer is not None:
            print(f"command {command} was not refused: {answer}")
            told = 1
    return told


def hold(address, count, sign):
    opened = os.open(sign + ".new", os.O_CREAT | os.O_WRONLY, 0o644)
    become_nobody()
    held = [connect(address) for _ in range(count)]
    os.close(opened)
    os.rename(sign + ".new", sign)
    sys.stdin.read()
    return 0 if held else 1


def main():
    words = sys.argv[1:]
    address = "\0" + words[-2] + "/" + words[-1] + "/command"
    if words[0] == "--hold":
        return hold(address, int(words[1]), words[2])
    return ask_everything(address, words[0] == "--inherited")


sys.exit(main())
