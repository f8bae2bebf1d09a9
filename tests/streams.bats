#!/usr/bin/env bats
# streams.bats: programs do not notice that fd 1 and 2 are sockets. The streams can be opened by all their names, and
# only the process that asks for O_NONBLOCK or shutdown sees their effect.

load helper
export SSCAP_QUIET=1

# --- /dev/stdout and its aliases ---

# as_a_pipe COMMAND...: the captured stdout and stderr are what two pipes would have got
as_a_pipe() {
    run_bare bash -c 'set -o pipefail; { "$@" 2>&3 | cat; } 3> >(exec cat >&2)' as_a_pipe "$@"
    assert_status 0
    mv "$out" "$TMP/pipe.out"
    mv "$err" "$TMP/pipe.err"
    rm -f "$TMP"/link.*
    run_sscap --tag=none "$@"
    assert_status 0
    assert_same "$TMP/pipe.out" "$out"
    assert_same "$TMP/pipe.err" "$err"
}

@test "streams: stdout by every name, with every function" {
    as_a_pipe "$PROGRAMS/reopen" 1 "$TMP"
    [ "$(wc -l <"$out")" -gt 700 ]
}

@test "streams: stderr by every name, with every function" {
    as_a_pipe "$PROGRAMS/reopen" 2 "$TMP"
    [ "$(wc -l <"$err")" -gt 700 ]
}

@test "streams: a stream that is on another number, 1 being a file" {
    as_a_pipe bash -c '"$0" 9 "$1" 9>&1 >"$1/file"' "$PROGRAMS/reopen" "$TMP"
    [ "$(wc -l <"$out")" -gt 600 ]
    assert_empty "$TMP/file"
}

@test "streams: what cannot be opened cannot be opened" {
    export TMP
    run_sscap "$PROGRAMS/reopen" others
    assert_status 0
    assert_empty "$err"
    # No number below the limit is free.
    run_sscap --tag=none bash -c 'ulimit -n 4; exec 3>&1; (echo x >/dev/stdout) 2>/dev/null || echo refused'
    assert_text "$out" refused
}

@test "streams: redirections of the shells" {
    local shell names='/dev/stdout /dev/fd/1 /proc/self/fd/1 /dev/stderr /dev/fd/2 /proc/self/fd/2'
    need zsh
    for shell in dash bash zsh; do
        # shellcheck disable=SC2086 # a list
        run_sscap "$shell" -c 'echo first; for name; do echo "to $name" >$name; echo "at $name" >>$name; done
            { echo group; ls / | head -n 1; } >/dev/stderr; echo last' "$shell" $names
        assert_status 0
        assert_same <(echo first; for name in $names; do
            case $name in *1 | *out) echo "to $name"; echo "at $name" ;; esac
        done; echo last) <(untag <"$out")
        assert_count "$err" "^$shell\\[[0-9]+\\] *! (to|at) " 6
        assert_matches "$err" '^head\[[0-9]+\] *! '
        assert_no_match "$out" "^[^$shell]"
    done
    # exec without a command, and a path that is made at run time
    run_sscap --tag=none bash -c \
        'exec 5>/dev/stderr; d=dev; echo five >&5; cd /; echo six >>"$d/stdout"; echo seven >/proc/$$/fd/1'
    assert_text "$out" $'six\nseven'
    assert_text "$err" five
    # Opens for reading and writing, and for reading only, which works as it does on a pipe.
    run_sscap --tag=none bash -c 'exec 5<>/dev/stdout 6</dev/stderr && echo both >&5 && [ -e /dev/fd/6 ] && echo opened'
    assert_text "$out" $'both\nopened'
}

@test "streams: tee, cp, dd, sed, awk, sort and links to /dev/stdout" {
    echo text >"$TMP/text"
    ln -s /dev/stdout "$TMP/access.log"
    run_sscap sh -c 'cd "$0"; tee /dev/stderr <text; cp text /dev/stdout; dd if=text of=/dev/stdout status=none
        dd if=text of=/dev/stderr status=none; sed -n "w /dev/stdout" text; sed -n "w access.log" text
        sort -o /dev/fd/1 text
        cat text >access.log; mawk "{ print > \"/proc/self/fd/2\" }" text' "$TMP"
    assert_status 0
    local name
    for name in tee cp sort dd cat; do
        assert_count "$out" "^$name\\[[0-9]+\\] *\\| text\$" 1
    done
    assert_count "$out" '^sed\[[0-9]+\] *\| text$' 2
    for name in tee dd mawk; do
        assert_count "$err" "^$name\\[[0-9]+\\] *! text\$" 1
    done
    assert_equal 10 "$(cat "$out" "$err" | wc -l)"
}

@test "streams: perl, python, ruby and node open them" {
    local python
    need node ruby
    python=$(python3 -c 'import sys; print(sys.executable)')
    run_sscap perl -e 'for my $mode (">", ">>", "+<") { for my $name ("stdout", "stderr", "fd/1") {
        open(my $file, $mode, "/dev/$name") or die "$name: $!"; print $file "$mode $name\n" } }'
    assert_status 0
    assert_count "$out" '^perl\[[0-9]+\] *\| (>|>>|\+<) (stdout|fd/1)$' 6
    assert_count "$err" '^perl\[[0-9]+\] *! (>|>>|\+<) stderr$' 3
    run_sscap "$python" -c 'import os
for mode in "w", "a", "wb":
    with open("/dev/stdout", mode) as file:
        file.write("python\n" if mode != "wb" else b"python\n")
at = os.open("/dev", os.O_RDONLY)
os.write(os.open("stderr", os.O_WRONLY | os.O_TRUNC | os.O_CREAT, dir_fd=at), b"relative\n")'
    assert_status 0
    assert_count "$out" '\| python$' 3
    assert_count "$err" '! relative$' 1
    run_sscap ruby -e 'File.open("/dev/stdout", "w") { |f| f.puts "ruby" }; $stderr.reopen("/dev/stdout")
        warn "turned"'
    assert_status 0
    assert_same <(printf 'ruby\nturned\n') <(untag <"$out")
    run_sscap node -e 'require("fs").writeFileSync("/dev/stderr", "node\n")
        require("fs").appendFileSync("/dev/stdout", "more\n")'
    assert_status 0
    assert_matches "$out" '\| more$'
    assert_matches "$err" '! node$'
}

@test "streams: posix_spawn opens them by name in the child" {
    need python3
    # shellcheck disable=SC2153 # of helper.bash
    as_a_pipe "$PYTHON" -c '
import os, sys
opens = [(os.POSIX_SPAWN_OPEN, 2, "/dev/stdout", os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 7, "/dev/fd/1", os.O_WRONLY, 0)]
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "echo out; echo err >&2; echo seven >&7"], os.environ, file_actions=opens)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))'
    assert_text "$out" 'out
err
seven'
    # Earlier file actions apply first.
    as_a_pipe "$PYTHON" -c '
import os, sys
opens = [(os.POSIX_SPAWN_OPEN, 1, sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600),
    (os.POSIX_SPAWN_OPEN, 2, "/dev/stdout", os.O_WRONLY, 0)]
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "echo err >&2"], os.environ, file_actions=opens)
os.waitpid(pid, 0); print(open(sys.argv[1]).read(), end="")' "$TMP/file"
    assert_text "$out" err
}

@test "streams: freopen keeps the order, its number and how stdout is buffered" {
    cat >"$TMP/program.c" <<'END'
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 4096);
    printf("one\n");
    if (freopen("/dev/stdout", "a", stdout) != stdout || fileno(stdout) != 1)
        return 1;
    printf("two\n");
    if (freopen(NULL, "w", stdout) != stdout || fileno(stdout) != 1)
        return 2;
    printf("three\n");
    if (freopen("/dev/stdout", "w", stderr) != stderr || fileno(stderr) != 2)
        return 3;
    fprintf(stderr, "four\n");
    if (freopen("/dev/stdout", "nonsense", stderr) != NULL || write(2, "x", 1) != -1)
        return 4;
    _exit(0);
}
END
    cc -Wno-format-truncation -o "$TMP/program" "$TMP/program.c"
    run_sscap --tag=none "$TMP/program"
    assert_status 0
    assert_text "$out" $'one\ntwo\nthree\nfour'
    assert_empty "$err"
}

@test "streams: freopen beside threads that write: no byte is lost" {
    cat >"$TMP/program.c" <<'END'
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static atomic_int done;
static void *write_lines(void *unused)
{
    for (int i = 0; i < 20000; i++)
        if (write(1, "line\n", 5) != 5)
            _exit(1);
    done = 1;
    return unused;
}
int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, write_lines, NULL);
    int n = 0;
    for (; !done; n++)
        if (freopen(n % 2 ? NULL : "/dev/stdout", "a", stdout) == NULL)
            return 2;
    pthread_join(thread, NULL);
    fprintf(stderr, "%s\n", n > 100 ? "often" : "seldom");
    return 0;
}
END
    cc -pthread -o "$TMP/program" "$TMP/program.c"
    run_sscap --tag=none "$TMP/program"
    assert_status 0
    assert_text "$err" often
    assert_count "$out" '^line$' 20000
}

@test "streams: a redirected stream is the file, by whatever name" {
    cat >"$TMP/script" <<'END'
echo captured >/dev/stdout
{ echo one; echo two >>/dev/stdout; cp "$1" /dev/fd/1; } >>"$2"
dd status=none oflag=append conv=notrunc of=/dev/stdout if="$1" >>"$2"
(echo three >>/dev/stderr) 2>>"$2"
echo captured >/dev/stderr 3>>"$2"
exec 4>&1 >>"$2" 2>&1
echo four >>/proc/$$/fd/1
echo five | tee -a /dev/stdout /dev/stderr
echo captured >/dev/fd/4
END
    echo text >"$TMP/text"
    run_bare bash "$TMP/script" "$TMP/text" "$TMP/bare"
    assert_count "$TMP/bare" . 7
    run_sscap --tag=none bash "$TMP/script" "$TMP/text" "$TMP/file"
    assert_status 0
    assert_text "$out" $'captured\ncaptured'
    assert_text "$err" captured
    assert_same "$TMP/bare" "$TMP/file"
}

@test "streams: nginx logs to /dev/stdout and /dev/stderr" {
    need nginx curl
    mkdir "$TMP/logs"
    chmod 777 "$TMP" "$TMP/logs"
    ln -s /dev/stdout "$TMP/logs/access.log"
    ln -s /dev/stderr "$TMP/logs/error.log"
    cat >"$TMP/nginx.conf" <<END
daemon off;
worker_processes 2;
pid $TMP/nginx.pid;
error_log $TMP/logs/error.log notice;
events { worker_connections 64; }
http {
    access_log $TMP/logs/access.log;
    client_body_temp_path $TMP/logs/1; proxy_temp_path $TMP/logs/2; fastcgi_temp_path $TMP/logs/3;
    uwsgi_temp_path $TMP/logs/4; scgi_temp_path $TMP/logs/5;
    server { listen unix:$TMP/socket; location / { return 200 "hello"; }
        location /two { access_log /dev/stdout; return 200 "hello"; } }
}
END
    cat >"$TMP/query" <<'END'
i=0
until [ "$(curl -s --noproxy '*' --unix-socket "$1/socket" http://localhost/up)" = hello ]; do
    i=$((i + 1))
    [ $i -lt 500 ] || exit 1
    sleep 0.02
done
for i in 1 2 3 4 5; do
    curl -s --noproxy '*' -o "$1/answer" --unix-socket "$1/socket" "http://localhost/one$i" \
        "http://localhost/two$i" -o "$1/answer"
done
END
    run_sscap sh -c 'nginx -p "$0/" -c "$0/nginx.conf" & sh "$0/query" "$0"; kill -QUIT $!; wait $!; echo "nginx: $?"' \
        "$TMP"
    assert_status 0
    assert_matches "$out" '\| nginx: 0$'
    assert_count "$out" '^nginx\[[0-9]+\] *\| .*"GET /(one|two)[1-5] HTTP/1.1" 200 5 ' 10
    assert_count "$err" '^nginx\[([0-9]+)\] *! [0-9/]+ [0-9:]+ \[notice\] \1#.*start worker process [0-9]+' 2
    assert_no_match "$err" 'emerg'
}

# --- O_NONBLOCK and shutdown ---

@test "streams: O_NONBLOCK and shutdown work for the process that asks, and no other process notices" {
    run_sscap --tag=none "$PROGRAMS/own_flags" told
    assert_status 0
    assert_text "$out" $'a child still can\nand so can we'
    assert_empty "$err"
}

# late_reader COMMAND...: the reader of sscap's output starts when $TMP/go exists; sets $status, $out, $err
late_reader() {
    (close_inherited
        timeout -k 10 "$DEADLINE" "$SSCAP" --bytes=64K "$@" 2>"$err" | {
            wait_until [ -e "$TMP/go" ]
            exec cat >"$out"
        }
        echo "${PIPESTATUS[0]}" >"$TMP/status") &
    job=$!
}

finish() {
    wait "$job"
    read -r status <"$TMP/status"
}

# all_of NAME N [FORMAT]: N lines "NAME 1" to "NAME N" arrived, whole and in order
all_of() {
    assert_same <(seq -f "$1 ${3:-%.0f}" "$2") <(untag <"$out" | grep "^$1 ")
}

@test "streams: a stalled reader: EAGAIN for the process that asked, blocking for the others" {
    local way
    for way in write writev thread; do
        rm -f "$TMP/go"
        late_reader "$PROGRAMS/own_flags" full "$TMP/go" "$way"
        finish
        assert_status 0
        [ -e "$TMP/go" ]
        all_of own 20000
        all_of plain 20000
        assert_equal 40000 "$(wc -l <"$out")"
        assert_empty "$err"
    done
}

@test "streams: node beside a plain writer that must never see EAGAIN" {
    need node
    cat >"$TMP/write.js" <<'END'
// More than the sockets hold, which as root is some megabytes.
let text = '';
for (let i = 1; i <= 20000; i++) text += 'node ' + String(i).padStart(2000, '0') + '\n';
process.stdout.write(text, () => console.error('all is written'));
console.error('stdout is ' + process.stdout.constructor.name);
require('fs').writeFileSync(process.argv[2], '');
END
    # seq ends with an error as soon as a write fails.
    late_reader bash -c 'node "$0/write.js" "$0/node" & until [ -e "$0/node" ]; do sleep 0.02; done
        (echo $BASHPID >"$0/pid"; exec seq -f "plain %02000.0f" 20000); echo "seq: $?"; wait $!; echo "node: $?"' "$TMP"
    wait_until [ -s "$TMP/pid" ]
    wait_until stalled "$(cat "$TMP/pid")"
    touch "$TMP/go"
    finish
    assert_status 0
    all_of node 20000 %02000.0f
    all_of plain 20000 %02000.0f
    assert_matches "$out" '\| seq: 0$'
    assert_matches "$out" '\| node: 0$'
    assert_matches "$err" 'all is written'
    assert_equal 2 "$(wc -l <"$err")"
}

# stalled PID: the process has written nothing for a while
stalled() {
    local before=-1 now i=0
    while [ "$i" -lt 5 ]; do
        now=$(awk '$1 == "wchar:" { print $2 }' "/proc/$1/io") 2>/dev/null || return 1
        [ "$now" = "$before" ] && i=$((i + 1)) || i=0
        before=$now
        sleep 0.02
    done
}

@test "streams: socat ends its side, and the others write on" {
    need socat
    run_sscap bash -c 'printf "by socat\n" | socat -u STDIN STDOUT
        printf "and again\n" | socat -u STDIN FD:1,shut-down; echo "socat: $?"
        printf "to nowhere\n" | socat STDIO EXEC:cat; echo "socat: $?"; echo at the end'
    assert_status 0
    assert_same <(printf '%s\n' 'by socat' 'and again' 'socat: 0' 'to nowhere' 'socat: 0' 'at the end') <(untag <"$out")
    assert_empty "$err"
}

# --- a pipe, by whatever a program asks ---

@test "streams: stat, fcntl, read, poll and their kin answer as for a pipe" {
    run_sscap --tag=none "$PROGRAMS/as_pipe" "$TMP/captured"
    assert_status 0
    run_bare bash -c '{ "$@" 2>&1 >&3 | cat; } 3>&1 | cat' bash "$PROGRAMS/as_pipe" "$TMP/found"
    [ "$(wc -l <"$TMP/found")" -gt 80 ]
    assert_same "$TMP/found" "$TMP/captured"
}

@test "streams: calls with bad arguments fail as they do without sscap" {
    as_a_pipe "$PROGRAMS/refusals"
    [ "$(wc -l <"$out")" -gt 120 ]
}

@test "streams: shells, perl and python take them for pipes, and a redirected one for what it is" {
    local command='for name in /dev/stdout /dev/fd/2 /proc/self/fd/1; do
            [ -p $name ] && echo pipe; [ -S $name ] && echo socket; [ -c $name ] && echo device; done
        perl -e '\''print -p STDOUT ? "pipe\n" : "none\n", -S STDERR ? "socket\n" : "none\n"'\''
        python3 -c "import os, stat; print([stat.S_ISFIFO(os.stat(n).st_mode) for n in (1, 2, \"/dev/stdout\")])"
        [ -f /dev/stdout ] || echo no file
        { [ -f /dev/stdout ] && [ -p /dev/stderr ]; } >"$0" && echo a file and a pipe'
    for shell in bash dash; do
        as_a_pipe "$shell" -c "$command" "$TMP/file"
        assert_count "$out" '^pipe$' 4
        assert_matches "$out" '^a file and a pipe$'
    done
}

@test "streams: who reads from them is told that it cannot, also as fd 0 (vim does, when stdin ends)" {
    need python3
    as_a_pipe "$PYTHON" -c '
import errno, fcntl, os, subprocess, sys
def read(fd):
    try:
        print(len(os.read(fd, 1)))
    except OSError as error:
        print(errno.errorcode[error.errno])
read(1)
read(2)
os.close(0)
read(0)
os.dup(2)
read(0)
os.close(0)
fcntl.fcntl(1, fcntl.F_DUPFD, 0)
read(0)
null = os.open("/dev/null", os.O_RDONLY)
os.dup2(null, 0)
read(0)
os.dup2(1, 0)
read(0)
sys.stdout.flush()
# Checks it in a new program and in a shell.
subprocess.run([sys.executable, "-c", "import os\ntry: os.read(0, 1)\nexcept OSError as e: print(e.errno)"], stdin=1)
subprocess.run(["bash", "-c", "read x 2>&1 | sed s/.*read/read/; echo ended"], stdin=2)
'
    assert_equal 'EBADF EBADF EBADF EBADF EBADF 0 EBADF 9' "$(head -n 8 "$out" | paste -sd ' ')"
}
