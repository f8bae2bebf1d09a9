#!/usr/bin/env bats
# real.bats: real programs have the same results, status and lines as without sscap. A line that names its writer has
# that writer's name and pid in its tag. A program that can write its lines in pieces does so under sscap.

load helper
# Many of these programs fail on purpose. reports.bats tests the reports.
export SSCAP_QUIET=1

check_lines() {
    "$PYTHON" "$ROOT/tests/programs/check_lines.py" "$@"
}

# same_lines_as_bare [--pids] COMMAND...: runs each time in a new directory `work`, which is kept in $TMP/bare and
# $TMP/work
same_lines_as_bare() {
    local bare_status options=(--some)
    [ "$1" != --pids ] || { options+=("$1") && shift; }
    rm -rf "$TMP/work" "$TMP/bare"
    mkdir "$TMP/work"
    cd "$TMP/work" || return
    PIECES=0 run_bare "$@"
    bare_status=$status
    mv "$out" "$TMP/bare.out"
    mv "$err" "$TMP/bare.err"
    cd "$TMP" || return
    mv "$TMP/work" "$TMP/bare"
    mkdir "$TMP/work"
    cd "$TMP/work" || return
    PIECES=1 run_sscap "$@"
    cd "$TMP" || return
    assert_status "$bare_status"
    check_lines "${options[@]}" "$out" "$TMP/bare.out"
    check_lines "${options[@]}" "$err" "$TMP/bare.err"
}

# --- shells ---------------------------------------------------------------------------------------------------

@test "real: a bash script with jobs, subshells, pipelines and traps" {
    same_lines_as_bare bash "$ROOT/tests/programs/shell_jobs.sh" .
    assert_status 11
    assert_matches "$out" '\| bash\[[0-9]+\]: trapped EXIT$'
}

@test "real: a dash script with jobs, subshells, pipelines and traps" {
    need dash
    same_lines_as_bare dash "$ROOT/tests/programs/shell_jobs.sh" .
    assert_status 11
    assert_matches "$out" '\| dash\[[0-9]+\]: trapped EXIT$'
}

@test "real: busybox, static, as shell and as tools" {
    need busybox
    same_lines_as_bare --pids busybox sh "$ROOT/tests/programs/shell_jobs.sh" .
    assert_status 11
    same_lines_as_bare --pids busybox sh -c \
        'seq 1 100; seq 1 100 | busybox sort -rn | busybox head -n 3; busybox ls /nonexistent'
}

@test "real: bash -c 'exec' changes the name, not the pid" {
    cat >"$TMP/script" <<'EOF'
. "$1/say.sh"
say first
exec bash -c 'read -r name </proc/self/comm; echo "$name[$$]: second"
    exec -a other dash -c "echo \"dash[\$\$]: third\""'
EOF
    run_sscap bash "$TMP/script" "$ROOT/tests/programs"
    assert_status 0
    check_lines "$out"
    assert_count "$out" . 3
    assert_text <(sed -E 's/^[^[]*\[([0-9]+)\].*/\1/' "$out" | sort -u | wc -l) 1
}

# --- many at once -----------------------------------------------------------------------------------------------

@test "real: make -j4" {
    cat >"$TMP/Makefile" <<'EOF'
all: $(addprefix target,1 2 3 4 5 6 7 8 9 10 11 12) sub
target%:
	@. $(SAY); say making $@; for i in 1 2 3 4 5 6; do say line $$i of $@; say error $$i of $@ >&2; done
sub:
	@$(MAKE) --no-print-directory -f $(TMP)/Makefile sub1 sub2 bad
sub%:
	@. $(SAY); for i in 1 2 3; do say $$i of $@; done; touch $@
bad: sub1 sub2
	@. $(SAY); say to fail; exit 7
EOF
    same_lines_as_bare make -j4 -k -f "$TMP/Makefile" SAY="$ROOT/tests/programs/say.sh" TMP="$TMP"
    assert_status 2
    assert_count "$out" 'line 6 of target' 12
    assert_matches "$err" '^make\[[0-9]+\] *! make\[1\]: \*\*\* .* Error 7$'
    [ -e "$TMP/work/sub1" ] && [ -e "$TMP/work/sub2" ]
}

@test "real: gcc builds a program by make -j4" {
    mkdir "$TMP/source"
    local i
    for i in 1 2 3 4 5 6; do
        printf '#warning this is file %d\nint f%d(void) { return %d; }\n' "$i" "$i" "$i"
    done | awk -v directory="$TMP/source" '/#warning/ { n++ } { print >(directory "/f" n ".c") }'
    echo 'int f1(void); int f6(void); int main(void) { return f1() + f6(); }' >"$TMP/source/main.c"
    cat >"$TMP/source/Makefile" <<'EOF'
VPATH = $(SOURCE)
program: main.o f1.o f2.o f3.o f4.o f5.o f6.o
	gcc -o $@ $^
%.o: %.c
	gcc -c -o $@ $<
EOF
    same_lines_as_bare make -j4 -f "$TMP/source/Makefile" SOURCE="$TMP/source"
    assert_status 0
    # gcc itself prints nothing; its child, the compiler, does
    assert_count "$err" '^cc1\[[0-9]+\] *! .*warning: #warning this is file [1-6]' 6
    cmp "$TMP/bare/program" "$TMP/work/program"
    run_bare "$TMP/work/program"
    assert_status 7
}

@test "real: GNU parallel" {
    need parallel
    local command='. '"$ROOT/tests/programs/say.sh"'; for i in 1 2 3 4 5; do say job {} line $i; done; exit $(({} % 2))'
    # without its notices on stderr, and with another home directory
    export HOME=$TMP PARALLEL_SHELL=/bin/sh
    same_lines_as_bare parallel --will-cite -j4 --ungroup "$command" ::: 1 2 3 4 5 6 7 8
    assert_status 4
    assert_count "$out" 'job [1-8] line [1-5]$' 40
    check_lines "$out"
    # grouped: parallel prints what the jobs wrote to its files
    run_sscap parallel --will-cite -j4 "$command" ::: 1 2 3 4 5 6 7 8
    assert_status 4
    assert_count "$out" 'job [1-8] line [1-5]$' 40
}

@test "real: xargs -P" {
    same_lines_as_bare sh -c \
        'seq 1 30 |
        xargs -P 4 -n 3 sh -c ". \"\$0\"; for i; do say argument \$i; done; case \$1 in 28) exit 1; esac" "$0"' \
        "$ROOT/tests/programs/say.sh"
    assert_status 123
    assert_count "$out" 'argument [0-9]+$' 30
    check_lines "$out"
}

# --- languages --------------------------------------------------------------------------------------------------

@test "real: perl forks" {
    need perl
    same_lines_as_bare perl "$ROOT/tests/programs/forks.pl"
    assert_status 6
}

@test "real: perl renames itself and its child, and the kernel too" {
    need perl
    run_sscap perl -e '
        $| = 1;
        sub say_it { open(my $c, "<", "/proc/self/comm"); chomp(my $n = <$c>); print "$n\[$$]: ", shift, "\n" }
        say_it("first");
        $0 = "second";
        say_it("second");
        if (!fork) { say_it("child"); $0 = "third"; say_it("third"); exit }
        wait;
        $0 = "a name longer than the kernel keeps";
        open(STDOUT, ">&", STDOUT);
        print "last\n"'
    assert_status 0
    assert_count "$out" . 5
    check_lines --some "$out"
    assert_matches "$out" '^a name longer t\[[0-9]+\] *\| last$'
}

@test "real: node child_process" {
    need node
    same_lines_as_bare node "$ROOT/tests/programs/node_children.js"
    assert_status 3
}

@test "real: node cluster" {
    need node
    same_lines_as_bare node "$ROOT/tests/programs/node_cluster.js"
    assert_status 0
    assert_count "$out" 'asked for /' 6
}

@test "real: a static C program" {
    same_lines_as_bare --pids "$PROGRAMS/static_forks"
    assert_status 12
    check_lines --pids "$out"
    assert_count "$out" 'together' 250
    # A process that lives long enough has a known name.
    assert_matches "$out" '^static_forks\[[0-9]+\] *\| .*by stdio$'
}

@test "real: a Go program" {
    need go
    mkdir "$TMP/go"
    cp "$ROOT/tests/programs/go_children.go" "$TMP/go/main.go"
    (cd "$TMP/go" && HOME=$TMP GOFLAGS=-mod=mod GOCACHE=$TMP/gocache GO111MODULE=off CGO_ENABLED=0 go build -o \
        "$TMP/go_children" main.go)
    same_lines_as_bare --pids "$TMP/go_children"
    assert_status 9
    check_lines --pids "$out"
    assert_matches "$out" '^go_children\[[0-9]+\] *\| .*: caught$'
}

@test "real: env -i, twice over" {
    same_lines_as_bare env -i sh -c \
        '. "$0"; say scrubbed
        env -i sh -c ". $0; say scrubbed again; exec env -i dash -c \"echo \\\"dash[\\\$\\\$]: and again\\\"\""' \
        "$ROOT/tests/programs/say.sh"
    assert_status 0
    assert_count "$out" . 3
    check_lines "$out"
}

# --- tools and servers --------------------------------------------------------------------------------------------

@test "real: git init, commit, hooks, gc, clone" {
    need git
    cat >"$TMP/script" <<'EOF'
set -e
export HOME=$PWD GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@d
export GIT_AUTHOR_DATE='2000-01-01T00:00:00Z' GIT_COMMITTER_DATE='2000-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
git -c init.defaultBranch=main init -q one
cd one
printf '#!/bin/sh\n. %s\nsay by the hook\n' "$1" >.git/hooks/post-commit
chmod +x .git/hooks/post-commit
for i in 1 2 3 4 5; do
    seq 1 "$i"00 >"file$i"
    git add .
    git commit -m "commit $i"
done
git log --oneline --stat
git gc
cd ..
git clone one two
git -C two log --format=%H
git -C two fsck
git -C two checkout -q nonexistent || exit 5
EOF
    same_lines_as_bare sh "$TMP/script" "$ROOT/tests/programs/say.sh"
    assert_status 5
    assert_count "$out" '^post-commit\[([0-9]+)\] *\| post-commit\[\1\]: by the hook$' 0
    assert_count "$err" 'by the hook$' 5
    check_lines --some "$err"
    diff -r "$TMP/bare/two/file1" "$TMP/work/two/file1"
}

@test "real: nginx with workers" {
    need nginx
    mkdir "$TMP/www" "$TMP/logs"
    echo hello >"$TMP/www/index.html"
    chmod 755 "$TMP/www"
    # nginx listens on a socket's path instead of a port, so that it cannot clash with another server.
    cat >"$TMP/nginx.conf" <<EOF
daemon off;
worker_processes 3;
pid $TMP/nginx.pid;
error_log stderr notice;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $TMP/logs/1; proxy_temp_path $TMP/logs/2; fastcgi_temp_path $TMP/logs/3;
    uwsgi_temp_path $TMP/logs/4; scgi_temp_path $TMP/logs/5;
    server { listen unix:$TMP/socket; root $TMP/www; }
}
EOF
    cat >"$TMP/query.py" <<'EOF'
import http.client, os, socket, sys, time
top = sys.argv[1]
def get(path):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(top + "/socket")
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, len(answer.read())
end = time.monotonic() + 60
while time.monotonic() < end:
    try:
        if get("/")[0] == 200:
            break
    except OSError:
        time.sleep(0.02)
print(sorted(get(f"/missing{i}")[0] for i in range(20)), get("/"))
EOF
    run_sscap sh -c 'nginx -p "$0/" -c "$0/nginx.conf" & "$1" "$0/query.py" "$0"; kill -QUIT $!; wait $!
        echo "nginx: $?"' "$TMP" "$PYTHON"
    assert_status 0
    assert_matches "$out" '\| nginx: 0$'
    assert_matches "$out" "\\| \\[$(yes 404, | head -n 20 | tr '\n' ' ' | sed 's/, $//')\\] \\(200, 6\\)\$"
    assert_count "$err" 'open\(\) ".*/www/missing[0-9]+" failed' 20
    assert_count "$err" 'start worker process [0-9]+' 3
    # nginx writes its pid into each line, and the tag has the same
    local lines
    lines=$(grep -c ' \[notice\] \| \[error\] ' "$err")
    assert_count "$err" '^nginx\[([0-9]+)\] *! [0-9/]+ [0-9:]+ \[[a-z]+\] \1#' "$lines"
}

# Runs as an unprivileged user, because PostgreSQL refuses to run as root. The user must be able to read the runner
# and the library.
unprivileged() {
    if [ "$(id -u)" -ne 0 ]; then
        user=()
        return
    fi
    need setpriv
    user=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    chown nobody "$TMP"
    if ! "${user[@]}" test -r "$LIBSSCAP"; then
        cp "$LIBSSCAP" "$TMP/libsscap.so"
        export SSCAP_LIBRARY=$TMP/libsscap.so
    fi
}

@test "real: PostgreSQL's initdb, server and pgbench" {
    need initdb postgres pgbench
    local user
    unprivileged
    cat >"$TMP/bench" <<'EOF'
set -e
cd "$1"
initdb -D data -A trust -U test --no-sync --no-locale -E UTF8
cat >>data/postgresql.conf <<END
listen_addresses = ''
unix_socket_directories = '$PWD'
log_line_prefix = 'postgres[%p]: '
log_checkpoints = on
log_connections = on
fsync = off
max_connections = 20
shared_buffers = 16MB
END
postgres -D data &
server=$!
for i in $(seq 1 1500); do
    pg_isready -q -h "$PWD" -U test -d postgres && break
    read -r x </proc/loadavg
    sleep 0.02
done
createdb -h "$PWD" -U test bench
pgbench -q -i -s 1 -h "$PWD" -U test bench
pgbench -n -c 4 -j 2 -t 25 -h "$PWD" -U test bench
psql -h "$PWD" -U test -d bench -At -c 'select count(*) from pgbench_accounts' -c 'select count(*) from pgbench_history'
kill -INT $server
wait $server
echo "server: $?"
EOF
    mkdir "$TMP/work"
    if [ ${#user[@]} -ne 0 ]; then chown nobody "$TMP/work"; fi
    run_sscap "${user[@]}" env HOME="$TMP" sh "$TMP/bench" "$TMP/work"
    assert_status 0
    assert_matches "$out" '^initdb\[[0-9]+\] *\| Success\. You can now start'
    assert_matches "$out" '^pgbench\[[0-9]+\] *\| number of transactions actually processed: 100/100$'
    assert_matches "$out" '^psql\[[0-9]+\] *\| 100000$'
    assert_matches "$out" '^psql\[[0-9]+\] *\| 100$'
    assert_matches "$out" '\| server: 0$'
    assert_matches "$err" '! postgres\[[0-9]+\]: LOG:  database system is ready'
    assert_matches "$err" '! postgres\[[0-9]+\]: LOG:  connection authorized: user=test database=bench'
    check_lines --some "$out"
    check_lines --some "$err"
}
