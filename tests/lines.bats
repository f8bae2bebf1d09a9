#!/usr/bin/env bats
# lines.bats: how bytes become lines: whole, unfinished, split, of any bytes, under the process's name at that moment;
# and when lines are shown.

load helper
# Many of these programs fail on purpose. reports.bats tests the reports.
export SSCAP_QUIET=1

# Joins the pieces of split lines: "TAG MARK TEXT", with the MARK of the last piece.
join_pieces() {
    LC_ALL=C awk '{
        at = match($0, /[|!]/)
        tag = substr($0, 1, at)
        mark = substr($0, at + 1, 1)
        text[tag] = text[tag] substr($0, at + 2)
        if (mark == "+") next
        print tag mark text[tag]
        delete text[tag]
    }'
}

# tagged FILE: prints its lines as they must look under --tag=t
tagged() {
    LC_ALL=C sed 's/^/t | /' "$1"
}

# --- whole lines ---

@test "lines: two writers in turn, in pieces: each line is whole" {
    mkfifo "$TMP/1" "$TMP/2" "$TMP/3"
    run_sscap sh -c 'cd "$0"
        (printf "left "; echo >1; read -r x <2; printf "again "; echo >3; printf "and again\n") &
        (read -r x <1; printf "right "; echo >2; read -r x <3; printf "too\n") &
        wait' "$TMP"
    assert_status 0
    assert_same <(printf '%s\n' 'left again and again' 'right too') <(untag <"$out" | sort)
    assert_equal 2 "$(cut -d '|' -f 1 "$out" | sort -u | wc -l)"
}

@test "lines: the two streams of a process, in pieces: each line is whole" {
    run_sscap sh -c 'printf "out "; printf "err " >&2; printf "of stdout\n"; printf "of stderr\n" >&2'
    assert_text <(untag <"$out") 'out of stdout'
    assert_text <(untag <"$err") 'err of stderr'
}

@test "lines: byte by byte" {
    seq 3000 >"$TMP/text"
    run_sscap --tag=t dd if="$TMP/text" ibs=1 obs=1 status=none
    assert_same <(tagged "$TMP/text") "$out"
}

@test "lines: empty lines" {
    printf '\n\n\na\n\n' >"$TMP/text"
    run_sscap --tag=t cat "$TMP/text"
    assert_same <(tagged "$TMP/text") "$out"
}

# --- unfinished lines ---

@test "lines: what is left unfinished is marked, on both streams" {
    run_sscap --tag=t sh -c 'printf "whole\nrest"; printf "whole too\nrest too" >&2'
    assert_status 0
    assert_text "$out" $'t | whole\nt |~rest'
    assert_text "$err" $'t ! whole too\nt !~rest too'
    # The unfinished line is ended all the same, so the next line does not continue it.
    assert_equal 2 "$(wc -l <"$out")"
}

@test "lines: what a killed process left unfinished is there" {
    run_sscap --tag='{name}' bash -c 'sh -c "echo whole; printf unfinished; kill -KILL \$\$"; echo after'
    assert_status 0
    assert_count "$out" '^sh +\| whole$' 1
    assert_count "$out" '^sh +\|~unfinished$' 1
    assert_count "$out" '^bash +\| after$' 1
    assert_equal 3 "$(wc -l <"$out")"
}

@test "lines: each of many unfinished lines is there, once" {
    run_sscap sh -c 'for i in 1 2 3 4 5 6 7 8 9; do (printf "rest of %s" "$i") & done; wait'
    assert_status 0
    assert_count "$out" '\|~rest of [1-9]$' 9
    assert_equal 9 "$(untag <"$out" | sort -u | wc -l)"
}

# --- long lines ---

@test "lines: a line of exactly --max-line is whole, one byte more is split" {
    printf '%s\n' 0123456789abcdef 0123456789abcdefg 0123456789abcdef0123456789abcdef end >"$TMP/text"
    printf '0123456789abcdefrest' >>"$TMP/text"
    run_sscap --tag=t --max-line=16 cat "$TMP/text"
    assert_text "$out" "$(printf '%s\n' 't | 0123456789abcdef' 't |+0123456789abcdef' 't | g' \
        't |+0123456789abcdef' 't | 0123456789abcdef' 't | end' 't |+0123456789abcdef' 't |~rest')"
}

@test "lines: the pieces put together are the line, whatever its length and however it was written" {
    local size
    awk 'BEGIN { for (n = 0; n < 120; n++) { for (i = 0; i < n; i++) printf "%c", 97 + (n + i) % 26; print "" } }' \
        >"$TMP/text"
    for size in 1 7 16 17 100 65536; do
        run_sscap --tag=t --max-line=16 dd if="$TMP/text" bs="$size" status=none
        assert_status 0
        # Pieces are not longer than the limit, and lines are split only where that is necessary.
        assert_no_match "$out" '^t \|.{18}'
        assert_no_match "$out" '^t \|\+.{0,15}$'
        join_pieces <"$out" >"$TMP/joined"
        assert_same <(tagged "$TMP/text") "$TMP/joined"
        # Without tags no line is split.
        run_sscap --tag=none --max-line=16 dd if="$TMP/text" bs="$size" status=none
        assert_same "$TMP/text" "$out"
    done
}

@test "lines: the default limit is 1 MiB" {
    { printf '%01048576d\n' 0; printf '%01048577d\n' 0; } >"$TMP/text"
    run_sscap --tag=t cat "$TMP/text"
    assert_equal '1048580 1048580 5' "$(awk '{ print length($0) }' "$out" | paste -sd ' ')"
    join_pieces <"$out" >"$TMP/joined"
    assert_same <(tagged "$TMP/text") "$TMP/joined"
}

@test "lines: more unfinished lines at once than there is memory for" {
    # 24 writers have 200 KB of unfinished line each, and there is 1 MiB for them.
    mkfifo "$TMP/go"
    run_sscap --bytes=1M --tag='{pid}' bash -c 'cd "$0"
        for i in {1..24}; do
            (printf "%s " $BASHPID; head -c 200000 /dev/zero | tr "\0" x >$i; printf "%s" "$(<$i)"
             : >$i.written; read -r x <go; echo " $BASHPID") &
        done
        until [ "$(ls | grep -c written)" -eq 24 ]; do sleep 0.02; done
        exec 9>go
        for i in {1..24}; do echo >&9; done
        wait' "$TMP"
    assert_status 0
    join_pieces <"$out" >"$TMP/joined"
    assert_equal 24 \
        "$(awk '$1 == $3 && $4 ~ /^x+$/ && length($4) == 200000 && $5 == $1 && NF == 5' "$TMP/joined" | wc -l)"
    assert_equal 24 "$(wc -l <"$TMP/joined")"
}

# peak_below KB ARG... -- COMMAND: runs sh -c COMMAND; the runner's peak memory is lower than KB
peak_below() {
    local limit=$1 peak
    shift
    capture "$SSCAP" "${@:1:$#-1}" sh -c "${!#}"'; grep VmHWM "/proc/$PPID/status" >"$0"' "$TMP/peak"
    assert_status 0
    peak=$(awk '{ print $2 }' "$TMP/peak")
    # Under a sanitizer or valgrind, the memory used is not the runner's own.
    if [ -z "${SAN:-}${WRAP:-}" ] && [ "$peak" -ge "$limit" ]; then
        echo "the runner had $peak KB, expected less than $limit"
        return 1
    fi
}

@test "lines: 64 MiB without a newline, in bounded memory" {
    head -c 67108864 /dev/zero | tr '\0' y >"$TMP/text"
    peak_below 50000 --tag=none "cat '$TMP/text'"
    assert_same "$TMP/text" "$out"
    peak_below 12000 --bytes=1M --tag=t "cat '$TMP/text'"
    # The output has only pieces, and together they have all bytes.
    assert_equal 67108864 "$(LC_ALL=C sed 's/^t |[+~]//' "$out" | tr -d '\n' | wc -c)"
    assert_count "$out" '^t \|~' 1
    rm "$TMP/text"
}

# --- any bytes ---

@test "lines: all 256 bytes, NUL, CR, 0x16, and what is no UTF-8" {
    local i
    {
        for i in {0..255}; do
            # shellcheck disable=SC2059
            printf "\\x$(printf %02x "$i")"
        done
        printf '\n'
        for i in {0..255}; do
            # shellcheck disable=SC2059
            [ "$i" -eq 10 ] || printf "a\\x$(printf %02x "$i")b\n"
        done
        printf 'carriage return\r\n\r\n\rprogress 1\rprogress 2\r\n'
        printf '\0\0\n\x16\n\x16\x16\x16\x01\x01\n\xc3\n\xc3\x28\n\xed\xa0\x80\n\xf8\x88\x80\x80\x80\n\xe2\x82\n'
    } >"$TMP/text"
    run_sscap --tag=t cat "$TMP/text"
    assert_same <(tagged "$TMP/text") "$out"
    run_sscap --tag=t --stderr=split sh -c 'cat "$0" >&2' "$TMP/text"
    assert_same <(tagged "$TMP/text" | sed 's/^t |/t !/') "$err"
}

@test "lines: nothing but 0x16, which begins the library's frames" {
    { head -c 1500000 /dev/zero; echo; head -c 300001 /dev/zero; } | tr '\0' '\026' >"$TMP/text"
    run_sscap --tag=none cat "$TMP/text"
    assert_same "$TMP/text" "$out"
    run_sscap --tag=none dd if="$TMP/text" bs=999 status=none
    assert_same "$TMP/text" "$out"
    # The same bytes from another thread go out in frames.
    run_sscap --tag=t "$PROGRAMS/storm" -t 3 -l 200 -b
    assert_status 0
    assert_equal 600 "$(wc -l <"$out")"
}

# --- --tag=none ---

# as_through_cat COMMAND...: the output is the same byte for byte
as_through_cat() {
    "$@" 2>"$TMP/bare.err" | cat >"$TMP/bare.out"
    run_sscap --tag=none "$@"
    assert_same "$TMP/bare.out" "$out"
    assert_same "$TMP/bare.err" "$err"
}

@test "lines: --tag=none is what the program prints through | cat, byte for byte" {
    head -c 3000000 /dev/urandom >"$TMP/random"
    as_through_cat seq 200000
    as_through_cat cat "$TMP/random"
    as_through_cat dd if="$TMP/random" bs=777 status=none
    as_through_cat printf ''
    as_through_cat printf '\n'
    as_through_cat printf 'no newline'
    as_through_cat printf 'lines\n\nand\r\nno newline'
    as_through_cat printf '\0\0'
    as_through_cat bash -c 'printf out; printf err >&2; printf "out\nout"; printf "err\nerr" >&2'
    as_through_cat ls -l /nonexistent "$TMP/random"
    as_through_cat "$PROGRAMS/static_line" one two
}

@test "lines: --tag=none stays so, whatever else is asked for" {
    local option
    printf '%01000d\nrest' 0 >"$TMP/text"
    for option in --max-line=16 --lines=1 --bytes=64K --timestamps --color=always --buffer=none --tail --wait=tree \
        --on-full=drop --stderr=merge; do
        run_sscap --tag=none "$option" cat "$TMP/text"
        assert_status 0
        assert_same "$TMP/text" "$out"
    done
}

@test "lines: --tag=none: an unfinished line is ended only where another writer's line follows" {
    # The second process writes only after the first one's unfinished line has been shown.
    run_sscap --tag=none sh -c \
        'sh -c "printf unfinished"; until [ -s "$0" ]; do sleep 0.02; done; sh -c "printf more"' "$out"
    assert_text "$out" $'unfinished\nmore'
    assert_equal 15 "$(stat -c %s "$out")"
}

# --- names ---

# Each line says under which name it must be shown.
assert_named() { # FILE NUMBER
    assert_equal "$2" "$(grep -cE '^([^[]+)\[[0-9]+\] *\| \1( |$)' "$1")"
    assert_equal "$2" "$(wc -l <"$1")"
}

make_names() {
    cp "$PROGRAMS/static_line" "$TMP/fixed"
    ln -s /bin/echo "$TMP/link"
    printf '#!/bin/sh\necho "script of sh"\nexec "%s/fixed" "fixed from a script"\n' "$TMP" >"$TMP/script"
    chmod +x "$TMP/script"
}

# Each way to change the name: exec, fork and exec; dynamic, static, script, symbolic link. 12 lines.
CHANGES='echo "bash to begin with"
"$0/fixed" "fixed by fork and exec"
"$0/link" "link by fork and exec"
"$0/script"
(exec "$0/link" "link by exec")
(exec "$0/fixed" "fixed by exec")
(echo "bash before exec"; exec sh -c "echo sh by exec; exec \"$0/fixed\" \"fixed at last\"")
(exec /nonexistent) 2>&-
echo "bash to end with"
exec "$0/fixed" "fixed in place of bash"'

@test "lines: the name is that of the moment, through exec and fork" {
    make_names
    run_sscap bash -c "$CHANGES" "$TMP"
    assert_status 0
    assert_named "$out" 12
    # It is one process, at the beginning and at the end.
    assert_equal 1 "$(grep -E 'begin|end with|in place' "$out" | sed -E 's/.*\[([0-9]+)\].*/\1/' | sort -u | wc -l)"
}

# stuck ARG...: runs sscap with a stdout that is not read. First more is written than the pipe and the buffers hold.
# Then the command runs to its end, and after that the reader starts.
stuck() {
    stick "$@"
    wait_until [ -e "$TMP/done" ]
    release
}

@test "lines: a child has the name that its parent had when it forked, whatever that is called a moment later" {
    need perl
    # The children print the name.
    run_sscap --tag='{name}' perl -e '$0 = "n0"; for (1 .. 100) {
        my $pid = fork; if (!$pid) { print "n", $_ - 1, "\n"; exit } $0 = "n$_"; waitpid $pid, 0 }'
    assert_status 0
    assert_count "$out" '^(n[0-9]+) +\| \1$' 100
}

@test "lines: the name is that of the moment, also when the runner reads it much later" {
    make_names
    stuck -n 1 bash -c 'head -c 300000 /dev/zero; echo; for i in 1 2 3 4 5; do ('"$CHANGES"'); done; : >"$0/done"' \
        "$TMP"
    assert_status 0
    grep -av '^head' "$out" | grep -av '\] *| $' >"$TMP/lines"
    assert_named "$TMP/lines" 60
}

@test "lines: short-lived programs, dynamic and static, one after the other" {
    make_names
    run_sscap sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        "$0/fixed" "fixed $i"; "$0/link" "link $i"; done' "$TMP"
    assert_named "$out" 40
}

# --- when lines are seen ---

# steps WAITING FINAL ARG...: what is shown while the program waits, and what at the end
steps() {
    local waiting=$1 final=$2
    shift 2
    rm -f "$TMP/hold" "$out"
    mkfifo "$TMP/hold"
    exec 7<>"$TMP/hold"
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" --tag=none "$@" <"$TMP/hold") >"$out" 2>"$err" &
    # "raw" is the last text written before the wait, so any other text that is missing then is still in the program.
    wait_until grep -qs raw "$out"
    assert_equal "$waiting" "$(paste -sd , "$out")"
    exec 7>&-
    wait %1
    assert_equal "$final" "$(paste -sd , "$out")"
}

@test "lines: --buffer=line shows a line when it is printed" {
    steps line,raw 'line,raw,piece end' "$PROGRAMS/stdio_steps"
    steps line,raw 'line,raw,piece end' --buffer=line "$PROGRAMS/stdio_steps"
}

@test "lines: --buffer=none shows pieces in their place" {
    steps 'line,piece raw' 'line,piece raw,end' --buffer=none "$PROGRAMS/stdio_steps"
}

@test "lines: --buffer=block and keep leave them with the program, like a pipe does" {
    assert_equal 'raw,line,piece end' "$("$PROGRAMS/stdio_steps" </dev/null | paste -sd ,)"
    steps raw 'raw,line,piece end' --buffer=block "$PROGRAMS/stdio_steps"
    steps raw 'raw,line,piece end' --buffer=keep "$PROGRAMS/stdio_steps"
}

@test "lines: the program's own setvbuf goes before --buffer" {
    steps raw 'raw,line,piece end' --buffer=line "$PROGRAMS/stdio_steps" own
}

@test "lines: a redirected stdout is buffered as ever" {
    run_sscap --buffer=none sh -c '"$0/stdio_steps" </dev/null >"$1"; "$0/stdio_steps" </dev/null | cat' "$PROGRAMS" \
        "$TMP/file"
    assert_equal 'raw,line,piece end' "$(paste -sd , "$TMP/file")"
    assert_equal 'raw,line,piece end' "$(untag <"$out" | paste -sd ,)"
}

# --- stderr ---

# Writes to both streams in turn, 1000 times each.
TURNS='i=0; while [ $i -lt 1000 ]; do echo "out $i"; echo "err $i" >&2; i=$((i + 1)); done'

@test "lines: --stderr=split keeps the streams apart" {
    run_sscap --tag=none sh -c "$TURNS"
    assert_same <(seq -f 'out %g' 0 999) "$out"
    assert_same <(seq -f 'err %g' 0 999) "$err"
}

@test "lines: --stderr=merge keeps the exact order" {
    run_sscap --tag=none --stderr=merge sh -c "$TURNS"
    sh -c "$TURNS" >"$TMP/expected" 2>&1
    assert_same "$TMP/expected" "$out"
    assert_empty "$err"
    # The order is kept for pieces, too: one line on a terminal is one line here.
    run_sscap --tag=t --stderr=merge sh -c 'printf "a "; printf "b " >&2; echo c; echo d >&2'
    assert_text "$out" $'t | a b c\nt | d'
}

@test "lines: split streams that go to one file are kept apart in it by their signs" {
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" --tag=t sh -c "$TURNS") >"$out" 2>&1
    assert_same <(seq -f 't | out %g' 0 999) <(grep ' | ' "$out")
    assert_same <(seq -f 't ! err %g' 0 999) <(grep ' ! ' "$out")
    assert_equal 2000 "$(wc -l <"$out")"
}

@test "lines: --stderr=pass leaves stderr alone" {
    run_sscap --tag=t --stderr=pass sh -c 'echo out; printf "err\nno newline" >&2; readlink /proc/self/fd/2'
    assert_status 0
    assert_text "$out" "t | out"$'\n'"t | $err"
    printf 'err\nno newline' >"$TMP/expected"
    assert_same "$TMP/expected" "$err"
}
