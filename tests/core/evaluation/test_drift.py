import numpy as np
import pytest

from leeroo.evaluation import drift


@pytest.fixture
def world() -> drift.World:
    """Two experts: the favourite is better on every query, the other cheaper."""
    rng = np.random.default_rng(0)
    return drift.World(
        names=("good", "cheap"),
        quality=[[0.9, 0.6]] * 200,
        cost=[[10.0, 1.0]] * 200,
        scores=np.stack([rng.random(200) < 0.9, rng.random(200) < 0.6], axis=1).astype(float),
    )


def test_the_favourite_is_the_one_with_most_traffic(world: drift.World) -> None:
    assert (world.favourite, world.usual) == (0, 1.0)


def test_without_learning_the_traffic_stays(world: drift.World) -> None:
    favoured, scores = world.run(None, 1.0, seed=0)
    assert favoured.all()
    bad = slice(drift.PHASES[0], drift.PHASES[0] + drift.PHASES[1])
    assert scores[bad].mean() == pytest.approx(world.scores[:, 0].mean() / 2, abs=0.05)


def test_feedback_moves_the_traffic_away_and_forgetting_brings_it_back(world: drift.World) -> None:
    favoured, _ = world.run(500.0, 1.0, seed=0)
    worse, better = drift.PHASES[0], drift.PHASES[0] + drift.PHASES[1]
    assert favoured[:worse].mean() > 0.8
    assert favoured[worse + 500 : better].mean() < 0.5
    assert favoured[-1000:].mean() > 0.6


def test_the_report_names_every_learner(world: drift.World) -> None:
    lines = drift.study(world, seeds=2)
    text = drift.markdown(world, lines, "toy")
    assert "good, with 100% of the traffic" in text
    for learner in ("forgetting", "never forgetting", "no learning"):
        assert f"| {learner} |" in text
    assert next(line for line in lines if line.learner == "no learning").never == (1.0, 0.0)
