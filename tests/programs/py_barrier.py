"""Barrier: all are released at once, so that all write at once."""
from py_say import chatter, context, result, run_all, say


def with_barrier(barrier, passed):
    number = barrier.wait()
    with passed.get_lock():
        passed.value += number
    chatter("with barrier", 12)
    if number == 0:
        say("passed the barrier first")


def without_barrier():
    chatter("without barrier", 12)


if __name__ == "__main__":
    ctx = context()
    barrier, passed = ctx.Barrier(3), ctx.Value("i", 0)
    processes = [ctx.Process(target=with_barrier, args=(barrier, passed)) for _ in range(3)]
    run_all([*processes, ctx.Process(target=without_barrier)])
    result("sum of places", passed.value)
