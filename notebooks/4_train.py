# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 4. Train a predictor on your own outcomes, and read the frontier
#
# An outcome is (query, expert, score): who answered what how well. First the local models are run on questions with known
# answers, which is how you would label your own; then a predictor is trained on a larger table.
#
# **Hosted models:** put `pool = leeroo.Pool({"small": {"model": "openai:gpt-5.4-mini"}, "large": {"model": "openai:gpt-5.4"}})` in
# place of the two lines marked `# local`.

# %%
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np

import leeroo
from leeroo.endpoints import local
from leeroo.outcomes.families import generate
from leeroo.outcomes.labelling import label

warnings.simplefilter("ignore")  # of progress bars and quantisation
logging.disable(logging.WARNING)
folder = Path(tempfile.mkdtemp())
running = local.experts()  # local
pool = leeroo.Pool(running.start())  # local
labelled = label(pool, list(generate(16, seed=1)), name="mine", max_tokens=24)
running.close()
for name, column in zip(labelled.experts, labelled.scores.T, strict=True):
    print(f"{name}: {np.nanmean(column):.2f} of {len(labelled)} right")

# %% [markdown]
# From so few outcomes a new expert's traits are fitted, with no retraining (`leeroo experts add` does the same): the prior is
# what the known experts are like, and the outcomes move it.

# %%
from leeroo.training import traits
from leeroo.prediction import load

predictor = load()
name = labelled.experts[0]
fitted = traits.fit(predictor, labelled.queries, labelled.scores[:, 0])
print(f"{name}: mean predicted quality {fitted.prior:.2f} after {fitted.outcomes} outcomes, source {fitted.source}")

# %% [markdown]
# ## A larger table
#
# Labelling thousands of answers takes a while, so this table is **synthetic**: real questions, three invented experts whose
# chance of a right answer falls with the question's difficulty. `small` is good at facts and weak at numbers. In your work
# this table comes from `leeroo import`, `label(...)`, or a ledger's feedback.

# %%
from leeroo.outcomes.table import OutcomeTable

problems = list(generate(600, seed=2))
rng = np.random.default_rng(0)
skill = {"small": 0.2, "medium": 1.2, "large": 2.6}
numbers = np.array([p.family in ("arithmetic", "units", "dates", "tables") for p in problems])
difficulty = np.array([p.difficulty for p in problems])
logits = np.stack(
    [s + 1.2 - 0.9 * (difficulty - 1) - (1.6 if n == "small" else 0.4) * numbers for n, s in skill.items()], 1
)
scores = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.float32)
shape = scores.shape
table = OutcomeTable(
    name="synthetic", query_ids=tuple(str(n) for n in range(len(problems))), datasets=("synthetic",) * len(problems),
    domains=tuple(p.family for p in problems), queries=tuple(p.question for p in problems), experts=tuple(skill),
    prices=np.array([[0.1, 0.4], [0.5, 2.0], [3.0, 12.0]], np.float32), scores=scores,
    prompt_tokens=np.full(shape, 60, np.float32), completion_tokens=rng.integers(20, 80, shape).astype(np.float32),
)  # fmt: skip
table.write(folder / "synthetic")
dict(zip(table.experts, scores.mean(axis=0).round(2).tolist(), strict=True))

# %% [markdown]
# ## Train
#
# `epochs=0` keeps the encoder and fits the response model, which is enough for six hundred questions. `epochs=1` and more
# fine-tune the encoder too: `leeroo train DIR --epochs 2`.

# %%
from leeroo.training.training import train

print(train([folder / "synthetic"], folder / "artifact", epochs=0))

# %% [markdown]
# ## Read the frontier
#
# On the part that training did not see. A point is one willingness to pay. A router is worth having where its curve lies
# above the line between two experts, which mixing them by chance would reach.

# %%
import matplotlib.pyplot as plt

from leeroo.evaluation import evaluate

report = evaluate(folder / "synthetic", load(folder / "artifact"), reference="large", weak="small", baselines="none")
figure, axis = plt.subplots(figsize=(7.5, 4.5), constrained_layout=True)
for method, curve in report.curves.items():
    axis.plot(1000 * curve.cost, curve.accuracy, label=method, linewidth=2)
for single in report.singles:
    axis.plot(1000 * single.cost, single.accuracy, "o", color="#444")
    axis.annotate(single.method, (1000 * single.cost, single.accuracy), xytext=(6, -12), textcoords="offset points")
axis.set(xlabel="USD per 1,000 questions", ylabel="accuracy", title=f"{report.queries} held-out questions")
_ = axis.legend()


# %% [markdown]
# Put it to use: `ChatLeeroo(experts=..., predictor=leeroo.prediction.load("artifact"))`.
