"""`leeroo chat` on a loopback server: piped, on a pseudo-terminal, its commands, and what goes wrong."""

import io
import os
import pty
import re
import select
import subprocess
import sys

import pytest

from leeroo import Budget
from leeroo.cli.chatting import Wrapped
from leeroo.cli.session import Session
from tests.core.cli.test_app import assert_one_line_error, leeroo
from tests.openai_server import OpenAIServer


@pytest.fixture
def server():
    with OpenAIServer(("small-model", "large-model")) as running:
        yield running


@pytest.fixture
def folder(server, tmp_path):
    lines = [f"  {name}: {{model: {name}-model, base_url: {server.url}, price: {{input: {price}, output: {price}}}}}"
             for name, price in (("small", 1), ("large", 10))]  # fmt: skip
    (tmp_path / "pool.yaml").write_text("\n".join(["experts:", *lines, ""]))
    return tmp_path


@pytest.fixture
def session(server, make_expert, make_router):
    experts = {
        name: make_expert(name, price, price, model=f"{name}-model", base_url=server.url)
        for name, price in (("small", 1.0), ("large", 10.0))
    }
    router = make_router(experts, quality={"small": 0.8, "large": 0.9})
    written, notes = [], []
    session = Session(router, Budget(min_quality=0.7), written.append, notes.append)

    def take(line):
        written.clear()
        notes.clear()
        session.going = session.take(line)
        return "".join(written), "\n".join(notes)

    session.do = take
    return session


def test_the_conversation_goes_along_and_answers_are_streamed(session, server):
    answer, note = session.do("What is new?")
    assert "answer of small-model to: What is new?" in answer
    assert answer.endswith("\n")
    assert "small · quality 0.80 · $" in note
    session.do("And then?")
    sent = server.bodies()[-1]
    assert sent["stream"] is True
    assert [m["role"] for m in sent["messages"]] == ["user", "assistant", "user"]
    session.do("/clear")
    session.do("Afresh?")
    assert len(server.bodies()[-1]["messages"]) == 1


def test_why_and_cost(session):
    assert "Nothing was asked yet" in session.do("/why")[1]
    assert "All: $0;" in session.do("/cost")[1]
    session.do("What is new?")
    why = session.do("/why")[1]
    assert "> small: quality 0.80 (constant), about $" in why
    assert "  large: quality 0.90" in why
    assert "Rule: cheapest with quality of at least 0.7." in why
    # As the shipped predictor writes it.
    session.records[-1]["kinds"] = {"school, exams": 0.7, "tool calls": 0.02}
    session.records[-1]["candidates"][0] |= {"grounds": "170 outcomes", "doubt": 0.06}
    why = session.do("/why")[1]
    assert "> small: quality 0.80 (from 170 outcomes, give or take 0.06), about $" in why
    assert "the request is most like: school, exams (70%)." in why
    cost = session.do("/cost")[1]
    assert "small: 1 asked, $" in cost
    assert "saved against large alone" in cost
    assert sum(record["cost"] for record in session.records) > 0


def test_expert_pins_and_auto_lets_go(session, server):
    assert "small, large. Now: the router chooses." in session.do("/expert")[1]
    session.do("/expert large")
    session.do("Hello?")
    assert server.asked() == ["large-model"]
    session.do("/expert auto")
    session.do("Hello?")
    assert server.asked()[-1] == "small-model"
    assert "'large'" in session.do("/expert lage")[1]


def test_budget_is_shown_set_replaced_and_unset(session):
    assert session.do("/budget")[1] == "min_quality=0.7"
    assert session.do("/budget max_cost=0.01 tolerance=0.5")[1] == "max_cost=0.01, tolerance=0.5"
    assert session.do("/budget max_cost=none tolerance=none")[1] == "No budget is set."
    for bad, word in (("max_cst=1", "'max_cost'"), ("max_cost=much", "not a number"), ("max_cost", "KEY=VALUE"),
                      ("max_cost=-1", "max_cost is -1")):  # fmt: skip
        assert word in session.do(f"/budget {bad}")[1]
    assert session.budget == Budget()


def test_help_unknown_commands_two_slashes_and_the_end(session, server):
    assert "/why" in session.do("/help")[1]
    assert "'why'" in session.do("/whi")[1]
    session.do("//etc is a folder?")
    assert server.bodies()[-1]["messages"][-1]["content"] == "/etc is a folder?"
    session.do("   ")
    assert len(server.bodies()) == 1
    assert session.going
    session.do("/quit")
    assert not session.going


def test_what_fails_is_said_and_forgotten_and_the_session_goes_on(session, server):
    assert "No expert fits the budget" in [session.do("/budget max_cost=0.000000001"), session.do("Hello?")][1][1]
    session.do("/budget max_cost=none")
    for model in ("small-model", "large-model"):  # only a second expert's refusal ends a call
        server.behave(model, [{"status": 400, "message": "canary"}])
    answer, note = session.do("Hello?")
    assert answer == ""
    assert "bad_request" in note
    assert "canary" not in note
    assert session.messages == []
    assert session.failures == 2
    assert "answer of small-model" in session.do("Hello?")[0]


def test_another_expert_answers_where_one_is_down(session, server):
    server.behave("small-model", [{"status": 503}])
    answer, note = session.do("Hello?")
    assert "answer of large-model" in answer
    assert note.startswith("large")


@pytest.mark.parametrize("way", [{"die_after": 3}, {"raw": "data: {}\n\n"}, {"raw": "<html>"}])
def test_a_stream_that_breaks_is_no_answer(session, server, way):
    server.behave("small-model", way)
    server.behave("large-model", way)
    _, note = session.do("Hello?")
    assert "error: " in note
    assert session.messages == []
    assert len(session.records) <= 1


def test_ctrl_c_stops_an_answer_and_pays_for_what_had_come(session):
    def interrupt(piece):
        raise KeyboardInterrupt

    pieces = iter([interrupt])
    plain = session._write
    session._write = lambda piece: next(pieces, plain)(piece)
    _, note = session.do("Hello?")
    assert "Stopped" in note
    assert session.messages == []
    (record,) = session.records
    assert record["attempts"][0]["error"] == "cancelled"
    assert record["attempts"][0]["cost"] > 0


def test_control_characters_of_an_answer_are_not_written(session, server):
    server.behave("small-model", {"text": "red \x1b[31m and \x07 \x1b]0;owned\x07"})
    answer, _ = session.do("Hello?")
    assert "\x1b" not in answer
    assert "\x07" not in answer


def test_lone_surrogates_can_be_sent(session, server):
    session.do("caf\udce9?")
    assert server.bodies()[-1]["messages"][-1]["content"] == "caf??"


def test_piped_lines_are_turns_and_only_answers_are_printed(folder, server):
    result = leeroo("chat", cwd=folder, input="What is A?\n/why\n\nWhat is B?\n/quit\nnever\n")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split(" to: ")[1] for line in lines] == ["What is A?", "What is B?"]
    assert "Rule:" in result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    assert len(server.bodies()) == 2


def test_a_terminal_or_file_that_cannot_write_a_letter_gets_another(folder, server):
    server.behave("small-model", {"text": "naïve 漢"})
    result = leeroo("chat", cwd=folder, input="Hello?\n", env={"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0, result.stderr
    assert result.stdout == "na?ve ?\n"


def test_a_piped_turn_that_fails_is_told_by_the_exit_code(folder):
    result = leeroo("chat", "--max-total-cost", "0.00000001", cwd=folder, input="What is A?\n")
    assert result.returncode == 1
    assert result.stderr.startswith("error: No expert fits")
    assert leeroo("chat", cwd=folder, input="").returncode == 0
    assert_one_line_error(leeroo("chat", "--min-quality", "7", cwd=folder, input=""), "between 0 and 1")


@pytest.mark.parametrize("term", ["xterm-256color", "dumb", ""])
def test_on_a_terminal(folder, term):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "leeroo", "chat"], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": term, "COLUMNS": "40", "LEEROO_OFFLINE": "1"},
    )  # fmt: skip
    os.close(theirs)
    text = ""

    def until(wanted):
        nonlocal text
        while wanted not in text:
            assert select.select([ours], [], [], 30)[0], text
            text += os.read(ours, 4096).decode()
        got, text = text.split(wanted, 1)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", got).replace("\r", "")

    assert "/help lists the commands" in " ".join(until("you> ").split())
    os.write(ours, b"Which way does the wind blow today?\n")
    answer = until("you> ")
    assert "answer of small-model to: Which way" in " ".join(answer.split())
    # What a dumb terminal is said to be by rich: 80 columns, whatever it is.
    assert max(map(len, answer.splitlines()[1:])) <= (80 if term == "dumb" else 40)
    os.write(ours, b"/cost\n")
    assert "small: 1 asked" in until("you> ")
    os.write(ours, b"\x04")
    assert process.wait(timeout=30) == 0
    os.close(ours)


def test_lines_break_between_words_however_the_pieces_come():
    text = "A word after another, and averyveryverylongword.\nA new line.\n"
    results = set()
    for size in (1, 3, 100):
        file = io.StringIO()
        wrapped = Wrapped(16, file.write)
        for at in range(0, len(text), size):
            wrapped.write(text[at : at + size])
        results.add(file.getvalue())
    (result,) = results
    assert result.split() == text.split()
    assert max(len(line.rstrip()) for line in result.splitlines() if "very" not in line) <= 16
