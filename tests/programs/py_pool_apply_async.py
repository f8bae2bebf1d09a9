"""Pool.apply_async with an initializer and a callback: the callback runs in a thread of the main process."""
from py_say import chatter, context, result, say, say_raw


def begin(greeting):
    global hello
    hello = greeting


def task(name):
    say(f"{hello}: run task {name}")
    chatter(f"task {name}", 3)
    return name * 11


def done(value):
    say_raw(f"callback got {value}")


def fail(error):
    say_raw(f"error callback got {error}")


def raiser():
    raise ValueError("on purpose")


if __name__ == "__main__":
    ctx = context()
    pool = ctx.Pool(3, begin, ("hello",))
    results = [pool.apply_async(task, (i,), callback=done) for i in range(5)]
    failed = pool.apply_async(raiser, error_callback=fail)
    say_raw("waiting for all")
    pool.close()
    pool.join()
    result([r.get() for r in results], failed.successful())
    say("all done")
