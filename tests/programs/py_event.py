"""Event: one process waits without a timeout, one with a timeout that expires first."""
from py_say import chatter, context, result, say


def wait_for_event(event):
    say("wait_for_event: starting")
    event.wait()
    say(f"wait_for_event: {event.is_set()}")
    chatter("woken")


def wait_for_event_timeout(event, seconds):
    say("wait_for_event_timeout: starting")
    event.wait(seconds)
    say(f"wait_for_event_timeout: {event.is_set()}")
    chatter("timed out")


if __name__ == "__main__":
    ctx = context()
    event = ctx.Event()
    waiters = [ctx.Process(target=wait_for_event, args=(event,)) for _ in range(2)]
    timed = ctx.Process(target=wait_for_event_timeout, args=(event, 0.05))
    for process in [*waiters, timed]:
        process.start()
    timed.join()  # so the timeout expires before the event is set
    event.set()
    say("main: event is set")
    for process in waiters:
        process.join()
    result("exit codes", timed.exitcode, [process.exitcode for process in waiters])
