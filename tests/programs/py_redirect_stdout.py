"""redirect_stdout in workers: text for the buffer must not appear, text before and after it must."""
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

from py_say import chatter, context, result, run_all, say


def worker(results, i):
    say(f"worker {i} before")
    caught = io.StringIO()
    with redirect_stdout(caught), redirect_stderr(caught):
        print("Message", i)
        print("Error", i, file=sys.stderr)
    with open(os.devnull, "w") as null, redirect_stdout(null):
        print("this must not be seen")
    chatter(f"worker {i}")
    results.put(caught.getvalue())


if __name__ == "__main__":
    ctx = context()
    results = ctx.SimpleQueue()
    run_all([ctx.Process(target=worker, args=(results, i)) for i in range(4)])
    result(sorted(results.get() for _ in range(4)))
    say("main")
