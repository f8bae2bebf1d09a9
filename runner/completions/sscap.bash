# bash completion for sscap: its own options, then the command's completion as if sscap were not there.
# shellcheck shell=bash disable=SC2154 # cur, words and cword come from _init_completion

# What the value of an option can be: CHOICES for OPTION.
_sscap_values() {
    case $1 in
    --stderr) echo split merge pass ;;
    --buffer) echo line block none keep ;;
    --wait) echo streams command tree ;;
    --on-full) echo block drop ;;
    --errors) echo crash exit none ;;
    --color | --tty) echo auto always never ;;
    --tag | -t) echo none ;;
    esac
}

# The command starts at words[$1], where an option and its value after = are one word; in COMP_WORDS they are three.
_sscap_command() {
    local i rest raw=0
    for ((i = 0; i < $1; i++)); do
        for ((rest = ${#words[i]}; rest > 0; raw++)); do
            ((rest -= ${#COMP_WORDS[raw]}))
        done
    done
    _command_offset "$raw"
}

_sscap() {
    local cur prev words cword i
    _init_completion -n = || return
    local options='--lines= --bytes= --max-line= --tail --tail= --tag= --timestamps --stderr= --buffer= --tty= --wait=
        --on-full= --errors= --ok-exit= --strict --tree --no-args --color= --quiet --verbose --help --version'

    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        --) ((i++)) && break ;;
        -n | -t | --lines | --bytes | --max-line | --tag | --stderr | --buffer | --tty | --wait | --on-full | \
            --errors | --ok-exit | --color)
            if ((++i == cword)); then
                mapfile -t COMPREPLY < <(compgen -W "$(_sscap_values "$prev")" -- "$cur")
                return
            fi
            ;;
        -*) ;;
        *) break ;;
        esac
    done
    if ((i < cword)) || [[ $cur != -* || ${words[i - 1]} == -- ]]; then
        _sscap_command "$i"
    elif [[ $cur == *=* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_sscap_values "${cur%%=*}")" -- "${cur#*=}")
    else
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
    fi
} && complete -F _sscap sscap
