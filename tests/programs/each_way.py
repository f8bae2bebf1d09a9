"""each_way.py PROGRAM DIRECTORY FILE [WAY...]: runs crash_ways once for each way (default: all).

Each run has the way's name, by a link in DIRECTORY. FILE gets "WAY STATUS" for each, with the status of waitpid(2),
which includes the core dump bit.
"""
import os
import subprocess
import sys

program, directory, file, *ways = sys.argv[1:]
ways = ways or [line.split()[0] for line in subprocess.check_output([program, "list"], text=True).splitlines()]
with open(file, "w") as statuses:
    for way in ways:
        link = os.path.join(directory, way)
        if not os.path.exists(link):
            os.symlink(os.path.abspath(program), link)
        pid = os.posix_spawn(link, [link, way], os.environ)
        print(way, os.waitpid(pid, 0)[1], file=statuses, flush=True)
