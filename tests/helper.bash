# Loaded by every test file: `load helper`. Nothing here is newer than bats 1.2.
#
#   run_sscap ARG...         sscap ARG...; then $status, and the files $out and $err
#   run_preloaded COMMAND... the same with LD_PRELOAD alone
#   run_bare COMMAND...      the same without sscap, to compare with
#   start ARG..., finish     sscap ARG... in the background: $runner is its pid; its end: $status
#   wait_until COMMAND...    polls until COMMAND is true; fails after $PATIENCE seconds
#   need TOOL...             without the tool the test cannot run: fails in CI, is told as "not run" elsewhere
#   untag < TAGGED           the text alone; of_stream '|' < TAGGED: the lines of one stream
#   not_wrapped WHY          the same for what a wrapper around sscap hides
#   assert_*                 say what differs
#
# A test's files go to $TMP, which is made by setup and removed by teardown. A file with its own setup calls make_tmp.
# shellcheck shell=bash

ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
: "${SSCAP:=$ROOT/build/sscap}" "${LIBSSCAP:=$ROOT/build/libsscap.so}"
: "${PROGRAMS:=$ROOT/build/tests/programs}" "${UNIT:=$ROOT/build/tests/unit}"
# Seconds that one run may take, and one condition may take to become true. Far above what is ever needed: a loaded
# machine must not fail a test, and a hang must not stop the others.
: "${DEADLINE:=120}" "${PATIENCE:=30}"
export ROOT SSCAP LIBSSCAP PROGRAMS UNIT
# Messages are compared, sorting too.
export LC_ALL=C.UTF-8

# What `python3` is in the end: a front end of it starts dozens of processes before.
setup_file() {
    PYTHON=$(python3 -c 'import sys; print(sys.executable)')
    export PYTHON
}

setup() {
    make_tmp
}

# Nothing of a test that has failed is left behind. bats shows what teardown prints only if the test failed: then the
# last output is what one wants to see.
teardown() {
    local left
    left=$(jobs -pr)
    # shellcheck disable=SC2086 # a list
    [ -z "$left" ] || kill $left || :
    # Whoever waits for its other end goes on.
    [ ! -p "$TMP/go" ] || : 9<>"$TMP/go"
    show_output
    remove_tmp
}

make_tmp() {
    skip_listed
    TMP=$(mktemp -d "${TMPDIR:-/tmp}/sscap-test.XXXXXX")
    # Other users' programs (a database server, say) may have to get in.
    chmod 755 "$TMP"
    out=$TMP/out err=$TMP/err
}

# $NOT_RUN is a list of tests that cannot run where this is (tests/foreign/*.not): one name a line, reasons after #.
skip_listed() {
    if [ -n "${NOT_RUN:-}" ] && grep -qxF -- "$BATS_TEST_DESCRIPTION" "$NOT_RUN"; then
        skip "not run: ${NOT_RUN##*/} has it"
    fi
}

remove_tmp() {
    [ -n "${TMP:-}" ] || return 0
    # A test may have taken its own permissions away.
    chmod -R u+rwX "$TMP" && rm -rf "$TMP"
}

show_output() {
    local file
    for file in "$out" "$err"; do
        [ -s "$file" ] || continue
        printf -- '--- %s (%d bytes)\n' "${file##*/}" "$(stat -c %s "$file")"
        head -c 4000 "$file" | cat -v
    done
}

# bats keeps descriptors of its own open, and waits until every process has closed them: one process left behind would
# hang the whole run. They also would take the numbers that tests of descriptors want to have.
close_inherited() {
    local path number
    for path in /proc/self/fd/*; do
        number=${path##*/}
        # 255 is bash's own, close-on-exec.
        if ((number > 2 && number < 255)); then
            eval "exec $number>&-"
        fi
    done
}

# capture COMMAND...: runs it with a deadline; $status, and the files $out and $err.
capture() {
    local start=$SECONDS
    status=0
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$@") >"$out" 2>"$err" || status=$?
    if ((SECONDS - start >= DEADLINE)); then
        echo "still running after $DEADLINE seconds: $*"
        return 1
    fi
}

run_sscap() {
    capture "$SSCAP" "$@"
}

run_preloaded() {
    # env, so that timeout itself is not preloaded. The wrapped runner is not where the library looks by itself.
    capture env LD_PRELOAD="$LIBSSCAP" ${WRAP:+SSCAP_RUNNER="$SSCAP"} "$@"
}

run_bare() {
    capture "$@"
}

# start ARG...: sscap in the background, with stdout in $to, if that is set, else in $out; $runner is its pid. SIGNALS
# are options of env.
#
# A shell has its background jobs ignore SIGINT and SIGQUIT; timeout would hand signals on to the whole group, so it
# is left out of it.
# shellcheck disable=SC2034,SC2086 # the tests read them; a list
start() {
    rm -f "$TMP/runner"
    (close_inherited && exec timeout -k 10 "$DEADLINE" env --default-signal ${SIGNALS:-} bash -c \
        'echo $$ >"$0" && exec "$@"' "$TMP/runner" "$SSCAP" "$@") >"${to:-$out}" 2>"$err" &
    job=$!
    wait_until [ -s "$TMP/runner" ]
    read -r runner <"$TMP/runner"
}

# The runner proper, in front of which $runner, its guardian, stands.
worker() {
    ps -o pid= --ppid "$runner" | tr -d ' '
}

# finish [JOB]
finish() {
    status=0
    wait "${1:-$job}" || status=$?
}

# stick ARG...: starts sscap, whose stdout is a FIFO that nobody reads; $runner is its pid.
stick() {
    mkfifo "$TMP/fifo"
    exec 7<>"$TMP/fifo"
    to=$TMP/fifo start "$@"
}

# The reader comes, and takes all to the end; $status is sscap's.
release() {
    (close_inherited && exec cat "$TMP/fifo") >"$out" &
    reader=$!
    # It must be there before the FIFO has no other end.
    wait_until opened_by "$reader"
    exec 7>&-
    finish "$job"
    wait "$reader"
}

opened_by() {
    [ "$(readlink "/proc/$1/fd/3")" = "$TMP/fifo" ]
}

wait_until() {
    local end=$((SECONDS + PATIENCE))
    until "$@"; do
        if ((SECONDS >= end)); then
            echo "not true after $PATIENCE seconds: $*"
            return 1
        fi
        sleep 0.02
    done
}

# state_is STATE PID: as ps has it, T or S or Z
state_is() {
    [ "$(sed "s/^.*) //" "/proc/$2/stat" 2>/dev/null | cut -c 1)" = "$1" ]
}

# Debian's package for a tool that is not named like it.
package_of() {
    case $1 in
    node) echo nodejs ;;
    go) echo golang-go ;;
    nginx) echo nginx-light ;;
    initdb | pgbench | postgres) echo postgresql ;;
    busybox) echo busybox-static ;;
    pstree | fuser | killall) echo psmisc ;;
    musl-gcc) echo musl-tools ;;
    ps | pgrep) echo procps ;;
    java | javac) echo default-jdk-headless ;;
    addr2line | objcopy | strip) echo binutils ;;
    setpriv | unshare) echo util-linux ;;
    *) echo "$1" ;;
    esac
}

need() {
    local tool directory
    for tool in "$@"; do
        # Debian keeps the servers of its databases off PATH.
        for directory in /usr/lib/postgresql/*/bin /usr/sbin /sbin; do
            if ! command -v "$tool" >/dev/null && [ -x "$directory/$tool" ]; then
                PATH=$PATH:$directory
            fi
        done
        command -v "$tool" >/dev/null || not_run "needs $tool (apt-get install $(package_of "$tool"))"
    done
}

# not_run WHY: for what this machine cannot show. `make test` counts it as neither passed nor failed; in CI, where
# everything must be there, it is a failure.
not_run() {
    if [ "${CI:-}" = true ]; then
        echo "not run: $1"
        return 1
    fi
    skip "not run: $1"
}

# not_here WHY: for what this machine's kernel or set-up does not offer, in CI or not.
not_here() {
    skip "not run: $1"
}

# not_wrapped WHY: for what would show the wrapper (make test WRAP=...) and not sscap.
not_wrapped() {
    [ -z "${WRAP:-}" ] || skip "not run: under a wrapper: $1"
}

need_root() {
    [ "$(id -u)" -eq 0 ] || not_run "needs root"
}

# The text of tagged lines: "name[pid]   | text". Whatever is no tagged line stays as it is.
untag() {
    sed -E 's/^[^[]*\[[0-9]+\] *[|!][ +~]//'
}

# of_stream '|' or '!': the tagged lines of that stream.
of_stream() {
    grep -E "^[^[]*\\[[0-9]+\\] *[$1]" || :
}

# group N: that group of the report in $err
group() {
    awk -v head="$1. " 'on && /^$/ { exit } index($0, head) == 1 { on = 1 } on' "$err"
}

assert_status() {
    if [ "$status" -ne "$1" ]; then
        echo "exit status: expected $1, got $status"
        return 1
    fi
}

assert_equal() {
    if [ "$1" != "$2" ]; then
        printf 'expected: %s\n     got: %s\n' "$1" "$2"
        return 1
    fi
}

# assert_same EXPECTED_FILE FILE: byte for byte.
assert_same() {
    if ! cmp -s "$1" "$2"; then
        echo "$2 differs from what is expected ($1):"
        diff <(head -n 10000 "$1" | cat -v) <(head -n 10000 "$2" | cat -v) | head -n 40
        return 1
    fi
}

assert_text() { # FILE TEXT: the whole file, without its last newline
    assert_equal "$2" "$(cat "$1")"
}

assert_empty() {
    if [ -s "$1" ]; then
        echo "expected nothing in ${1##*/}, got:"
        head -c 2000 "$1" | cat -v
        return 1
    fi
}

assert_matches() { # FILE REGEX: a line matches
    if ! grep -Eq -- "$2" "$1"; then
        echo "no line of ${1##*/} matches: $2"
        return 1
    fi
}

assert_no_match() { # FILE REGEX
    if grep -En -- "$2" "$1" | head -n 10 | grep ''; then
        echo "these lines of ${1##*/} match: $2"
        return 1
    fi
}

assert_count() { # FILE REGEX NUMBER: so many lines match
    local found
    found=$(grep -Ec -- "$2" "$1") || :
    if [ "$found" -ne "$3" ]; then
        echo "lines of ${1##*/} that match '$2': expected $3, got $found"
        return 1
    fi
}
