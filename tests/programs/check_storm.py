#!/usr/bin/env python3
"""Check the output of storm under sscap: check_storm.py [OPTIONS] OUT [ERR]

OUT and ERR are sscap's stdout and stderr, tagged {name}[{pid}], or {name}[{pid}/{tid}] if storm had threads.
  --writers=N    there must be so many writers (processes times threads) ...
  --lines=N      ... and each must have exactly so many lines on each stream, whole, correct and in order
  --report=FILE  storm's report of writers that were killed: no byte that write() accepted may be missing, and none may
                 appear that was never written
  --max-line=N   lines longer than this are split, exactly here
"""
import re
import sys
import zlib

TAGGED = re.compile(rb"(.{1,15}?)\[(\d+)(?:/(\d+))?\] *([|!])([ +~])(.*)", re.DOTALL)
STORM = re.compile(rb"storm\[(\d+)(?:/(\d+))?\]: (\d+)\.(\d)\.(\d+) (\d+) ")


class Check:
    def __init__(self, options):
        self.options = options
        self.max_line = int(options.get("max-line", 1 << 20))
        self.problems = []
        self.next_seq = {}  # (writer, stream): the line that must come next
        self.received = {}  # (pid, tid, stream): bytes
        self.split = {}  # (pid, tid, stream): the parts of a split line so far

    def problem(self, text, line=b""):
        self.problems.append(f"{text}: {line[:160]!r}" if line else text)

    def file(self, path, stream):
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
        if lines.pop():
            self.problem(f"no newline at the end of {path}")
        for line in lines:
            self.tagged(line, stream)

    def tagged(self, line, stream):
        match = TAGGED.fullmatch(line)
        if not match:
            self.problem("no tag", line)
            return
        name, pid, tid, sign, mark, text = match.groups()
        key = (pid, tid, stream)
        if sign != b"|!"[stream - 1 : stream]:
            self.problem("wrong sign for this stream", line)
        # storm forks and never executes, so there is only one name.
        if name != b"storm":
            self.problem("wrong name", line)
        self.received[key] = self.received.get(key, 0) + len(text) + (mark == b" ")
        if len(text) > self.max_line or (mark == b"+" and len(text) != self.max_line):
            self.problem(f"split at {len(text)}", line)
        if mark == b"+":
            self.split[key] = self.split.get(key, b"") + text
        elif mark == b"~":
            self.unfinished(key, self.split.pop(key, b"") + text)
        else:
            self.whole(key, self.split.pop(key, b"") + text)

    def unfinished(self, key, text):
        begin = b"storm[" + key[0]
        if "report" not in self.options:
            self.problem("unfinished", text)
        elif not (text.startswith(begin) or begin.startswith(text)):
            self.problem("unfinished line of another writer", text)

    def whole(self, key, text):
        match = STORM.match(text)
        if not match:
            self.problem("not storm's line", text)
            return
        pid, tid, writer, stream, seq, length = match.groups()
        # Without threads, or with {name}[{pid}], one of the two has no tid.
        if pid != key[0] or (tid and key[1] and tid != key[1]) or int(stream) != key[2]:
            self.problem(f"under the wrong tag {key}", text)
        if len(text) != int(length) or b"%08x" % zlib.crc32(text[:-9]) != text[-8:]:
            self.problem("not whole", text)
        slot = (int(writer), int(stream))
        expected = self.next_seq.get(slot, 0)
        if int(seq) != expected:
            self.problem(f"line {int(seq)} where {expected} was due", text)
        self.next_seq[slot] = int(seq) + 1

    def totals(self, streams):
        for key in self.split:
            self.problem(f"split line of {key} never ends")
        if "writers" in self.options and "lines" in self.options:
            writers, lines = int(self.options["writers"]), int(self.options["lines"])
            for writer in range(writers):
                for stream in streams:
                    got = self.next_seq.get((writer, stream), 0)
                    if got != lines:
                        self.problem(f"writer {writer} stream {stream}: {got} lines of {lines}")
        if "report" in self.options:
            self.report(streams)

    def report(self, streams):
        with open(self.options["report"], encoding="ascii") as file:
            for line in file:
                pid, tid, writer, *counts = line.split()
                for stream in streams:
                    begun, accepted = int(counts[2 * stream - 2]), int(counts[2 * stream - 1])
                    key = (pid.encode(), tid.encode(), stream)
                    got = self.received.get(key, self.received.get((key[0], None, stream), 0))
                    if not accepted <= got <= begun:
                        self.problem(f"writer {writer} {key}: {got} bytes, but {accepted} to {begun} were written")


def main():
    options = dict(arg[2:].split("=", 1) for arg in sys.argv[1:] if arg.startswith("--"))
    files = [arg for arg in sys.argv[1:] if not arg.startswith("--")]
    check = Check(options)
    for stream, path in enumerate(files, 1):
        check.file(path, stream)
    check.totals(range(1, len(files) + 1))
    for problem in check.problems[:20]:
        print(f"check_storm: {problem}", file=sys.stderr)
    if check.problems:
        print(f"check_storm: {len(check.problems)} problems", file=sys.stderr)
    return 1 if check.problems else 0


if __name__ == "__main__":
    sys.exit(main())
