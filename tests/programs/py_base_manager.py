"""A BaseManager server and workers that reach its queues over TCP, each a process of its own.

The port is ephemeral and travels to the workers as an argument, so two runs at once do not meet.
"""
import queue
import sys
from multiprocessing.managers import BaseManager

from py_say import chatter, context, result, run_all, say

queues = {"tasks": queue.Queue(), "results": queue.Queue()}


class QueueManager(BaseManager):
    pass


def tasks():
    return queues["tasks"]


def results():
    return queues["results"]


def worker(port):
    QueueManager.register("get_tasks")
    QueueManager.register("get_results")
    manager = QueueManager(("127.0.0.1", port), b"secret")
    manager.connect()
    say("connected")
    todo, done = manager.get_tasks(), manager.get_results()
    while (n := todo.get(timeout=60)) is not None:
        say(f"run task {n} * {n}")
        done.put(n * n)
    chatter("worker", 4)


if __name__ == "__main__":
    ctx = context()
    QueueManager.register("get_tasks", tasks)
    QueueManager.register("get_results", results)
    manager = QueueManager(("127.0.0.1", 0), b"secret", ctx=ctx)
    manager.start()
    todo, done = manager.get_tasks(), manager.get_results()
    for n in [*range(8), None, None]:
        todo.put(n)
    run_all([ctx.Process(target=worker, args=(manager.address[1],)) for _ in range(2)])
    result(sorted(done.get(timeout=60) for _ in range(8)))
    manager.shutdown()
    say("master exits")
    sys.exit(7)
