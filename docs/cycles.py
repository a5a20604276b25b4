#!/usr/bin/env python3
"""Repeats PASV + connect + COMMAND in one session, to count the system calls in the tables of architecture.md.

    target/release/loopftpd --log-level warn DIR &
    strace -f -c -p PID &
    python3 docs/cycles.py 2121 1000 LIST
"""
import re
import socket
import sys

port, count, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
control = socket.create_connection(("127.0.0.1", port))
control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
replies = control.makefile("rb")


def say(line):
    control.sendall(line.encode() + b"\r\n")
    return replies.readline()


replies.readline()
for line in ("USER ftp", "PASS x", "TYPE I"):
    say(line)
for _ in range(count):
    numbers = re.search(rb"\((.*)\)", say("PASV")).group(1).split(b",")
    data = socket.create_connection(("127.0.0.1", int(numbers[4]) * 256 + int(numbers[5])))
    assert say(command).startswith(b"150")
    while data.recv(65536):
        pass
    data.close()
    assert replies.readline().startswith(b"226")
