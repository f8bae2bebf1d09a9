"""ProcessPoolExecutor: submit, map, as_completed, and from asyncio's loop."""
import asyncio
from concurrent.futures import ProcessPoolExecutor, as_completed

from py_say import chatter, context, result, say


def cube(x):
    say(f"cube of {x}")
    chatter(f"task {x}", 3)
    return x**3


async def by_asyncio(executor):
    loop = asyncio.get_running_loop()
    return await asyncio.gather(*(loop.run_in_executor(executor, cube, x) for x in (20, 21)))


if __name__ == "__main__":
    with ProcessPoolExecutor(3, mp_context=context()) as executor:
        futures = [executor.submit(cube, x) for x in range(6)]
        result(sorted(future.result() for future in as_completed(futures)))
        result(list(executor.map(cube, (10, 11))))
        result(asyncio.run(by_asyncio(executor)))
    say("executor is shut down")
