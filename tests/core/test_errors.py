from leeroo import BudgetExceeded
from leeroo.errors import did_you_mean, nearest


def test_the_nearest_word_is_offered_else_all_of_them():
    assert did_you_mean("larg", ["small", "large"]) == " Did you mean 'large'?"
    assert did_you_mean("zzz", ["b", "a"]) == " Known: a, b."
    assert did_you_mean("zzz", []) == ""


def test_what_counts_as_near_is_the_askers():
    assert nearest("larg", ["small", "large"]) == "large"
    assert nearest("larg", ["small", "large"], least=0.95) is None


def test_an_error_carries_its_record():
    assert BudgetExceeded("no", {"call_id": "x"}).record == {"call_id": "x"}
    assert BudgetExceeded("no").record is None
