"""Threads: where alerts are read, so that nothing else stands in front of them.

Reading a message and reading it aloud take up to some 50 ms of a thread. The loop's own threads are shared by phones
that listen, people who try a text out and notices that are encoded; an alert that came last among them waited for all.
They belong to the process as those of the loop do: idle ones cost nothing, and they end with it.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_ALERTS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="alerts")


async def for_alerts(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run something for an alert off the loop, in the alerts' own threads."""
    return await asyncio.get_running_loop().run_in_executor(_ALERTS, partial(call, *args, **kwargs))
