"""What is set on a ready model object costs money that no call names: several answers, a provider's own tools.

Met in LangChain: `ChatOpenAI(n=3)`, `model_kwargs`, `extra_body`, and tools bound to the model; a cap counted one
answer and no search. LlamaIndex: tools of OpenAI's responses, a document that is given by its address.
"""

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_openai import ChatOpenAI
from llama_index.core.base.llms.types import ChatMessage, DocumentBlock, TextBlock
from llama_index.llms.openai import OpenAIResponses

from langchain_leeroo import ChatLeeroo
from leeroo import ConfigError, Expert, NoEligibleExpert, Price
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import Leeroo
from tests.openai_server import OpenAIServer

PREDICTOR = ConstantPredictor({"one": 0.9}, output_tokens=20)
PRICE = Price(input=1, output=2)
SEARCH = {"type": "web_search"}


@pytest.fixture
def server():
    with OpenAIServer() as server:
        yield server


def chat(model):
    return ChatLeeroo(experts={"one": Expert(model=model, price=PRICE)}, predictor=PREDICTOR)


def of(server, **kwargs):
    return ChatOpenAI(model="m", base_url=server.url, api_key="none", max_retries=0, **kwargs)


MODELS = {
    "n": lambda server: of(server, n=3),
    "n in model_kwargs": lambda server: of(server, model_kwargs={"best_of": 3}),
    "n in extra_body": lambda server: of(server, extra_body={"n": 3}),
    "n, bound": lambda server: of(server).bind(n=3),
    "a search": lambda server: of(server, model_kwargs={"tools": [SEARCH]}),
    "a search, bound": lambda server: of(server).bind_tools([SEARCH]),
    "a search, bound, inside": lambda server: of(server).bind_tools([SEARCH]).bind(temperature=0.5),
}


@pytest.mark.parametrize("kind", MODELS)
def test_no_cap_is_promised_where_it_cannot_be_kept(kind, server):
    llm = chat(MODELS[kind](server))
    with pytest.raises(NoEligibleExpert, match=r"(n|best_of|web_search'?) \(set on its model\)"):
        llm.invoke("Hello", max_cost=0.1)
    assert not server.asked()


@pytest.mark.parametrize("kind", ["n", "n, bound", "n in extra_body"])
def test_without_a_cap_it_is_asked_as_it_was_set(kind, server):
    chat(MODELS[kind](server)).invoke("Hello")
    assert server.bodies()[-1]["n"] == 3


def test_tools_of_ones_own_and_one_answer_are_bounded(server):
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    for model in (of(server), of(server, n=1), of(server).bind_tools([add])):
        assert chat(model).invoke("Hello", max_cost=0.1).response_metadata["leeroo"]["expert"] == "one"


def test_a_class_that_cannot_show_them_is_refused_with_the_remedy():
    with pytest.raises(ConfigError, match="bind it to ChatLeeroo"):
        chat(FakeListChatModel(responses=["hi"]).bind(tools=[SEARCH]))


def test_llamaindex_says_so_of_responses(server):
    model = OpenAIResponses(model="gpt-5-mini", api_base=server.url, api_key="none", built_in_tools=[SEARCH])
    llm = Leeroo({"one": Expert(model=model, price=PRICE)}, predictor=PREDICTOR)
    with pytest.raises(NoEligibleExpert, match="built_in_tools"):
        llm.complete("Hello", max_cost=0.1)


@pytest.mark.parametrize("name", ["report.pdf", "report.txt"])
def test_a_document_at_an_address_has_no_size_that_anybody_knows(name, server):
    def asked(**kwargs):
        expert = Expert(model="m", base_url=server.url, price=PRICE, capabilities=["documents"], **kwargs)
        kind = "text/plain" if name.endswith("txt") else "application/pdf"
        block = DocumentBlock(url=f"https://files.example/{name}", document_mimetype=kind)
        message = ChatMessage(role="user", blocks=[TextBlock(text="What does it say?"), block])
        return Leeroo({"one": expert}, predictor=PREDICTOR).chat([message], max_cost=0.1)

    with pytest.raises(NoEligibleExpert, match=r"state media_tokens: \{documents"):
        asked()
    assert not server.asked()
    try:
        asked(media_tokens={"documents": 3000})
    except NoEligibleExpert as error:
        pytest.fail(str(error))
    except Exception:
        pass  # LlamaIndex's own client fetches the document, and there is none
