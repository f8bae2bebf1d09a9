"""Pipe: two processes talk, and each prints what it receives."""
from py_say import chatter, context, result, say


def worker(connection):
    while (item := connection.recv()) is not None:
        say(f"worker got {item}")
        connection.send(item * item)
    chatter("worker")
    connection.close()


if __name__ == "__main__":
    ctx = context()
    ours, theirs = ctx.Pipe()
    process = ctx.Process(target=worker, args=(theirs,))
    process.start()
    squares = []
    for i in range(10):
        ours.send(i)
        squares.append(ours.recv())
        say(f"main got {squares[-1]}")
    ours.send(None)
    process.join()
    result(squares, process.exitcode)
