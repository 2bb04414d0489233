"""`python -m demo`: starts the app and prints its address."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

DEFAULT_PORT = 7860
PORTS_TRIED = 100
KEEPALIVE_SECONDS = 60
CONNECTIONS = 2_000  # at a time; a page opens six at most


def main() -> int:
    """Parses the arguments and serves until interrupted."""
    options = _options()
    _log()
    listener = _listen(options.host, options.port)  # first, to report a taken port at once
    _prepare_libraries()
    print("Attune is starting.", flush=True)
    with _no_garbage_collection():
        server = _build(options)
    _print_addresses(options, listener.getsockname()[1])
    _serve(server, listener, options)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="attune demo", description="Open Attune in the browser.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for everyone on the network")
    parser.add_argument("--port", type=int, help=f"port (default {DEFAULT_PORT}, or the next free one)")
    parser.add_argument("--certificate", help="PEM file: serve https, so that other computers may use their microphone")
    parser.add_argument("--key", help="PEM file of the certificate's key")
    parser.add_argument("--no-downloads", action="store_true", help="download nothing: only use what is on this computer")
    return parser.parse_args()


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("httpx", "httpcore", "matplotlib", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _prepare_libraries() -> None:
    """Sets options that libraries read on import or first allocation; must run before any of them is imported."""
    from core.storage.files import home
    from core.storage.memory import keep_heap_small, keep_torch_small

    # No telemetry from gradio or the hub's client.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # Otherwise gradio's queue tabulates the last 10,000 events, with percentiles by kind, after every single event.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**12))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Makes torch's threads sleep instead of spin while waiting for each other. On a busy computer, such as during a
    # fine-tune, spinning took cores away from the thread being waited for: 7 s per clip instead of 1.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ["GRADIO_TEMP_DIR"] = str(home() / "gradio")  # stays empty, see demo/server/blocks.py
    keep_heap_small()
    keep_torch_small()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Turns off garbage collection: it took a quarter of the time of importing gradio and building pages, and freed little."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _build(options: argparse.Namespace) -> FastAPI:
    """Builds the server; the default model is loaded after the first page has been sent."""
    from core.models.sources.hub import send_no_login
    from demo.app import build_server
    from demo.background.downloads import switch_off
    from demo.server import addresses
    from demo.server.after_first_page import FirstPage
    from demo.session.removal import sweep_now_and_then
    from demo.wording import LANGUAGES

    send_no_login()
    if options.no_downloads:
        switch_off()
    server = build_server(addresses.names(options.host))
    sweep_now_and_then(server.state.sweep)
    server.add_middleware(FirstPage, pages=frozenset(f"/{language}/" for language in LANGUAGES), start=server.state.warm)
    return server


def _print_addresses(options: argparse.Namespace, port: int) -> None:
    from demo.server import addresses
    from demo.session import session

    shown = "127.0.0.1" if options.host in addresses.EVERYWHERE else addresses.in_address(options.host)
    scheme = "https" if options.certificate else "http"
    print(f"Attune is running on {scheme}://{shown}:{port}  (stop it with Ctrl-C)", flush=True)
    _print_shared([f"{scheme}://{addresses.in_address(host)}:{port}" for host in addresses.on_the_network(options.host)])
    own = f"{scheme}://127.0.0.1:{port}/owner/{session.owner_token()}"
    print(f"To use model folders of this computer, open it here once by {own}", flush=True)


def _print_shared(shared: list[str]) -> None:
    """Prints the addresses for others on the network, and what browsers do not do there without https."""
    if not shared:
        return
    print("Others on the network open:" if len(shared) == 1 else "Others on the network open one of these:")
    for address in shared:
        print(f"  {address}")
    if shared[0].startswith("http:"):
        print(
            "Over http the browsers of other computers and phones give no microphone; uploading sound files works.\n"
            "To let others record, serve https: start Attune with --certificate cert.pem --key key.pem as well."
        )
    sys.stdout.flush()


def _serve(server: FastAPI, listener: socket.socket, options: argparse.Namespace) -> None:
    import uvicorn

    from demo.server.connections import TimedProtocol

    config = uvicorn.Config(
        server,
        http=TimedProtocol,
        ws="none",
        limit_concurrency=CONNECTIONS,
        log_level="warning",
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, wanted: int | None) -> socket.socket:
    """Returns a listening socket on the wanted port, or by default on the first free one from `DEFAULT_PORT`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (wanted,) if wanted is not None else range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
        # asyncio disables Nagle's algorithm only for sockets with an explicit TCP protocol. With it on, the end of an event
        # reached the page 40 ms late, and an event begun meanwhile was never answered: the page thought its stream open.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name != "nt":  # on Windows, it would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # detects browsers that have vanished
        if hasattr(socket, "TCP_KEEPIDLE"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_SECONDS)
        try:
            listener.bind((host, port))
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
            failure = error
    sys.exit(f"attune: no port to listen on at {host}: {failure.strerror}. Choose one with --port.")


if __name__ == "__main__":
    sys.exit(main())
