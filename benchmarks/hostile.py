"""`/healthz` of `leeroo serve` while hostile clients are at it, over an endpoint that lies. Prints JSON.

Server, endpoint, attackers and the one who measures are processes of their own, on loopback. All share the machine's
cores, which no attacker from outside would: so attackers and endpoint are nice (10), and server and measurer the
opposite (-5) where the system lets them. Where other work keeps a machine busy, nice attackers hardly get to attack:
`--nice 0` then says more. The load is printed beside the figures, and what the attackers did; the median of several
rounds says more than any one of them. Exit code 1 where the median round's 99th percentile is over 250 ms.

python benchmarks/hostile.py [--clients 100] [--rounds 5] [--seconds 15] [--nice 10] [--server-nice -5]
"""

import argparse
import asyncio
import gzip
import itertools
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SLOW = 0.25
"""Seconds that `/healthz` shall not take."""
ASK = {"role": "user", "content": "What is the capital of France?"}
BODY = {"model": "leeroo", "messages": [ASK], "max_tokens": 50}


def _body(**more: Any) -> bytes:
    return json.dumps({**BODY, **more}).encode()


def _bodies() -> dict[str, bytes]:
    """Bodies that are sent whole, by the name of the attack."""
    part = {"type": "text", "text": "x"}
    return {
        "huge": _body(messages=[{"role": "user", "content": "word " * 3_800_000}]),
        "too large": _body(messages=[{"role": "user", "content": "word " * 4_200_000}]),
        "20,000 messages": _body(messages=[ASK] * 20_000),
        "20,000 parts": _body(messages=[{"role": "user", "content": [part] * 20_000}]),
        "4,000 messages": _body(messages=[ASK] * 4_000),
        "logit_bias": _body(logit_bias={str(n): 1 for n in range(200_000)}),
        "a million numbers": _body(stop_token_ids=[1] * 1_000_000),
        "deep": b'{"messages": ' + b"[" * 49_000 + b"]" * 49_000 + b"}",
        "bad JSON": b'{"model": "leeroo", "messages": [' + b'{"role": "user"' * 10_000,
        "packed": gzip.compress(b" " * 100_000_000),
        "well": _body(),
    }


class Liar(BaseHTTPRequestHandler):
    """An endpoint that answers with bombs, floods, drips, redirects and lies about usage, in turn."""

    protocol_version = "HTTP/1.1"
    turn = itertools.count()
    bomb = b""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer in the next of the ways."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        if body.get("stream"):
            return self._flood()
        way = next(self.turn) % 4
        if way == 0:
            return self._send(self.bomb, ("Content-Encoding", "gzip"))
        if way == 1:
            self.send_response(307)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        message = {"role": "assistant", "content": "word " * (20_000 if way == 2 else 5)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        claim = {"prompt_tokens": -(10**9), "completion_tokens": 10**15, "total_tokens": 3}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        return self._send(json.dumps({**answer, "usage": claim}).encode())

    def _send(self, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(200)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _flood(self) -> None:
        """A stream that does not end before its reader does."""
        delta = {"index": 0, "delta": {"content": "word " * 10}, "finish_reason": None}
        piece = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [delta]}
        event = b"data: %s\n\n" % json.dumps(piece).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for _ in range(100_000):
            self.wfile.write(event)


def endpoint(told: Any, nice: int) -> None:
    """Serve the liar, and tell its port."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whoever hangs up is part of it."""

    os.nice(nice)
    Liar.bomb = gzip.compress(b'{"choices": [{"message": {"content": "' + b" " * 100_000_000 + b'"}}]}')
    server = Quiet(("127.0.0.1", 0), Liar)
    told.send(server.server_port)
    server.serve_forever()


def attackers(port: int, clients: int, told: Any, nice: int) -> None:
    """So many clients at once, each with one attack after another, from each "go" to the next word."""
    os.nice(nice)
    bodies = _bodies()
    told.send("ready")
    while told.recv() == "go":
        stop = threading.Event()
        threading.Thread(target=lambda heard=stop: (told.recv(), heard.set()), daemon=True).start()
        told.send(asyncio.run(_crowd(port, clients, bodies, stop)))


async def _crowd(port: int, clients: int, bodies: dict[str, bytes], stop: threading.Event) -> dict[str, int]:
    """What came of the attacks, by name and end."""
    ends = Counter[str]()

    async def whole(body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        writer.write(_head(len(body)) + body)
        await writer.drain()
        return (await asyncio.wait_for(reader.readline(), 30)).decode().strip()[9:12] or "closed"

    async def one(name: str, dice: random.Random) -> str:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port, limit=2048), 10)
        try:
            if name in bodies:
                return await whole(bodies[name], reader, writer)
            if name == "half a request":
                writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            elif name == "half a body":
                writer.write(_head(19_000_000) + b'{"messages": "' + b"x" * 9_000_000)
            else:
                body = _body(stream=True, max_tokens=2_000)
                writer.write(_head(len(body)) + body)
                if name == "dropped stream":
                    await asyncio.wait_for(reader.read(100), 10)
                    return "dropped"
            await writer.drain()
            await asyncio.sleep(dice.uniform(2, 6))  # and reads nothing
            return "left"
        finally:
            writer.transport.abort()

    async def client(number: int) -> None:
        dice = random.Random(number)
        names = [*bodies, "half a request", "half a body", "dropped stream", "reads nothing", "reads nothing"]
        while not stop.is_set():
            name = dice.choice(names)
            try:
                end = await one(name, dice)
            except (OSError, TimeoutError) as error:
                end = type(error).__name__
            ends[f"{name}: {end}"] += 1
            await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(client(number)) for number in range(clients)]
    while not stop.is_set():
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return ends


def _head(length: int) -> bytes:
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n" % length
    )


def healthz(port: int, seconds: float) -> list[float]:
    """How long each of the requests took that were made one after another, each on a connection of its own."""
    waits: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as asking:
            asking.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = asking.recv(200)
        waits.append(time.perf_counter() - began)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"/healthz answers {answer[:40]!r}")
        time.sleep(0.05)
    return waits


def _figures(waits: list[float]) -> dict[str, float]:
    ranked = sorted(waits)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    found = {name: round(1e3 * ranked[int(share * (len(ranked) - 1))], 1) for name, share in at.items()}
    return {**found, "max": round(1e3 * ranked[-1], 1), "requests": len(ranked)}


def free_port() -> int:
    """A TCP port that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def serve(folder: Path, port: int, port_of_liar: int, options: list[str]) -> "subprocess.Popen[str]":
    """`leeroo serve` over the liar, with its ledger in a file."""
    expert = f"base_url: 'http://127.0.0.1:{port_of_liar}/v1', price: {{input: 1, output: 2}}, timeout: 20"
    experts = "".join(f"  {name}: {{model: {name}, max_output_tokens: 2000, {expert}}}\n" for name in ("one", "two"))
    (folder / "pool.yaml").write_text(f"experts:\n{experts}ledger: sqlite:///{folder}/ledger.db\n")
    command = [sys.executable, "-m", "leeroo", "serve", str(folder / "pool.yaml"), "--port", str(port)]
    running = subprocess.Popen(
        [*command, "--requests-per-minute", "0", *options],
        env={**os.environ, "PYTHONPATH": f"{ROOT}/core:{ROOT}"},
        stdout=subprocess.DEVNULL, stderr=(folder / "log").open("w"), text=True,
    )  # fmt: skip
    for _ in range(600):
        try:
            healthz(port, 0.01)
            return running
        except OSError:
            time.sleep(0.1)
    raise SystemExit((folder / "log").read_text())


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--clients", type=int, default=100)
    given.add_argument("--rounds", type=int, default=5)
    given.add_argument("--seconds", type=float, default=15)
    given.add_argument("--nice", type=int, default=10, help="of attackers and endpoint")
    given.add_argument("--server-nice", type=int, default=-5)
    options, others = given.parse_known_args()  # others are for `leeroo serve`
    context = get_context("spawn")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        ours, theirs = context.Pipe()
        liar = context.Process(target=endpoint, args=(theirs, options.nice), daemon=True)
        liar.start()
        port_of_liar = ours.recv()
        port = free_port()
        ours, theirs = context.Pipe()
        crowd = context.Process(target=attackers, args=(port, options.clients, theirs, options.nice), daemon=True)
        crowd.start()
        ours.recv()
        with suppress(PermissionError):  # for the server, which inherits it, too
            os.nice(options.server_nice)
        server = serve(folder, port, port_of_liar, others)
        try:
            alone = _figures(healthz(port, options.seconds / 2))
            rounds, ends, loads = [], Counter[str](), []
            for _ in range(options.rounds):
                ours.send("go")
                time.sleep(2)
                rounds.append(_figures(healthz(port, options.seconds)))
                loads.append(os.getloadavg()[0])
                ours.send("stop")
                ends.update(ours.recv())
            most = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())
            log = (folder / "log").read_text().splitlines()
        except SystemExit:
            print(*[line for line in (folder / "log").read_text().splitlines() if "INFO" not in line][-20:], sep="\n")
            raise
        finally:
            server.terminate()
            server.wait(60)
    median = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    nice = {"attackers": options.nice, "server": os.nice(0)}
    found = {"clients": options.clients, "nice": nice, "alone_ms": alone, "median_ms": median, "rounds_ms": rounds,
             "load": loads, "cores": os.cpu_count(), "server_rss_mb": int(most[1]) // 1024 if most else None,
             "log_lines": len(log), "attacks": dict(sorted(ends.items()))}  # fmt: skip
    print(json.dumps(found, indent=2))
    sys.exit(median["p99"] > 1e3 * SLOW)


if __name__ == "__main__":
    main()
