import json

import numpy as np
import pytest
from typer.testing import CliRunner

from leeroo.cli import app
from leeroo.consult.likeness import Likeness
from leeroo.errors import ConfigError
from leeroo.evaluation.likeness import LEAST, Pair, fit, logistic, read_pairs


def pairs(count=200, *, noise=0.0, group="made", seed=0):
    """Long answers whose last sentence has their result; noise is how often the mark is wrong."""
    rng, made = np.random.default_rng(seed), []
    for i in range(count):
        one, other = (int(rng.integers(100, 103)) for _ in range(2))
        same = (one == other) != bool(rng.random() < noise)
        texts = [
            f"We add this and that for question {i}. {word} comes to {n}." for word, n in (("It", one), ("All", other))
        ]
        made.append(Pair(f"What is sum {i % 50}?", *texts, same, group))
    return made


def test_it_tells_same_from_different_and_measures_it_on_unseen_questions():
    likeness, (measured,) = fit(pairs())
    assert measured.kind == "numbers"
    assert measured.auc > 0.99
    assert measured.same[1] == 0.0
    assert measured.same[0] + measured.other[0] > 0.95
    pair = pairs(1, seed=5)[0]
    assert likeness.same(pair.one, pair.other, pair.question) is pair.same


def test_where_marks_say_nothing_nothing_is_compared():
    likeness, (measured,) = fit(pairs(noise=0.5))
    assert measured.auc < 0.65
    assert not likeness.numbers.says
    assert likeness.same(pairs()[0].one, pairs()[0].other, "?") is None


def test_a_group_that_differs_is_judged_by_fits_on_the_others():
    _, (measured,) = fit([*pairs(group="good"), *pairs(noise=0.4, group="bad", seed=1)])
    assert measured.groups["good"]["auc"] > measured.groups["bad"]["auc"] + 0.2


def test_similarity_counts_where_it_is_given():
    names = [f"{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(200)]
    prose = [Pair(name, f"many words {name}", f"others {name}", i % 2 == 0) for i, name in enumerate(names)]
    near = {pair.one: float(pair.same) for pair in prose}
    likeness, (measured,) = fit(prose, similarity=lambda one, _: near[one])
    assert measured.kind == "others"
    assert measured.auc == 1.0
    assert likeness.reads_similarity


def test_the_logistic_is_the_penalised_optimum():
    rng = np.random.default_rng(0)
    x = np.concatenate([np.ones((300, 1)), rng.normal(size=(300, 2))], axis=1)
    y = (rng.random(300) < 1 / (1 + np.exp(-(x @ [0.5, 2.0, -1.0])))).astype(float)
    w = logistic(x, y)
    p = 1 / (1 + np.exp(-(x @ w)))
    assert np.abs(x.T @ (p - y) + np.array([1e-6, 1, 1]) * w).max() < 1e-6


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ('{"question": "q", "one": "a", "other": "b"}', "line 1: 'same'"),
        ('{"question": "q", "one": 3, "other": "b", "same": true}', "line 1"),
        ("[1]", "line 1"),
        ("nothing", "line 1"),
    ],
)
def test_bad_pairs_are_named_by_their_line(tmp_path, line, match):
    (tmp_path / "pairs.jsonl").write_text(f"{line}\n")
    with pytest.raises(ConfigError, match=match):
        read_pairs(tmp_path / "pairs.jsonl")


def test_missing_or_few_pairs_and_bad_limits(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_pairs(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match=f"{LEAST} are needed"):
        fit(pairs(5))
    with pytest.raises(ConfigError, match="error is"):
        fit(pairs(), error=0.7)


def test_the_command_writes_what_the_library_reads(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(vars(pair)) + "\n" for pair in pairs()))
    done = CliRunner().invoke(app, ["equivalence", str(path), "--out", str(tmp_path / "l.json"), "--source", "mine"])
    assert done.exit_code == 0, done.output
    found = Likeness.read(tmp_path / "l.json")
    assert found.numbers.says
    assert found.about["source"] == "mine"
    assert "We add" not in (tmp_path / "l.json").read_text()
