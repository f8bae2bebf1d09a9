#!/usr/bin/env bats
# hostile.bats: programs, also from outside the session, that damage what sscap depends on: the session variable, the
# ctl descriptor, the named socket, the streams. No byte of sscap's may get into the program's files. Nothing may
# crash or hang. The program's results and the lines of all other processes must not change.

load helper
# Many of these programs fail on purpose. reports.bats tests the reports.
export SSCAP_QUIET=1

check_lines() {
    "$PYTHON" "$ROOT/tests/programs/check_lines.py" "$@"
}

# same_lines_as_bare COMMAND...: the same status and the same lines in any order, each under its right name
same_lines_as_bare() {
    local bare_status
    run_bare "$@"
    bare_status=$status
    mv "$out" "$TMP/bare.out"
    mv "$err" "$TMP/bare.err"
    run_sscap "$@"
    assert_status "$bare_status"
    check_lines "$out" "$TMP/bare.out"
    check_lines --some "$err" "$TMP/bare.err"
}

# --- ctl and SCM_RIGHTS ------------------------------------------------------------------------------------

@test "an empty message on ctl is no end: all processes are recorded, and nothing gets slow" {
    cat >"$TMP/empty.py" <<'EOF'
import os
for i in range(3):
    os.write(700, b"")
for i in range(1500):
    if os.fork() == 0:
        os.write(700, b"")
        os._exit(0)
    os.wait()
print("done")
EOF
    SECONDS=0
    run_sscap -v --tag=none "$PYTHON" "$TMP/empty.py"
    assert_status 0
    assert_text "$out" "done"
    assert_matches "$err" '^sscap: 1501 processes \(0 without the library\), 1 line, '
    [ "$SECONDS" -lt 40 ] # 1500 forks take 1.5 s; with ctl unread they took 56 s
}

# Makes a child by a call that the library does not see, so the runner asks the kernel for its pidfd.
@test "descriptors that a process sends to the runner are not kept" {
    cat >"$TMP/send.py" <<'EOF'
import array, ctypes, os, platform, signal, socket, sys
clone = {"x86_64": 56, "aarch64": 220}[platform.machine()]
if ctypes.CDLL(None).syscall(clone, signal.SIGCHLD, 0, 0, 0, 0) == 0:
    for fd in (700, 1):
        peer = socket.socket(fileno=fd)
        for i in range(200):
            try:
                peer.sendmsg([b"x\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
            except PermissionError:  # since Linux 6.16
                pass
        peer.detach()
    os._exit(0)
os.wait()
open(sys.argv[1], "w").write("sent")
open(sys.argv[2]).readline()
EOF
    mkfifo "$TMP/go"
    start --tag=none "$PYTHON" "$TMP/send.py" "$TMP/sent" "$TMP/go"
    wait_until [ -s "$TMP/sent" ]
    set -- "/proc/$(worker)/fd"/*
    [ $# -lt 40 ]
    echo >"$TMP/go"
    finish
    assert_status 0
}

@test "a program does not wait for a runner that does not read, but for 0.2 s once" {
    # The runner is the command's parent. While it is stopped, its queue fills up.
    cat >"$TMP/stop.py" <<'EOF'
import os, signal, socket, time
os.kill(os.getppid(), signal.SIGSTOP)
ctl = socket.socket(fileno=700)
try:
    while True:
        ctl.send(b"x", socket.MSG_DONTWAIT)
except BlockingIOError:
    ctl.detach()
begun = time.monotonic()
for i in range(60):
    if os.fork() == 0:
        os._exit(0)
    os.wait()
took = time.monotonic() - begun
os.kill(os.getppid(), signal.SIGCONT)
print("it took", took)
assert took < 6 # each of 60 forks waited 0.4 s
EOF
    run_sscap --tag=none "$PYTHON" "$TMP/stop.py"
    assert_status 0
}

@test "a process that floods ctl does not stop the others" {
    cat >"$TMP/flood.py" <<'EOF'
import os, signal, subprocess
def flood():
    while True:
        os.write(700, b"nonsense")
flooders = []
for i in range(4):
    flooders.append(os.fork())
    if flooders[-1] == 0:
        flood()
for i in range(50):
    subprocess.run(["echo", f"line {i}"], check=True)
    print(f"after {i}", flush=True)
for flooder in flooders:
    os.kill(flooder, signal.SIGKILL)
EOF
    SECONDS=0
    run_sscap --tag=none "$PYTHON" "$TMP/flood.py"
    assert_status 0
    for i in {0..49}; do printf 'line %d\nafter %d\n' "$i" "$i"; done >"$TMP/expected"
    assert_same "$TMP/expected" "$out"
    # A program that is faster than the runner waits for it, at most 0.2 s for each event.
    [ "$SECONDS" -lt 60 ]
}

# --- the session variable -----------------------------------------------------------------------------------

# session_field N VALUE: changes field N (from 1) of the session variable, and recomputes the check field
session_field() {
    "$PYTHON" - "$@" <<'EOF'
import os, sys
fields = os.environ["SSCAP_SESSION"].split(":")[:-1]
fields[int(sys.argv[1]) - 1] = sys.argv[2]
text = ":".join(fields)
sum = 2166136261
for byte in text.encode():
    sum = (sum ^ byte) * 16777619 & 0xffffffff
print(f"{text}:{sum:08x}")
EOF
}

# under_session VALUE: runs a tree in which the processes in the middle have that session variable. All its lines must
# be there once.
under_session() {
    cat >"$TMP/tree" <<'EOF'
echo "sh[$$]: before"
SSCAP_SESSION=$(cat "$2") \
    sh -c 'echo "sh[$$]: inside"; "$1" "$2"; (echo "subshell"); exec "$1" "$2"' sh "$1" SHOW_NOTHING
echo "sh[$$]: after $?"
exit 5
EOF
    printf '%s' "$1" >"$TMP/value"
    run_sscap sh "$TMP/tree" "$PROGRAMS/environment_of" "$TMP/value"
    assert_status 5
    # By their text: a process without the library has the name that /proc shows when its line is read.
    untag <"$out" | grep -a -v '^environment_of' >"$TMP/shells"
    assert_count "$TMP/shells" 'sh\[[0-9]+\]: before$' 1
    assert_count "$TMP/shells" 'sh\[[0-9]+\]: inside$' 1
    assert_count "$TMP/shells" 'subshell$' 1
    assert_count "$TMP/shells" 'sh\[[0-9]+\]: after 42$' 1
    assert_count "$out" 'environment_of\[[0-9]+\]: that is all$' 2
    # the runner knows the writers by the kernel's credentials
    assert_count "$out" '^sh\[([0-9]+)\] *\| sh\[\1\]: (before|after 42)$' 2
}

@test "hostile: SSCAP_SESSION is empty" { under_session ''; }
@test "hostile: SSCAP_SESSION is garbage" { under_session 'garbage:%n%s:0001'; }
@test "hostile: SSCAP_SESSION is huge" { under_session "$(head -c 100000 /dev/zero | tr '\0' 1)"; }
@test "hostile: SSCAP_SESSION is random bytes" { under_session "$(head -c 400 /dev/urandom | tr -d '\0')"; }

@test "hostile: SSCAP_SESSION is cut short, at every tenth place" {
    cat >"$TMP/cut" <<'EOF'
n=0
while [ $n -lt ${#SSCAP_SESSION} ]; do
    SSCAP_SESSION=$(printf "%.${n}s" "$SSCAP_SESSION") "$1"
    echo "status $?"
    n=$((n + 10))
done
EOF
    run_sscap sh "$TMP/cut" "$PROGRAMS/environment_of"
    assert_status 0
    assert_count "$out" 'status 42$' 15
    assert_count "$out" 'environment_of\[[0-9]+\]: that is all$' 15
}

@test "hostile: a byte of SSCAP_SESSION is changed, any byte" {
    cat >"$TMP/change.py" <<'EOF'
import os, subprocess, sys
session, statuses = os.environ.get("SSCAP_SESSION", ""), set()
for i in range(0, len(session), 3):
    changed = session[:i] + ("0" if session[i] != "0" else "f") + session[i + 1:]
    statuses.add(subprocess.call(sys.argv[1:], env=dict(os.environ, SSCAP_SESSION=changed), close_fds=False))
print("statuses", statuses)
EOF
    run_sscap "$PYTHON" "$TMP/change.py" "$PROGRAMS/environment_of" none
    assert_status 0
    assert_count "$out" 'statuses \{42\}$' 1
}

@test "hostile: SSCAP_SESSION names the program's own descriptor as ctl, with a right check" {
    # Every process of the tree has a file, a pipe and a packet socket at these numbers.
    cat >"$TMP/own.py" <<'EOF'
import os, socket, subprocess, sys
field, out, *command = sys.argv[1:]
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
read_end, write_end = os.pipe()
numbers = {os.open(out, os.O_RDWR | os.O_CREAT | os.O_TRUNC): 61, a.fileno(): 62, write_end: 63}
for old, new in numbers.items():
    os.dup2(old, new)
statuses = []
for number in (0, 1, 2, 61, 62, 63, 64, 0x7fffffff, 0xffffffff):
    change = ["bash", "-c", field, "bash", "2", f"{number:08x}"]
    changed = subprocess.run(change, capture_output=True, text=True).stdout.strip()
    assert changed, "no session"
    for shell in (["/bin/sh", "-c", 'true & "$0"; wait; exit 42'], []):
        environment = dict(os.environ, SSCAP_SESSION=changed)
        statuses.append(subprocess.call([*shell, *command], env=environment, close_fds=False))
for fd in (b.fileno(), read_end):
    os.set_blocking(fd, False)
    try:
        print("something is there:", os.read(fd, 1000))
    except BlockingIOError:
        print("nothing is there")
print("statuses", set(statuses))
EOF
    export -f session_field
    run_sscap "$PYTHON" "$TMP/own.py" 'session_field "$@"' "$TMP/file" "$PROGRAMS/environment_of"
    assert_status 0
    assert_count "$out" 'nothing is there$' 2
    assert_count "$out" 'statuses \{42\}$' 1
    assert_count "$out" 'environment_of\[[0-9]+\]: that is all$' 18
    assert_empty "$TMP/file"
}

@test "hostile: another session's SSCAP_SESSION" {
    # The other session lives as long as this one, and must not get anything from it.
    mkfifo "$TMP/hold"
    (close_inherited && exec "$SSCAP" sh -c \
        'echo "$SSCAP_SESSION" >"$0/other.new"; mv "$0/other.new" "$0/other"; read -r x <"$0/hold"; echo "$x"' "$TMP") \
        >"$TMP/other.out" 2>"$TMP/other.err" &
    local other=$!
    wait_until test -s "$TMP/other"
    under_session "$(cat "$TMP/other")"
    # The process has its own ctl at the other session's number, and so have its children.
    run_sscap sh -c 'SSCAP_SESSION=$(cat "$1") sh -c "true & wait; echo one; \"$0\"; exit 3"' \
        "$PROGRAMS/environment_of" "$TMP/other"
    assert_status 3
    assert_count "$out" 'that is all$' 1
    echo "the end" >"$TMP/hold"
    wait "$other"
    assert_count "$TMP/other.out" . 1
    assert_matches "$TMP/other.out" '^sh\[[0-9]+\] *\| the end$'
    assert_empty "$TMP/other.err"
}

# --- the ctl descriptor ---------------------------------------------------------------------------------------

# steal KIND: only what the program wrote has arrived in its own file, pipe or socket
steal() {
    run_bare "$PROGRAMS/steal_ctl" "$1" "$TMP/file"
    mv "$out" "$TMP/bare.out"
    run_sscap "$PROGRAMS/steal_ctl" "$1" "$TMP/file"
    assert_status 0
    assert_text "$err" "$(grep -o '^.*stole some$' "$err")"
    check_lines "$out" "$TMP/bare.out"
    grep -a -v '^mine$' "$TMP/file" >"$TMP/not_mine" || :
    assert_empty "$TMP/not_mine"
    assert_matches "$TMP/file" '^mine$'
}

@test "hostile: ctl closed by raw syscall, its number now a file" { steal file; }
@test "hostile: ctl closed by raw syscall, its number now a pipe" { steal pipe; }
@test "hostile: ctl closed by raw syscall, its number now a stream socket" { steal stream; }
@test "hostile: ctl closed by raw syscall, its number now a packet socket" { steal seqpacket; }
@test "hostile: ctl closed by raw syscall, its number now a datagram socket" { steal dgram; }

@test "hostile: all descriptors closed, in every way there is" {
    local how
    for how in loop range from raw cloexec unshare spawn; do
        # valgrind's log descriptor would be counted.
        [ -z "${WRAP:-}" ] || [ "$how" != loop ] || continue
        echo "# $how"
        same_lines_as_bare "$PROGRAMS/close_all" "$how"
    done
}

@test "hostile: dup2 onto every number" {
    same_lines_as_bare "$PROGRAMS/dup2_over" "$TMP/file"
    assert_status 4
    # 1021 numbers, without the file's own, and the subshell's line
    assert_count "$TMP/file" '^[0-9]+$' 1020
    assert_count "$TMP/file" . 1021
    assert_matches "$TMP/file" '^echo from a subshell$|^from a subshell$'
}

@test "hostile: no more descriptors than 16" {
    same_lines_as_bare sh -c 'ulimit -n 16; "$0"' "$PROGRAMS/open_all"
    assert_status 3
    # sscap itself has so few descriptors: it works, or says what is missing
    run_bare sh -c 'ulimit -n 16; exec "$@"' sh "$SSCAP" sh -c 'echo "sh[$$]: hello"; exit 4'
    if [ "$status" -ne 125 ]; then
        assert_status 4
        check_lines "$out"
    else
        assert_matches "$err" '^sscap: '
    fi
}

# --- a small send buffer --------------------------------------------------------------------------------------

# small_buffer BYTES SIZE CHUNKS: each line arrives once and whole, also if the reader is slow
small_buffer() {
    same_lines_as_bare "$PROGRAMS/small_sndbuf" "$@"
    assert_status 0
    cat >"$TMP/slow.py" <<'EOF'
import os, time
while chunk := os.read(0, 40000):
    time.sleep(0.002)
    os.write(1, chunk)
EOF
    capture bash -c '"$1" "${@:3}" | "$0" "$2"; exit "${PIPESTATUS[0]}"' "$PYTHON" "$SSCAP" \
        "$TMP/slow.py" "$PROGRAMS/small_sndbuf" "$@"
    assert_status 0
    check_lines "$out" "$TMP/bare.out"
}

@test "hostile: threads write to a stdout with a small send buffer, and signals interrupt them" {
    small_buffer 1 20000 20
    small_buffer 30000 70000 8
    small_buffer 1 3000 80
}

# --- scrubbed environments ------------------------------------------------------------------------------------

@test "hostile: every exec and spawn call with an environment of its own" {
    local way
    for way in execve execve_null execve_empty execv execvp execvpe execl execle execlp fexecve execveat execveat_fd \
        vfork posix_spawn \
        posix_spawnp system popen; do
        echo "# $way"
        same_lines_as_bare "$PROGRAMS/scrub_exec" "$way" "$PROGRAMS/environment_of"
        assert_status 42
    done
}

@test "hostile: env -i, the library comes along all the same" {
    same_lines_as_bare env -i A=1 "$PROGRAMS/environment_of"
    run_sscap env -i sh -c 'exec grep -q libsscap.so /proc/self/maps'
    assert_status 0
    run_sscap "$PYTHON" -c 'import os; os.environ.clear()
os.execvp("grep", ["grep", "-q", "libsscap.so", "/proc/self/maps"])'
    assert_status 0
}

@test "hostile: threads call system and popen while another one empties and refills the environment" {
    same_lines_as_bare "$PROGRAMS/environ_threads" 200
    assert_status 0
    assert_count "$out" ': 0 wrong$' 2
}

@test "hostile: who empties the environment finds it empty, and is captured all the same" {
    local way
    need perl
    for way in 'env -i /usr/bin/env' 'env -i A=1 sh -c env' "env -i LD_PRELOAD=$PROGRAMS/libother.so B=2 /usr/bin/env" \
        'env -i sh -c "exec env -i C=3 sh -c env"' 'env -u SSCAP_SESSION env | grep -c SSCAP' \
        "perl -e '%ENV = (); system q(/usr/bin/env); print qx(/usr/bin/env)'"; do
        echo "# $way"
        run_bare sh -c "unset LD_PRELOAD; $way"
        mv "$out" "$TMP/bare.out"
        run_sscap --tag=none sh -c "$way"
        diff "$TMP/bare.out" "$out"
    done
    run_sscap env -i sh -c 'env -i grep -q libsscap.so /proc/self/maps'
    assert_status 0
}

@test "hostile: the program's own LD_PRELOAD stays, and may be set anew" {
    local other=$PROGRAMS/libother.so
    run_bare env LD_PRELOAD="$other" "$SSCAP" "$PROGRAMS/environment_of" SHOW_LIBRARY
    assert_status 42
    assert_count "$out" 'preloaded: yes$' 1
    assert_count "$err" '^environment_of\[[0-9]+\] *! libother is loaded$' 1
    run_sscap env LD_PRELOAD="$other" sh -c 'echo "both: $LD_PRELOAD"'
    assert_status 0
    assert_matches "$out" "both: .*libsscap\.so"
    assert_matches "$out" "both: .*libother\.so"
    assert_count "$err" '^sh\[[0-9]+\] *! libother is loaded$' 1
    run_sscap env -u LD_PRELOAD sh -c 'echo "again: $LD_PRELOAD"'
    assert_status 0
    assert_matches "$out" 'again: .*libsscap\.so'
}

# --- the named socket -----------------------------------------------------------------------------------------

# flooded COMMAND...: runs it under sscap, while a process outside the session floods the session's socket
flooded() {
    (close_inherited && exec "$PYTHON" "$ROOT/tests/programs/flood.py" "$TMP/session" "$TMP/ready" "$TMP/done") \
        >"$TMP/flood" 2>&1 &
    local flood=$!
    capture "$@"
    touch "$TMP/done"
    wait "$flood"
    assert_empty "$TMP/flood"
    [ -s "$TMP/ready" ]
}

@test "hostile: another process floods the session's socket while children need it" {
    flooded "$SSCAP" "$PYTHON" "$ROOT/tests/programs/rejoin.py" "$TMP/session" "$TMP/ready"
    assert_status 0
    assert_count "$out" . 160
    assert_empty "$err"
    check_lines "$out"
}

@test "hostile: another process floods the session's socket, and sscap has few descriptors" {
    flooded sh -c 'ulimit -n 64; exec "$@"' sh "$SSCAP" "$PYTHON" "$ROOT/tests/programs/rejoin.py" "$TMP/session" \
        "$TMP/ready"
    assert_status 0
    assert_count "$out" . 160
    check_lines "$out"
}

# --- the streams ----------------------------------------------------------------------------------------------

@test "hostile: forged frames in the output leave the lines of others alone" {
    cat >"$TMP/forgers" <<'EOF'
for i in 1 2 3 4 5 6; do "$1/forge" $i 400 & done
"$1/storm" -p 8 -e -l 300
echo "sh[$$]: storm $?"
wait
exit 3
EOF
    run_sscap sh "$TMP/forgers" "$PROGRAMS"
    assert_status 3
    grep -a '^storm\[' "$out" >"$TMP/storm.out"
    grep -a '^storm\[' "$err" >"$TMP/storm.err"
    "$PYTHON" "$ROOT/tests/programs/check_storm.py" --writers=8 --lines=300 "$TMP/storm.out" "$TMP/storm.err"
    grep -a -c 'an honest line$' "$out" >"$TMP/honest"
    assert_text "$TMP/honest" 6
    assert_matches "$out" '^sh\[([0-9]+)\] *\| sh\[\1\]: storm 0$'
}

@test "hostile: a forged frame without end does not swallow what others write" {
    cat >"$TMP/endless.py" <<'EOF'
import os, struct, sys
session = os.environ.get("SSCAP_SESSION", "").split(":")
nonce = bytes.fromhex(session[6]) if len(session) > 6 else bytes(16)
for order in (nonce, nonce[7::-1] + nonce[:7:-1]):
    for length in (32768, 0xffffffff):
        os.write(1, struct.pack("=BBH16sIII", 0x16, 1, 1, order, length, os.getpid(), 0) + b"short")
EOF
    run_sscap sh -c '"$0" "$1"; echo "sh[$$]: after"; "$2/storm" -p 3 -l 100; exec "$2/environment_of"' "$PYTHON" \
        "$TMP/endless.py" "$PROGRAMS"
    assert_status 42
    assert_matches "$out" '^sh\[([0-9]+)\] *\| sh\[\1\]: after$'
    grep -a '^storm\[' "$out" >"$TMP/storm.out"
    "$PYTHON" "$ROOT/tests/programs/check_storm.py" --writers=3 --lines=100 "$TMP/storm.out"
    assert_count "$out" 'that is all$' 1
}

@test "hostile: what looks like a frame, but has not this session's nonce, is text" {
    cat >"$TMP/foreign.py" <<'EOF'
import os, random, struct, sys
rnd = random.Random(7)
with open(sys.argv[1], "wb") as copy:
    for i in range(2000):
        nonce = bytes(16) if i % 2 else rnd.randbytes(16)
        frame = struct.pack("=BBH16sIII", 0x16, 1 + i % 2, 1, nonce, 16, os.getpid(), 0) + rnd.randbytes(16)
        frame = frame[: rnd.randint(1, len(frame))]
        os.write(1, frame)
        copy.write(frame)
EOF
    run_sscap --tag=none "$PYTHON" "$TMP/foreign.py" "$TMP/copy"
    assert_status 0
    assert_same "$TMP/copy" "$out"
}

# --- the library without its runner -----------------------------------------------------------------------------

# alone COMMAND...: runs it with a copy of the library that has no runner beside it and none on PATH
alone() {
    cp "$LIBSSCAP" "$TMP/libsscap.so"
    run_bare env PATH=/usr/bin:/bin LD_PRELOAD="$TMP/libsscap.so" "${runner[@]}" "$@"
}

@test "hostile: no runner: one warning, and the program runs as ever" {
    if [ -e /usr/bin/sscap ] || [ -e /bin/sscap ]; then
        not_run "sscap is installed"
    fi
    local where runner
    for where in '' SSCAP_RUNNER=/nonexistent SSCAP_RUNNER= SSCAP_RUNNER=/ SSCAP_RUNNER=/etc/passwd; do
        echo "# $where"
        runner=()
        [ -z "$where" ] || runner=("$where")
        alone sh -c 'echo hello; /bin/echo from a child; (echo from a subshell) & wait; echo error >&2; exit 6'
        assert_status 6
        assert_text "$out" "$(printf '%s\n' hello 'from a child' 'from a subshell')"
        assert_count "$err" '^sscap: ' 1
        assert_count "$err" . 2
    done
}

@test "hostile: SSCAP_RUNNER is another program, or the program itself: no exec loop" {
    local which runner
    printf '#!/bin/sh\necho "script $*"; exec env LD_PRELOAD="%s" "%s"\n' "$TMP/libsscap.so" \
        "$PROGRAMS/environment_of" >"$TMP/script"
    chmod +x "$TMP/script"
    for which in /bin/true /bin/sh "$PROGRAMS/environment_of" "$TMP/script"; do
        runner=(SSCAP_RUNNER="$which")
        # The result does not matter, but the program ends, and nothing has run more often than it could.
        DEADLINE=20 alone "$PROGRAMS/environment_of"
        [ "$(grep -c 'that is all$' "$out")" -le 2 ]
        [ "$(grep -c '^script' "$out")" -le 2 ]
    done
}

@test "hostile: LD_PRELOAD with a damaged session and a runner" {
    local session
    for session in '' garbage "$(head -c 2000 /dev/zero | tr '\0' :)" 0001:00000001:00000001; do
        run_bare env LD_PRELOAD="$LIBSSCAP" SSCAP_RUNNER="$SSCAP" SSCAP_SESSION="$session" sh -c \
            'echo hello; /bin/echo child; exit 9'
        assert_status 9
        assert_count "$out" 'hello$' 1
        assert_count "$out" 'child$' 1
    done
}

@test "hostile: a setuid program is captured without the library" {
    need_root
    cp "$PROGRAMS/environment_of" "$TMP/environment_of"
    chown nobody "$TMP/environment_of"
    chmod 4755 "$TMP/environment_of"
    run_sscap sh -c 'echo "sh[$$]: before"; "$0"; echo "sh[$$]: $?"; exec "$0"' "$TMP/environment_of"
    assert_status 42
    check_lines "$out"
    assert_count "$out" 'that is all$' 2
}

@test "hostile: the program changes its name, its user and its root, and is captured all the same" {
    need_root
    cat >"$TMP/drop.py" <<'EOF'
import ctypes, os
libc = ctypes.CDLL(None)
def say(name):
    libc.prctl(15, name.encode(), 0, 0, 0)
    os.write(1, f"{name}[{os.getpid()}]: still here\n".encode())
say("first")
say("second name")
os.chroot("/proc/self/fdinfo")
os.setgid(65534)
os.setuid(65534)
say("third")
if os.fork() == 0:
    say("child")
    os._exit(0)
os.wait()
EOF
    run_sscap "$PYTHON" "$TMP/drop.py"
    assert_status 0
    assert_count "$out" 'still here$' 4
}
