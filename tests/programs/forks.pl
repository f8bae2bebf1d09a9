# forks.pl: fork, wait, system, backticks, exec, kill; lines by print, in pieces, and by syswrite.
use strict;
use warnings;
use POSIX ();

$| = 1;

sub me {
    open(my $comm, '<', '/proc/self/comm') or die;
    chomp(my $name = <$comm>);
    return "$name\[$$\]: ";
}

sub say_it {
    my $line = me() . join('', @_) . "\n";
    if (($ENV{PIECES} // '') eq '1') {
        print for $line =~ /(.{1,7}\n?)/gs;
    } else {
        print $line;
    }
}

my @children;
for my $n (1 .. 5) {
    my $pid = fork() // die;
    if (!$pid) {
        say_it("child $n line $_") for 1 .. 10;
        syswrite(STDOUT, me() . "child $n by syswrite\n");
        print STDERR me() . "child $n to stderr\n";
        say_it("child $n at the end");
        kill KILL => $$ if $n == 5;
        POSIX::_exit($n) if $n == 3;
        exit $n;
    }
    push @children, $pid;
}
say_it("child said " . (waitpid($_, 0) && $?)) for @children;
say_it("system said " . system('echo "sh[$$]: by system"; exit 4'));
my $got = `echo caught`;
chomp $got;
say_it("backticks gave $got");
open(my $pipe, '-|', 'sh', '-c', 'echo piped; exit 3') or die;
chomp(my $line = <$pipe>);
close $pipe;
say_it("pipe gave $line and $?");
exec 'sh', '-c', 'echo "sh[$$]: executed"; exit 6';
