# fish completion for sscap: its own options, then the command's completion as if sscap were not there.

function __sscap_command_named
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        string match -q -- '-*' $word; or return 0
    end
    return 1
end

complete -c sscap -f
complete -c sscap -x -a '(__fish_complete_subcommand)'
set -l own -c sscap -n 'not __sscap_command_named'
complete $own -x -s n -l lines -d 'keep at most so many lines'
complete $own -x -l bytes -d 'keep at most so many bytes'
complete $own -x -l max-line -d 'split longer lines'
complete $own -f -l tail -d 'print the last kept lines at the end'
complete $own -x -s t -l tag -a none -d 'what stands before each line'
complete $own -f -s T -l timestamps -d 'a time before each tag'
complete $own -x -l stderr -a 'split merge pass' -d 'where stderr goes'
complete $own -x -l buffer -a 'line block none keep' -d 'how stdout of the programs is buffered'
complete $own -x -l tty -a 'auto always never' -d 'whether streams claim to be a terminal'
complete $own -x -l wait -a 'streams command tree' -d 'what to wait for'
complete $own -x -l on-full -a 'block drop' -d 'when the reader of the output is too slow'
complete $own -x -l errors -a 'crash exit none' -d 'what is a failure'
complete $own -x -l ok-exit -d 'NAME=CODE[,CODE]: statuses that are no failure of a program'
complete $own -f -l strict -d 'exit with 123 when any process failed'
complete $own -f -l tree -d 'print the tree of all processes at the end'
complete $own -f -l no-args -d 'keep arguments out of the report'
complete $own -x -l color -a 'auto always never' -d 'colour the tags'
complete $own -f -s q -l quiet -d 'no notices and no report'
complete $own -f -s v -l verbose -d 'totals at the end, and all of the report'
complete $own -f -s h -l help -d 'print the options'
complete $own -f -s V -l version -d 'print the version'
