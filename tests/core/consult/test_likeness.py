import math

import pytest

from leeroo.consult.equivalence import INCOMPARABLE, Equivalence, Groups, Reply, cluster_all
from leeroo.consult.likeness import FEATURES, Likeness, Verdicts, features, shipped, told
from leeroo.errors import ConfigError

QUESTION = (
    "A shop sells 12 boxes of 30 pens and gives a quarter of the pens away. How many pens are left to sell there?"
)
FIRST = (
    "There are 12 boxes with 30 pens each, which makes 360 pens together. A quarter of these is 90 pens, and these are "
    "given away to people who come by. So the shop keeps 270 pens for the days that follow this one."
)
AGREES = (
    "To begin with, 12 times 30 gives 360 pens. The shop parts with one in four of them, so 90 pens go. Taking the 90 "
    "away from the 360 leaves the shop with a stock of 270 pens on its shelves, all of them ready to be sold."
)
DIFFERS = (
    "We have 12 boxes and 30 pens in each, and 12 plus 30 makes 42 things that can be handed out to people. A quarter "
    "of those would be about 10 things, and thus the people in the shop can go on to sell only 32 pens."
)
PROSE = "The sea is wide and deep, and many have written about it in books that nobody reads any more today. " * 3


def test_long_answers_with_results_are_told_apart():
    assert shipped().same(FIRST, AGREES, QUESTION) is True
    assert shipped().same(FIRST, DIFFERS, QUESTION) is False
    assert cluster_all([Reply(one) for one in (FIRST, DIFFERS, AGREES)], QUESTION) == [0, 1, 0]


def test_it_is_symmetric():
    for one, other in ((FIRST, AGREES), (FIRST, DIFFERS), (AGREES, DIFFERS)):
        assert shipped().same(one, other, QUESTION) == shipped().same(other, one, QUESTION)


def test_prose_is_not_compared():
    assert shipped().same(PROSE, f"It is said that {PROSE}", "Write about the sea.") is None
    assert Groups(Equivalence(), "Write about the sea.").place(Reply(PROSE)) == INCOMPARABLE


def test_what_is_unsure_of_a_first_cluster_may_still_be_the_same_as_a_second():
    likeness = Likeness(others=Verdicts({"constant": -1.0, "words": 4.0}, 0.9, 0.1))
    equivalence = Equivalence(likeness=likeness)
    groups = Groups(equivalence, "Write about the sea.")
    other = "Mountains rise above clouds while rivers carve valleys beneath them, slowly, for millions of years, " * 2
    assert [groups.place(Reply(one)) for one in (PROSE, other)] == [0, INCOMPARABLE]
    assert groups.place(Reply(PROSE)) == 0


def test_switched_off_nothing_long_is_compared():
    assert Groups(Equivalence(likeness=None), QUESTION).place(Reply(FIRST)) == INCOMPARABLE


def test_the_question_s_own_numbers_and_exponents_are_no_results():
    assert told("So he has 12 boxes.", QUESTION).last is None
    assert told("It comes to 3.5 × 10^{4} km, all in all.", "How far?").last == 35000.0
    assert told("The output is [2, 2, 5].", "What is the output?").last is None
    assert told("", QUESTION).numbers == frozenset()


@pytest.mark.parametrize("text", ["", "?", "9" * 400, "1e999 and 1e-999.", "\n\n\n", "a" * 300_000 + " 5."])
def test_odd_texts_give_finite_features(text):
    found = features(told(text, QUESTION), told(FIRST, QUESTION))
    assert len(found) == len(FEATURES)
    assert all(math.isfinite(value) for value in found)


def test_a_similarity_counts_where_it_was_fitted_with_one():
    likeness = Likeness(others=Verdicts({"constant": -5.0, "similarity": 10.0}, 0.9, 0.1))
    other = PROSE.replace("sea", "land")
    assert likeness.same(PROSE, other, "?", lambda *_: 0.9) is True
    assert likeness.same(PROSE, other, "?", lambda *_: 0.1) is False
    assert likeness.same(PROSE, other, "?", lambda *_: 0.5) is None
    assert likeness.same(PROSE, other, "?", lambda *_: math.nan) is None
    assert likeness.same(PROSE, other, "?") is None


def test_it_is_kept_as_json(tmp_path):
    shipped().write(tmp_path / "likeness.json")
    assert Likeness.read(tmp_path / "likeness.json") == shipped()
    assert shipped().about["measured"]["numbers"]["same"][1] < 0.05
    assert {"source", "date"} <= set(shipped().about)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ('{"number": {}}', "number"),
        ('{"numbers": {"weights": {"word": 1}, "same_from": 0.9, "other_to": null}}', "words"),
        ('{"numbers": {"weights": {"words": NaN}, "same_from": 0.9, "other_to": null}}', "finite"),
        ('{"numbers": {"weights": {}, "same_from": 2, "other_to": null}}', "threshold"),
        ('{"numbers": {"weights": {}, "same_from": 0.2, "other_to": 0.4}}', "different"),
        ('{"numbers": 3}', "weights"),
        ("[]", "object"),
        ("not json", "JSON"),
    ],
)
def test_bad_files_are_refused(tmp_path, given, match):
    (tmp_path / "bad.json").write_text(given)
    with pytest.raises(ConfigError, match=match):
        Likeness.read(tmp_path / "bad.json")


def test_a_missing_file_names_the_remedy(tmp_path):
    with pytest.raises(ConfigError, match="leeroo equivalence"):
        Likeness.read(tmp_path / "none.json")
