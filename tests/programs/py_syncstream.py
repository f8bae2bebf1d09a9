"""What a program does without sscap: workers redirect stdout to a mirror, which sends whole lines to one buffer.

The four workers print 'Message item' to the mirror, and once more to stdout, because sscap makes the mirror needless.
"""
import collections
import io
import sys
from contextlib import redirect_stdout

from py_say import context, result, say


class Mirror(io.TextIOBase):
    def __init__(self, queue):
        self.queue, self.line = queue, ""

    def write(self, text):
        *lines, self.line = (self.line + text).split("\n")
        for line in lines:
            self.queue.put(line)
        return len(text)

    def send_eof(self):
        self.queue.put(None)


def worker(mirror):
    with redirect_stdout(mirror):
        print("Message", "item")
    mirror.send_eof()
    say("Message item")
    sys.stdout.flush()


if __name__ == "__main__":
    ctx = context()
    with ctx.Manager() as manager:
        queue = manager.Queue()
        kept, open_mirrors = collections.deque(maxlen=10), 4
        with ctx.Pool(4) as pool:
            work = pool.map_async(worker, [Mirror(queue) for _ in range(4)], chunksize=1)
            while open_mirrors:
                line = queue.get()
                if line is None:
                    open_mirrors -= 1
                else:
                    kept.append(line)
            work.get()
        for line in kept:
            say(line)
        result(list(kept))
