# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 5. Self-play for your domain
#
# No outcomes yet? The loop makes them: it generates questions where the predictor is unsure, chooses which experts answer
# which for the most information per dollar, scores the answers, learns, and measures itself on a held-out part.
#
# **Hosted models:** put `pool = leeroo.Pool({"small": {"model": "openai:gpt-5.4-mini"}, "large": {"model": "openai:gpt-5.4"}})` in
# place of the two lines marked `# local`.

# %%
import tempfile
from pathlib import Path

import leeroo
from leeroo.endpoints import local
from leeroo.selfplay import Domain, Domains, Settings, run

folder = Path(tempfile.mkdtemp())
running = local.experts()  # local
pool = leeroo.Pool(running.start())  # local

# %% [markdown]
# ## Your domain
#
# Here two families of questions whose answers are computed. A `description` instead, with examples of your own traffic, has
# an expert of the pool write the questions; see `leeroo selfplay --help`.

# %%
domains = Domains(domains={"facts": Domain(family="facts"), "sums": Domain(family="arithmetic")})
settings = Settings(rounds=2, queries=8, held_out=10, max_tokens=16)
result = run(pool, domains, out=folder / "play", max_cost=0.01, settings=settings)
running.close()

# %% [markdown]
# ## What it learned
#
# The log loss of the predictor on questions that it never learned from, before the first round and after each: lower is
# better. With so few questions it is noisy; real runs ask hundreds.

# %%
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), constrained_layout=True)
losses = [row["log_loss"] for row in result.rounds]
left.plot(range(len(losses)), losses, "o-", color="#0b5cad")
left.set(xticks=range(len(losses)), xlabel="after round", ylabel="log loss", title="Held-out predictions")
for who, figures in result.always.items():
    right.plot(1e6 * figures["cost"], figures["accuracy"], "o", markersize=9, alpha=0.7, label=who)
cost, accuracy = zip(*result.rounds[-1]["curve"], strict=True)
right.plot([1e6 * c for c in cost], accuracy, "-", color="#0b5cad", label="router")
right.set(xlabel="micro-dollars a question", ylabel="accuracy", title="Held-out routing")
_ = right.legend()

# %% [markdown]
# What the run asked for, what it cost, and why it ended. `leeroo.selfplay.write_report` writes all of it, and the
# predictor is in the run's folder: `leeroo.prediction.load(folder / "play/artifacts")`.

# %%
print(result.calls, f"${result.nano / 1e9:.6f}", result.stopped)
