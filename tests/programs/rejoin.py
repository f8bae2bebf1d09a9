#!/usr/bin/env python3
"""Children without descriptors above 2, which can reach sscap only by its named socket. Each line names its writer.

rejoin.py SESSION_FILE READY:  writes SSCAP_SESSION to SESSION_FILE and waits for READY first
"""
import os
import subprocess
import sys
import time

with open(sys.argv[1] + ".new", "w", encoding="ascii") as file:
    print(os.environ.get("SSCAP_SESSION", ""), file=file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
end = time.monotonic() + 60
while not os.path.exists(sys.argv[2]) and time.monotonic() < end:
    time.sleep(0.01)
SHELL = 'for i in 1 2 3; do printf "sh[$$]: "; printf "line "; echo $i; done; (exit 3); echo "sh[$$]: $?"'
children = [subprocess.Popen(["/bin/sh", "-c", SHELL], close_fds=True) for _ in range(40)]
sys.exit(sum(child.wait() for child in children))
