#!/usr/bin/env python3
"""Check sscap's tagged output: check_lines.py [OPTIONS] TAGGED [BARE]

TAGGED is what sscap printed (default tag). Each line must have a tag and be whole. If the text names its writer, as
`name[pid]: ...` or `name[pid/tid]: ...`, the tag must have the same name and pid. The text must not name a second
writer, because then two lines were joined.
BARE is what the same program printed without sscap. The texts must be the same lines, in any order and with any pids.

  --some       not every line names its writer (default: all must)
  --pids       compare only the pid: without the library, the name is read from /proc, which may be too late
  --unfinished lines may end without a newline (mark '~')
  --text       print the texts in their order, and do not compare with BARE
  --tag=FMT    what --tag sscap had; one of {name}[{pid}] and {name}[{pid}/{tid}]
"""
import re
import sys

# A pid here has at least two digits, because make prints its recursion depth as "make[1]: ".
ME = re.compile(rb"([^\s\[\]:]{1,15})\[(\d{2,})(?:/(\d+))?\]: ")
NUMBER = re.compile(rb"\[\d+(/\d+)?\]")


def parse(data, problems):
    """Return (name, pid, tid, mark, text) of each line, with the parts of split lines joined."""
    open_lines = {}
    *lines, rest = data.split(b"\n")
    if rest:
        problems.append(b"no newline at the end: " + rest)
    for line in lines:
        match = re.match(rb"(.{1,15}?)\[(\d+)(?:/(\d+))?\] *[|!]([ +~])(.*)", line, re.DOTALL)
        if not match:
            problems.append(b"no tag: " + line)
            continue
        name, pid, tid, mark, text = match.groups()
        key = (pid, tid)
        if mark == b"+":
            open_lines[key] = open_lines.get(key, b"") + text
            continue
        yield name, pid, tid, mark, open_lines.pop(key, b"") + text
    for (pid, _), text in open_lines.items():
        problems.append(b"split line of %s never ends: %s" % (pid, text[:80]))


def check_writer(name, pid, tid, text, options, problems):
    match = ME.match(text)
    if not match:
        if "--some" not in options:
            problems.append(b"names no writer: %s[%s] %s" % (name, pid, text))
        return
    if (match[1] != name and "--pids" not in options) or match[2] != pid or (tid and match[3] and match[3] != tid):
        problems.append(b"tagged %s[%s%s]: %s" % (name, pid, b"/" + tid if tid else b"", text))
    if ME.search(text, match.end()):
        problems.append(b"two writers in one line of %s[%s]: %s" % (name, pid, text))


def compare(bare, texts, problems):
    expected = sorted(NUMBER.sub(b"[N]", line) for line in bare.split(b"\n") if line)
    got = sorted(NUMBER.sub(b"[N]", text) for text in texts if text)
    for sign, these, those in ((b"missing", expected, got), (b"too many", got, expected)):
        left = list(those)
        for line in these:
            if line in left:
                left.remove(line)
            else:
                problems.append(sign + b": " + line)


def main():
    options = [arg for arg in sys.argv[1:] if arg.startswith("--")]
    files = [arg for arg in sys.argv[1:] if not arg.startswith("--")]
    problems, texts = [], []
    with open(files[0], "rb") as file:
        data = file.read()
    for name, pid, tid, mark, text in parse(data, problems):
        if mark == b"~" and "--unfinished" not in options:
            problems.append(b"unfinished: " + text)
        check_writer(name, pid, tid, text, options, problems)
        texts.append(text)
    if "--text" in options:
        sys.stdout.buffer.write(b"".join(text + b"\n" for text in texts))
    elif len(files) > 1:
        with open(files[1], "rb") as file:
            compare(file.read(), texts, problems)
    for problem in problems[:20]:
        sys.stderr.buffer.write(b"check_lines: " + problem[:300] + b"\n")
    if len(problems) > 20:
        print(f"check_lines: and {len(problems) - 20} more", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
