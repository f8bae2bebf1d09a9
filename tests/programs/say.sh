# Sourced by shell scripts: `say TEXT` prints a line that names its writer. With PIECES=1 it writes the line in pieces.
# No command here starts a process. In a subshell, `say` names the subshell, in bash and in dash.
# shellcheck shell=sh disable=SC2034
say() {
    read -r say_name </proc/self/comm
    read -r say_pid say_rest </proc/self/stat
    if [ "${PIECES:-}" = 1 ]; then
        printf '%s' "$say_name"
        printf '[%s' "$say_pid"
        printf ']: '
        printf '%s' "$*"
        printf '\n'
    else
        printf '%s[%s]: %s\n' "$say_name" "$say_pid" "$*"
    fi
}
