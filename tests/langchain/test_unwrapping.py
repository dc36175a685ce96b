"""Experts as people have them: with kwargs bound, configurable, or on Azure."""

import pytest
from langchain.chat_models import init_chat_model
from langchain_core.runnables import ConfigurableField
from langchain_openai import AzureChatOpenAI

from leeroo import ConfigError, Expert, Price

CHEAP = Price(input=1, output=1)


@pytest.mark.parametrize("form", ["bare", "expert", "mapping"])
def test_what_is_bound_is_sent(make, fake, form):
    model = fake(says="low", model_name="gpt-5-nano")
    bound = model.bind(reasoning_effort="low").bind(seed=7)
    given = {"bare": bound, "expert": Expert(model=bound, price=CHEAP), "mapping": {"model": bound, "price": CHEAP}}
    llm = make(experts={"a": given[form]})
    assert llm.router.pool["a"].model is model
    assert llm.invoke("hi").content == "low"
    assert model.seen[-1]["reasoning_effort"] == "low"
    assert model.seen[-1]["seed"] == 7
    llm.invoke("hi", reasoning_effort="high")
    assert model.seen[-1]["reasoning_effort"] == "high", "the call is nearer than the binding"


def test_a_bound_config_is_refused_by_name(make, fake):
    with pytest.raises(ConfigError, match="'a' has a config bound"):
        make(experts={"a": Expert(model=fake().with_config(tags=["x"]), price=CHEAP)})


def test_configurable_models(make, fake):
    model = fake()
    configurable = model.configurable_fields(says=ConfigurableField(id="says"))
    assert make(experts={"a": Expert(model=configurable, price=CHEAP)}).invoke("hi").content == "hello"
    made = init_chat_model("openai:gpt-5-nano", api_key="none", configurable_fields=("temperature",))
    assert make(experts={"a": made}).router.pool["a"].model_id == "gpt-5-nano"
    with pytest.raises(ConfigError, match="without a default"):
        make(experts={"a": Expert(model=init_chat_model(api_key="none"), price=CHEAP)})


def test_azure_models_have_their_deployments_name(make):
    azure = AzureChatOpenAI(
        azure_deployment="my-gpt5", api_version="2024-10-01", azure_endpoint="https://x.example", api_key="none"
    )
    llm = make(experts={"a": Expert(model=azure, price=CHEAP)})
    assert llm.router.pool["a"].model_id == "my-gpt5"
    assert llm._identifying_params["experts"] == {"a": "my-gpt5"}
