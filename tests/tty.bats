#!/usr/bin/env bats
# tty.bats: captured streams that pretend to be a terminal (--tty), and how programs react. terminal.bats tests sscap
# itself on a terminal.

load helper

teardown() {
    [ ! -S "$TMP/tmux" ] || tmux -S "$TMP/tmux" kill-server 2>/dev/null || :
    show_output
    remove_tmp
}

# as_terminal WHEN PROGRAM-TEXT: runs python with sscap's stdout and stderr in files
as_terminal() {
    capture env -u PYTHONUNBUFFERED "$SSCAP" "--tty=$1" --tag=none "$PYTHON" -c "$2"
}

ASK='
import os, sys, termios
print(os.isatty(1), os.isatty(2), sys.stdout.isatty(), sys.stdout.line_buffering)
'

@test "tty: always and never, whatever the output is" {
    as_terminal always "$ASK"
    assert_text "$out" "True True True True"
    as_terminal never "$ASK"
    assert_text "$out" "False False False False"
    as_terminal auto "$ASK"
    assert_text "$out" "False False False False"
}

@test "tty: without a terminal anywhere, one of 80 by 24 answers" {
    not_wrapped "a wrapper's terminal"
    capture setsid -w "$SSCAP" --tty=always --tag=none "$PYTHON" -c '
import fcntl, os, struct, termios
print(os.get_terminal_size(1))
print(struct.unpack("HHHH", fcntl.ioctl(2, termios.TIOCGWINSZ, bytes(8)))[:2])
attributes = termios.tcgetattr(1)
print(bool(attributes[3] & termios.ICANON), bool(attributes[3] & termios.ECHO), bool(attributes[1] & termios.OPOST))
# ioctl gives the same settings. In the kernel, the control characters follow c_line, and there are no speeds.
kernel = fcntl.ioctl(1, termios.TCGETS, bytes(36))
characters = [bytes([c]) for c in kernel[17:36]]
print(list(struct.unpack("IIII", kernel[:16])) == attributes[:4], characters == attributes[6][:19])
fcntl.ioctl(1, termios.TCSETS, kernel)
termios.tcsetattr(1, termios.TCSANOW, attributes)
termios.tcdrain(1)
termios.tcflush(1, termios.TCOFLUSH)
for call in lambda: os.ttyname(1), lambda: os.tcgetpgrp(1):
    try:
        print(call())
    except OSError as error:
        print(error.strerror)'
    assert_empty "$err"
    assert_text "$out" "os.terminal_size(columns=80, lines=24)
(24, 80)
True True True
True True
Inappropriate ioctl for device
Inappropriate ioctl for device"
}

@test "tty: what does not go to sscap is no terminal" {
    run_sscap --tty=always --tag=none sh -c '"$0" -c "import os; print(os.isatty(1), os.isatty(2))" >"$1"; cat "$1"' \
        "$PYTHON" "$TMP/file"
    assert_text "$out" "False True"
    run_sscap --tty=always --tag=none sh -c '"$0" -c "import os; print(os.isatty(1))" | cat' "$PYTHON"
    assert_text "$out" "False"
    run_sscap --tty=always --stderr=pass --tag=none "$PYTHON" -c 'import os; print(os.isatty(1), os.isatty(2))'
    assert_text "$out" "True False"
    run_sscap --tty=always --stderr=merge --tag=none "$PYTHON" -c 'import os; print(os.isatty(1), os.isatty(2))'
    assert_text "$out" "True True"
}

@test "tty: programs colour what they print, and not where they need not" {
    need gcc git
    local command
    mkdir -p "$TMP/dir/sub"
    printf 'one root\n' >"$TMP/dir/text"
    printf 'int main(void) { return x; }\n' >"$TMP/bad.c"
    git init -q "$TMP/dir"
    for command in "ls --color=auto $TMP/dir" "grep --color=auto root $TMP/dir/text" "gcc -fsyntax-only $TMP/bad.c" \
        "git -C $TMP/dir status -s"; do
        # shellcheck disable=SC2086 # words
        TERM=xterm run_sscap -q --tty=always $command
        assert_matches <(cat "$out" "$err") $'\e\\['
        # shellcheck disable=SC2086
        TERM=xterm run_sscap -q --tty=never $command
        assert_no_match <(cat "$out" "$err") $'\e\\['
    done
}

@test "tty: node, perl, ruby" {
    need node perl
    run_sscap --tty=always node -e \
        'console.log(process.stdout.isTTY, process.stdout.columns > 0); console.error(process.stderr.isTTY)'
    assert_status 0
    assert_matches "$out" '^node\[[0-9]+\] *\| .*true.*true'
    assert_matches "$err" '^node\[[0-9]+\] *! .*true'
    run_sscap --tty=never node -e 'console.log(process.stdout.isTTY === true)'
    assert_matches "$out" 'false'
    run_sscap --tty=always --tag=none perl -e 'print -t STDOUT ? "yes" : "no", "\n"'
    assert_text "$out" yes
    run_sscap --tty=always --tag=none bash -c '[ -t 1 ] && [ -t 2 ] && ! [ -t 0 ] && echo yes' </dev/null
    assert_text "$out" yes
}

@test "tty: on a terminal, its size, name and settings, and the size again when that changes" {
    need tmux
    not_wrapped "too slow for a terminal"
    local tmux="tmux -S $TMP/tmux"
    cat >"$TMP/ask.py" <<'EOF'
import os, signal, sys, termios
def say(*ignored):
    print("size", *os.get_terminal_size(1), flush=True)
signal.signal(signal.SIGWINCH, say)
print(os.isatty(1), os.ttyname(1) == os.ttyname(0), termios.tcgetattr(1) == termios.tcgetattr(0),
    os.tcgetpgrp(1) == os.tcgetpgrp(0))
say()
while sys.stdin.readline() != "end\n":
    pass
EOF
    (close_inherited && exec $tmux -f /dev/null new-session -d -x 90 -y 20 \
        "exec '$SSCAP' -q --tag=none '$PYTHON' '$TMP/ask.py'") </dev/null
    wait_until shows_line 'True True True True'
    wait_until shows_line 'size 90 20'
    $tmux resize-window -x 70 -y 15
    wait_until shows_line 'size 70 15'
    $tmux send-keys -l end
    $tmux send-keys Enter
    wait_until is_over
}

shows_line() {
    tmux -S "$TMP/tmux" capture-pane -p | grep -q "^$1"
}

is_over() {
    ! tmux -S "$TMP/tmux" has-session 2>/dev/null
}

# --- sanitizers, whose library must come first ---

@test "tty: an AddressSanitizer program of gcc starts behind the library, and tells of its error" {
    need gcc
    printf '%s\n' '#include <stdio.h>' '#include <stdlib.h>' '#include <sys/wait.h>' '#include <unistd.h>' \
        'int main(int n, char **a) { char *p = malloc(10); (void)a;' \
        'if (fork() == 0) { puts("child"); fflush(stdout); _exit(0); }' \
        'wait(NULL); puts("parent"); if (n > 1) p[10 + n] = 1; free(p); return 3; }' >"$TMP/a.c"
    gcc -fsanitize=address -g -o "$TMP/a" "$TMP/a.c" || not_here "gcc has no AddressSanitizer"
    run_sscap -q --tag=none "$TMP/a"
    assert_status 3
    assert_text "$out" "child
parent"
    assert_empty "$err"
    run_sscap -q --tag=none env -u ASAN_OPTIONS "$TMP/a" x
    assert_status 1
    assert_matches "$err" 'ERROR: AddressSanitizer: heap-buffer-overflow'
}

@test "tty: to stat and its kin a character device, and open for reading, too" {
    not_wrapped "a wrapper's terminal"
    capture setsid -w "$SSCAP" -q --tty=always --tag=none "$PROGRAMS/as_pipe" "$TMP/always"
    assert_status 0
    assert_count "$TMP/always" '(stat|statx).*: (mode 02|8[0-9]{3}$)' 24
    assert_count "$TMP/always" 'F_GETFL: 2$' 6
    assert_count "$TMP/always" 'read.*: -1 EIO$' 10
}
