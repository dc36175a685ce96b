import math

from leeroo.consult.marks import cluster_in, fingerprint, marks_of, marks_of_fingerprints
from leeroo.consult.places import ABSTAINED

CHOICE = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
SAID = ["The answer is B.", "A", "(B)", "", None]
ESSAY = "Plants take in light, and then a good many things follow, of which nobody has yet told the whole story. " * 9


def test_marks_say_which_answers_are_the_same_and_nothing_else():
    assert marks_of(SAID, CHOICE) == ["#0", "#1", "#0", "#-", None]
    assert marks_of([ESSAY, ESSAY], "Tell me of plants.") == [None, None]


def test_fingerprints_of_single_answers_come_to_the_same_marks():
    prints = [math.nan if answer is None else fingerprint(answer, CHOICE) for answer in SAID]
    assert marks_of_fingerprints(prints) == marks_of(SAID, CHOICE)
    assert math.isnan(fingerprint(ESSAY, "Tell me of plants."))
    assert fingerprint("B", CHOICE) != fingerprint("B", CHOICE.replace("plants", "people"))


def test_marks_are_read_and_answers_are_no_marks():
    assert [cluster_in(text) for text in ("#0", "#12", "#-", "B", "# 1", "")] == [0, 12, ABSTAINED, None, None, None]
