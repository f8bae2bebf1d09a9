#!/usr/bin/env bats
# cli.bats: the command line: options, variables, exit statuses, tags, and sscap's own streams.

load helper

# For each option that a session can be run with: its name, letter (-: none), a good value (-: it takes none), bad
# values.
session_options() {
    cat <<'END'
lines n 100 0 x -1 1.5 1e3 1K 1000000001 18446744073709551617 _
bytes - 1M 65535 x -1M M 1KB 1X 2000G 18014398509481985K _
max-line - 4K 15 x 4KK 4T -4 _
tail - 5 0 x -5 1000000001
tag t {name}! {nam} { {name _
timestamps T -
stderr - merge both Merge mergex merg split|merge _
buffer - none full lines _
tty - never yes Always _
wait - command never stream _
on-full - drop wait _
errors - crash crashes exits crash|exit Crash _
ok-exit - grep=1,2 grep grep= =1 grep=0 grep=256 grep=-1 grep=x grep=1, grep=1,,2 grep=1-2 grep=1,300 1
strict - -
tree - -
no-args - -
color - never red _
quiet q -
verbose v -
END
}

# Makes SSCAP_ON_FULL from on-full.
variable_of() {
    local name=${1^^}
    echo "SSCAP_${name//-/_}"
}

help_names() {
    capture "$SSCAP" --help
    sed -nE 's/^  (-[[:alnum:]],|   ) --([a-z-]+).*/\2/p' "$out" | sort
}

# refused SOURCE VALUE COMMAND...: sscap names the option and the value in one line, and does not start the command
refused() {
    local source=$1 value=$2
    shift 2
    rm -f "$TMP/started"
    capture "$@" touch "$TMP/started"
    assert_status 125
    assert_empty "$out"
    assert_equal 1 "$(wc -l <"$err")"
    if [[ "$(cat "$err")" != "sscap: $source: '$value' "* ]]; then
        echo "expected 'sscap: $source: '$value' ...', got: $(cat "$err")"
        return 1
    fi
    [ ! -e "$TMP/started" ]
}

# --- options ---

@test "cli: --help names each option, and these tests do" {
    help_names >"$TMP/found"
    {
        session_options | cut -d ' ' -f 1
        printf '%s\n' help version
    } | sort >"$TMP/expected"
    assert_same "$TMP/expected" "$TMP/found"
}

@test "cli: --help and --version go to stdout, with status 0, and start nothing" {
    local option
    for option in --help -h --version -V; do
        run_sscap "$option" touch "$TMP/started"
        assert_status 0
        assert_empty "$err"
        [ -s "$out" ]
        [ ! -e "$TMP/started" ]
    done
    assert_matches "$out" '^sscap [0-9]+\.[0-9]+(\.[0-9]+)?$'
    run_sscap --help
    assert_matches "$out" '^Usage: sscap \[OPTIONS\] \[--\] COMMAND \[ARG\.\.\.\]$'
    # The help fits on a terminal of the usual width.
    assert_no_match "$out" '^.{81}'
}

@test "cli: each option is taken by its name, its letter and its variable" {
    local name letter value rest
    while read -r name letter value rest; do
        if [ "$value" = - ]; then
            run_sscap "--$name" echo text
        else
            run_sscap "--$name=$value" echo text
        fi
        assert_status 0
        assert_matches "$out" 'text$'
        capture env "$(variable_of "$name")=${value/#-/1}" "$SSCAP" echo text
        assert_status 0
        assert_matches "$out" 'text$'
        [ "$letter" != - ] || continue
        if [ "$value" = - ]; then
            run_sscap "-$letter" echo text
        else
            run_sscap "-$letter" "$value" echo text
            assert_status 0
            run_sscap "-$letter$value" echo text
            assert_status 0
            run_sscap "--$name" "$value" echo text
        fi
        assert_status 0
        assert_matches "$out" 'text$'
    done < <(session_options)
}

@test "cli: each option refuses bad values, on the command line and in its variable" {
    local name letter good bad value
    while read -r name letter good bad; do
        for value in $bad; do
            [ "$value" != _ ] || value=
            refused "--$name" "$value" "$SSCAP" "--$name=$value"
            refused "$(variable_of "$name")" "$value" env "$(variable_of "$name")=$value" "$SSCAP"
        done
        [ "$good" = - ] || continue
        for value in 2 yes ''; do
            refused "$(variable_of "$name")" "$value" env "$(variable_of "$name")=$value" "$SSCAP"
        done
    done < <(session_options)
}

@test "cli: what a bad value should have been" {
    run_sscap --lines=x true
    assert_text "$err" "sscap: --lines: 'x' is not a number from 1 to 1000000000"
    run_sscap -n 0 true
    assert_text "$err" "sscap: --lines: '0' is not a number from 1 to 1000000000"
    run_sscap --bytes=1 true
    assert_text "$err" "sscap: --bytes: '1' is not a size from 65536 to 1099511627776"
    run_sscap --on-full=wait true
    assert_text "$err" "sscap: --on-full: 'wait' is none of block|drop"
    run_sscap --errors=exits true
    assert_text "$err" "sscap: --errors: 'exits' is none of crash|exit|none"
    run_sscap --ok-exit=grep true
    assert_text "$err" "sscap: --ok-exit: 'grep' is not NAME=CODE[,CODE...] with codes from 1 to 255"
    capture env SSCAP_OK_EXIT='grep=1 diff' "$SSCAP" true
    assert_text "$err" "sscap: SSCAP_OK_EXIT: 'grep=1 diff' is not NAME=CODE[,CODE...] with codes from 1 to 255"
    capture env SSCAP_QUIET=yes "$SSCAP" true
    assert_text "$err" "sscap: SSCAP_QUIET: 'yes' is not 0 or 1"
    run_sscap --tag=$'two\nlines' true
    assert_status 125
    assert_matches "$err" 'has a newline in it'
    run_sscap --tag="$(printf '%01000d' 0)" true
    assert_status 125
    assert_matches "$err" 'is too long'
}

@test "cli: the edges of numbers and sizes are taken" {
    not_wrapped "valgrind has no terabyte of addresses"
    local option
    for option in --lines=1 --lines=1000000000 --bytes=64K --bytes=65536 --bytes=1g --bytes=1024G --max-line=16 \
        --max-line=1024G --tail=1 --tail=1000000000 --lines=007; do
        run_sscap "$option" echo text
        assert_status 0
        assert_matches "$out" '\| text$'
    done
}

@test "cli: the command line goes before the variables, the last option before the first" {
    capture env SSCAP_TAG=variable "$SSCAP" echo text
    assert_text "$out" 'variable | text'
    capture env SSCAP_TAG=variable "$SSCAP" --tag=option echo text
    assert_text "$out" 'option | text'
    capture env SSCAP_TAG=variable "$SSCAP" --tag=first -t second echo text
    assert_text "$out" 'second | text'
    capture env SSCAP_STDERR=split "$SSCAP" --stderr=merge --tag=t sh -c 'echo text >&2'
    assert_text "$out" 't | text'
    capture env SSCAP_TIMESTAMPS=0 SSCAP_VERBOSE=0 SSCAP_QUIET=0 "$SSCAP" --tag=t echo text
    assert_text "$out" 't | text'
    assert_empty "$err"
}

@test "cli: no command, unknown options, options without their value" {
    local option
    for option in '' -- -v; do
        # shellcheck disable=SC2086 # none for ''
        run_sscap $option
        assert_status 125
        assert_matches "$err" '^sscap: no command given'
        assert_empty "$out"
    done
    for option in --nosuch --nosuch=1 -x --quiet=1 --lines -n; do
        run_sscap -q "$option"
        assert_status 125
        assert_equal 1 "$(wc -l <"$err")"
        assert_matches "$err" "^sscap: .*${option%=1}"
        assert_empty "$out"
    done
}

@test "cli: an unknown letter among others is named" {
    run_sscap -qxv true
    assert_status 125
    assert_equal 1 "$(wc -l <"$err")"
    assert_matches "$err" "^sscap: .*(-qxv|-x)"
}

@test "cli: options end at the first word that is none, and at --" {
    run_sscap --tag=t printf '%s\n' -v --help -- --tag=none
    assert_status 0
    assert_text "$out" "$(printf 't | %s\n' -v --help -- --tag=none)"
    printf '#!/bin/sh\necho "I am -v: $*"\n' >"$TMP/-v"
    chmod +x "$TMP/-v"
    PATH=$TMP:$PATH run_sscap --tag=t -- -v --version
    assert_status 0
    assert_text "$out" 't | I am -v: --version'
    assert_empty "$err"
    run_sscap --tag=t -- printf '%s\n' --
    assert_text "$out" 't | --'
}

# --- exit status ---

@test "cli: the exit status is the command's, each of them" {
    local i statuses
    statuses=$(seq 0 255)
    # A runner under valgrind takes a hundred times as long to start.
    [ -z "${WRAP:-}" ] || statuses='0 1 2 77 98 100 123 125 126 127 128 129 255'
    for i in $statuses; do
        run_sscap -q sh -c "exit $i"
        assert_status "$i"
    done
    assert_empty "$out"
    assert_empty "$err"
}

@test "cli: 128+N for signal N" {
    local name
    ulimit -c 0
    for name in HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT XCPU XFSZ VTALRM \
        PROF IO PWR SYS RTMIN RTMIN+3 RTMAX; do
        # The tests may have been started with some signals ignored.
        capture env --default-signal "$SSCAP" -q sh -c 'echo before; kill -"$0" $$; echo after' "$(kill -l "$name")"
        assert_status $((128 + $(kill -l "$name")))
        assert_text <(untag <"$out") before
        assert_empty "$err"
    done
}

@test "cli: the status is the command's, not that of its children" {
    run_sscap bash -c '(exit 3); (kill -KILL $BASHPID); (sleep 0.05; exit 9) & exit 4'
    assert_status 4
}

@test "cli: 127 not found, 126 not executable" {
    not_wrapped "valgrind dies of an exec that fails"
    local command
    mkdir "$TMP/directory"
    printf 'text\n' >"$TMP/text"
    printf '#!/nonexistent/interpreter\n' >"$TMP/orphan"
    chmod +x "$TMP/orphan"
    # A directory of PATH without search permission would make the status 126.
    local PATH=/usr/bin:/bin
    for command in sscap-no-such-command "$TMP/nosuch" "$TMP/text/below" '' "$TMP/orphan"; do
        run_sscap "$command"
        assert_status 127
        assert_empty "$out"
        assert_text "$err" "sscap: cannot execute '$command': $(err_text "$command")"
    done
    for command in "$TMP/text" "$TMP/directory" "$TMP/"; do
        run_sscap "$command" argument
        assert_status 126
        assert_empty "$out"
        assert_text "$err" "sscap: cannot execute '$command': Permission denied"
    done
    PATH=$TMP:$PATH run_sscap text
    assert_status 126
}

err_text() {
    if [ "$1" = "$TMP/text/below" ]; then
        echo 'Not a directory'
    else
        echo 'No such file or directory'
    fi
}

@test "cli: a script without a first line that names an interpreter is run by sh" {
    printf 'echo "$0: $# arguments: $*"\nexit 9\n' >"$TMP/script"
    chmod +x "$TMP/script"
    run_sscap "$TMP/script" one 'two three'
    assert_status 9
    assert_text <(untag <"$out") "$TMP/script: 2 arguments: one two three"
    PATH=$TMP:$PATH run_sscap script
    assert_status 9
    assert_text <(untag <"$out") "$TMP/script: 0 arguments: "
}

@test "cli: arguments, working directory and environment are the command's as they were" {
    local arguments=('' ' ' $'new\nline' $'tab\t' '*' '$HOME' "'" $'\xff\x01')
    printf '%s\0' "${arguments[@]}" >"$TMP/expected"
    run_sscap sh -c 'printf "%s\0" "$@" >"$0"' "$TMP/found" "${arguments[@]}"
    assert_status 0
    assert_same "$TMP/expected" "$TMP/found"
    cd "$TMP"
    ODD=$'odd\nvalue' run_sscap sh -c 'printf "%s, %s" "$PWD" "$ODD" >found'
    assert_text "$TMP/found" "$TMP, "$'odd\nvalue'
}

# --- sscap's own streams ---

@test "cli: stdin is the command's, to its end" {
    seq 100000 >"$TMP/input"
    run_sscap --tag=none cat <"$TMP/input"
    assert_status 0
    assert_same "$TMP/input" "$out"
    # sscap does not read what the command leaves in stdin.
    (
        run_sscap sh -c 'read -r line; echo "$line"'
        cat >"$TMP/rest"
    ) < <(printf 'first\nsecond\n')
    assert_text "$TMP/rest" second
}

# with_closed REDIRECTIONS COMMAND...: starts the command without these descriptors
with_closed() {
    local redirections=$1
    shift
    capture bash -c "exec \"\$@\" $redirections" bash "$@"
}

# Prints which of 0, 1 and 2 are open, then writes to both streams.
SHOW_OPEN='exec 9>"$0"
for n in 0 1 2; do
    { : <&"$n"; } 2>/dev/null && printf "%s " "$n" >&9
done
echo one; echo two >&2; exit "$1"'

@test "cli: a stream that is closed for sscap is closed for the command, the others work" {
    local closed i
    for closed in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
        for i in 0 6; do
            with_closed "$closed" bash -c "$SHOW_OPEN" "$TMP/open" "$i"
            assert_status "$i"
            mv "$TMP/open" "$TMP/bare.open"
            mv "$out" "$TMP/bare.out"
            mv "$err" "$TMP/bare.err"
            with_closed "$closed" "$SSCAP" -q bash -c "$SHOW_OPEN" "$TMP/open" "$i"
            echo "closed: $closed"
            assert_same "$TMP/bare.open" "$TMP/open"
            assert_same "$TMP/bare.out" <(untag <"$out")
            assert_same "$TMP/bare.err" <(untag <"$err")
            assert_status "$i"
        done
    done
}

@test "cli: stdout is full: said once, status not 0, stderr is not affected" {
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" sh -c \
        'echo one; echo two >&2; sleep 0.1; echo three >&2') \
        >/dev/full 2>"$err" || status=$?
    assert_status 125
    assert_count "$err" '^sscap: cannot write to standard output: No space left on device$' 1
    assert_count "$err" '\] +! (two|three)$' 2
    status=0
    # The command must end, too.
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" yes) >/dev/full 2>"$err" || status=$?
    [ "$status" -ne 0 ]
    [ "$status" -ne 124 ]
    assert_count "$err" '^sscap: cannot write' 1
    status=0
    (close_inherited && exec timeout -k 10 "$DEADLINE" "$SSCAP" true) >/dev/full 2>"$err" || status=$?
    assert_status 0
    assert_empty "$err"
}

@test "cli: --help on a full disk does not claim success" {
    (close_inherited && exec timeout 10 "$SSCAP" --help) >/dev/full 2>"$err" || status=$?
    [ "${status:-0}" -ne 0 ]
}

# statuses_of COMMAND...: "STATUS OF COMMAND | STATUS OF head"; $out has the line that head read
statuses_of() {
    (
        close_inherited
        set +o pipefail
        # The command ends as soon as the reader is gone.
        timeout -k 10 20 "$@" 2>"$err" | head -n 1 >"$out"
        echo "${PIPESTATUS[*]}"
    )
}

# Loses its reader, and prints how the write failed.
LOSER='seq 1000000; echo "seq: $?" >&2; exit 5'
STUBBORN='trap "" PIPE; seq 1000000 2>&-; echo "seq: $?" >&2; exit 7'

@test "cli: a reader that goes away is to the command what it is without sscap" {
    not_wrapped "too slow to let waiting writers go on before it shuts the stream"
    local command bare i same found
    for command in 'exec yes' 'yes; echo "$?" >&2' "$LOSER" "$STUBBORN"; do
        bare=$(statuses_of sh -c "$command")
        cp "$err" "$TMP/bare.err"
        same=0
        for i in 1 2 3 4 5 6; do
            found=$(statuses_of "$SSCAP" -q --tag=none sh -c "$command")
            echo "$i: $found"
            [ "$found" != "124 0" ]
            if [ "$found" = "$bare" ] && cmp -s "$TMP/bare.err" "$err"; then
                same=$((same + 1))
            fi
        done
        # A writer that is blocked at this moment may get EPIPE without SIGPIPE (sscap(1), CAVEATS). On a loaded
        # machine that was one run in five. It must not be the rule.
        [ "$same" -ge 2 ]
    done
    assert_text "$out" 1
}

# --- tags ---

@test "cli: the default tag" {
    run_sscap bash -c 'echo $$ one; echo $$ two >&2'
    local pid
    read -r pid < <(untag <"$out")
    assert_text "$out" "bash[${pid%% *}] | ${pid%% *} one"
    assert_text "$err" "bash[${pid%% *}] ! ${pid%% *} two"
}

@test "cli: tags are as wide as the widest so far, so that signs stand in one column" {
    cp /bin/echo "$TMP/a"
    cp /bin/echo "$TMP/longer"
    run_sscap --tag='{name}' sh -c '"$0/a" 1; "$0/longer" 2; "$0/a" 3' "$TMP"
    assert_text "$out" $'a | 1\nlonger | 2\na      | 3'
    # The text starts in the same column, whether the line is split or not.
    run_sscap --tag=t --max-line=16 sh -c 'printf "%020d\nend" 0'
    assert_text "$out" $'t |+0000000000000000\nt | 0000\nt |~end'
}

@test "cli: each placeholder of --tag" {
    run_sscap --tag='{name},{pid},{tid},{ppid},{stream},{rank}' bash -c \
        'echo "bash,$$,$$,$PPID,stdout,-"; sleep 0.02; echo "bash,$$,$$,$PPID,stderr,-" >&2'
    assert_status 0
    # The line says what its tag must be.
    assert_matches "$out" '^([^ ]+) \| \1$'
    assert_matches "$err" '^([^ ]+) ! \1$'
    run_sscap --tag='a {name}{name} }b' sh -c 'echo text'
    assert_text "$out" 'a shsh }b | text'
}

@test "cli: {ppid} is the parent's, at each level" {
    run_sscap --tag='{pid} {ppid}' bash -c \
        'echo "$$ $PPID"; bash -c "echo \"\$\$ \$PPID\"; sh -c \"echo \\\$\\\$ \\\$PPID; :\"; :"; :'
    assert_status 0
    assert_equal 3 "$(grep -cE '^([0-9]+ [0-9]+) *\| \1$' "$out")"
}

@test "cli: {tid} tells threads apart" {
    run_sscap --tag='storm[{pid}/{tid}]' "$PROGRAMS/storm" -t 4 -l 50
    assert_status 0
    assert_equal 200 "$(wc -l <"$out")"
    assert_equal 200 "$(grep -cE '^(storm\[[0-9]+/[0-9]+\]) *\| \1: ' "$out")"
    assert_equal 4 "$(cut -d '|' -f 1 "$out" | sort -u | wc -l)"
}

@test "cli: {rank} is that of the parallel job, by the first variable that there is" {
    local name
    for name in OMPI_COMM_WORLD_RANK PMIX_RANK PMI_RANK SLURM_PROCID RANK; do
        capture env "$name=17" "$SSCAP" --tag='{rank}' sh -c 'echo text'
        assert_text "$out" '17 | text'
    done
    capture env RANK=3 PMI_RANK=2 OMPI_COMM_WORLD_RANK=1 "$SSCAP" --tag='{rank}' sh -c 'echo text'
    assert_text "$out" '1 | text'
}

@test "cli: {rank} of programs that end at once" {
    run_sscap --tag='{rank}' sh -c 'for i in 0 1 2 3 4 5 6 7 8 9; do RANK=$i sh -c "echo \$RANK"; done'
    assert_status 0
    assert_equal 10 "$(wc -l <"$out")"
    assert_no_match "$out" '^- '
    assert_equal 10 "$(grep -cE '^([0-9]+) \| \1$' "$out")"
}

@test "cli: {time}, {elapsed} and -T" {
    local clock='([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}' before after hour
    run_sscap --tag='{time}' sh -c 'echo one; echo two >&2'
    assert_matches "$out" "^$clock \\| one\$"
    assert_matches "$err" "^$clock ! two\$"
    run_sscap --tag='{elapsed}' sh -c 'echo one; sleep 0.2; echo two'
    assert_count "$out" '^[0-9]+\.[0-9]{3} +\| (one|two)$' 2
    awk '{ at[NR] = $1 } END { exit !(at[2] - at[1] >= 0.15 && at[2] - at[1] < 100 && at[1] < 100) }' "$out"
    # -T puts the local time before the tag.
    before=$(TZ=XXX-7 date +%H)
    TZ=XXX-7 run_sscap -T echo one
    after=$(TZ=XXX-7 date +%H)
    assert_matches "$out" "^$clock echo\\[[0-9]+\\] \\| one\$"
    hour=$(cut -c 1-2 "$out")
    [ "$hour" = "$before" ] || [ "$hour" = "$after" ]
    TZ=XXX-7 run_sscap -T --tag=none echo one
    assert_text "$out" one
}

@test "cli: a name with control characters cannot move the cursor" {
    cp /bin/echo "$TMP/"$'a\e[2J\nb'
    run_sscap "$TMP/"$'a\e[2J\nb' text
    assert_status 0
    assert_matches "$out" '^a\?\[2J\?b\[[0-9]+\] \| text$'
    assert_equal 1 "$(wc -l <"$out")"
}

@test "cli: a name of 15 bytes and more is what the kernel makes of it" {
    cp /bin/echo "$TMP/a-program-of-a-long-name"
    run_sscap "$TMP/a-program-of-a-long-name" text
    assert_matches "$out" '^a-program-of-a-\[[0-9]+\] \| text$'
}

# --- colour ---

strip_color() {
    sed 's/\x1b\[[0-9;]*m//g'
}

@test "cli: --color=always paints the tag alone" {
    local script='echo plain; printf "\033[1mbold\033[0m\n"; echo wrong >&2; printf rest'
    run_sscap --tag='{name}' --color=never sh -c "$script"
    cp "$out" "$TMP/never.out"
    cp "$err" "$TMP/never.err"
    run_sscap --tag='{name}' --color=always sh -c "$script"
    assert_status 0
    # The colour is on before the tag and off before the text, and the text is unchanged.
    assert_count "$out" $'^\e\\[[0-9;]+msh \\|\e\\[0m[ ~]' 3
    assert_count "$err" $'^\e\\[[0-9;]+msh !\e\\[0m wrong$' 1
    assert_count "$out" $'m \e\\[1mbold\e\\[0m$' 1
    strip_color <"$err" >"$TMP/always.err"
    assert_same "$TMP/never.err" "$TMP/always.err"
    assert_same <(strip_color <"$TMP/never.out") <(strip_color <"$out")
}

@test "cli: no colour in a file, not even with TERM; NO_COLOR does not overrule --color=always" {
    TERM=xterm-256color run_sscap sh -c 'echo one; echo two >&2'
    assert_no_match "$out" $'\e'
    assert_no_match "$err" $'\e'
    NO_COLOR=1 run_sscap --color=always echo one
    assert_matches "$out" $'^\e\\['
}

@test "cli: a name has the same colour wherever it shows up" {
    run_sscap --color=always --tag='{name}' sh -c 'for i in 1 2 3; do /bin/echo x; ls -d /; done'
    assert_equal 1 "$(grep echo "$out" | sort -u | wc -l)"
    assert_equal 1 "$(grep ls "$out" | sort -u | wc -l)"
    assert_equal 6 "$(wc -l <"$out")"
}

# --- totals ---

@test "cli: -v says at the end how much there was" {
    run_sscap -v sh -c 'echo one; echo two >&2; printf three; "$0"/static_line four' "$PROGRAMS"
    assert_status 0
    assert_matches <(tail -n 1 "$err") '^sscap: 2 processes \(1 without the library\), 4 lines, 18 bytes$'
    assert_count "$err" '^sscap: ' 1
    run_sscap --verbose true
    assert_text "$err" 'sscap: 1 process (0 without the library), 0 lines, 0 bytes'
    # A line of many pieces counts as one line.
    run_sscap -v --max-line=16 printf '%0100d\n' 0
    assert_matches "$err" ', 1 line, 101 bytes$'
    run_sscap true
    assert_empty "$err"
}
