import math

import numpy as np
import pytest

from leeroo.consult.logprobs import LEAST_SEEN, MOST, LogProb, LogProbs, Shifts, logprob_of
from leeroo.consult.model import ConsultModel, Trait
from leeroo.consult.places import ABSTAINED, UNASKED
from leeroo.consult.posterior import outlook
from leeroo.errors import ConfigError

QUESTION = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide"


def choice(*tokens):
    return {"logprobs": {"content": [{"token": token, "logprob": value} for token, value in tokens]}}


@pytest.mark.parametrize(
    ("tokens", "question", "expected"),
    [
        ((("The", -1.0), (" answer", -0.2), (" is", 0.0), (" B", -0.7), (".", -0.1)), QUESTION, (-0.7, "letter")),
        ((("A", -0.3), (".", 0.0), (" A", -2.0), (" gas", -1.0)), QUESTION, (-0.3, "letter")),
        ((("four", -1.0), ("teen", -3.0)), "What is 7 + 7?", (-2.0, "answer")),
        ((("yes", -9999.0),), "Is it?", (-20.0, "answer")),
        ((("yes", 0.5),), "Is it?", (0.0, "answer")),
        ((("yes", -(10**400)),), "Is it?", (-20.0, "answer")),
    ],
)
def test_a_letter_s_token_or_the_mean(tokens, question, expected):
    text = "".join(token for token, _ in tokens)
    assert logprob_of(choice(*tokens), text, question) == LogProb(*expected)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"logprobs": None},
        {"logprobs": [1]},
        {"logprobs": {"content": None}},
        {"logprobs": {"content": ["B", {"token": "B"}, {"token": 3, "logprob": -1.0}]}},
        choice(("B", math.nan)),
        choice(("B", True)),
    ],
)
def test_what_cannot_be_read_says_nothing(given):
    assert logprob_of(given, "B", QUESTION) is None


def test_a_value_says_something_beside_the_expert_s_usual_one_of_its_kind():
    known = LogProbs()
    for _ in range(LEAST_SEEN):
        assert known.surplus("x", LogProb(-0.5, "letter")) == 0
    assert known.surplus("x", LogProb(-2.5, "letter")) == pytest.approx(-2.0)
    assert known.surplus("x", LogProb(-2.5, "answer")) == 0
    assert known.surplus("y", LogProb(-2.5, "letter")) == 0


def test_shifts_are_bounded_and_none_where_nothing_is_known():
    known = LogProbs()
    for _ in range(LEAST_SEEN):
        known.surplus("x", LogProb(-0.5, "letter"))
    shifts = Shifts(known, 0.25, ["w", "x"])
    assert shifts.take(0, LogProb(-3.0, "letter")) == {"logprob": -3.0}
    assert shifts.take(0, None) == {}
    assert shifts.values == ()
    shifts.take(1, LogProb(-20.0, "letter"))
    assert shifts.values == (0.0, -MOST)
    without = Shifts(known, 0.0, ["w", "x"])
    assert without.known is None
    assert without.take(1, LogProb(-20.0, "letter")) == {}


def test_a_shift_is_a_bias_of_that_answer():
    biased = ConsultModel(traits={"y": Trait(bias=-0.6)})
    quality, names, state = np.array([[0.6, 0.7, 0.5]]), ("x", "y", "z"), (0, 1, UNASKED)
    shifted = outlook(ConsultModel(), quality, names, state, 1, shifts=(0.0, -0.6, 0.0))
    np.testing.assert_allclose(shifted.joint, outlook(biased, quality, names, state, 1).joint)
    usual = outlook(ConsultModel(), quality, names, state, 1)
    assert shifted.posterior()[0, 1] < usual.posterior()[0, 1]
    np.testing.assert_array_equal(
        outlook(ConsultModel(), quality, names, state, 1, shifts=(0.0,) * 3).joint, usual.joint
    )


def test_who_abstains_is_not_shifted():
    quality, names, state = np.array([[0.6, 0.7]]), ("x", "y"), (0, ABSTAINED)
    usual = outlook(ConsultModel(), quality, names, state, 0).joint
    np.testing.assert_array_equal(outlook(ConsultModel(), quality, names, state, 0, shifts=(0.0, 0.9)).joint, usual)


def test_a_model_says_how_much_a_nat_is_worth():
    assert ConsultModel.of({"slope": 1.2}).certainty == 0.25
    assert ConsultModel.of(ConsultModel(certainty=0.0).to_dict()).certainty == 0.0
    with pytest.raises(ConfigError, match="certainty"):
        ConsultModel(certainty=-0.1)
