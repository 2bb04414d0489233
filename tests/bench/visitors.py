"""Many visitors at a time: `python -m tests.bench.visitors --clients 30 --minutes 3`.

Each visitor is a browser as the server sees it: it opens the page and its assets, runs the page's load events, uploads clips of
3 to 6 s and waits for their transcripts, asks by timer how a run is getting on, and now and then records a prompt, uploads
90 s of speech, tries its clip with every model that is ready, looks at its spectrogram, or loads the page again. Clips come
from the sets that come with Attune. With --finetune one visitor trains meanwhile.

Memory over an hour of mixed use, in ten minutes: --clients 12 --minutes 10 --hurry 6 --idle 6. The visitors then pause a sixth
as long between two things they do, and the server's memory is told once more after six minutes without any.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

from core.audio import sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.data.samples import read_sample

SETS = ("accent", "general", "noise", "replay")
CLIP_SECONDS = (3.0, 6.0)
LONG_SECONDS = 90.0
TICK_SECONDS = 1.0  # between two looks of a page's timer
THINK_SECONDS = (2.0, 10.0)  # that a person takes between two clips
PROMPT_SHARE, LONG_SHARE = 0.1, 0.03  # of the clips: read as a prompt, or a long upload
ALL_SHARE, PICTURE_SHARE, RELOAD_SHARE = 0.05, 0.05, 0.1  # of the clips after which a person does that
TIMEOUT_SECONDS = 120.0  # after which a person has given up
START_SECONDS = 180.0
LOOK_SECONDS = 1.0  # between two looks at the server's memory
PAGE = "/en/"
ROWS = ("page", "load events", "forecast", "tick", "upload", "transcript", "prompt", "long", "all models", "spectrogram")

Values = dict[int, Any]


class Figures:
    """What was measured, by name: seconds each, and what failed."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.failed: dict[str, int] = defaultdict(int)
        self.reasons: dict[str, int] = defaultdict(int)

    @asynccontextmanager
    async def timed(self, name: str) -> AsyncIterator[None]:
        """Times something; what takes too long or fails is counted apart."""
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                yield
        except (TimeoutError, httpx.HTTPError, RuntimeError) as error:
            self.failed[name] += 1
            self.reasons[f"{name}: {type(error).__name__} {error}"[:120]] += 1
        else:
            self.seconds[name].append(time.perf_counter() - begun)

    def row(self, name: str) -> str:
        """One line of the table."""
        found, failed = sorted(self.seconds[name]), self.failed[name]
        if not found:
            return f"{name:<12}{0:>7}{failed:>8}{'-':>9}{'-':>9}{'-':>9}"
        p50, p95 = statistics.median(found), found[min(len(found) - 1, round(0.95 * (len(found) - 1)))]
        return f"{name:<12}{len(found):>7}{failed:>8}{p50:>9.2f}{p95:>9.2f}{found[-1]:>9.2f}"


class Visitor:
    """One browser with one tab.

    Args:
        client: keeps its cookies.
        figures: takes what is measured.
        clips: FLAC files to choose from.
        long: a long one.
        chance: what it does next.
        hurry: how many times as quickly as a person it goes on.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        figures: Figures,
        clips: list[bytes],
        long: bytes,
        chance: random.Random,
        hurry: float = 1.0,
    ) -> None:
        self._client, self._figures, self._clips, self._long, self._chance = client, figures, clips, long, chance
        self._hurry = hurry
        self._hash = secrets.token_hex(6)
        self._waiting: dict[str, asyncio.Future[dict]] = {}
        self._stream: asyncio.Task[None] | None = None
        self._events: dict[int, dict] = {}
        self._values: Values = {}
        self._ids: dict[str, int] = {}
        self._later: list[dict] = []
        self._api = ""

    async def visit(self, until: float, finetune: bool = False) -> None:
        """Opens the page and uses it until a time by the monotonic clock."""
        async with self._figures.timed("page"):
            await self._open()
        if not self._events:
            return
        ticking = asyncio.create_task(self._tick(until))
        loading = asyncio.create_task(self._load())
        if finetune:
            async with self._figures.timed("finetune"):
                await self._fire("start", "click")
        while time.monotonic() < until:
            await self._add_clip()
            await asyncio.sleep(self._chance.uniform(*THINK_SECONDS) / self._hurry)
            drawn = self._chance.random()
            if drawn < ALL_SHARE:
                async with self._figures.timed("all models"):
                    await self._fire("try-all", "click")
            elif drawn < ALL_SHARE + PICTURE_SHARE:
                async with self._figures.timed("spectrogram"):
                    picture = self._ids["spectrogram"]
                    await asyncio.gather(*(self._run_all(one) for one in self._events.values() if picture in one["outputs"]))
            elif drawn < ALL_SHARE + PICTURE_SHARE + RELOAD_SHARE and loading.done():
                await self._leave()
                self._hash = secrets.token_hex(6)
                async with self._figures.timed("page"):
                    await self._open()
                loading = asyncio.create_task(self._load())
        await asyncio.gather(ticking, loading)
        await self._leave()

    async def _leave(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            with suppress(asyncio.CancelledError, httpx.HTTPError):
                await self._stream
        self._stream = None

    async def _load(self) -> None:
        """What the page does by itself; a person need not wait for the last of it, the forecast."""
        self._later.clear()
        async with self._figures.timed("load events"):
            await self._fire(None, "load")
        for event in self._later:
            async with self._figures.timed("forecast"):
                await self._run_all(event, at_last=True)

    async def _open(self) -> None:
        html = (await self._get(PAGE)).text
        config = json.loads(re.search(r"window\.gradio_config = (.*?);</script>", html, re.DOTALL)[1])  # type: ignore[index]
        assets = dict.fromkeys(re.findall(r'(?:src|href)="\./(assets/[^"]+)"', html))
        await asyncio.gather(*(self._get(PAGE + asset) for asset in assets))
        self._api = PAGE.rstrip("/") + config["api_prefix"]
        self._events = {event["id"]: event for event in config["dependencies"]}
        self._values = {one["id"]: one["props"].get("value") for one in config["components"]}
        self._ids = {one["props"]["elem_id"]: one["id"] for one in config["components"] if one["props"].get("elem_id")}

    async def _get(self, path: str) -> httpx.Response:
        return (await self._client.get(path)).raise_for_status()

    async def _tick(self, until: float) -> None:
        ticks = [event for event in self._events.values() if any(name == "tick" for _, name in event["targets"])]
        while time.monotonic() < until:
            async with self._figures.timed("tick"):
                await self._run_at_once(self._chance.choice(ticks))
            await asyncio.sleep(TICK_SECONDS)

    async def _add_clip(self) -> None:
        drawn = self._chance.random()
        if drawn < LONG_SHARE:
            name, sound, target = "long", self._long, "clip"
        else:
            name, sound = "transcript", self._chance.choice(self._clips)
            target = "clip"
            if drawn < LONG_SHARE + PROMPT_SHARE:
                name, target = "prompt", "upload-take"
        async with self._figures.timed(name):
            begun = time.perf_counter()
            file = await self._upload(sound)
            self._figures.seconds["upload"].append(time.perf_counter() - begun)
            self._values[self._ids[target]] = file
            await self._fire(target, "upload")

    async def _upload(self, sound: bytes) -> dict:
        given = {"files": (f"{secrets.token_hex(4)}.flac", sound, "audio/flac")}
        response = await self._client.post(f"{self._api}/upload", files=given, params={"upload_id": secrets.token_hex(5)})
        path = response.raise_for_status().json()[0]
        about = {"path": path, "orig_name": Path(path).name, "size": len(sound), "mime_type": "audio/flac"}
        return {**about, "meta": {"_type": "gradio.FileData"}}

    async def _fire(self, elem_id: str | None, name: str) -> None:
        """Runs the events of a component, or of the page, and those that follow them, as the page's script does."""
        wanted = None if elem_id is None else self._ids[elem_id]
        first = [
            event
            for event in self._events.values()
            if any(what == name and (wanted is None or whose == wanted) for whose, what in event["targets"])
        ]
        await asyncio.gather(*(self._run_all(event) for event in first))

    async def _run_all(self, event: dict, at_last: bool = False) -> None:
        if not at_last and event["inputs"] and self._ids["forecast"] in event["outputs"]:
            self._later.append(event)
            return
        if event.get("backend_fn"):
            await (self._run_in_queue(event) if event["queue"] else self._run_at_once(event))
        following = [other for other in self._events.values() if other.get("trigger_after") == event["id"]]
        await asyncio.gather(*(self._run_all(other) for other in following))

    def _body(self, event: dict) -> dict:
        data = [self._values.get(id) for id in event["inputs"]]
        return {"data": data, "fn_index": event["id"], "session_hash": self._hash, "event_data": None, "trigger_id": None}

    async def _run_at_once(self, event: dict) -> None:
        response = await self._client.post(f"{self._api}/run/predict", json=self._body(event))
        self._show(event, response.raise_for_status().json())

    async def _run_in_queue(self, event: dict) -> None:
        response = await self._client.post(f"{self._api}/queue/join", json=self._body(event))
        id = response.raise_for_status().json()["event_id"]
        done = self._answer(id)
        if self._stream is None or self._stream.done():
            self._stream = asyncio.create_task(self._listen())
        try:
            message = await done
        finally:
            self._waiting.pop(id, None)
        if not message.get("success", True):
            raise RuntimeError(str(message.get("output"))[:80])
        self._show(event, message["output"])

    async def _listen(self) -> None:
        """Reads the stream of answers. The server ends it when none is due; who asked meanwhile is answered by another one."""
        path, wanted = f"{self._api}/queue/data", {"session_hash": self._hash}
        while any(not done.done() for done in self._waiting.values()):
            async with self._client.stream("GET", path, params=wanted, timeout=None) as stream:
                async for line in stream.aiter_lines():
                    message = json.loads(line[5:]) if line.startswith("data:") else {}
                    if message.get("msg") == "process_completed":
                        self._answer(message["event_id"]).set_result(message)

    def _answer(self, id: str) -> asyncio.Future[dict]:
        """The answer to an event; whichever comes first makes it, the answer itself or who waits for it."""
        return self._waiting.setdefault(id, asyncio.get_running_loop().create_future())

    def _show(self, event: dict, output: dict) -> None:
        for id, value in zip(event["outputs"], output.get("data") or (), strict=False):
            if isinstance(value, dict) and value.get("__type__") == "update":
                if "value" in value:
                    self._values[id] = value["value"]
            else:
                self._values[id] = value


class Server:
    """What the server's process and its children take: from /proc, so nothing on other systems."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self.peak = 0.0

    def megabytes(self) -> float:
        """Resident memory of the server itself."""
        try:
            status = Path(f"/proc/{self._pid}/status").read_text()
        except OSError:
            return 0.0
        megabytes = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000 if "VmRSS" in status else 0.0  # type: ignore[index]
        self.peak = max(self.peak, megabytes)
        return megabytes

    def cpu(self) -> float:
        """Seconds of processor time so far, of the server itself."""
        try:
            fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def watch(self) -> None:
        """Looks at the memory again and again."""
        while True:
            self.megabytes()
            await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def started() -> AsyncIterator[tuple[str, int]]:
    """Starts the app with a home of its own; yields its address and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "log.txt"
        with log.open("wb") as written:
            environment = {**os.environ, "ATTUNE_HOME": home, "HF_HUB_OFFLINE": "1"}
            command = [sys.executable, "-m", "demo", "--port", str(port)]
            process = subprocess.Popen(command, stdout=written, stderr=written, env=environment)
        try:
            await _until_it_answers(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait(30)
            problems = [line for line in log.read_text().splitlines() if re.search(r"ERROR|Error|Traceback", line)]
            if problems:
                print(f"\nThe server's log has {len(problems)} lines about errors, such as:", *problems[:5], sep="\n  ")


async def _until_it_answers(address: str, process: subprocess.Popen[bytes]) -> None:
    async with httpx.AsyncClient(base_url=address) as client, asyncio.timeout(START_SECONDS):
        while process.poll() is None:
            with suppress(httpx.HTTPError):
                await client.get("/favicon.ico")
                return
            await asyncio.sleep(0.2)
    raise RuntimeError("the app did not start")


def sounds(chance: random.Random) -> tuple[list[bytes], bytes]:
    """Returns clips of 3 to 6 s from the bundled sets, and 90 s made of them, as FLAC files."""
    waves = [sound_files.decode(clip.path) for name in SETS for clip in read_sample(name).clips]
    chance.shuffle(waves)
    short = [wave for wave in waves if CLIP_SECONDS[0] <= len(wave) / SAMPLE_RATE <= CLIP_SECONDS[1]]
    long = np.concatenate([part for wave in waves for part in (wave, np.zeros(SAMPLE_RATE // 2, np.float32))])
    return [_flac(wave) for wave in short], _flac(long[: int(LONG_SECONDS * SAMPLE_RATE)])


def _flac(wave: np.ndarray) -> bytes:
    packed = io.BytesIO()
    soundfile.write(packed, wave, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return packed.getvalue()


async def measure(
    address: str, pid: int | None, clients: int, minutes: float, finetune: bool, hurry: float, idle: float, seed: int = 0
) -> None:
    """Lets visitors come and prints what they met with."""
    chance, figures, server = random.Random(seed), Figures(), Server(pid)
    clips, long = sounds(chance)
    before, cpu, begun = server.megabytes(), server.cpu(), time.monotonic()
    until = begun + 60 * minutes
    limits, timeout = httpx.Limits(max_connections=8), httpx.Timeout(TIMEOUT_SECONDS)

    async def come(number: int) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=timeout, limits=limits, headers=headers) as client:
            visitor = Visitor(client, figures, clips, long, random.Random(seed + 1 + number), hurry)
            await asyncio.sleep(number * min(0.5, 20 / clients))  # a class opens the page within some seconds
            await visitor.visit(until, finetune and number == 0)

    headers = {"accept-language": "en"}
    watching = asyncio.create_task(server.watch())
    await asyncio.gather(*(come(number) for number in range(clients)))
    watching.cancel()
    wall = time.monotonic() - begun
    print(f"{clients} visitors, {wall / 60:.1f} minutes, {os.cpu_count()} cores{', a fine-tune meanwhile' if finetune else ''}")
    print(f"{'seconds':<12}{'done':>7}{'failed':>8}{'p50':>9}{'p95':>9}{'longest':>9}")
    for name in ROWS:
        print(figures.row(name))
    if figures.reasons:
        print("failed:", *(f"{count} x {reason}" for reason, count in figures.reasons.items()), sep="\n  ")
    if pid is not None and before:
        used, after = 100 * (server.cpu() - cpu) / wall, server.megabytes()
        print(f"server: {before:.0f} MB before, {after:.0f} MB after, {server.peak:.0f} MB at most; {used:.0f} % of a core")
        if idle:
            await asyncio.sleep(60 * idle)
            print(f"        {server.megabytes():.0f} MB after {idle:g} minutes without visitors")


async def main() -> None:
    """Parses the arguments and measures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.visitors", description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=30, help="how many visitors (default %(default)s)")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long (default %(default)s)")
    parser.add_argument("--address", help="of a running app, such as http://127.0.0.1:7860; without it one is started")
    parser.add_argument("--pid", type=int, help="process of that app, whose memory and processor time are told")
    parser.add_argument("--hurry", type=float, default=1.0, help="how many times as quickly as people they go on")
    parser.add_argument("--idle", type=float, default=0.0, help="minutes without visitors, after which memory is told again")
    parser.add_argument("--finetune", action="store_true", help="one visitor starts a fine-tune of the sample set")
    options = parser.parse_args()
    if options.address:
        await measure(
            options.address, options.pid, options.clients, options.minutes, options.finetune, options.hurry, options.idle
        )
        return
    async with started() as (address, pid):
        await measure(address, pid, options.clients, options.minutes, options.finetune, options.hurry, options.idle)


if __name__ == "__main__":
    asyncio.run(main())
