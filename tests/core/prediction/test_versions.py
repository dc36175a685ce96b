"""Versions of artifacts: what is kept, what is in use, what changed. The files are small stand-ins with real hashes."""

import json
import os

import numpy as np
import pytest

from leeroo.errors import ConfigError
from leeroo.prediction import load, versions
from leeroo.prediction.artifact import ENCODER, TOKENIZER, WEIGHTS, Artifact, KnownExpert, read_artifact, write_artifact
from leeroo.prediction.difference import difference
from leeroo.prediction.versions import Versions


def arrays(levels):
    count = len(levels)
    return {
        "ability": np.zeros((count, 4), np.float32),
        "bias": np.array(levels, np.float32),
        "length": np.zeros((count, 4), np.float32),
        "length_bias": np.zeros(count, np.float32),
        "calibration": np.tile(np.array([1, 0], np.float32), (count, 1)),
        "prior": np.array(levels, np.float32),
        "project": np.eye(4, dtype=np.float32),
    }


@pytest.fixture
def make(tmp_path):
    """Write an artifact: `make("a", {"small": 0.5})` gives its folder."""

    def made(name, levels, encoder="encoder", **about):
        source = tmp_path / f"source-{name}"
        source.mkdir()
        (source / ENCODER).write_text(encoder)
        (source / TOKENIZER).write_text("tokenizer")
        experts = tuple(KnownExpert(expert, "t", outcomes=int(100 * level)) for expert, level in levels.items())
        artifact = Artifact(source, experts, arrays(list(levels.values())), {"max_length": 8}, about)
        return write_artifact(artifact, tmp_path / name)

    return made


@pytest.fixture
def store(tmp_path):
    return Versions(tmp_path / "store")


def test_versions_know_their_parents_what_they_learned_from_and_their_figures(store, make):
    first = store.add(make("a", {"small": 0.5}, trained_on="f00"), figures={"log_loss": 0.5}, note="the first")
    assert (first.parent, first.trained_on, first.figures, first.note) == (None, "f00", {"log_loss": 0.5}, "the first")
    assert store.current() is None
    store.use(first.id)
    second = store.add(make("b", {"small": 0.6}))
    assert second.parent == first.id
    assert [version.id for version in store.all()] == [first.id, second.id]
    assert store.get(second.id[:6]) == second
    assert json.loads(json.dumps(second.to_dict()))["parent"] == first.id
    assert read_artifact(second.folder).experts == (KnownExpert("small", "t", 60),)


def test_the_same_weights_are_the_same_version_whatever_the_story_told(store, make):
    first = store.add(make("a", {"small": 0.5}, trained_on="f00"), note="kept")
    again = store.add(make("b", {"small": 0.5}, trained_on="ba4"), note="not kept")
    assert again == first
    assert len(store.all()) == 1


def test_one_encoder_lies_on_the_disk_once(store, make):
    first = store.add(make("a", {"small": 0.5}))
    second = store.add(make("b", {"small": 0.6}), parent=first.id)
    other = store.add(make("c", {"small": 0.6}, encoder="other"), parent=first.id)
    assert os.path.samefile(first.folder / ENCODER, second.folder / ENCODER)
    assert not os.path.samefile(first.folder / WEIGHTS, second.folder / WEIGHTS)
    assert not os.path.samefile(first.folder / ENCODER, other.folder / ENCODER)


def test_use_and_back_and_what_load_takes(store, make):
    first, second = store.add(make("a", {"small": 0.5})), store.add(make("b", {"small": 0.6}))
    with pytest.raises(ConfigError, match=r"none of its versions is in use.*leeroo artifacts use"):
        load(store.folder)
    store.use(first.id)
    store.use(second.id)
    store.use(second.id)
    assert store.current() == second == store.get("current")
    assert store.get("previous") == first
    assert versions.resolve(store.folder) == second.folder
    assert store.back() == first
    assert versions.resolve(store.folder) == first.folder
    with pytest.raises(ConfigError, match="no previous version"):
        store.back()
    assert versions.resolve(first.folder) == first.folder


def test_a_damaged_version_is_never_put_to_use(store, make):
    first, second = store.add(make("a", {"small": 0.5})), store.add(make("b", {"small": 0.6}))
    store.use(first.id)
    (second.folder / WEIGHTS).chmod(0o644)
    (second.folder / WEIGHTS).write_bytes(b"")
    with pytest.raises(ConfigError, match="damaged"):
        store.use(second.id)
    assert store.current() == first


def test_a_version_changed_in_its_place_is_noticed(store, make):
    first = store.add(make("a", {"small": 0.5}))
    path = first.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["settings"]["max_length"] = 9
    path.write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="was changed after it was added"):
        store.get(first.id)


def test_a_process_killed_while_it_added_leaves_nothing_that_counts(store, make, monkeypatch):
    path = make("a", {"small": 0.5})
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.add(path)
    assert store.all() == []
    left = store.folder / f"{versions.STAGED}killed"
    left.mkdir()
    os.utime(left, (0, 0))
    assert store.add(path) == store.all()[0]
    assert not left.exists()


@pytest.mark.parametrize("content", ["", "[]", '{"history": 1}', '{"past": []}'])
def test_an_unreadable_choice_says_what_to_do(store, make, content):
    store.add(make("a", {"small": 0.5}))
    (store.folder / versions.CURRENT).write_text(content)
    with pytest.raises(ConfigError, match=r"unreadable.*leeroo artifacts use"):
        store.current()


def test_unknown_and_ambiguous_names(store, make):
    with pytest.raises(ConfigError, match="no version 'x'"):
        store.get("x")
    ids = [store.add(make(str(n), {"small": n / 100})).id for n in range(20)]
    shared = next(key[0] for key in ids if sum(other[0] == key[0] for other in ids) > 1)
    with pytest.raises(ConfigError, match="say which"):
        store.get(shared)


def test_the_difference_names_experts_figures_and_settings(store, make):
    a = store.add(
        make("a", {"kept": 0.5, "better": 0.4, "gone": 0.3}),
        figures={"held_out": "x", "log_loss": 0.6, "auc": 0.7, "experts": {"better": {"auc": 0.6}}},
    )
    b = store.add(
        make("b", {"kept": 0.5, "better": 0.6, "new": 0.2}),
        figures={"held_out": "x", "log_loss": 0.5, "auc": 0.7, "experts": {"better": {"auc": 0.65}}},
    )
    found = difference(a, b)
    assert [(row.expert, row.change) for row in found.experts] == [
        ("t/better", "changed"),
        ("t/gone", "removed"),
        ("t/new", "added"),
    ]
    better = found.experts[0]
    assert better.level == (0.4, 0.6)
    assert better.outcomes == (40, 60)
    assert better.moved == pytest.approx(0.2)
    assert found.figures == {"log_loss": (0.6, 0.5), "experts.better.auc": (0.6, 0.65)}
    assert found.comparable
    assert not found.retrained
    assert difference(a, a).experts == ()
    retrained = difference(a, store.add(make("c", {"kept": 0.5}, encoder="other")))
    assert retrained.retrained
    assert not retrained.comparable
    json.dumps(retrained.to_dict())


def test_a_file_in_the_folders_place_is_named(make, tmp_path):
    (tmp_path / "taken").write_text("not a folder")
    with pytest.raises(ConfigError, match=r"taken cannot be made a folder .*name another one"):
        write_artifact(read_artifact(make("one", {"small": 0.5})), tmp_path / "taken")
