# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 2. LangChain: chains, tools, agents and LangGraph under budgets
#
# `ChatLeeroo` is a chat model, so what takes a chat model takes it. Real local models, no key.
#
# **Hosted models:** put `experts = {"small": ChatOpenAI(model="gpt-5.4-mini"), "large": ChatOpenAI(model="gpt-5.4")}` in place
# of the two lines marked `# local`.

# %%
import leeroo
from langchain_leeroo import ChatLeeroo
from leeroo.endpoints import local

running = local.experts()  # local
experts = running.start()  # local
llm = ChatLeeroo(experts=experts, max_tokens=32, temperature=0)

# %% [markdown]
# ## A chain
#
# The budget is bound like any other argument, and the whole block has a total of its own.

# %%
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

prompt = ChatPromptTemplate.from_messages([("human", "Answer in a few words. {question}")])
chain = prompt | llm.bind(max_cost=0.00002, min_quality=0.3) | StrOutputParser()
with leeroo.budget(max_total_cost=0.0001) as spent:
    for question in ("What is the capital of Italy?", "What colour is the sky?"):
        print(question, "->", chain.invoke({"question": question}).strip())
print(f"calls: {spent.calls}, ${spent.cost:.8f}, {spent.by_expert}")

# %% [markdown]
# A batch is chosen together: the money goes where it buys the most predicted quality, and the total is never passed.

# %%
questions = ["What is 3 + 4?", "Who wrote Faust?", "What is H2O?", "Name a river in Egypt."]
for question, answer in zip(questions, llm.batch(questions, max_total_cost=0.00002), strict=True):
    record = answer.response_metadata["leeroo"]
    print(f"{record['expert']:<14} ${record['cost']:.8f}  {question} -> {answer.text.strip()[:60]}")

# %% [markdown]
# ## Tools
#
# Only experts that can use tools are eligible for a call with tools. These two small models cannot, so the router says so
# before it spends anything, instead of sending the call where it must fail:

# %%
from langchain_core.tools import tool


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


try:
    llm.bind_tools([add]).invoke("What is 17 + 25?")
except leeroo.NoEligibleExpert as error:
    print(error)

# %% [markdown]
# They can fill a schema, which llama.cpp enforces with a grammar: enough to call a tool by its arguments.

# %%
from pydantic import BaseModel, Field


class Addition(BaseModel):
    """Two numbers to add."""

    a: int = Field(ge=0, le=99)
    b: int = Field(ge=0, le=99)


arguments = llm.with_structured_output(Addition, method="json_schema").invoke(
    "What is 17 + 25? Give the two numbers as JSON."
)
print(arguments, "->", add.invoke(arguments.model_dump()))

# %% [markdown]
# ## An agent as a LangGraph graph
#
# A loop of two nodes: one asks a question of the model, one checks the answer and decides whether to go on. The budget of the
# block holds for the whole run, whatever the graph does.

# %%
from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    """What the graph passes on."""

    question: str
    answer: str
    tries: int


def ask(state: State) -> dict:
    """Ask again, with a higher demand each time."""
    demand = 0.2 + 0.2 * state["tries"]
    answer = llm.invoke(state["question"], min_quality=demand)
    record = answer.response_metadata["leeroo"]
    print(f"try {state['tries'] + 1}: min_quality={demand:.1f} -> {record['expert']}, ${record['cost']:.8f}")
    return {"answer": answer.text.strip(), "tries": state["tries"] + 1}


def good_enough(state: State) -> str:
    """Stop at the right answer, or after three tries."""
    return END if "Paris" in state["answer"] or state["tries"] == 3 else "ask"


graph = StateGraph(State).add_node(ask).add_edge(START, "ask").add_conditional_edges("ask", good_enough).compile()
with leeroo.budget(max_total_cost=0.0001, scope="notebook/graph") as spent:
    print(graph.invoke({"question": "What is the capital of France? One word.", "answer": "", "tries": 0})["answer"])
print(f"calls: {spent.calls}, ${spent.cost:.8f}")

# %% [markdown]
# A budget that does not suffice ends the run with an error, not with a bill:

# %%
try:
    with leeroo.budget(max_total_cost=0.0000001):
        graph.invoke({"question": "What is the capital of France?", "answer": "", "tries": 0})
except leeroo.BudgetExceeded as error:
    print(error)

# %% [markdown]
# ## Where the money went

# %%
import matplotlib.pyplot as plt

questions = ["What is 5 + 5?", "Who discovered penicillin?", "Name a metal.", "What does DNA stand for?"]
records = [answer.response_metadata["leeroo"] for answer in llm.bind(min_quality=0.45).batch(questions)]
figure, axis = plt.subplots(figsize=(8, 3), constrained_layout=True)
rows = range(len(records))
axis.barh(
    [r + 0.2 for r in rows],
    [r["reference_cost"] * 1e6 for r in records],
    0.35,
    color="#c9ced6",
    label="on the reference",
)
axis.barh([r - 0.2 for r in rows], [r["cost"] * 1e6 for r in records], 0.35, color="#0b5cad", label="paid")
axis.set(
    yticks=list(rows),
    yticklabels=[f"{q}\n{r['expert']}" for q, r in zip(questions, records, strict=True)],
    xlabel="micro-dollars",
)
_ = axis.legend()

# %%
running.close()
