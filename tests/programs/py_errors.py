"""Failing workers: logging and tracebacks, many lines on stderr at once, beside those of other workers."""
import logging
import traceback

from py_say import context, me, result, say


def worker(connection, i):
    logging.basicConfig(format=f"{me()}: %(levelname)s %(message)s", level=logging.DEBUG)
    try:
        raise ValueError(f"simulated error {i}")
    except ValueError as error:
        for line in traceback.format_exc().splitlines():
            logging.error("%s", line.strip())
        connection.send(str(error))
    for n in range(10):
        logging.debug("worker %d line %d", i, n)
        say(f"worker {i} line {n}")


if __name__ == "__main__":
    ctx = context()
    pairs = [ctx.Pipe() for _ in range(3)]
    processes = [ctx.Process(target=worker, args=(pair[1], i)) for i, pair in enumerate(pairs)]
    for process in processes:
        process.start()
    result([pair[0].recv() for pair in pairs])
    for process in processes:
        process.join()
    raise SystemExit("on purpose at the end")
