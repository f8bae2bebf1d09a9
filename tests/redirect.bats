#!/usr/bin/env bats
# redirect.bats: sscap does not touch a redirected stream. The file, pipe or socket has exactly the program's bytes,
# and sscap's output has exactly the rest.

load helper
# Many of these programs fail on purpose. reports.bats tests the reports.
export SSCAP_QUIET=1

# same_as_bare FILE COMMAND...: the same file, status, stdout and stderr (in any order) as without sscap
same_as_bare() {
    local file=$1 bare_status
    shift
    run_bare "$@"
    bare_status=$status
    mv "$file" "$TMP/bare.file"
    mv "$out" "$TMP/bare.out"
    mv "$err" "$TMP/bare.err"
    run_sscap "$@"
    assert_status "$bare_status"
    assert_same "$TMP/bare.file" "$file"
    untag <"$out" | sort >"$TMP/out.sorted"
    untag <"$err" | sort >"$TMP/err.sorted"
    sort "$TMP/bare.out" >"$TMP/bare.out.sorted"
    sort "$TMP/bare.err" >"$TMP/bare.err.sorted"
    assert_same "$TMP/bare.out.sorted" "$TMP/out.sorted"
    assert_same "$TMP/bare.err.sorted" "$TMP/err.sorted"
}

script() {
    cat >"$TMP/script"
}

@test "redirect: command > file" {
    script <<'EOF'
echo captured
seq 1 20000 >"$1"
(echo from a subshell; ls /nonexistent) >>"$1" 2>&1
echo captured again
{ echo both; echo streams >&2; } >>"$1" 2>>"$1"
exit 3
EOF
    same_as_bare "$TMP/file" sh "$TMP/script" "$TMP/file"
    assert_status 3
}

@test "redirect: pipelines" {
    script <<'EOF'
seq 1 50000 | sort -rn | tee "$1" | tail -n 3
(echo one; echo two >&2) 2>&1 | sed 's/^/piped /' | cat >>"$1"
yes | head -n 1000 | md5sum >>"$1"
printf 'no newline' | cat >>"$1"
EOF
    same_as_bare "$TMP/file" bash "$TMP/script" "$TMP/file"
}

@test "redirect: command and process substitution, here-documents" {
    script <<'EOF'
x=$(seq 1 1000; echo to stderr >&2)
echo "${#x} bytes"
diff <(seq 1 10) <(seq 1 11) >"$1"
cat <<END >>"$1"
$(echo nested $(echo deeper))
END
read -r line < <(echo from a process)
echo "$line"
EOF
    same_as_bare "$TMP/file" bash "$TMP/script" "$TMP/file"
}

@test "redirect: exec > log in the middle of a script, and back" {
    script <<'EOF'
echo before
exec 7>&1 >"$1"
echo in the log
seq 1 1000
sh -c 'echo a child in the log; echo its stderr >&2'
exec >&7 7>&-
echo after
exec 2>>"$1"
echo stderr in the log >&2
ls /nonexistent
echo the end
EOF
    local shell
    for shell in bash dash; do
        same_as_bare "$TMP/file" "$shell" "$TMP/script" "$TMP/file"
    done
}

@test "redirect: dup2 onto 1 in the middle of a program, and back" {
    local how
    for how in dup2 dup3 fcntl close raw; do
        same_as_bare "$TMP/file" "$PROGRAMS/dup2_mid" "$TMP/file" "$how"
        assert_matches "$out" 'after by printf'
    done
}

@test "redirect: freopen" {
    same_as_bare "$TMP/file" "$PROGRAMS/freopen_mid" "$TMP/file"
}

@test "redirect: a daemon that goes to /dev/null" {
    run_sscap "$PROGRAMS/daemonise" 0 "$TMP/file"
    assert_status 0
    wait_until grep -q 'the daemon ends' "$TMP/file"
    assert_count "$out" . 1
    assert_matches "$out" '\| daemonise\[[0-9]+\]: in front$'
    assert_empty "$err"
}

@test "redirect: a daemon that keeps its streams is captured to its end" {
    run_sscap "$PROGRAMS/daemonise" 1 "$TMP/file"
    assert_status 0
    assert_text "$TMP/file" "the daemon ends"
    assert_count "$out" . 102
    assert_count "$err" . 100
    "$PYTHON" "$ROOT/tests/programs/check_lines.py" "$out"
    "$PYTHON" "$ROOT/tests/programs/check_lines.py" "$err"
}

@test "redirect: stdout closed" {
    same_as_bare "$TMP/file" sh -c '"$0" "$1" >&-' "$PROGRAMS/closed_stdout" "$TMP/file"
    assert_status 0
    same_as_bare "$TMP/file" sh -c \
        'echo x >"$0"; echo nowhere >&-; (echo nowhere; ls) >&- 2>&-; echo $?; exec 1>&- 2>&-; echo x; exit 4' \
        "$TMP/file"
    assert_status 4
}

@test "redirect: threads write to fd 1, a file, while others write to fd 2" {
    local i
    for i in 0 1 2 3; do seq -f "file thread $i line %g" 0 999; done | sort >"$TMP/expected"
    run_sscap "$PROGRAMS/threads_apart" "$TMP/file" 1000
    assert_status 0
    sort "$TMP/file" >"$TMP/sorted"
    assert_same "$TMP/expected" "$TMP/sorted"
    assert_empty "$out"
    for i in 0 1 2 3; do seq -f "threads_apart[N]: thread $i line %g" 0 999; done | sort >"$TMP/expected"
    untag <"$err" | sed 's/\[[0-9]*\]/[N]/' | sort >"$TMP/sorted"
    assert_same "$TMP/expected" "$TMP/sorted"
    "$PYTHON" "$ROOT/tests/programs/check_lines.py" "$err"
}

# flipped KIND: each line is whole and in one place, and nothing else is in the other place
flipped() {
    local i
    run_sscap "$PROGRAMS/flip" "$1" "$TMP/file" 4 8000
    assert_status 0
    assert_count "$err" 'turned often' 1
    for i in 0 1 2 3; do seq -f "flip[N]: thread $i line %.0f" 0 7999; done | sort >"$TMP/expected"
    cat -v "$TMP/file" >"$TMP/seen"
    (untag <"$out"; cat "$TMP/seen") | sed 's/\[[0-9]*\]/[N]/' | sort >"$TMP/sorted"
    assert_same "$TMP/expected" "$TMP/sorted"
    # fd 1 was turned while the threads wrote
    [ -s "$out" ] && [ -s "$TMP/file" ]
    "$PYTHON" "$ROOT/tests/programs/check_lines.py" "$out"
}

@test "redirect: fd 1 turned to a file and back, thousands of times, while threads write" { flipped file; }
@test "redirect: fd 1 turned to a pipe and back" { flipped pipe; }
@test "redirect: fd 1 turned to a stream socket and back" { flipped stream; }
@test "redirect: fd 1 turned to a packet socket and back" { flipped seqpacket; }

@test "redirect: sendfile, splice and copy_file_range to both places" {
    cat >"$TMP/native.py" <<'EOF'
import os, sys
source = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(source).st_size
def send(target):
    at = 0
    while at < size:
        at += os.sendfile(target, source, at, size - at)
    read_end, write_end = os.pipe()
    at = 0
    while at < size:
        n = os.splice(source, write_end, 65536, offset_src=at)
        at += n
        while n:
            n -= os.splice(read_end, target, n)
send(1)
send(os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
EOF
    seq 1 30000 >"$TMP/source"
    run_sscap "$PYTHON" "$TMP/native.py" "$TMP/source" "$TMP/file"
    assert_status 0
    cat "$TMP/source" "$TMP/source" >"$TMP/expected"
    assert_same "$TMP/expected" "$TMP/file"
    untag <"$out" >"$TMP/text"
    assert_same "$TMP/expected" "$TMP/text"
}

@test "redirect: a child's stdout is the program's own socket" {
    cat >"$TMP/sockets.py" <<'EOF'
import os, socket, subprocess, sys
def tcp():
    listener = socket.create_server(("127.0.0.1", 0))
    return socket.create_connection(listener.getsockname()), listener.accept()[0]
kinds = socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM
pairs = [socket.socketpair(socket.AF_UNIX, kind) for kind in kinds]
# Runs programs that fork, exec, spawn and use threads, all with the socket as stdout and stderr.
shell = 'echo begin; true & (echo subshell); env -i /bin/echo scrubbed; exec "$0" -c "$1"'
python = """
import os, subprocess, threading
t = threading.Thread(target=os.write, args=(1, b'by a thread\\n'))
t.start()
t.join()
subprocess.run(['/bin/echo', 'by subprocess'])
os.execlp('echo', 'echo', 'the end')
"""
for ours, theirs in [*pairs, tcp()]:
    child = subprocess.run(["sh", "-c", shell, sys.executable, python], stdout=theirs, stderr=theirs)
    theirs.setblocking(False)
    ours.setblocking(False)
    got = b""
    try:
        while piece := ours.recv(65536):
            got += piece
    except BlockingIOError:
        pass
    print(child.returncode, got)
EOF
    run_sscap "$PYTHON" "$TMP/sockets.py"
    assert_status 0
    assert_empty "$err"
    untag <"$out" >"$TMP/text"
    yes "0 b'begin\\nsubshell\\nscrubbed\\nby a thread\\nby subprocess\\nthe end\\n'" | head -n 4 >"$TMP/expected"
    assert_same "$TMP/expected" "$TMP/text"
}

@test "redirect: of sscap itself, stdout and stderr to their own places" {
    run_bare sh -c '"$0" sh -c "echo out; echo err >&2" >"$1" 2>"$2"' "$SSCAP" "$TMP/o" "$TMP/e"
    assert_status 0
    assert_matches "$TMP/o" '^sh\[[0-9]+\] *\| out$'
    assert_matches "$TMP/e" '^sh\[[0-9]+\] *! err$'
    assert_count "$TMP/o" . 1
    assert_count "$TMP/e" . 1
}
