#!/usr/bin/env bats
# python.bats: each pattern of Python's multiprocessing, with each way to start processes. Results, status and lines
# are the same as without sscap, and each line is whole and has the name of the process that it names. Under sscap,
# all processes write their lines at once, in small flushed pieces.

load helper
# Many of these programs fail on purpose. reports.bats tests the reports.
export SSCAP_QUIET=1
export PYTHONDONTWRITEBYTECODE=1

# same_as_bare METHOD PROGRAM: compares status, result, stdout and stderr
same_as_bare() {
    local program=$ROOT/tests/programs/$2 check=$ROOT/tests/programs/check_lines.py bare_status
    rm -rf "$TMP"/result* "$TMP"/bare*
    PIECES=0 run_bare "$PYTHON" "$program" "$1" "$TMP/result"
    bare_status=$status
    for file in out err result; do mv "$TMP/$file" "$TMP/bare.$file"; done
    PIECES=1 run_sscap "$PYTHON" "$program" "$1" "$TMP/result"
    assert_status "$bare_status"
    assert_same "$TMP/bare.result" "$TMP/result"
    [ -s "$out" ] && [ -s "$TMP/result" ]
    "$PYTHON" "$check" "$out" "$TMP/bare.out"
    # A traceback does not name its process.
    "$PYTHON" "$check" --some "$err" "$TMP/bare.err"
}

each_method() {
    local method
    for method in fork spawn forkserver; do
        echo "# start method: $method"
        same_as_bare "$method" "$1"
    done
}

@test "python: Lock" { each_method py_lock.py; }
@test "python: RLock" { each_method py_rlock.py; }
@test "python: Semaphore" { each_method py_semaphore.py; }
@test "python: Event" { each_method py_event.py; }
@test "python: Condition" { each_method py_condition.py; }
@test "python: Barrier" { each_method py_barrier.py; }
@test "python: Pipe" { each_method py_pipe.py; }
@test "python: Queue and JoinableQueue" { each_method py_queue.py; }
@test "python: Value and Array" { each_method py_value_array.py; }
@test "python: Manager" { each_method py_manager.py; }
@test "python: Pool.map, workers replaced" { each_method py_pool_map.py; }
@test "python: Pool.apply_async with callbacks" { each_method py_pool_apply_async.py; }
@test "python: ProcessPoolExecutor, also from asyncio" { each_method py_executor.py; }
@test "python: BaseManager server and its workers, over TCP" { each_method py_base_manager.py; }
@test "python: redirect_stdout in workers" { each_method py_redirect_stdout.py; }
@test "python: Process subclass, four ways to end" { each_method py_subclass.py; }
@test "python: subprocess with close_fds and other environments" { each_method py_subprocess.py; }
@test "python: syncstream's example, four workers and a mirror" { each_method py_syncstream.py; }
@test "python: threads in processes, both streams" { each_method py_threads.py; }
@test "python: logging and tracebacks of failing workers" { each_method py_errors.py; }
@test "python: os.fork" { same_as_bare fork py_fork.py; }

@test "python: by LD_PRELOAD alone, a pool under each start method" {
    local method
    for method in fork spawn forkserver; do
        SSCAP_RUNNER=$SSCAP PIECES=1 run_preloaded "$PYTHON" "$ROOT/tests/programs/py_pool_map.py" "$method" \
            "$TMP/result"
        assert_status 0
        assert_empty "$err"
        assert_count "$out" 'working on [0-9]$' 10
        "$PYTHON" "$ROOT/tests/programs/check_lines.py" "$out"
    done
}

@test "python: print without flush arrives when the worker ends, under its own pid" {
    cat >"$TMP/plain.py" <<'EOF'
import multiprocessing, os
def worker(i):
    print("Message", "item", i, f"python3[{os.getpid()}]")
if __name__ == "__main__":
    with multiprocessing.Pool(4) as pool:
        pool.map(worker, range(40), chunksize=1)
        pool.close()
        pool.join()
EOF
    run_sscap "$PYTHON" "$TMP/plain.py"
    assert_status 0
    assert_empty "$err"
    assert_count "$out" 'Message item' 40
    # the pid in the tag is the pid in the text
    assert_count "$out" '^[^[]*\[([0-9]+)\] *\| Message item [0-9]+ python3\[\1\]$' 40
}
