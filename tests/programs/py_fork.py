"""os.fork without multiprocessing: children end by os._exit, which flushes nothing, and by a signal."""
import os
import signal

from py_say import chatter, result, say

statuses = []
for end in range(4):
    pid = os.fork()
    if pid == 0:
        say(f"child {end}, my parent is {'there' if os.getppid() > 1 else 'gone'}")
        chatter(f"child {end}")
        if end == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        os._exit(end)
    statuses.append(pid)
result([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in statuses])
say("parent")
