"""Queue and JoinableQueue: a producer, consumers; the queue's own feeder thread lives in each producer."""
from py_say import chatter, context, result, say


def consumer(tasks, results):
    while True:
        task = tasks.get()
        if task is None:
            tasks.task_done()
            break
        say(f"consumer took task {task}")
        results.put(task * 2)
        tasks.task_done()
    chatter("consumer")


def producer(tasks):
    for task in range(12):
        tasks.put(task)
        say(f"producer put task {task}")


if __name__ == "__main__":
    ctx = context()
    tasks, results = ctx.JoinableQueue(), ctx.Queue()
    consumers = [ctx.Process(target=consumer, args=(tasks, results)) for _ in range(3)]
    source = ctx.Process(target=producer, args=(tasks,))
    for process in [source, *consumers]:
        process.start()
    source.join()
    for _ in consumers:
        tasks.put(None)
    tasks.join()
    result(sorted(results.get() for _ in range(12)))
    for process in consumers:
        process.join()
    say("all tasks done")
