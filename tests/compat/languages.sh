# shellcheck shell=bash
# languages.sh: rows for languages, and Python's own tests.

row perl -n 'perl /usr/share/perl5/Parallel/ForkManager.pm=libparallel-forkmanager-perl' -s both \
    -f 's/PID [0-9]+/PID N/' \
    'Parallel::ForkManager with results, IPC::Open3, pipes both ways, system and exec, dup, /dev/stderr'
row_perl() {
    perl -MParallel::ForkManager -e '$| = 1; my $m = Parallel::ForkManager->new(6); my %got;
        $m->run_on_finish(sub { my ($p, $code, $id, $sig, $core, $data) = @_; $got{$id} = "$code $sig " . ($data ? $$data : "none") });
        for my $n (1 .. 40) { $m->start($n) and next; print "out $n\n"; print STDERR "err $n\n";
            kill 9, $$ if $n == 13; $m->finish($n % 7, \"data $n") }
        $m->wait_all_children; print "$_: $got{$_}\n" for sort { $a <=> $b } keys %got'
    echo "perl $?"
    perl -MIPC::Open3 -e 'my $p = open3(my $in, my $out, undef, "sh", "-c", "cat; exit 4");
        print $in "to cat\n"; close $in; print <$out>; waitpid $p, 0; print $? >> 8, "\n";
        open my $pipe, "|-" or do { print uc while <STDIN>; exit 2 }; print $pipe "child by pipe\n"; close $pipe; print "close ", $? >> 8, "\n";
        print `echo back; exit 3`, $? >> 8, "\n"; system "kill -TERM \$\$"; print "signal ", $? & 127, "\n";
        open my $dup, ">&", \*STDOUT; print $dup "dup\n"; open my $name, ">", "/dev/stderr" or print "by name: $!\n"; print $name "name\n";
        open STDOUT, ">", "file"; print "in file\n"; system "echo in file, too"; open STDOUT, ">&", $dup; print "back\n"; exec "cat", "file"'
}

# Runs a module of Python's test suite. Prints one line with the result of each test.
python_tests() { # [ARGS...] MODULE
    /usr/bin/python3 -m test --junit-xml verdicts.xml --timeout 270 "$@" >log 2>&1
    echo "status $?"
    # --timeout is for a whole module: it ends all tests and prints where they were.
    [ -e verdicts.xml ] || tail -n 60 log >&2
    /usr/bin/python3 - <<'END'
import xml.etree.ElementTree as tree
def verdict(case):
    kinds = [child.tag for child in case if child.tag not in ("system-out", "system-err")]
    return "%s: %s" % (case.get("name"), " ".join(kinds) or case.get("result") or case.get("status"))
print("\n".join(sorted(verdict(case) for case in tree.parse("verdicts.xml").iter("testcase"))))
END
}

PYTHON='/usr/bin/python3=python3 /usr/lib/python3.11/test/test_os.py=libpython3.11-testsuite'

row python_subprocess -n "$PYTHON" -t 300 'python -m test test_subprocess test_popen: each verdict'
row_python_subprocess() { python_tests test_subprocess test_popen; }

row python_os -n "$PYTHON" -t 300 'python -m test test_os test_posix test_fork1 test_wait3 test_wait4: each verdict'
row_python_os() { python_tests test_os test_posix test_fork1 test_wait3 test_wait4; }

row python_signal -n "$PYTHON" -t 300 \
    'python -m test test_signal test_threadsignals test_eintr test_faulthandler: each verdict'
row_python_signal() { python_tests test_signal test_threadsignals test_eintr test_faulthandler; }

row python_threading -n "$PYTHON" -t 300 'python -m test test_threading test_thread test_queue: each verdict'
row_python_threading() { python_tests test_threading test_thread test_queue; }

row python_fork -n "$PYTHON" -t 300 'python -m test test_multiprocessing_fork: each verdict'
row_python_fork() { python_tests test_multiprocessing_fork; }

row python_spawn -n "$PYTHON" -t 300 'python -m test test_multiprocessing_spawn: each verdict'
row_python_spawn() { python_tests test_multiprocessing_spawn; }

row python_forkserver -n "$PYTHON" -t 300 'python -m test test_multiprocessing_forkserver: each verdict'
row_python_forkserver() { python_tests test_multiprocessing_forkserver; }

row python_futures -n "$PYTHON" -t 300 'python -m test test_concurrent_futures: each verdict'
row_python_futures() { python_tests test_concurrent_futures; }

row python_events -n "$PYTHON" -t 300 \
    'python -m test test_pty test_openpty test_tty test_select test_selectors test_poll test_epoll test_fcntl test_ioctl test_socketserver, asyncio: each verdict'
row_python_events() {
    python_tests test_pty test_openpty test_select test_selectors test_poll test_epoll test_fcntl test_ioctl \
        test_socketserver
    python_tests -m 'test.test_asyncio.test_subprocess.*' -m 'test.test_asyncio.test_unix_events.*' test_asyncio
}

row python_files -n "$PYTHON" -t 300 \
    'python -m test test_io test_fileio test_file test_cmd_line test_shutil test_tempfile test_mmap test_resource: each verdict'
row_python_files() { python_tests test_io test_fileio test_file test_cmd_line test_shutil test_tempfile test_mmap \
    test_resource; }

row python -n /usr/bin/python3=python3 -s both \
    'scripts: Pool, ProcessPoolExecutor, subprocess in threads, os.fork, posix_spawn, open("/dev/stderr")'
row_python() {
    cat >many.py <<'END'
import concurrent.futures, multiprocessing as m, os, subprocess, sys, threading

def work(n):
    # A Pool ends its workers by SIGTERM. What they have not flushed by then may be lost.
    print("work", n, flush=True)
    print("warned", n, file=sys.stderr)
    if n == 13:
        raise ValueError(n)
    return n * n

if __name__ == "__main__":
    for method in "fork", "spawn", "forkserver":
        context = m.get_context(method)
        with context.Pool(4) as pool:
            print(method, sum(pool.map(work, range(12))))
        with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as executor:
            futures = [executor.submit(work, n) for n in range(10, 15)]
            print([repr(f.exception() or f.result()) for f in futures])
    threads = [threading.Thread(target=lambda n=n: subprocess.run(["sh", "-c", "echo thread %d; exit %d" % (n, n)])) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    if os.fork() == 0:
        os.write(1, b"forked\n")
        os._exit(5)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "echo spawned; cat <&7"], {}, file_actions=[
        (os.POSIX_SPAWN_OPEN, 7, "/etc/hostname", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, 1, 2)])
    print(os.waitpid(pid, 0)[1])
    try:
        open("/dev/stderr", "w").write("by name\n")
    except OSError as error:
        print(error)
    print(sorted(map(int, os.listdir("/proc/self/fd")))[:4], os.environ.get("SSCAP_TAG"), sys.stdout.isatty(), sys.stdout.line_buffering)
    sys.exit(3)
END
    timeout 50 /usr/bin/python3 many.py
    echo "status $?"
}

row node -n 'node=nodejs' -s both \
    -f 's/pid [0-9]+/pid N/; s/\(node:[0-9]+\)/(node)/; s/node:internal.*//; s/^ +at .*//' \
    'cluster of 4 workers with a server, child_process (spawn, fork with IPC, exec, execFile, spawnSync), worker_threads, large stdout, process.exit in flight'
row_node() {
    cat >cluster.js <<'END'
const cluster = require('cluster'), http = require('http');
if (cluster.isPrimary) {
    let up = 0, got = 0;
    for (let i = 0; i < 4; i++) cluster.fork({ N: i });
    cluster.on('listening', () => { if (++up === 4) for (let i = 0; i < 20; i++) http.get('http://127.0.0.1:8000/' + i, r => {
        r.on('data', d => console.log('' + d));
        r.on('end', () => { if (++got === 20) cluster.disconnect(() => console.log('disconnected')); }); }); });
    cluster.on('exit', (w, code, signal) => console.log('exit', code, signal));
} else {
    http.createServer((q, s) => s.end('answer ' + q.url)).listen(8000, '127.0.0.1');
    console.error('worker', process.env.N);
}
END
    cat >children.js <<'END'
const c = require('child_process'), { Worker, isMainThread, parentPort, threadId } = require('worker_threads');
if (process.argv[2] === 'child') { process.on('message', m => { console.log('child got', m); process.send(m * 2); process.disconnect(); }); }
else if (!isMainThread) { console.log('from a thread'); parentPort.postMessage(6 * 7); }
else {
    c.spawn('sh', ['-c', 'echo inherited; exit 3'], { stdio: 'inherit' }).on('exit', (code, signal) => console.log('spawn', code, signal));
    const piped = c.spawn('cat'); piped.stdout.on('data', d => console.log('cat said ' + d)); piped.stdin.end('piped');
    const f = c.fork(__filename, ['child']); f.on('message', m => console.log('parent got', m)); f.send(21);
    c.exec('echo out; echo err >&2; kill -KILL $$', (e, out, err) => console.log('exec', e && e.signal, JSON.stringify([out, err])));
    c.execFile('/nonexistent', e => console.log('execFile', e.code));
    console.log('sync', c.spawnSync('sh', ['-c', 'echo sync; exit 9']).status, c.execSync('echo hello').toString());
    for (let i = 0; i < 4; i++)
        new Worker(__filename).on('message', m => console.log('worker said', m)).on('exit', code => console.log('worker ended', code));
    process.on('exit', code => { console.log('exit handler', code); });
    setTimeout(() => { throw new Error('thrown'); }, 1500);
}
END
    timeout 30 node cluster.js
    echo "cluster $?"
    timeout 30 node children.js
    echo "children $?"
    node -e 'for (let i = 0; i < 30000; i++) console.log("line " + i); process.exit(4)' | md5sum
    node -e 'for (let i = 0; i < 20000; i++) console.log("line " + i); process.exitCode = 4'
    echo "large $?"
    node -e 'console.log(process.stdout.isTTY, process.stdout.constructor.name === "WriteStream", process.stdout.writableNeedDrain);
        require("fs").writeSync(1, "by number\n"); require("fs").writeFileSync("/dev/stdout", "by name\n")'
    echo "by name $?"
}

row ruby -n ruby -s both -f 's/[0-9]+ (SIGKILL|exit)/N \1/; s/pid [0-9]+/pid N/' \
    'fork with at_exit, Process.spawn with redirections, IO.popen, Open3, threads, traps, /dev/stderr'
row_ruby() {
    ruby -ropen3 -e 'at_exit { puts "at_exit" }
        10.times { |n| fork { puts "child #{n}"; warn "err #{n}"; Process.kill(:KILL, $$) if n == 7; exit!(n) } }
        puts Process.waitall.map { |_, s| s.exitstatus || s.termsig }.sort.inspect
        pid = spawn("echo spawned; echo err >&2; exit 3", err: :out); Process.wait pid; p $?.exitstatus
        pid = spawn({ "A" => "b" }, "echo $A >&5; env | grep -c SSCAP_TAG", unsetenv_others: true, 5 => 1); Process.wait pid
        IO.popen("tr a-z A-Z", "r+") { |io| io.puts "popen"; io.close_write; puts io.read }
        p Open3.capture3("cat; echo e >&2; exit 6", stdin_data: "in").then { |o, e, s| [o, e, s.exitstatus] }
        8.times.map { |n| Thread.new { system("echo thread #{n}"); puts "said #{n}" } }.each(&:join)
        trap(:USR1) { puts "trapped" }; Process.kill :USR1, $$; sleep 0.1
        File.write("/dev/stderr", "by name\n") rescue puts $!.class
        p $stdout.sync, $stdout.tty?
        exit 11'
}

row php -n 'php=php-cli php-cgi' -s both -f 's/^X-Powered-By.*//' \
    'php-cli: pcntl_fork, proc_open, exec, php://stdout; php-cgi by environment'
row_php() {
    php -r 'for ($n = 0; $n < 8; $n++) { if (!pcntl_fork()) { echo "child $n\n"; fwrite(STDERR, "err $n\n"); exit($n); } }
        $s = []; while (pcntl_wait($status) > 0) $s[] = pcntl_wexitstatus($status); sort($s); echo join(" ", $s), "\n";
        $p = proc_open("cat; exit 4", [["pipe", "r"], STDOUT, STDERR], $pipes);
        fwrite($pipes[0], "proc_open\n"); fclose($pipes[0]); echo proc_close($p), "\n";
        exec("echo a; echo b; exit 2", $lines, $code); echo join(",", $lines), " $code\n"; passthru("echo pass");
        file_put_contents("php://stderr", "stderr\n"); file_put_contents("/dev/stdout", "by name\n"); exit(9);'
    echo "php $?"
    cat >page.php <<'END'
<?php echo "query ", $_GET["a"], "\n"; error_log("logged"); system("echo from a shell");
END
    env REDIRECT_STATUS=1 GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET QUERY_STRING=a=b \
        SCRIPT_FILENAME="$PWD/page.php" php-cgi
    echo "cgi $?"
}

row java -n 'javac=default-jdk-headless java=default-jre-headless' -s both -t 120 -f 's/@[0-9a-f]+/@N/' \
    'threads, ProcessBuilder (inheritIO, pipes, cleared environment), Runtime.exec, shutdown hook, uncaught exception'
row_java() {
    cat >Many.java <<'END'
import java.util.*;
public class Many {
    static int run(ProcessBuilder b) throws Exception { return b.inheritIO().start().waitFor(); }
    public static void main(String[] args) throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
        List<Thread> threads = new ArrayList<>();
        for (int n = 0; n < 8; n++) {
            final int k = n;
            threads.add(new Thread(() -> { for (int i = 0; i < 50; i++) System.out.println("thread " + k + " line " + i); }));
        }
        for (Thread t : threads) t.start();
        for (Thread t : threads) t.join();
        System.out.println(run(new ProcessBuilder("sh", "-c", "echo inherited; echo err >&2; exit 3")));
        ProcessBuilder cleared = new ProcessBuilder("/bin/sh", "-c", "echo cleared; kill -SEGV $$"); cleared.environment().clear();
        System.out.println(run(cleared));
        Process p = Runtime.getRuntime().exec(new String[] {"cat"}); p.getOutputStream().write("piped\n".getBytes()); p.getOutputStream().close();
        System.out.print(new String(p.getInputStream().readAllBytes())); System.out.println(p.waitFor());
        try { new ProcessBuilder("/nonexistent").start(); } catch (java.io.IOException e) { System.out.println(e.getMessage()); }
        String s = null; try { s.length(); } catch (NullPointerException e) { System.err.println("caught"); }
        throw new IllegalStateException("uncaught");
    }
}
END
    javac Many.java && timeout 60 java -Xmx256m Many
    echo "java $?"
    JAVA_TOOL_OPTIONS='' java -Djdk.lang.Process.launchMechanism=FORK Many.java 2>&1 | sort | md5sum
    java -Djdk.lang.Process.launchMechanism=VFORK -cp . Many 2>&1 | wc -l
}

row go -n go=golang-go -x 'by name$|/dev/stderr: no such device' \
    -w 'Go opens /dev/stderr past libc, and the kernel does not open a socket by name' -s both -t 180 \
    -f 's/[0-9]+\.[0-9]+s/T/; s/0x[0-9a-f]+/X/g; s/goroutine [0-9]+/goroutine N/' \
    'go build, vet and test of a module; os/exec in goroutines, a panic; cgo'
row_go() {
    export GOCACHE=$SHARED/gocache GOFLAGS=-mod=mod GOPROXY=off GOTELEMETRY=off
    mkdir -p m && cd m || return
    printf 'module many\n\ngo 1.19\n' >go.mod
    cat >main.go <<'END'
package main

import (
    "fmt"
    "os"
    "os/exec"
    "sync"
)

func double(n int) int { return 2 * n }

func main() {
    var group sync.WaitGroup
    for n := 0; n < 8; n++ {
        group.Add(1)
        go func(n int) {
            defer group.Done()
            c := exec.Command("sh", "-c", fmt.Sprintf("echo child %d; echo err >&2; exit %d", n, n))
            c.Stdout, c.Stderr, c.Env = os.Stdout, os.Stderr, []string{}
            fmt.Println(n, c.Run())
        }(n)
    }
    group.Wait()
    out, err := exec.Command("sh", "-c", "echo piped; kill -KILL $$").CombinedOutput()
    fmt.Printf("%q %v\n", out, err)
    f, err := os.OpenFile("/dev/stderr", os.O_WRONLY, 0)
    if err == nil { fmt.Fprintln(f, "by name") } else { fmt.Println(err) }
    var p *int
    fmt.Println(*p)
}
END
    cat >main_test.go <<'END'
package main

import "testing"

func TestDouble(t *testing.T) { if double(2) != 4 { t.Fail() } }
func TestBad(t *testing.T) { t.Log("logged"); t.Fail() }
END
    go vet ./... && go build -o many . && ./many
    echo "go $?"
    go test -v ./...
    echo "test $?"
    mkdir ../c && cd ../c && printf 'module c\n\ngo 1.19\n' >go.mod
    cat >main.go <<'END'
package main

// #include <stdio.h>
// static int f(void) { puts("from C"); fflush(stdout); return 3; }
import "C"
import "os/exec"

func main() {
    println(C.f())
    out, _ := exec.Command("echo", "x").Output()
    print(string(out))
}
END
    CGO_ENABLED=1 go run .
    echo "cgo $?"
}

row mpi -n 'mpicc=libopenmpi-dev mpirun=openmpi-bin' -s both -t 90 \
    -f 's/\[[a-z0-9.-]+:[0-9]+\]/[HOST]/g; s/(PID|pid) [0-9]+/PID N/; s/node [a-z0-9.-]+/node H/' \
    'OpenMPI mpirun -np 4: allreduce, ring, output of all ranks, a rank that fails, --tag-output'
row_mpi() {
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    export OMPI_MCA_plm=isolated OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none
    cat >ring.c <<'END'
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    int rank, size, sum, token = 1;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Sendrecv_replace(&token, 1, MPI_INT, (rank + 1) % size, 0, (rank + size - 1) % size, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (int i = 0; i < 20; i++)
        printf("rank %d of %d line %d sum %d\n", rank, size, i, sum);
    fprintf(stderr, "rank %d warned\n", rank);
    MPI_Finalize();
    return argc > 1 && rank == 2 ? 7 : 0;
}
END
    mpicc -o ring ring.c || return
    timeout 40 mpirun -np 4 ./ring
    echo "mpirun $?"
    timeout 40 mpirun --tag-output -np 2 ./ring | grep -c 'stdout>:rank'
    timeout 40 mpirun -np 4 ./ring fail >/dev/null 2>&1
    echo "mpirun $?"
}
