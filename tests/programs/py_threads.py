"""Processes with threads that write their lines in pieces by write(2) to both streams."""
import threading

from py_say import context, result, run_all, say, say_raw


def thread(name):
    for i in range(8):
        say_raw(f"{name} line {i}", fd=1 + i % 2)


def worker(i):
    threads = [threading.Thread(target=thread, args=(f"worker {i} thread {j}",)) for j in range(4)]
    for t in threads:
        t.start()
    say_raw(f"worker {i} main thread")
    for t in threads:
        t.join()


if __name__ == "__main__":
    ctx = context()
    run_all([ctx.Process(target=worker, args=(i,)) for i in range(3)])
    say("done")
    result("done")
