"""subprocess closes every descriptor above 2 in a vfork child, and may pass another environment.

The children's children print, too. They can reach sscap only by what is left to them.
"""
import os
import subprocess
import sys

from py_say import context, result, say

PIECES = 'for i in 1 2 3; do printf "sh[$$]: "; printf "%s " "$1" "line"; echo $i; done; exit $2'
WHOLE = 'for i in 1 2 3; do echo "sh[$$]: $1 line $i"; done; exit $2'
SHELL = PIECES if os.environ.get("PIECES") == "1" else WHOLE


def python_child(i):
    return [sys.executable, __file__, sys.argv[1], sys.argv[2], str(i)]


def spawn():
    quoted = dict(close_fds=True, stdin=subprocess.DEVNULL)
    children = [
        subprocess.Popen(["/bin/sh", "-c", SHELL, "sh", "close_fds", "1"], **quoted),
        subprocess.Popen(["/bin/sh", "-c", SHELL, "sh", "no_environment", "2"], env={}, **quoted),
        subprocess.Popen(["/bin/sh", "-c", SHELL, "sh", "open_fds", "3"], close_fds=False),
        subprocess.Popen(["/bin/sh", "-c", SHELL, "sh", "session", "4"], start_new_session=True),
        *(subprocess.Popen(python_child(i), **quoted) for i in range(2)),
    ]
    result([child.wait() for child in children])
    piped = subprocess.run(["/bin/sh", "-c", "echo caught; exit 9"], stdout=subprocess.PIPE, check=False)
    result(piped.returncode, piped.stdout)
    context().Process(target=say, args=("after all that",)).start()


if __name__ == "__main__":
    if len(sys.argv) > 3:
        say(f"python child {sys.argv[3]}")
    else:
        spawn()
