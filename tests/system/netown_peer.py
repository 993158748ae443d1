"""Ends of the tests of published ports and names: serve answers with its name and who asked, ask prints that answer, resolve asks a name server."""
import select
import socket
import struct
import sys


def serve(name, ports):
    listening = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for port in ports:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                end = socket.socket(family, kind)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                end.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    end.listen(16)
                listening.append(end)
    print("ready", flush=True)
    while True:
        for end in select.select(listening, [], [])[0]:
            port = end.getsockname()[1]
            if end.type == socket.SOCK_STREAM:
                client, peer = end.accept()
                client.sendall(("%s:%d to %s" % (name, port, peer[0])).encode())
                client.close()
            else:
                _, peer = end.recvfrom(100)
                end.sendto(("%s:%d to %s" % (name, port, peer[0])).encode(), peer)


def ask(protocol, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    end = socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
    end.settimeout(3)
    end.connect((address, port))
    if protocol == "udp":
        end.send(b"?")
    print(end.recv(200).decode())


def resolve(server, name):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.settimeout(3)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    end.sendto(struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1), (server, 53))
    answer = end.recv(512)
    answers = struct.unpack(">H", answer[6:8])[0]
    print(socket.inet_ntoa(answer[-4:]) if answers else "none")


if sys.argv[1] == "serve":
    serve(sys.argv[2], [int(port) for port in sys.argv[3:]])
elif sys.argv[1] == "resolve":
    resolve(sys.argv[2], sys.argv[3])
else:
    try:
        ask(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    except OSError as error:
        sys.exit("no answer: %s" % error)
