# shellcheck shell=bash
# shells.sh: rows for shells and for programs that start many processes.

# What every POSIX shell does the same way, in a file that each shell executes.
posix_script() {
    cat >script <<'END'
echo "args $# $*"
echo to stderr >&2
echo by name >/dev/stderr
echo appended >>/dev/stdout
(echo subshell; exit 3); echo "status $?"
(kill -KILL $(exec sh -c 'echo $PPID')); echo "status $?"
sh -c 'kill -TERM $$'; echo "status $?"
seq 1 1000 | while read -r n; do [ $((n % 250)) -ne 0 ] || echo "read $n"; done
for n in 1 2 3 4 5 6 7 8; do (echo "job $n"; exit $n) & eval "job$n=\$!"; done >jobs
for n in 1 2 3 4 5 6 7 8; do eval "wait \$job$n"; echo "job $n: $?"; done
sort jobs
sleep 5 & sleeper=$!; sleep 0.2
{ kill $sleeper; wait $sleeper; } 2>/dev/null; echo "killed $?"
trap 'echo trapped' USR1; kill -USR1 $$
trap 'echo bye' EXIT
exec 5>file; echo five >&5; exec 5>&-; cat file
exec 6>&1 >moved; echo moved; exec >&6 6>&-; cat moved
cat <<HERE
here $(echo document | tr a-z A-Z)
HERE
yes | head -n 2
printf 'no newline'; echo; printf '%s\n' "$(ulimit -n)" "$(umask)" 
command -v nonexistent; nonexistent 2>/dev/null; echo "status $?"
echo x | tee /dev/stderr | cat
exit 42
END
}

row bash -n bash 'jobs, traps, redirections, coproc, process substitution, /dev/stderr, signals, wait -n'
row_bash() {
    posix_script
    bash script one two
    echo "bash $?"
    bash -c 'coproc sed -u s/^/co:/; echo line >&"${COPROC[1]}"; read -r x <&"${COPROC[0]}"; echo "$x"
        exec {to}>&"${COPROC[1]}"; exec {to}>&- ; eval "exec ${COPROC[1]}>&-"; wait "$COPROC_PID"; echo "coproc $?"
        diff <(seq 5) <(seq 6); for n in 1 2 3; do (sleep 0.$n; exit $n) & done; while wait -n; s=$?; [ $s -ne 127 ]; do echo "ended $s"; done
        echo both &>both; cat both; exec {fd}>/dev/stderr; [ "$fd" -ge 10 ] && echo high >&"$fd"; mapfile -t lines < <(seq 3); echo "${#lines[@]}"
        printf "%s\n" {1..2000} | sort -n | tail -n 1; compgen -e | grep -c SSCAP_TAG; set -m; sleep 0.1 & fg %1'
}

row dash -n dash 'a POSIX script: jobs, traps, redirections, /dev/stdout, here documents, signals'
row_dash() {
    posix_script
    dash script one two
}

row zsh -n zsh 'the same script, and multios, a coprocess and process substitution'
row_zsh() {
    posix_script
    zsh script one two
    echo "zsh $?"
    zsh -fc 'echo multi >a >b; cat a b; cat <(echo one) =(echo two); print -l ${(s: :)$(echo 1 2 3)}
        repeat 3 { (print -u2 sub) }; coproc cat; print -p x; read -p y; print $y'
}

row busybox -n busybox=busybox-static -x '^-(out appended|err by name|err x)$|/dev/std(err|out): No such device' \
    -w 'a static program opens /dev/stderr past sscap, and the kernel does not open a socket by name' \
    'static: its shell with the same script, and its tools'
row_busybox() {
    posix_script
    busybox sh script one two
    echo "busybox $?"
    busybox sh -c 'busybox seq 100 | busybox sort -rn | busybox head -n 3
        busybox find / -maxdepth 1 -name "[eu]*" -exec busybox echo {} \; | busybox sort
        busybox seq 20 | busybox xargs -P 4 -n 1 busybox echo | busybox sort -n | busybox md5sum
        busybox ls /nonexistent; busybox tee /dev/null </dev/null'
}

row make -n make -s both -f 's/\bpid [0-9]+/pid N/' \
    'GNU make -j8: 200 targets, recursion with a job server, a failing target under -k, --output-sync'
row_make() {
    mkdir sub
    {
        echo 'ALL := $(shell seq 1 200)'
        echo 'all: $(ALL:%=t%) sub fail'
        printf 't%%:\n\t@echo "made $*"; echo "warned $*" >&2\n'
        printf 'sub:\n\t+$(MAKE) -C sub\nfail:\n\t@echo failing; exit 7\n.PHONY: sub fail\n'
    } >Makefile
    printf 'all: a b c\na b c:\n\t@echo sub $@; sleep 0.05\n' >sub/Makefile
    make -j8 -k
    echo "make $?"
    make -j4 -Otarget -C sub
    make -s -j4 -C sub -n
}

row parallel -n parallel -s both -f 's/^(parallel: This job failed:).*/\1/; s#/[^ ]*/par[A-Za-z0-9]*#PAR#' \
    'GNU parallel -j8: groups, --line-buffer, --tag, stdin by --pipe, exit status'
row_parallel() {
    mkdir .parallel && touch .parallel/will-cite
    seq 40 | parallel -j8 'echo out {}; echo err {} >&2'
    echo "status $?"
    seq 20 | parallel -j8 --line-buffer --tag 'echo a {}; echo b {}'
    seq 10 | parallel -j4 -k 'echo {}; exit $(({} % 2))'
    echo "status $?"
    seq 10000 | parallel -j4 --pipe -N1000 -k wc -l
    parallel -j2 echo "{1}" "{2}" ::: a b ::: 1 2
}

row xargs -n xargs=findutils -s both 'xargs -P8, exit statuses 123 to 127, -t'
row_xargs() {
    seq 200 | xargs -P8 -n3 echo
    seq 20 | xargs -P4 -I{} sh -c 'echo out {}; echo err {} >&2; exit $(({} % 3))'
    echo "status $?"
    echo x | xargs sh -c 'exit 255'
    echo "status $?"
    echo x | xargs sh -c 'kill -9 $$'
    echo "status $?"
    echo x | xargs nonexistent
    echo "status $?"
    seq 3 | xargs -t -n1 echo
}

row find -n find=findutils 'find -exec with ; and +, -execdir, -fprint /dev/stderr, -fprintf /dev/stdout'
row_find() {
    mkdir -p tree/{a,b,c}/{1,2,3}
    touch tree/{a,b,c}/{1,2,3}/file
    find tree -type f -exec sh -c 'echo "one $1"' _ {} \; | sort
    find tree -type f -exec sh -c 'echo "many $#"' _ {} +
    find tree -type f -execdir pwd \; | sort
    find tree -name 1 -fprint /dev/stderr -o -name 2 -fprintf /dev/stdout '%f\n'
    find tree -name file -exec false {} +
    echo "status $?"
}

row coreutils -n 'timeout=coreutils setsid=util-linux' -f 's/ [0-9.e-]+ s, .*/ T/' \
    'tee /dev/stderr, cp to /dev/stdout, dd of=/dev/stdout, split --filter, sort with spills, timeout, nohup, setsid, nice, env -i, stdbuf'
row_coreutils() {
    seq 5 | tee /dev/stderr | tail -n 1
    seq 3 >three
    cp three /dev/stdout
    dd if=three of=/dev/stdout status=none
    dd if=three of=/dev/fd/2 bs=1
    seq 100000 | shuf --random-source=/bin/ls | sort -n -S 64k --parallel=4 | md5sum
    seq 100 | split -l 25 --filter='wc -l; echo "$FILE" >&2'
    timeout 0.2 sleep 5
    echo "timeout $?"
    timeout -s KILL 0.2 sh -c 'sleep 5'
    echo "timeout $?"
    nohup sh -c 'echo nohup; trap' 2>&1
    setsid -w sh -c 'echo session; exit 5'
    echo "setsid $?"
    env -i sh -c 'echo "$PATH"; echo empty >&2; export -p | grep -vE "LD_PRELOAD|SSCAP_SESSION|PWD"'
    nice -n 5 nice
    for mode in L 0 4096; do stdbuf -o$mode tr a-z A-Z <<<"stdbuf $mode"; done
    awk 'BEGIN { print "awk" > "/dev/stderr"; "echo piped" | getline x; print x; system("exit 3"); print "to cat" | "cat" }'
    cat three >/dev/stdout 2>/dev/stderr
    ls --color=auto -d /etc
    tail -n 1 --pid=1000000 -f three
}
