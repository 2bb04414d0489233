"""The socket that the server listens on."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from demo.__main__ import _listen


def test_small_messages_leave_at_once() -> None:
    async def no_delay() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def took(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken = writer.get_extra_info("socket")
            accepted.set_result(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = _listen("127.0.0.1", 0)
        async with await asyncio.start_server(took, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            told = await accepted
            writer.close()
            await writer.wait_closed()
        return told

    with ThreadPoolExecutor() as pool:  # a browser's test may have left a loop running in this thread
        assert pool.submit(lambda: asyncio.run(no_delay())).result() != 0
