"""Shared by the py_*.py programs: each line names its own writer, and is written in pieces.

Every program is called as  py_NAME.py METHOD RESULT:  METHOD is the multiprocessing start method, RESULT a file
for what the program computed. say() writes `name[pid]: text`. With PIECES=1 it writes the line in many small
flushed pieces, as careless programs do; without, in one write, which is what the run without sscap needs to keep
its lines whole.
"""
import multiprocessing
import os
import random
import sys


def me():
    with open("/proc/self/comm") as comm:
        return f"{comm.read().rstrip()}[{os.getpid()}]"


def pieces_of(line):
    if os.environ.get("PIECES") != "1":
        yield line
        return
    rnd = random.Random(line)
    while line:
        n = rnd.randint(1, 12)
        yield line[:n]
        line = line[n:]


def say(text, stream=None):
    stream = stream or sys.stdout
    for piece in pieces_of(f"{me()}: {text}\n"):
        stream.write(piece)
        stream.flush()


def say_raw(text, fd=1):
    """For threads, because they share sys.stdout's buffer, which mixes their pieces before sscap sees them."""
    for piece in pieces_of(f"{me()}: {text}\n"):
        os.write(fd, piece.encode())


def chatter(who, lines=8):
    """Print enough lines, from enough processes at once, that pieces of different writers meet."""
    for i in range(lines):
        say(f"{who} says line {i} of {lines}, " + "abcdefghij" * (i % 4))


def context():
    return multiprocessing.get_context(sys.argv[1])


def result(*values):
    with open(sys.argv[2], "a") as file:
        print(*values, file=file)


def run_all(processes):
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    result("exit codes", [process.exitcode for process in processes])
