"""Pool.map, with workers that are replaced after two tasks, and terminated (by SIGTERM) at the end of `with`."""
from py_say import chatter, context, result, say


def square(x):
    say(f"working on {x}")
    chatter(f"task {x}", 3)
    return x * x


if __name__ == "__main__":
    ctx = context()
    say("before the pool")
    with ctx.Pool(3, maxtasksperchild=2) as pool:
        result(pool.map(square, range(10), chunksize=1))
    say("pool is closed")
