# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 3. LlamaIndex: a query engine, an agent, and what each run cost
#
# `Leeroo` is a LlamaIndex LLM, so engines and agents take it as their `llm`. Real local models, no key; the embedding is
# LlamaIndex's mock, since retrieval is not the subject here.
#
# **Hosted models:** put `experts = {"small": OpenAI(model="gpt-5.4-mini"), "large": OpenAI(model="gpt-5.4")}` (from
# `llama_index.llms.openai`) in place of the two lines marked `# local`.

# %%
import os

os.environ.setdefault("LEEROO_OFFLINE", "1")  # no vocabulary is downloaded
import leeroo
from leeroo.endpoints import local
from llamaindex_leeroo import Leeroo

running = local.experts()  # local
experts = running.start()  # local
llm = Leeroo(experts=experts, max_tokens=40, temperature=0)

# %% [markdown]
# ## A query engine

# %%
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding

documents = [
    Document(text="Paris is the capital of France. It lies on the river Seine."),
    Document(text="Rome is the capital of Italy. It lies on the river Tiber."),
]
index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=8))
engine = index.as_query_engine(llm=llm, similarity_top_k=2)
with leeroo.budget(max_cost=0.0001, scope="notebook/query") as spent:
    print(engine.query("What is the capital of France?"))
print(f"calls: {spent.calls}, ${spent.cost:.8f}, {spent.by_expert}")

# %% [markdown]
# Every call leaves a record, whatever the engine does with the answer:

# %%
record = leeroo.last_call()
{key: record[key] for key in ("expert", "rule", "predicted_quality", "input_tokens", "output_tokens", "cost", "saved")}

# %% [markdown]
# ## An agent
#
# A ReAct agent reasons in text, so it works with models that know no tool calls. The block's total holds for all its steps.

# %%
from llama_index.core.agent.workflow import ReActAgent

with leeroo.budget(max_total_cost=0.001, scope="notebook/agent") as spent:
    print(await ReActAgent(llm=llm).run("What is the capital of France?"))
print(f"calls: {spent.calls}, ${spent.cost:.8f}")

# %% [markdown]
# ## Accounting per run
#
# One block per run: what each cost, and by which expert.

# %%
runs = {
    "chat": lambda: llm.complete("Say hello."),
    "query": lambda: engine.query("On which river does Rome lie?"),
    "summary": lambda: llm.complete("Paris is the capital of France. Rome is the capital of Italy. In one sentence:"),
}
costs = {}
for name, run in runs.items():
    with leeroo.budget(scope=f"notebook/{name}") as spent:
        run()
    costs[name] = dict(spent.by_expert)
costs

# %%
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(7, 2.8), constrained_layout=True)
left = [0.0] * len(costs)
for name, colour in zip(experts, ("#0b5cad", "#d1731b"), strict=False):
    width = [by.get(name, 0.0) * 1e6 for by in costs.values()]
    axis.barh(list(costs), width, left=left, color=colour, label=name)
    left = [a + b for a, b in zip(left, width, strict=True)]
axis.set(xlabel="micro-dollars", title="Cost of each run, by expert")
_ = axis.legend()

# %%
running.close()
