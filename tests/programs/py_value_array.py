"""Value and Array: shared memory that all processes change."""
from py_say import chatter, context, result, run_all, say


def worker(number, array, step):
    with number.get_lock():
        number.value += step
    with array.get_lock():
        for i in range(len(array)):
            array[i] -= step
    say(f"added {step}")
    chatter("worker")


if __name__ == "__main__":
    ctx = context()
    number, array = ctx.Value("d", 0.5), ctx.Array("i", range(10))
    run_all([ctx.Process(target=worker, args=(number, array, step)) for step in (1, 2, 3)])
    result(number.value, array[:])
    say(f"{number.value} {array[:]}")
