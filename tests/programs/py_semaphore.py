"""Semaphore: never more than two processes hold it."""
from py_say import chatter, context, result, run_all, say


def worker(semaphore, inside, most):
    with semaphore:
        with inside.get_lock():
            inside.value += 1
            most.value = max(most.value, inside.value)
        say("acquire")
        chatter("inside", 6)
        say("release")
        with inside.get_lock():
            inside.value -= 1


if __name__ == "__main__":
    ctx = context()
    semaphore, inside, most = ctx.Semaphore(2), ctx.Value("i", 0), ctx.Value("i", 0)
    run_all([ctx.Process(target=worker, args=(semaphore, inside, most)) for _ in range(4)])
    result("still inside", inside.value, "never more than two:", most.value <= 2)
