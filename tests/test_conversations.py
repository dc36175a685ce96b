"""One conversation in three forms is scored alike: OpenAI's dicts, LangChain's messages, LlamaIndex's messages."""

import json

import pytest
from langchain_core.messages import convert_to_messages
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock

from langchain_leeroo import messages as langchain_messages
from leeroo import Pool, Router
from leeroo.endpoints import chat_format
from leeroo.prediction import ConstantPredictor
from llamaindex_leeroo import queries as llamaindex_queries

QUESTION = "A train leaves Vienna at 9:40 and arrives in Graz at 12:18. How long does the journey take?"
ANSWER = "It takes two hours and thirty-eight minutes, for that is what lies between departure and arrival."
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
TOOLS = [
    {"type": "function", "function": {"name": name, "description": "x", "parameters": {"type": "object"}}}
    for name in ("timetable", "send_mail")
]


def said(role, content, **more):
    return {"role": role, "content": content, **more}


def called(call_id):
    call = {"id": call_id, "type": "function", "function": {"name": "timetable", "arguments": "{}"}}
    return said("assistant", "", tool_calls=[call])


CONVERSATIONS = {
    "one turn": ([said("user", QUESTION)], QUESTION),
    "system": ([said("system", "Translate to French."), said("user", "bread")], "Translate to French.\nbread\n"),
    "follow-up": (
        [said("user", QUESTION), said("assistant", ANSWER), said("user", "and back?")],
        f"{QUESTION}\nand back?",
    ),
    "new topic": ([said("user", "tell me a joke"), said("assistant", ANSWER), said("user", QUESTION)], QUESTION),
    "parts": ([said("user", [{"type": "text", "text": "Look:"}, PICTURE, {"type": "text", "text": "why?"}])], "Look:"),
    "picture": ([said("user", QUESTION), said("assistant", ANSWER), said("user", [PICTURE])], QUESTION),
    "loop": (
        [said("user", "trains to Graz?"), called("c1"), said("tool", "9:40 Graz", tool_call_id="c1")],
        "trains to Graz?\n9:40 Graz",
    ),
    "surrogate": ([said("user", "what is \ud800 here?")], "what is \ud800 here?"),
    "only system": ([said("system", "Be brief.")], "Be brief."),
}


def llamaindex(message):
    content = message["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    blocks = [TextBlock(text=p["text"]) if "text" in p else ImageBlock(url=p["image_url"]["url"]) for p in parts]
    more = {key: message[key] for key in ("tool_calls", "tool_call_id") if key in message}
    return ChatMessage(role=message["role"], blocks=blocks, additional_kwargs=more)


@pytest.fixture
def router():
    pool = Pool({"small": {"model": "openai:gpt-5-nano"}, "large": {"model": "openai:gpt-5"}})
    return Router(pool, predictor=ConstantPredictor())


@pytest.mark.parametrize("tools", [[], TOOLS], ids=["", "tools"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_three_forms_of_a_conversation_are_scored_alike(name, tools, router):
    messages, begins = CONVERSATIONS[name]
    texts = {
        chat_format.to_query({"messages": messages, "tools": tools}, router).text,
        langchain_messages.to_query(
            convert_to_messages(messages), router, tools=langchain_messages.RawTools(tools) if tools else None
        ).text,
        llamaindex_queries.to_query([llamaindex(m) for m in messages], {"tools": tools} if tools else {}).text,
    }
    assert len(texts) == 1
    assert texts.pop().startswith(begins.strip())


def test_an_agent_whose_expert_is_known_asks_about_one_text(router):
    router.tool_calls.remember(router.pool["large"], ("c1", "c2"))
    loop, texts = [said("user", "trains to Graz?")], set()
    for call_id in ("", "c1", "c2"):
        if call_id:
            loop += [called(call_id), said("tool", json.dumps({"departure": call_id}), tool_call_id=call_id)]
        texts |= {
            chat_format.to_query({"messages": loop, "tools": TOOLS}, router).text,
            langchain_messages.to_query(
                convert_to_messages(loop), router, tools=langchain_messages.RawTools(TOOLS)
            ).text,
            llamaindex_queries.to_query(
                [llamaindex(m) for m in loop], {"tools": TOOLS}, made_by=router.expert_of_tool_call
            ).text,
        }
    assert len(texts) == 1


def test_what_a_react_agent_observed_is_no_question():
    chat = [("user", QUESTION), ("assistant", "Thought: look.\nAction: timetable"), ("user", "Observation: " + ANSWER)]
    text = llamaindex_queries.to_query([ChatMessage(role=role, content=content) for role, content in chat], {}).text
    assert text.startswith(f"{QUESTION}\nObservation: ")
    assert len(text) < 1.3 * len(QUESTION)
