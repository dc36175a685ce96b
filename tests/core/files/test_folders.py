import pytest

from leeroo.errors import ConfigError
from leeroo.files.folders import made_folder


def test_a_folder_is_made_with_those_above_it_and_may_be_there(tmp_path):
    for _ in range(2):
        made_folder(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()


@pytest.mark.parametrize("under", ["taken", "taken/below"])
def test_a_file_in_its_place_is_named_with_the_remedy(tmp_path, under):
    (tmp_path / "taken").write_text("kept")
    with pytest.raises(ConfigError, match=rf"{under} cannot be made a folder .*name another one"):
        made_folder(tmp_path / under)
    assert (tmp_path / "taken").read_text() == "kept"
