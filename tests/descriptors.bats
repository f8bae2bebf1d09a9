#!/usr/bin/env bats
# descriptors.bats: a program finds the descriptors that it has opened and none of the library's, in every way of
# looking.

load helper

# same COMMAND...: the result is the same with sscap as without it
same() {
    run_bare "$@"
    local expected=$status
    mv "$out" "$TMP/bare.out"
    run_sscap --tag=none -q "$@"
    assert_status "$expected"
    assert_same "$TMP/bare.out" "$out"
}

@test "each way to read a directory, on each of a process's own lists of descriptors" {
    mkdir "$TMP/bare" "$TMP/with"
    run_bare "$PROGRAMS/list_fds" lists "$TMP/bare"
    assert_status 0
    assert_count "$out" '^scandir with a filter ' 11
    mv "$out" "$TMP/bare.out"
    run_sscap --tag=none -q "$PROGRAMS/list_fds" lists "$TMP/with"
    assert_status 0
    assert_same "$TMP/bare.out" "$out"
}

@test "each call that tells whether a number is open" {
    not_wrapped "its log's descriptor is counted"
    same "$PROGRAMS/list_fds" asks
}

@test "a list is right while other threads write" {
    same sh -c '"$0" threads 2>/dev/null; "$0" threads 2>&1 | grep -v "^x$"' "$PROGRAMS/list_fds"
    run_bare sh -c '"$0" threads 2>/dev/null' "$PROGRAMS/list_fds"
    mv "$out" "$TMP/bare.out"
    run_sscap --tag=none -q "$PROGRAMS/list_fds" threads
    assert_status 0
    assert_same "$TMP/bare.out" "$out"
}

# limited MODE LIMIT: with so few descriptors, the process sees the same and its threads' lines are whole
limited() {
    run_bare bash -c 'ulimit -n "$2" && exec "$0" "$1" 2>/dev/null' "$PROGRAMS/list_fds" "$1" "$2"
    assert_status 0
    assert_matches "$out" '^own 11 is open$'
    mv "$out" "$TMP/bare.out"
    run_sscap --tag=none -q bash -c 'ulimit -n "$2" && exec "$0" "$1"' "$PROGRAMS/list_fds" "$1" "$2"
    assert_status 0
    assert_same "$TMP/bare.out" "$out"
    [ "$(sort -u "$err")" = x ]
}

@test "a list is right while other threads write, with few descriptors" {
    for limit in 20 64 300 702 705 740; do limited threads "$limit"; done
}

@test "forked children have no descriptor of other threads, with few descriptors" {
    for limit in 64 300 705 1024; do limited forks "$limit"; done
}

@test "shells, find, perl, python and ls count the same" {
    need perl python3 find
    same bash -c 'echo /proc/self/fd/* | wc -w; ls /proc/self/fd /dev/fd/ | wc -l; find /proc/self/fd/ | wc -l
        perl -e "opendir my \$d, \"/proc/self/fd\"; print scalar(readdir \$d), \"\\n\" for 1 .. 9"
        for n in 1 2 3; do ls /proc/self/fdinfo; done'
    same "$PYTHON" -c 'import os, pathlib
print(sorted(map(int, os.listdir("/proc/self/fd"))), sorted(int(e.name) for e in os.scandir("/dev/fd")))
print(sorted(p.name for p in pathlib.Path("/proc/%d/task/%d/fdinfo" % (os.getpid(), os.getpid())).iterdir()))'
}

@test "node and ruby count the same" {
    need node ruby
    same ruby -e 'puts Dir.children("/proc/self/fd").size, Dir.entries("/proc/self/fdinfo").size'
    same node -e 'const fs = require("fs"); console.log(fs.readdirSync("/proc/self/fd").filter(n => n > 255).length);
        fs.promises.readdir("/proc/self/fd").then(l => console.log(l.filter(n => n > 255).length));
        const d = fs.opendirSync("/proc/self/fd"); let n = 0;
        for (let e; e = d.readSync();) n += e.name > 255; console.log(n)'
}

@test "other processes see a process's descriptors as they are" {
    run_sscap --tag=none -q sh -c 'ls -l /proc/$$/fd | grep -c socket'
    assert_text "$out" 3
}

@test "a program that comes up to the library's number goes on in order, and keeps its locks" {
    for how in open fopen dup fcntl pipe socket; do
        same "$PROGRAMS/past_ctl" $how "$TMP/locked"
        assert_matches "$out" '^lock: 1$'
    done
}
