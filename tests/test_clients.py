"""The command behind `make clients`."""

import pytest

from tests.clients.__main__ import CLIENTS, options


def test_all_clients_are_tried_where_none_is_named():
    given = options([])
    assert list(given.clients or CLIENTS) == list(CLIENTS)


def test_single_clients_are_named():
    assert options(["litellm", "openai"]).clients == ["litellm", "openai"]


def test_an_unknown_client_is_refused(capsys):
    with pytest.raises(SystemExit):
        options(["no-such-client"])
    assert "invalid choice" in capsys.readouterr().err
