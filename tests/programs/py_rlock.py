"""RLock: the holder acquires it again, and only the last release lets the others in."""
from py_say import chatter, context, result, run_all, say


def worker(lock, depth, total):
    with lock:
        if depth:
            worker(lock, depth - 1, total)
        else:
            total.value += 1
            say("at the bottom")
            chatter("holder", 4)


if __name__ == "__main__":
    ctx = context()
    lock = ctx.RLock()
    total = ctx.Value("i", 0, lock=False)
    run_all([ctx.Process(target=worker, args=(lock, depth, total)) for depth in (0, 2, 5)])
    result("total", total.value)
    say("all done")
