"""Runs this program once more beside the event loop, as a child that ends in time, and with us."""

import asyncio
from collections.abc import Sequence

from provider.own_program import NOT_IN_TIME, Done, own_command


async def run_child(arguments: Sequence[str], seconds: float) -> Done:
    """Run this program with arguments, which hold no secret, and return what it left.

    After `seconds` it is killed, and also where whoever waits is cancelled.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *own_command(), *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(seconds):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        return Done(NOT_IN_TIME, b"", f"no answer within {seconds:g} s")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Done(process.returncode or 0, stdout, stderr.decode(errors="replace"))
