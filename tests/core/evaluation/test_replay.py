import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from leeroo.cli import app
from leeroo.consult.model import ConsultModel
from leeroo.errors import ConfigError
from leeroo.evaluation import policies, replay
from leeroo.evaluation.crossplay import compare_crossed
from leeroo.evaluation.replaying import MISSING, read_game, write_plays
from leeroo.outcomes.table import OutcomeTable
from leeroo.prediction import ConstantPredictor

EXPERTS = {"cheap": 0.1, "other": 0.15, "dear": 5.0}
QUALITY = {"cheap": 0.6, "other": 0.6, "dear": 0.75}
PREDICTOR = ConstantPredictor(QUALITY, output_tokens=100)
MODEL = ConsultModel()
OPTIONS = "\n".join(f"{letter}. option" for letter in "ABCDEFGHIJ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """240 questions with ten options, answered by three experts whose errors share a difficulty."""
    place = tmp_path_factory.mktemp("tables") / "toy"
    place.mkdir()
    rng = np.random.default_rng(0)
    ids = [f"q{i}" for i in range(240)]
    pq.write_table(
        pa.table({"query_id": ids, "query": [f"Question number {i} of many?\n{OPTIONS}" for i in range(240)]}),
        place / "queries.parquet",
    )
    rows = []
    for query_id in ids:
        ease = rng.normal()
        for name, quality in QUALITY.items():
            right = rng.random() < 1 / (1 + np.exp(-(3 * (quality - 0.5) + 1.5 * ease)))
            answer = "A" if right else str(rng.choice(list("BCDEFGHIJ"))) if rng.random() < 0.9 else None
            rows.append((query_id, name, float(answer == "A"), 50, 100, answer))
    columns = ("query_id", "expert", "score", "prompt_tokens", "completion_tokens", "answer")
    pq.write_table(pa.table(dict(zip(columns, zip(*rows, strict=True), strict=True))), place / "outcomes.parquet")
    lines = [f"{name},{price},{price}" for name, price in EXPERTS.items()]
    (place / "experts.csv").write_text("\n".join(["expert,input_usd_per_1m,output_usd_per_1m", *lines]) + "\n")
    return place


@pytest.fixture(scope="module")
def game(folder):
    return read_game(folder, PREDICTOR)


def without_scores(folder, tmp_path):
    """The same table with scores that say nothing."""
    place = tmp_path / "toy"
    place.mkdir()
    for path in folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    table = pq.read_table(place / "outcomes.parquet").drop_columns(["score"])
    pq.write_table(table, place / "outcomes.parquet")
    return place


def test_the_game_has_clusters_and_no_scores(game, folder, tmp_path):
    assert game.experts == tuple(EXPERTS)
    assert game.clusters.min() == -1
    blind = read_game(without_scores(folder, tmp_path), PREDICTOR)
    assert (blind.clusters == game.clusters).all()


def sweep(game, rule="willingness_to_pay", **kwargs):
    return policies.sweep(game, rule, MODEL, points=8, **kwargs)


@pytest.mark.parametrize("rule", ["min_quality=0.99", "tolerance=0.02", "tolerance=0.9", "willingness_to_pay=1e-9"])
def test_who_is_nearly_always_wrong_is_asked_only_where_it_would_be_chosen_alone(folder, rule):
    """As when it serves."""
    poor = read_game(folder, ConstantPredictor({"cheap": 0.03, "other": 0.6, "dear": 0.75}, output_tokens=100))
    name, _, value = rule.partition("=")
    [play] = policies.consult(poor, policies.sweep(poor, name, ConsultModel(), value=float(value)), ConsultModel())
    alone = rule in ("tolerance=0.9", "willingness_to_pay=1e-9")
    assert all(asked == (0,) if alone else asked and 0 not in asked for asked in play.asked)


@pytest.mark.parametrize("depth", [None, 1, 2])
@pytest.mark.parametrize("haste", [0.0, 0.1])
def test_only_asked_experts_are_accepted_and_each_once(game, depth, haste):
    for play in policies.consult(game, sweep(game), MODEL, depth=depth, haste=haste):
        for asked, accepted in zip(play.asked, play.accepted, strict=True):
            assert accepted in asked
            assert len(set(asked)) == len(asked) >= 1


def test_what_was_not_asked_changes_nothing(game):
    """Experts' answers are looked at only once they were asked: others' may be anything."""
    settings = sweep(game)
    before = policies.consult(game, settings, MODEL)
    for j, play in enumerate(before):
        blind = game.take(np.arange(len(game)))
        for row, asked in enumerate(play.asked):
            for e in set(range(3)) - set(asked):
                blind.clusters[row, e] = 77
        after = policies.consult(blind, settings, MODEL)[j]
        assert after.asked == play.asked
        assert (after.accepted == play.accepted).all()


def test_dear_settings_ask_little_and_generous_ones_much(game):
    asks = [np.mean([len(a) for a in play.asked]) for play in policies.consult(game, sweep(game), MODEL)]
    assert asks[0] < 1.1
    assert asks[-1] > 2
    first = [play.asked[0] for play in policies.choose_once(game, sweep(game))]
    assert first[0] == (0,)
    assert first[-1] == (2,)


@pytest.mark.parametrize("rule", ["min_quality", "tolerance"])
def test_other_rules_are_swept_too(game, rule):
    some = game.take(np.arange(30))
    plays = policies.consult(some, sweep(some, rule), MODEL)
    assert len(plays) == 8
    assert {len(a) for play in plays for a in play.asked} > {1}
    (one,) = policies.consult(some, sweep(some, rule, value=0.3), MODEL)
    assert one.setting == f"{rule}=0.3"


def test_experts_without_an_outcome_are_not_asked(game):
    holes = game.take(np.arange(60))
    holes.clusters[:, 0] = MISSING
    holes.clusters[30:, 1] = MISSING
    plays = policies.consult(holes, sweep(holes), MODEL) + policies.cascade_routing(holes, sweep(holes), MODEL)
    plays += policies.choose_once(holes, sweep(holes)) + policies.majority(holes)
    plays += policies.cascade(holes, MODEL, [1, 2], [0.5, 0.9])
    for play in plays:
        for row, asked in enumerate(play.asked):
            assert asked
            assert MISSING not in holes.clusters[row, list(asked)]


def test_a_cascade_stops_at_its_threshold(game):
    eager, thorough = policies.cascade(game, MODEL, [0, 1, 2], [0.0, 1.1])
    assert all(asked == (0,) for asked in eager.asked)
    assert all(asked == (0, 1, 2) for asked in thorough.asked)


def test_majority_takes_the_answer_that_most_give(game):
    most = policies.majority(game)[-1]
    for row, accepted in enumerate(most.accepted):
        votes = game.clusters[row][game.clusters[row] >= 0].tolist()
        if votes:
            assert votes.count(game.clusters[row, accepted]) == max(votes.count(v) for v in votes)


def test_plays_are_written_as_the_columns_say(game, tmp_path):
    plays = policies.consult(game, sweep(game), MODEL)
    assert write_plays(plays, game, tmp_path / "plays.parquet") == 8 * 240
    table = pq.read_table(tmp_path / "plays.parquet")
    assert table.column_names == ["setting", "query_id", "asked", "accepted"]
    first = table.slice(0, 1).to_pylist()[0]
    assert first["asked"] == [game.experts[e] for e in plays[0].asked[0]]
    with pytest.raises(ConfigError, match="parquet"):
        write_plays(plays, game, tmp_path / "plays.csv")


def test_a_comparison_scores_what_was_played(folder, game):
    table = OutcomeTable.read(folder)
    develop, rest = game.take(np.arange(120)), game.take(np.arange(120, 240))
    found = replay.compare(rest, develop, table)
    scores, costs = replay.scores_of(rest, table)
    always = next(p for p in policies.choose_once(rest, sweep(rest)) if all(a == (2,) for a in p.asked))
    scored = replay.score([always], scores, costs)
    assert scored.score.mean() == pytest.approx(scores[:, 2].mean())
    assert scored.cost.mean() == pytest.approx(costs[:, 2].mean())
    text = replay.markdown(found)
    assert "| consult |" in text
    assert "consult over choose once" in text
    assert np.isfinite(replay.figures(found.scored["consult"], found.reference_score, found.reference_cost)[4])


@pytest.fixture
def cli(monkeypatch):
    monkeypatch.setattr("leeroo.prediction.load", lambda *_: PREDICTOR)

    def run(*args):
        return CliRunner().invoke(app, ["replay", *map(str, args)], catch_exceptions=True)

    return run


def test_the_command_plays_and_writes(cli, folder, tmp_path):
    out = tmp_path / "plays.parquet"
    done = cli(folder, "--consult", "--experts", "cheap,dear", "--points", 5, "--out", out)
    assert done.exit_code == 0, done.output
    assert set(pq.read_table(out)["accepted"].to_pylist()) <= {"cheap", "dear"}
    assert cli(folder, "--policy", "majority").exit_code == 0
    assert cli(folder, "--policy", "cascade", "--points", 3).exit_code == 0
    assert "consult: 1 setting of 240 queries" in cli(folder, "--consult", "--rule", "min_quality=0.8").output


def test_the_command_fits_and_compares(cli, folder, tmp_path):
    model = tmp_path / "model.json"
    assert cli(folder, "--fit", model).exit_code == 0
    assert ConsultModel.read(model).traits.keys() == EXPERTS.keys()
    done = cli(folder, "--split", "train", "--compare", "--model", model, "--plot", tmp_path / "plot.svg")
    assert done.exit_code == 0, done.output
    assert "| cascade routing |" in done.output
    assert (tmp_path / "plot.svg").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--policy", "consul"], "Did you mean 'consult'"),
        (["--rule", "minquality"], "Did you mean 'min_quality'"),
        (["--rule", "tolerance=x"], "no number"),
        (["--rule", "tolerance=3"], "between 0 and 1"),
        (["--experts", "cheap,nobody"], "nobody"),
        (["--experts", "cheap,cheap"], "each once"),
        (["--split", "tset"], "Did you mean 'test'"),
        (["--out", "plays.csv"], "parquet"),
    ],
)
def test_what_the_command_refuses(cli, folder, args, message):
    done = cli(folder, *args)
    assert done.exit_code != 0
    assert message in str(done.exception)


def test_crossed_parts_count_every_query_once_and_are_fitted_on_each_other(folder, game):
    table = OutcomeTable.read(folder)
    one, other = game.take(np.arange(100)), game.take(np.arange(100, 240))
    apart = replay.compare(one, other, table), replay.compare(other, one, table)
    assert [found.reference for found in apart] == ["dear", "dear"]
    both = compare_crossed(one, other, table)
    sizes = [len(found.reference_score) for found in apart]
    assert len(both.reference_score) == len(both.reference_cost) == sum(sizes)
    assert both.fitted == apart[0].fitted
    assert both.scored.keys() == apart[0].scored.keys()
    for name, scored in both.scored.items():
        first, second = (found.scored[name] for found in apart)
        assert scored.score.shape == scored.cost.shape == (max(len(first.score), len(second.score)), sum(sizes))
        for end in (0, -1):
            parts = [first.score[end], second.score[end]]
            assert np.array_equal(scored.score[end], np.concatenate(parts))
            asks = (sizes[0] * first.asks[end] + sizes[1] * second.asks[end]) / sum(sizes)
            assert scored.asks[end] == pytest.approx(asks)


def test_crossed_parts_with_different_references_are_refused(folder, game):
    table = OutcomeTable.read(folder)
    scores, _ = replay.scores_of(game, table)
    cheap_wins = np.flatnonzero(scores[:, 0] > scores[:, 2])
    rest = np.setdiff1d(np.arange(len(game)), cheap_wins)
    with pytest.raises(ConfigError, match="cheap is the best of one part and dear of the other"):
        compare_crossed(game.take(cheap_wins), game.take(rest), table)


@pytest.fixture(scope="module")
def repeated(folder, tmp_path_factory):
    """The same questions, and two more draws of the cheap expert: half of the time it says the same again."""
    place = tmp_path_factory.mktemp("tables") / "repeated"
    place.mkdir()
    (place / "queries.parquet").write_bytes((folder / "queries.parquet").read_bytes())
    prices = (folder / "experts.csv").read_text()
    (place / "experts.csv").write_text(f"{prices}cheap#2,0.1,0.1\ncheap#3,0.1,0.1\n")
    rng, table = np.random.default_rng(0), pq.read_table(folder / "outcomes.parquet").to_pylist()
    for row in [row for row in table if row["expert"] == "cheap"]:
        for draw in ("cheap#2", "cheap#3"):
            fresh = "A" if rng.random() < 0.6 else str(rng.choice(list("BCDEFGHIJ")))
            answer = row["answer"] if rng.random() < 0.5 else fresh
            table.append({**row, "expert": draw, "answer": answer, "score": float(answer == "A")})
    pq.write_table(pa.Table.from_pylist(table), place / "outcomes.parquet")
    return place


def test_further_draws_of_an_expert_are_played_as_its_own(repeated):
    game = read_game(repeated, PREDICTOR)
    assert game.names == ("cheap", "other", "dear", "cheap", "cheap")
    assert game.draws == (0, 1, 2, 0, 0)
    assert (game.quality[:, 3] == game.quality[:, 0]).all()
    for play in policies.consult(game, sweep(game), MODEL) + policies.cascade_routing(game, sweep(game), MODEL):
        for asked in play.asked:
            assert len(set(asked)) == len(asked)
            assert [e for e in asked if game.draws[e] == 0] == [e for e in (0, 3, 4) if e in asked]
    copies = ConsultModel(repeat_correlation=1.0)
    assert all(set(a) <= {0, 1, 2} for play in policies.consult(game, sweep(game), copies) for a in play.asked)


def test_how_an_expert_repeats_itself_is_fitted_on_a_table_with_draws(repeated):
    found = replay.fit_on(read_game(repeated, PREDICTOR), OutcomeTable.read(repeated))
    assert found.repeated == 240
    assert set(found.model.traits) == set(EXPERTS)
    assert found.model.repeat_correlation != ConsultModel().repeat_correlation


def test_a_table_of_single_answers_repeats_nobody(folder):
    with pytest.raises(ConfigError, match=r"each once.*one answer of each.*NAME#2"):
        read_game(folder, PREDICTOR, experts=["cheap", "cheap"])
