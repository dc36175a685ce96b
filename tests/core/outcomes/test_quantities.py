import pytest

from leeroo.errors import ConfigError
from leeroo.outcomes.quantities import units


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("It is 3500 m.", "3.5 km", True),
        ("The answer is 3,500 metres long", "3.5 km", True),
        ("3.5", "3.5 km", False),
        ("3.5 kg", "3.5 km", False),
        ("90 km/h is 25 m/s.", "90 km/h", True),
        ("26 m/s", "90 km/h", False),
        ("2 hours and then 30 minutes = 150 min", "2.5 hours", True),
        ("25 degrees Celsius", "298.15 K", True),
        ("nothing", "1 m", False),
    ],
)
def test_quantities_are_compared_in_any_unit(answer, expected, right):
    assert units(answer, expected) is right


def test_an_expected_answer_without_a_unit_is_refused():
    with pytest.raises(ConfigError, match="'12' is not a number with a unit"):
        units("12 m", "12")
