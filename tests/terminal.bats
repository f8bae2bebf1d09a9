#!/usr/bin/env bats
# terminal.bats: sscap on a terminal: prompts, ^C, ^Z and fg, colours. The tests type into an interactive bash in its
# own tmux, and read its screen.

load helper

setup() {
    need tmux
    make_tmp
    # The tmux server keeps the descriptors that it is started with, so we close ours.
    (
        close_inherited
        cd "$TMP" && exec tmux -S "$TMP/tmux" -f /dev/null new-session -d -x 150 -y 45 \
            "exec env -u NO_COLOR TERM=screen HISTFILE= PS1='ready> ' bash --norc --noprofile"
    ) </dev/null >"$out" 2>"$err"
    wait_until shows '^ready>'
}

teardown() {
    if [ -n "${TMP:-}" ]; then
        echo '--- screen'
        screen || :
        [ ! -p "$TMP/go" ] || : 9<>"$TMP/go"
        tmux -S "$TMP/tmux" kill-server || :
        remove_tmp
    fi
}

# Prints the screen; with -e, with its colours. A wrapped line is joined again.
screen() {
    tmux -S "$TMP/tmux" capture-pane -p -J "$@" | sed 's/ *$//' | sed '/^$/d'
}

shows() {
    screen | grep -Eq -- "$1"
}

shows_count() { # REGEX NUMBER
    [ "$(screen | grep -Ec -- "$1")" -eq "$2" ]
}

keys() {
    tmux -S "$TMP/tmux" send-keys "$@"
}

# type LINE: types the line and Enter
type() {
    tmux -S "$TMP/tmux" send-keys -l "$1"
    keys Enter
}

# prompts NUMBER: the shell has shown this many prompts; the echo of a key that interrupted something comes before one
prompts() {
    shows_count '^(\^.)?ready>' "$1"
}

# status_is STATUS: the shell's status of the last command
status_is() {
    type 'echo "status $?."'
    wait_until shows '^status [0-9]+\.'
    shows "^status $1\\."
}

TAG='[a-z_0-9]+\[[0-9]+\]'

# --- prompts ---

@test "terminal: a prompt is shown while the program waits for the answer" {
    type '"$SSCAP" sh -c '\''printf "name? "; read -r x; echo "hello $x"; exit 3'\'
    wait_until shows "^$TAG +\\|~name\\?"
    type World
    wait_until shows 'hello World$'
    status_is 3
}

@test "terminal: a prompt on stderr is shown" {
    type '"$SSCAP" bash -c '\''read -rp "name? " x; echo "hello $x"'\'
    wait_until shows "^$TAG +!~name\\?"
    type World
    wait_until shows 'hello World$'
}

@test "terminal: a prompt on stderr is shown while stdout goes elsewhere" {
    type '"$SSCAP" bash -c '\''read -rp "name? " x; echo "hello $x"'\'' >file'
    PATIENCE=10 wait_until shows "!~name\\?"
    type World
    wait_until prompts 2
    assert_matches "$TMP/file" "^$TAG \\| hello World\$"
}

@test "terminal: what was unfinished for a while goes on in its line, without a second tag" {
    mkfifo "$TMP/go"
    type '"$SSCAP" sh -c '\''printf "working"; read -r x <go; echo " done"; echo next'\'
    wait_until shows "^$TAG +\\|~working\$"
    echo >"$TMP/go"
    wait_until shows "^$TAG +\\|~working done\$"
    wait_until shows "^$TAG +\\| next\$"
}

@test "terminal: another process's line does not weld with a prompt" {
    mkfifo "$TMP/go"
    type '"$SSCAP" sh -c '\''printf "name? "; sh -c "read -r x <go; echo other"; echo me'\'
    wait_until shows "^$TAG +\\|~name\\?\$"
    echo >"$TMP/go"
    wait_until shows "^$TAG +\\| other\$"
    wait_until shows "^$TAG +\\| me\$"
}

@test "terminal: the program reads the keyboard" {
    # Text that is typed before the shell has given up the keyboard would not arrive as lines.
    type '"$SSCAP" --tag=t sh -c "echo ready; exec cat"'
    wait_until shows '^t \| ready$'
    type one
    wait_until shows '^t \| one$'
    type two
    wait_until shows '^t \| two$'
    keys C-d
    status_is 0
}

@test "terminal: an unfinished last line does not weld with the shell's prompt" {
    type '"$SSCAP" --tag=t printf rest'
    wait_until shows '^t \|~rest$'
    wait_until prompts 2
    # Without tags the screen is as without sscap.
    type '"$SSCAP" --tag=none printf rest'
    wait_until shows '^restready>'
}

# --- ^C and its like ---

@test "terminal: ^C ends the command, status 130" {
    type '"$SSCAP" sh -c "echo started; exec sleep 100"'
    wait_until shows 'started$'
    keys C-c
    wait_until prompts 2
    status_is 130
}

@test "terminal: ^C by LD_PRELOAD alone" {
    type 'LD_PRELOAD=$LIBSSCAP SSCAP_RUNNER=$SSCAP sh -c "echo started; exec sleep 100"'
    wait_until shows '\| started$'
    keys C-c
    wait_until prompts 2
    status_is 130
}

@test "terminal: ^\\ ends the command, status 131" {
    type '"$SSCAP" sh -c "ulimit -c 0; echo started; exec sleep 100"'
    wait_until shows 'started$'
    keys "C-\\"
    wait_until prompts 2
    status_is 131
}

@test "terminal: ^C reaches the command once for each time it is pressed" {
    local i
    type '"$SSCAP" --tag=t sh -c '\''echo $$ >pid; exec "$PROGRAMS/count_signals"'\'
    wait_until shows 'ready$'
    for i in 1 2 3 4 5; do
        keys C-c
        wait_until shows_count '^(\^C)*t \| got 2$' "$i"
    done
    keys "C-\\"
    wait_until shows 'got 3$'
    kill -TERM "$(cat "$TMP/pid")"
    wait_until shows 'in all 2:5 3:1 15:1( 28:[0-9]+)?$'
    status_is 9
}

@test "terminal: ^C ends a script's loop, too" {
    # bash continues a loop if an interrupted command has exited; it ends the loop only if SIGINT killed the command.
    type 'bash -c '\''for i in 1 2 3; do "$SSCAP" sh -c "echo started; exec sleep 100"; echo "next" "one"; done'\'
    wait_until shows 'started$'
    keys C-c
    wait_until shows '^(\^C)?(ready>|next one)'
    assert_no_match <(screen) 'next one'
}

@test "terminal: ^C ends a program that prints without end" {
    # The program does not print too fast, because what it has printed by then is shown, too.
    type '"$SSCAP" sh -c "while :; do echo y; done"'
    wait_until shows 'sh\[[0-9]+\] \| y$'
    keys C-c
    wait_until shows '^ready>'
    status_is 130
}

@test "terminal: ^C while others are waited for stops that, with the command's status" {
    mkfifo "$TMP/go"
    type '"$SSCAP" bash -c '\''(read -r x <go; echo late) & exit 3'\'
    wait_until shows 'waiting for 1 process that holds a stream: bash\[[0-9]+\]'
    keys C-c
    wait_until prompts 2
    status_is 3
    # The remaining processes continue, and their lines are shown.
    echo >"$TMP/go"
    wait_until shows 'late$'
}

# --- ^Z ---

@test "terminal: ^C once ends sscap when the command has ended, whoever has a stream open" {
    cd "$TMP"
    # bash starts background jobs with ^C ignored.
    type "cd $TMP; '$SSCAP' bash -c 'sleep 1000 & echo \$! >left; echo here; sleep 1000'"
    wait_until shows 'here$'
    keys C-c
    wait_until prompts 2
    kill -0 "$(cat left)"
    status_is 130
    kill -KILL "$(cat left)"
}

@test "terminal: ^C that the command survives does not end the wait for others" {
    cd "$TMP" && mkfifo go
    echo "trap 'echo caught' INT; (read -r x <go) & echo here; sleep 1000; echo on; read -r y <go" >script
    type "cd $TMP; '$SSCAP' bash script"
    wait_until shows 'here$'
    keys C-c
    wait_until shows 'caught$'
    wait_until shows 'on$'
    prompts 1
    echo >go
    echo >go
    wait_until prompts 2
    status_is 0
}

@test "terminal: ^Z stops sscap and the command, fg goes on, as often as one likes" {
    local i command runner
    mkfifo "$TMP/go"
    type '"$SSCAP" --tag=t sh -c '\''echo "$$ $PPID" >pid; echo started; read -r x <go; echo went on; exit 4'\'
    wait_until shows '^t \| started$'
    read -r command runner <"$TMP/pid"
    for i in 1 2 3; do
        keys C-z
        wait_until shows_count 'Stopped' "$i"
        wait_until state_is T "$command"
        wait_until state_is T "$runner"
        type fg
        wait_until state_is S "$command"
        wait_until state_is S "$runner"
    done
    echo >"$TMP/go"
    wait_until shows 't \| went on$'
    status_is 4
}

@test "terminal: ^Z and bg" {
    local command runner
    mkfifo "$TMP/go"
    type '"$SSCAP" --tag=t sh -c '\''echo "$$ $PPID" >pid; echo started; read -r x <go; echo went on'\'
    wait_until shows '^t \| started$'
    read -r command runner <"$TMP/pid"
    keys C-z
    wait_until state_is T "$runner"
    type bg
    wait_until state_is S "$command"
    wait_until state_is S "$runner"
    echo >"$TMP/go"
    wait_until shows 't \| went on$'
    wait_until [ ! -e "/proc/$runner" ]
}

@test "terminal: a background job that reads the terminal is stopped, and goes on in the foreground" {
    type '"$SSCAP" --tag=t sh -c '\''read -r x; echo "got $x"'\'' &'
    # bash reports the stop before its next prompt.
    stopped() {
        keys Enter
        shows 'Stopped'
    }
    wait_until stopped
    type fg
    type answer
    wait_until shows '^t \| got answer$'
}

# --- colours ---

ESCAPE=$'\e'

@test "terminal: tags are coloured, the text is not" {
    type '"$SSCAP" sh -c "echo plain; echo wrong >&2"'
    wait_until shows '! wrong$'
    screen -e >"$out"
    assert_matches "$out" "$ESCAPE\\[[0-9;]+msh\\[[0-9]+\\] \\|$ESCAPE\\[[0-9;]*m +plain"
    assert_matches "$out" "$ESCAPE\\[[0-9;]+msh\\[[0-9]+\\] !$ESCAPE\\[[0-9;]*m +wrong"
}

@test "terminal: NO_COLOR, a dumb terminal and --color=never: no colours" {
    type 'NO_COLOR=1 "$SSCAP" echo one'
    wait_until shows '\| one$'
    type 'TERM=dumb "$SSCAP" echo two'
    wait_until shows '\| two$'
    type '"$SSCAP" --color=never echo three'
    wait_until shows '\| three$'
    screen -e >"$out"
    assert_no_match "$out" "$ESCAPE\\["
    # The variable belongs to the terminal's shell, not to the tests.
    type 'NO_COLOR= "$SSCAP" echo four'
    wait_until shows '\| four$'
    screen -e >"$out"
    assert_matches "$out" "$ESCAPE\\["
}

@test "terminal: a redirected stdout has no colours" {
    type '"$SSCAP" sh -c "echo one; echo two >&2" >file'
    wait_until shows '! two$'
    assert_matches "$TMP/file" '\| one$'
    assert_no_match "$TMP/file" "$ESCAPE"
}

@test "terminal: a redirected stderr has no colours" {
    type '"$SSCAP" sh -c "echo one; echo two >&2" 2>file'
    wait_until shows '\| one$'
    wait_until grep -q '! *.*two$' "$TMP/file"
    assert_no_match "$TMP/file" "$ESCAPE"
}

# --- the terminal itself ---

@test "terminal: its flags and modes stay as they were, while sscap runs and after" {
    mkfifo "$TMP/go"
    type 'show() { grep flags /proc/$$/fdinfo/[012]; stty -a; }; show >before'
    type '"$SSCAP" sh -c "yes | head -n 20000; echo \$? >started; read -r x <go" & wait_for=$!; clear'
    wait_until [ -s "$TMP/started" ]
    type 'show >during'
    wait_until [ -s "$TMP/during" ]
    echo >"$TMP/go"
    type 'wait $wait_for; show >after'
    wait_until grep -q echoke "$TMP/after"
    assert_matches "$TMP/before" 'flags:'
    assert_same "$TMP/before" "$TMP/during"
    assert_same "$TMP/before" "$TMP/after"
}
