"""Keys, scopes, limits and sizes, over HTTP; and that no prompt is ever in a log."""

import json
import logging
import subprocess
import urllib.error
import urllib.request

import openai
import pytest

from leeroo.ledger.limits import Limit
from leeroo.ledger.opening import open_ledger
from leeroo.serve.app import Settings
from leeroo.serve.errors import Refusal
from leeroo.serve.gate import Rates
from leeroo.serve.keys import KeyFile
from leeroo.serve.running import serve
from tests.integration.serve.conftest import router_over, running

ASK = [{"role": "user", "content": "What is the capital of France?"}]


def client_of(url, key="none"):
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


def ask(url, key, **more):
    return client_of(url, key).chat.completions.create(model="leeroo", messages=ASK, **more)


def metrics(url, key):
    request = urllib.request.Request(f"{url}/metrics", headers={"Authorization": f"Bearer {key}"})
    return urllib.request.urlopen(request).read()


def test_keys_bind_calls_to_scopes_whose_limits_hold(experts, tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    keys = KeyFile(tmp_path / "keys.json")
    _, team = keys.add("acme/team")
    key, other = keys.add("acme/other")
    _, operator = keys.add("*")
    with running(router_over(experts, ledger=ledger), keys=keys) as url:
        with pytest.raises(openai.AuthenticationError, match="unknown here"):
            ask(url, "lr-wrong")
        assert ask(url, team).model_extra["leeroo"]["budget"]["scope"] == "acme/team"
        below = ask(url, team, extra_headers={"X-Leeroo-Scope": "acme/team/ann"})
        assert below.model_extra["leeroo"]["budget"]["scope"] == "acme/team/ann"
        with pytest.raises(openai.PermissionDeniedError, match="bound to the scope 'acme/team'"):
            ask(url, team, extra_body={"leeroo": {"scope": "acme/teamwork"}})
        assert [row["calls"] for row in ledger.spend("scope", "acme/team")] == [1, 1]

        ledger.set_limit(Limit.of("acme/team", "day", "usd", 0.000001))
        with pytest.raises(openai.APIStatusError, match="budget") as broke:
            ask(url, team)
        assert (broke.value.status_code, broke.value.code) == (402, "budget_exceeded")
        ledger.set_limit(Limit.of("acme/other", "minute", "calls", 1))
        ask(url, other)
        with pytest.raises(openai.RateLimitError, match="1 call per minute") as full:
            ask(url, other, stream=True)
        assert 0 < int(full.value.response.headers["retry-after"]) <= 60

        with pytest.raises(urllib.error.HTTPError) as closed:
            metrics(url, team)
        assert closed.value.code == 403
        keys.revoke(key.id)
        with pytest.raises(openai.AuthenticationError, match="revoked"):
            ask(url, other)
        assert ask(url, operator, extra_body={"leeroo": {"scope": "anyone"}}).id


def test_budgets_come_by_header_and_body_and_errors_name_what_is_wrong(url):
    client = client_of(url)

    def refused(**more):
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(**{"model": "leeroo", "messages": ASK, **more})
        return caught.value

    by_header = ask(url, "none", extra_headers={"X-Leeroo-Max-Cost": "0.5", "X-Leeroo-Min-Quality": "0.4"})
    assert by_header.model_extra["leeroo"]["budget"] == {"max_cost": 0.5, "min_quality": 0.4}
    both = ask(url, "none", extra_headers={"X-Leeroo-Max-Cost": "0.5"}, extra_body={"leeroo": {"max_cost": 0.25}})
    assert both.model_extra["leeroo"]["budget"]["max_cost"] == 0.25
    poor = refused(extra_body={"leeroo": {"max_cost": 0.0000001}})
    assert (poor.status_code, poor.response.json()["leeroo"]["cost"]) == (402, 0.0)
    assert "Did you mean 'max_cost'?" in refused(extra_body={"leeroo": {"max_costs": 1}}).message
    assert "Did you mean 'max_cost'?" in refused(extra_headers={"X-Leeroo-Max-Costs": "1"}).message
    assert "no number" in refused(extra_headers={"X-Leeroo-Max-Cost": "cheap"}).message
    assert "Did you mean 'temperature'?" in refused(extra_body={"temprature": 1}).message
    assert refused(extra_body={"web_search_options": {}}).param == "web_search_options"
    assert (refused(n=2).status_code, refused(n=2).param) == (400, "n")
    assert "contradict" in refused(model="small", extra_body={"leeroo": {"expert": "large"}}).message
    assert refused(messages=[{"role": "user", "content": " "}]).status_code == 400
    with pytest.raises(openai.NotFoundError, match="serves no embeddings"):
        client.embeddings.create(model="leeroo", input="text")
    with pytest.raises(openai.NotFoundError, match="chat/completions"):
        client.moderations.create(input="text")


def test_curl(url):
    def curl(*args):
        done = subprocess.run(
            ["curl", "-sS", "-w", "\n%{http_code}", *args], capture_output=True, text=True, check=True
        )
        text, status = done.stdout.rsplit("\n", 1)
        return int(status), text

    chat = f"{url}/v1/chat/completions"
    typed = ("-H", "Content-Type: application/json")
    status, text = curl(chat, *typed, "-d", json.dumps({"model": "leeroo", "messages": ASK}))
    assert (status, json.loads(text)["leeroo"]["expert"]) == (200, "small")
    status, text = curl(chat, *typed, "-d", json.dumps({"model": "leeroo", "messages": ASK, "stream": True}))
    assert status == 200
    assert text.rstrip().endswith("data: [DONE]")
    assert json.loads(curl(f"{url}/healthz")[1])["status"] == "ok"
    for body in ("{", "[]", '"x"', '{"model": "leeroo", "messages": [{"role": "user", "content": "\\ud800"}]}'):
        status, text = curl(chat, *typed, "-d", body)
        assert (status, json.loads(text)["error"]["type"]) == (400, "invalid_request_error"), body
    nan = '{"model": "leeroo", "messages": [{"role": "user", "content": "x"}], "tools": [{"a": NaN}]}'
    assert curl(chat, *typed, "-d", nan)[0] == 400
    # What a page in a browser can send without asking first.
    assert curl(chat, "-H", "Content-Type: text/plain", "-d", "{}")[0] == 415
    assert curl(f"{url}/v1/models", "-H", "Host: evil.example:80")[0] == 403


def test_requests_that_are_too_large_or_too_many(experts):
    with running(router_over(experts), settings=Settings(per_minute=3, max_bytes=2000)) as url:
        big = [{"role": "user", "content": "x" * 3000}]
        with pytest.raises(openai.APIStatusError, match="larger than 2000 bytes") as large:
            client_of(url).chat.completions.create(model="leeroo", messages=big)
        assert large.value.status_code == 413
        chunked = ["curl", "-sS", f"{url}/v1/chat/completions", "-H", "Content-Type: application/json"]
        chunked += ["-H", "Transfer-Encoding: chunked", "-d", json.dumps({"model": "leeroo", "messages": big})]
        assert json.loads(subprocess.check_output(chunked))["error"]["code"] == "request_too_large"
        ask(url, "none")
        with pytest.raises(openai.RateLimitError, match="3 requests per minute") as many:
            ask(url, "none")
        assert int(many.value.response.headers["retry-after"]) >= 1
    assert not experts.bodies("small-model")[1:]


def test_rates_refill_with_time_and_are_each_callers_own():
    now = 0.0
    rates = Rates(60, clock=lambda: now)
    for _ in range(60):
        rates.take("a")
    with pytest.raises(Refusal) as refused:
        rates.take("a")
    assert refused.value.headers == {"Retry-After": "1"}
    rates.take("b")
    now = 2.0
    rates.take("a")
    rates.take("a")
    with pytest.raises(Refusal):
        rates.take("a")


def test_no_prompt_answer_or_key_is_in_a_log(experts, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, logger="leeroo")
    caplog.set_level(logging.INFO, logger="uvicorn")
    keys = KeyFile(tmp_path / "keys.json")
    _, secret = keys.add("acme")
    asked = [{"role": "user", "content": "My password is swordfish"}]
    with running(router_over(experts), keys=keys) as url:
        client = client_of(url, secret)
        client.chat.completions.create(model="leeroo", messages=asked)
        experts.behave("small-model", {"status": 400, "message": "swordfish is bad"})
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="small", messages=asked)
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="leeroo", messages=asked, extra_body={"swordfish": "swordfish"})
    assert caplog.records
    assert "swordfish" not in caplog.text
    assert secret not in caplog.text
    assert secret not in keys.path.read_text()


def test_it_listens_beyond_loopback_with_keys_only(experts, tmp_path):
    import leeroo

    router = router_over(experts)
    with pytest.raises(leeroo.ConfigError, match=r"0\.0\.0\.0 can be reached from other machines.*--keys"):
        serve(router, host="0.0.0.0", port=0)
    keys = KeyFile(tmp_path / "keys.json")
    keys.revoke(keys.add("acme")[0].id)
    with pytest.raises(leeroo.ConfigError, match="no key that holds"):
        serve(router, host="0.0.0.0", port=0, keys=keys)
