#!/usr/bin/env python3
"""A process outside the session that floods its named socket: flood.py SESSION_FILE READY DONE

Waits for SESSION_FILE, which holds a value of SSCAP_SESSION, and finds the session's socket in /proc/net/unix, as any
process can. Then it sends random bytes, almost correct messages with the session's nonce, and descriptors. It also
opens connections that send nothing. It stops when the file DONE exists. It makes READY after the first round.
"""
import array
import os
import random
import socket
import struct
import sys
import time

DEADLINE = time.monotonic() + 60
session_file, ready, done = sys.argv[1:]
rnd = random.Random(1)


def over():
    return os.path.exists(done) or time.monotonic() > DEADLINE


def session():
    while not over():
        try:
            with open(session_file, encoding="ascii") as file:
                if (text := file.read()).endswith("\n"):
                    return text.strip().split(":")
        except FileNotFoundError:
            pass
        time.sleep(0.02)
    sys.exit("no session")


def names(suffix):
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        paths = [line.split()[-1] for line in file]
    return {"\0" + path[1:] for path in paths if path.startswith("@") and path.endswith(suffix)}


def event(nonce):
    """Return a struct sscap_event (shim/wire.h) with one field or the whole length wrong."""
    fields = [1, rnd.randint(0, 6), 56, nonce, os.getpid(), 1, 3, 0, b"flood"]
    spoilt = rnd.choice([0, 1, 2, 4, 5, 6, 7])
    fields[spoilt] = rnd.choice([0, 1, 0x7FFF, 0xFFFF if spoilt < 2 else 0x7FFFFFFF])
    message = struct.pack("=HHI16siiII16s", *fields)
    return message[: rnd.randint(0, 56)] if rnd.random() < 0.3 else message


def rubbish(nonce):
    if rnd.random() < 0.5:
        return event(nonce)
    return os.urandom(rnd.choice([0, 1, 55, 56, 57, 4096, 4097, 60000]))


def speak(sock, nonce):
    """Send some messages, some with descriptors, which a careless receiver would keep."""
    for _ in range(rnd.randint(0, 5)):
        null = [os.open("/dev/null", os.O_RDONLY) for _ in range(rnd.choice([0, 0, 1, 30]))]
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", null))] if null else []
        try:
            sock.sendmsg([rubbish(nonce)], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            pass
        for fd in null:
            os.close(fd)


def one(name, nonce, kept):
    kind = rnd.choice([socket.SOCK_SEQPACKET, socket.SOCK_SEQPACKET, socket.SOCK_SEQPACKET, socket.SOCK_STREAM, socket.SOCK_DGRAM])
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.setblocking(False)
    try:
        sock.connect(name)
    except OSError:
        sock.close()
        return False
    speak(sock, nonce)
    if rnd.random() < 0.3 and len(kept) < 500:
        kept.append(sock)
    else:
        sock.close()
    return True


def main():
    fields = session()
    nonce, suffix = bytes.fromhex(fields[6]), fields[8]
    targets, kept, connected = names(suffix), [], 0
    if not targets:
        sys.exit("the session's socket is not in /proc/net/unix")
    while not over():
        for _ in range(200):
            connected += sum(one(name, rnd.choice([nonce, os.urandom(16)]), kept) for name in targets)
        if not os.path.exists(ready):
            with open(ready, "w", encoding="ascii") as file:
                print(connected, "connections", file=file)
        time.sleep(0.01)
    return 0 if connected else 1


if __name__ == "__main__":
    sys.exit(main())
