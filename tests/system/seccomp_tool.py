#!/usr/bin/env python3
"""The other ends of a container's seccomp filter.

seccomp_tool.py program PID             the filters of a process, one line an instruction (ptrace(2))
seccomp_tool.py proxy SOCKET errno|continue|die LOG
                                        answers notified calls by EFBIG, lets them go on, or ends at the first one; a line to LOG for
                                        each connection and message
seccomp_tool.py listener LXCPATH NAME   asks the monitor for the listener (command 22) and answers one call by EXDEV
seccomp_tool.py below COMMAND...        the command, below a filter that allows everything
"""
import array
import ctypes
import fcntl
import os
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CONTINUE = 1


def program(pid):
    seize, interrupt, detach, get_filter = 0x4206, 0x4207, 17, 0x420C
    LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    LIBC.ptrace.restype = ctypes.c_long
    if LIBC.ptrace(seize, pid, None, None) != 0:
        sys.exit("ptrace: " + os.strerror(ctypes.get_errno()))
    LIBC.ptrace(interrupt, pid, None, None)
    os.waitpid(pid, 0x40000000)
    index = 0
    while (size := LIBC.ptrace(get_filter, pid, index, None)) >= 0:
        buffer = ctypes.create_string_buffer(size * 8)
        LIBC.ptrace(get_filter, pid, index, buffer)
        for at in range(0, size * 8, 8):
            print(index, "%04x %d %d %x" % struct.unpack("HBBI", buffer.raw[at : at + 8]))
        index += 1
    LIBC.ptrace(detach, pid, None, None)


def answer_to(message, mode):
    sizes = struct.unpack("HHH", message[16:22])
    number = struct.unpack("Q", message[32:40])[0]
    response = struct.pack("QqiI", number, 0, 0, CONTINUE) if mode == "continue" else struct.pack("QqiI", number, 0, -27, 0)
    return message[: 32 + sizes[0]] + response


def describe(message, descriptors):
    reserved, monitor, init, one, two, three, cookie = struct.unpack("QiiHHHxxQ", message[:32])
    links = [os.readlink(f"/proc/self/fd/{fd}") for fd in descriptors]
    pid = struct.unpack("I", message[40:44])[0]
    nr = struct.unpack("i", message[48:52])[0]
    shape = ["dir" if links[0] == f"/proc/{pid}" else links[0], "mem" if links[1] == f"/proc/{pid}/mem" else links[1], links[2]]
    text = message[32 + one + two :].decode()
    return f"message monitor={monitor} init={init} sizes={one},{two},{three} cookie={text} {cookie == len(text)} nr={nr} fds={shape}"


def proxy(path, mode, log):
    name = b"\0" + path[1:].encode() if path.startswith("@") else path
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(name)
    server.listen(5)
    out = open(log, "a", buffering=1)
    out.write("ready\n")
    while True:
        connection, _ = server.accept()
        out.write("connected\n")
        while True:
            message, extra, _, _ = connection.recvmsg(4096, 4096)
            if not message:
                break
            descriptors = [fd for _, _, data in extra for fd in array.array("i", data)]
            out.write(describe(message, descriptors) + "\n")
            for fd in descriptors:
                os.close(fd)
            if mode == "die":
                return
            connection.send(answer_to(message, mode))


def listener(lxcpath, name):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(f"\0{lxcpath}/{name}/command")
    connection.send(struct.pack("iiQ", 22, 0, 0))
    reply, extra, _, _ = connection.recvmsg(16, 4096)
    result = struct.unpack("i", reply[:4])[0]
    if result < 0 or not extra:
        sys.exit(f"no listener: {result}")
    fd = array.array("i", extra[0][2])[0]
    print("listening", flush=True)
    notification = bytearray(80)
    fcntl.ioctl(fd, 0xC0502100, notification)
    number = struct.unpack("Q", notification[:8])[0]
    fcntl.ioctl(fd, 0xC0182101, bytearray(struct.pack("QqiI", number, 0, -18, 0)))


def below(command):
    code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000))
    filters = struct.pack("HxxxxxxQ", 1, ctypes.addressof(code))
    if LIBC.prctl(22, 2, filters, 0, 0) != 0:
        sys.exit(f"no seccomp filter: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)


def main():
    what, words = sys.argv[1], sys.argv[2:]
    if what == "program":
        program(int(words[0]))
    elif what == "proxy":
        proxy(*words)
    elif what == "listener":
        listener(*words)
    else:
        below(words)


main()
