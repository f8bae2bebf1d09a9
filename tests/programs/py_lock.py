"""Lock: a counter in a plain file is right only if the lock excludes."""
import sys

from py_say import chatter, context, result, run_all, say


def with_statement(lock, path):
    for _ in range(10):
        with lock:
            add_one(path)
    say("lock acquired via with")
    chatter("with")


def directly(lock, path):
    for _ in range(10):
        lock.acquire()
        try:
            add_one(path)
        finally:
            lock.release()
    say("lock acquired directly")
    chatter("direct")


def add_one(path):
    with open(path) as file:
        n = int(file.read())
    with open(path, "w") as file:
        file.write(str(n + 1))


if __name__ == "__main__":
    ctx = context()
    lock = ctx.Lock()
    counter = sys.argv[2] + ".counter"
    with open(counter, "w") as file:
        file.write("0")
    run_all([ctx.Process(target=f, args=(lock, counter)) for f in (with_statement, directly, with_statement)])
    with open(counter) as file:
        result("counter", file.read())
    say("all done")
