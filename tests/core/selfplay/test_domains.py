import pytest

from leeroo.errors import ConfigError
from leeroo.selfplay.domains import read_domains, scorer, verified_families

GOOD = """\
generator: large
domains:
  sums: {family: arithmetic, difficulty: [1, 2], weight: 2}
  tickets:
    description: questions of customers
    examples: ["How do I pay?"]
    examples_file: tickets.txt
    documents: "*.md"
    check: judge
    rubric: friendly
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "domains.yaml"
        path.write_text(text)
        return path

    return write


def test_examples_and_passages_are_read_beside_the_file(write, tmp_path):
    (tmp_path / "tickets.txt").write_text("Where is my order?\n\nIt broke.\n")
    (tmp_path / "handbook.md").write_text("x" * 2500)
    found = read_domains(write(GOOD))
    assert found.generator == "large"
    assert found.domains["sums"].difficulty == (1, 2)
    tickets = found.domains["tickets"]
    assert tickets.examples == ("How do I pay?", "Where is my order?", "It broke.")
    assert [len(passage) for passage in tickets.material] == [2000, 500]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "domains:\n  a: {family: arithmetc}",
            r":2: domains.a.family: unknown family 'arithmetc'. Did you .*arithmetic",
        ),
        (
            "domains:\n  a:\n    family: units\n    chek: exact",
            r":4: domains.a.chek: unknown key. Did you mean 'check'",
        ),
        ("domain:\n  a: {family: units}", r":1: domain: unknown key. Did you mean 'domains'"),
        ("domains: {}", r":1: domains: "),
        ("domains:\n  a: {description: x}", r":2: domains.a: 'check' says how"),
        ("domains:\n  a: {family: units, description: x}", r":2: domains.a: give either"),
        ("domains:\n  a: {family: units, rubric: x}", r":2: domains.a: 'rubric' is for domains with"),
        ("domains:\n  a: {description: x, check: function}", r":2: domains.a: 'function' and"),
        ("domains:\n  a:\n    family: units\n    difficulty: [1,\n      4]", r":5: domains.a.difficulty.1: "),
        ("domains:\n  a:\n    family: units\n    weight: 0", r":4: domains.a.weight: "),
        ("domains:\n  a: {description: x, check: exact, documents: '*.pdf'}", r":2: documents: '\*.pdf' matches no"),
        ("domains:\n  a: {description: x, check: exact, examples_file: no.txt}", r":2: examples_file: cannot read"),
        ("domains:\n  a: [", r":2: not valid YAML"),
        ("domains:\n  a: {family: units}\n  a: {family: dates}", r":3: .*the key 'a' is there twice, first in line 2"),
        ("- a", r"is a mapping with the key 'domains'"),
    ],
)
def test_errors_name_line_and_keys(write, text, message):
    with pytest.raises(ConfigError, match=message):
        read_domains(write(text))


def test_no_such_file(tmp_path):
    with pytest.raises(ConfigError, match="Cannot read"):
        read_domains(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("function", "message"),
    [("nothing", "module:function"), ("no_such_module:f", "cannot import"), ("json:no", "has no 'no'"),
     ("json:__name__", "not a function")],
)  # fmt: skip
def test_a_function_that_is_not_there(write, function, message):
    found = read_domains(write(f"domains:\n  a: {{description: x, check: function, function: '{function}'}}"))
    with pytest.raises(ConfigError, match=message):
        scorer(found.domains["a"], "a")


def test_without_a_file_every_family_with_short_answers_is_a_domain():
    assert len(verified_families().domains) == 8
