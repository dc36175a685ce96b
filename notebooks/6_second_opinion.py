# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 6. A second opinion
#
# With `consult=True` a call may ask another expert where its answer is worth its price. The router looks ahead: what may the
# next one say, how probable would it make each answer, and what does it cost? It stops as soon as another ask is not worth it,
# and returns one expert's answer, unaltered.
#
# **Hosted models:** put `experts = {"small": ChatOpenAI(model="gpt-4o-mini"), "large": ChatOpenAI(model="gpt-4o")}` (and
# `from langchain_openai import ChatOpenAI`) in place of the two lines marked `# local`.

# %%
from langchain_core.callbacks import BaseCallbackHandler

import leeroo
from langchain_leeroo import ChatLeeroo
from leeroo.consult.equivalence import Equivalence
from leeroo.consult.settings import Consulting
from leeroo.endpoints import local

running = local.experts()  # local
experts = running.start()  # local
prices = {"smollm2-135m": leeroo.Price(input=0.02, output=0.04), "gemma3-270m": leeroo.Price(input=0.2, output=0.4)}
experts = {
    name: expert.model_copy(update={"price": prices.get(name, expert.price)}) for name, expert in experts.items()
}

# %% [markdown]
# ## A check is evidence
#
# The question asks for one word. `verify` says whether an answer is one; an answer that fails it counts as none. (A JSON schema,
# a pydantic model, or a function that runs a test does as well.)

# %%
QUESTION = "What is the capital of Japan? Answer with one word only."
consulting = Consulting(Equivalence(verify=lambda text: len(text.split()) == 1))
llm = ChatLeeroo(experts=experts, max_tokens=16, min_quality=0.05, consulting=consulting)

once = llm.invoke(QUESTION)
print(once.response_metadata["leeroo"]["expert"], "->", once.text.strip())

# %% [markdown]
# The cheap expert was chosen, and its answer is no single word. The same call with a second opinion:

# %%
both = llm.invoke(QUESTION, consult=True)
record = both.response_metadata["leeroo"]
print(record["expert"], "->", both.text.strip())
for ask in record["consult"]["asks"]:
    print(ask)
print(
    record["consult"]["stopped"],
    "| posterior",
    record["consult"]["posterior"],
    "| all asks cost",
    f"${record['cost']:.8f}",
)

# %% [markdown]
# The cheap one was asked first, since its answer might have done; `cluster: None` says that it failed the check. Only then was the
# dearer one asked.
#
# ## What is going on
#
# Nothing is streamed before an answer is accepted; events tell the steps meanwhile. No text is in them.


# %%
class Steps(BaseCallbackHandler):
    """Prints what a consultation does."""

    def on_custom_event(self, name, data, **kwargs):
        """One step."""
        print(data["stage"], {key: data[key] for key in ("experts", "expert", "clusters", "reason") if key in data})


for piece in llm.stream(QUESTION, {"callbacks": [Steps()]}, consult=True):
    print(piece.text, end="")
running.close()

# %% [markdown]
# Before you trust a policy with money, play it on your own outcomes: `leeroo replay DIR --consult`. See
# `docs/how-to/consult.md` for what it reaches, and where it does not pay: a pool of few and strong experts, two of them cheap, is
# what gains most.
