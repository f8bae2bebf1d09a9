"""Condition: consumers wait until the producer has put enough items, and are notified together."""
from py_say import chatter, context, result, run_all, say


def consumer(condition, stock):
    with condition:
        condition.wait_for(lambda: stock.value > 0)
        stock.value -= 1
        say("took one")
    chatter("consumer")


def producer(condition, stock, amount):
    for _ in range(amount):
        with condition:
            stock.value += 1
            say("put one")
            condition.notify_all()
    chatter("producer")


if __name__ == "__main__":
    ctx = context()
    condition = ctx.Condition()
    stock = ctx.Value("i", 0, lock=False)
    processes = [ctx.Process(target=consumer, args=(condition, stock)) for _ in range(3)]
    run_all([*processes, ctx.Process(target=producer, args=(condition, stock, 3))])
    result("stock", stock.value)
