"""Manager: a server process whose threads serve the others over a unix socket."""
from py_say import chatter, context, result, run_all, say


def worker(shared_list, shared_dict, i):
    say(f"worker {i}")
    shared_list.append(i)
    shared_list.extend([10 * i, 100 * i])
    shared_dict[i] = f"value of {i}"
    chatter("worker")


if __name__ == "__main__":
    ctx = context()
    with ctx.Manager() as manager:
        shared_list, shared_dict = manager.list(), manager.dict()
        run_all([ctx.Process(target=worker, args=(shared_list, shared_dict, i)) for i in (1, 2, 3)])
        result(sorted(shared_list), sorted(shared_dict.items()))
        say(f"dict: {sorted(shared_dict.items())}")
