import threading

import pytest
from pydantic import BaseModel

from leeroo.consult.equivalence import INCOMPARABLE, Equivalence, Groups, Reply, cluster_all
from leeroo.consult.places import ABSTAINED
from leeroo.consult.readings import by_value, letter_of, options_of
from leeroo.errors import ConfigError

CHOICE = "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium"
LONG = "An essay of many words about the sea, " * 30


def clusters(question, *answers, **how):
    return cluster_all([Reply(a) for a in answers], question, Equivalence(**how))


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (CHOICE, "B", "Plants breathe in CO2 ... so the answer is (B)."),
        (CHOICE, "**B.** Carbon dioxide", "Let me think.\nAnswer: B"),
        (CHOICE, "\\boxed{B}", "B"),
        ("What is 7 + 5?", "12", "7 + 5 = 12."),
        ("What is 7 + 5?", "The answer is 12.", "12.0"),
        ("What does it cost?", "1,200", "It is 1200."),
        ("How far is it?", "3.5 km", "3500 metres"),
        ("How far is it?", "about 3.5 kilometers", "It is 3,500 m."),
        ("What share?", "25%", "0.25"),
        ("When did the war end?", "8 May 1945", "The war ended on May 8, 1945."),
        ("When did the war end?", "1945-05-08", "8th of May, 1945"),
        ("What is the capital of France?", "Paris", "The capital of France is Paris."),
        ("Who wrote Hamlet?", "William Shakespeare", "William Shakespeare wrote Hamlet."),
        ("Give the object.", '{"a": 1, "b": [1, 2]}', 'Here:\n```json\n{"b": [1.0, 2], "a": 1}\n```'),
    ],
)
def test_the_same_answer_in_other_words(question, one, other):
    assert clusters(question, one, other) == [0, 0]


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (CHOICE, "B", "The answer is C."),
        ("What is 7 + 5?", "12", "13"),
        ("How far is it?", "3.5 km", "3.5 miles"),
        ("How far is it?", "3.5 km", "3.5"),
        ("When did the war end?", "8 May 1945", "9 May 1945"),
        ("What is the capital of France?", "Paris", "Lyon"),
        ("Give the object.", '{"a": 1}', '{"a": true}'),
        ("Give the object.", "[1, 2]", "[2, 1]"),
    ],
)
def test_other_answers(question, one, other):
    assert clusters(question, one, other) == [0, 1]


@pytest.mark.parametrize(
    "text", ["", " \n", "I'm sorry, but I can't help with that.", "I don't know.", "As an AI, I have no opinion."]
)
def test_refusals_and_nothing_are_no_agreement(text):
    assert clusters("What is the capital of France?", text, text, "Paris") == [ABSTAINED, ABSTAINED, 0]


def test_what_is_cut_off_or_chooses_no_option_abstains():
    groups = Groups(Equivalence(), CHOICE)
    assert groups.place(Reply("The answer is B", truncated=True)) == ABSTAINED
    assert groups.place(Reply("It depends on the plant, of course.")) == ABSTAINED
    assert groups.place(Reply("The answer is Z")) == ABSTAINED


def test_free_text_cannot_be_compared_unless_the_caller_helps():
    groups = Groups(Equivalence(), "Write about the sea.")
    assert groups.place(Reply(LONG)) == INCOMPARABLE
    assert clusters("Write.", LONG, LONG + "!", similarity=lambda a, b: 0.95) == [0, 0]
    assert clusters("Write.", LONG, LONG + "!", similarity=lambda a, b: 0.5) == [0, 1]
    assert clusters("Write.", LONG, LONG + "!", equivalent=lambda a, b: a[:5] == b[:5]) == [0, 0]


def test_an_answer_of_a_hundred_thousand_tokens():
    long = "word " * 100_000
    assert clusters(CHOICE, f"{long} The answer is B.", "B") == [0, 0]
    assert Groups(Equivalence(), "Write.").place(Reply(long)) == INCOMPARABLE
    assert Groups(Equivalence(), "Write.").place(Reply("[" * 100_000)) in (INCOMPARABLE, ABSTAINED, 0)


def test_tool_calls_are_compared_by_name_and_arguments():
    def call(name, arguments):
        return Reply("", tool_calls=((name, arguments),))

    replies = [
        call("weather", {"city": "Rome", "days": 1}),
        call("weather", '{"days": 1.0, "city": "Rome"}'),
        call("weather", {"city": "Oslo", "days": 1}),
        call("news", {"city": "Rome", "days": 1}),
        Reply("It is sunny in Rome."),
    ]
    assert cluster_all(replies, "What is the weather in Rome?") == [0, 0, 1, 2, 3]


class Place(BaseModel):
    city: str
    people: int


def test_structured_answers_are_compared_by_value():
    replies = [
        Reply("x", parsed=Place(city="Rome", people=3)),
        Reply("y", parsed={"people": 3, "city": "Rome"}),
        Reply("z", parsed=Place(city="Rome", people=4)),
    ]
    assert cluster_all(replies, "Where?") == [0, 0, 1]


@pytest.mark.parametrize(
    "verify",
    [
        lambda text: text.startswith("{"),
        Place,
        {"type": "object", "required": ["city"], "properties": {"people": {"type": "integer"}}},
    ],
)
def test_what_fails_the_callers_check_abstains(verify):
    good = '{"city": "Rome", "people": 3}'
    assert clusters("Where?", "Rome", good, good, verify=verify) == [ABSTAINED, 0, 0]


def test_a_check_makes_free_text_comparable():
    assert clusters("Write code.", LONG, LONG + "broken", LONG + "x", verify=lambda t: "broken" not in t) == [0, -1, 0]


def test_a_check_that_raises_fails_the_answer_and_is_told():
    groups = Groups(Equivalence(verify=lambda text: 1 / 0), "What is the capital of France?")
    assert groups.place(Reply("Paris")) == ABSTAINED
    assert groups.notes == ["verify raised ZeroDivisionError"]


def test_a_check_that_hangs_is_not_asked_again():
    forever, asked = threading.Event(), []

    def verify(text):
        asked.append(text)
        return forever.wait(60)

    groups = Groups(Equivalence(verify=verify), "What is the capital of France?")
    assert groups.place(Reply("Paris"), seconds=0.01) == 0
    assert groups.place(Reply("paris"), seconds=0.01) == 0
    assert len(asked) == 1
    assert "too long" in groups.notes[0]
    forever.set()


def test_an_equivalent_that_raises_leaves_nothing_to_compare():
    def equivalent(one, other):
        raise KeyError(one)

    groups = Groups(Equivalence(equivalent=equivalent), "Write.")
    assert [groups.place(Reply(LONG)), groups.place(Reply("other"))] == [0, INCOMPARABLE]
    assert groups.notes == ["equivalent raised KeyError"]


def test_an_equivalent_that_is_not_symmetric_counts_as_different():
    groups = Groups(Equivalence(equivalent=lambda one, other: one < other), "Write.")
    assert [groups.place(Reply("a")), groups.place(Reply("b"))] == [0, 1]
    assert "not symmetric" in groups.notes[0]


@pytest.mark.parametrize("how", [{"equivalent": 3}, {"similarity": "x"}, {"verify": 3}, {"threshold": 2.0}])
def test_what_is_no_way_to_compare(how):
    with pytest.raises(ConfigError):
        Equivalence(**how)


def test_options_are_counted():
    assert options_of(CHOICE) == 3
    assert options_of("Is it (A) red or so?") is None
    assert letter_of("I would say so.") is None
    assert by_value({"a": float("nan")}) == by_value({"a": float("nan")})


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        *(("It must be A.", "A"), ("I choose: (A)", "A"), ("I'd go with **C**", "C"), ("the answer is b", "B")),
        *(("The answer is a) Oxygen", "A"), ("A", "A"), ("A. Oxygen", "A"), ("A - Oxygen", "A"), ("B because", "B")),
        *(("(b)", None), ("The answer is a mammal.", None), ("A mammal does.", None), ("I'm not sure", None)),
        *(("First I pick a card; the answer is D.", "D"), ("Option B", "B"), ("It should be a gas", None)),
        ("The correct answer is: [C]", "C"),
    ],
)
def test_letters_are_told_from_words(answer, letter):
    assert letter_of(answer) == letter
