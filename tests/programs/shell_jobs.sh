# shell_jobs.sh: what shell scripts do with processes: jobs, subshells, pipelines, traps, functions, exec. For bash and
# dash.
#   shell_jobs.sh DIRECTORY
# shellcheck shell=sh
# shellcheck source=tests/programs/say.sh
. "${0%/*}/say.sh"

worker() {
    for i in 1 2 3 4 5; do
        say "worker $1 line $i"
        say "worker $1 error $i" >&2
    done
    return "$1"
}

say begin
worker 1 &
worker 2 &
(
    say subshell
    (say "subshell of a subshell"; exit 3)
    say "it said $?"
    worker 4 &
    wait $!
    say "worker said $?"
)
wait
worker 5 & last=$!
wait $last
say "the last one said $?"

# Only the last member of the pipeline prints here.
worker 6 2>&1 | wc -l | while read -r n; do say "piped $n lines"; done
seq 1 1000 | grep -c 7 | { read -r n; say "counted $n"; }
x=$(say inside >&2; echo value)
say "got $x"

trap 'say "trapped USR1"' USR1
kill -USR1 $$
trap 'say "trapped EXIT"' EXIT
(trap 'say "subshell trapped TERM"; exit 7' TERM; kill -TERM "$(exec sh -c 'echo $PPID')"; say unreachable)
say "subshell said $?"

# The job is killed while it waits for a fifo that no process opens.
mkfifo "$1/fifo"
(read -r x <"$1/fifo"; say unreachable) &
kill -KILL $!
wait $! 2>/dev/null # bash prints the killed job's pid
say "killed: $?"

sh -c 'exit 9' || say "sh said $?"
sh -c "PIECES='$PIECES'; . '${0%/*}/say.sh'; say 'another shell'; exec sh -c 'echo \"sh[\$\$]: executed in its place\"'"
cat <<EOF
a here-document, by cat
EOF
say end
exit 11
