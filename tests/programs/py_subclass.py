"""A subclass of Process, which ends by its own status, by an exception and by a signal."""
import os
import signal
import sys

from py_say import chatter, context, result, run_all, say

Process = context().Process


class MyProcess(Process):
    def __init__(self, name, end):
        super().__init__(name=name)
        self.end = end

    def run(self):
        say(f"test process {self.name}")
        chatter(self.name)
        if self.end == "status":
            sys.exit(5)
        if self.end == "exception":
            raise RuntimeError("on purpose")
        if self.end == "signal":
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    run_all([MyProcess(f"P_{end}", end) for end in ("well", "status", "exception", "signal")])
    say("finished")
