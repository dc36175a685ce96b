"""The figures of `benchmarks/peers.py` as a page."""

import datetime
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HEAD = """# Beside other routers

Written by `python benchmarks/peers.py TABLE... --out docs/PEERS.json` on {date}; not edited by hand.

Every router learns from the same known outcomes and is asked about the same held-out queries: {asked} of the test
parts of {tables} tables, in {pools} pools of 2 to 5 priced experts. All read the same vectors, those of Leeroo's
encoder, which was fine-tuned on the known parts, so that what is compared is how outcomes are used. Leeroo stands here
as it ships; it has also learned from the other experts of the tables, and from other tables.

- **won**: share of what a router could win over the best fixed choice of experts, as in [GAINS](GAINS.md): 0 is the
  best fixed choice, 1 knows every outcome beforehand. Mean over tables; the range is 95%, over queries.
- **Leeroo more**: how much more Leeroo wins than this one, with the 95% interval of the difference on the same queries
  and pools, which is surer than either range.
- **order**: share of pairs of experts with different scores on a query that are put in the right order; ties are half.
- **99%**, **95%**: what that share of the reference's accuracy costs, in percent of always asking the reference, the
  expert that is best on the known outcomes. Who does not reach it for less pays 100.
- **ms**: CPU time of one decision, median, one query and one thread, the encoder included, on a {cores}-core
  {machine} that others used at the time. **MiB**: memory of the process after it. **s**: CPU seconds to
  import its package.

"""
COLUMNS = "| router | won | 95% range | Leeroo more | order | 99% | 95% | ms | MiB | s |\n" + "|---" * 10 + "|"
NOTES = """
Rows with * are written anew from their papers in `benchmarks/peer_routers`: IRT-Router (Song et al. 2025,
[arXiv 2506.01048](https://arxiv.org/abs/2506.01048)), without its texts about models and its warm-up of new queries;
Avengers-Pro (Zhang et al. 2025, [arXiv 2508.12631](https://arxiv.org/abs/2508.12631)).

{versions} run as they are installed, with our vectors in
the place of their own. LLMRouter's learn who answered each known query best and, where several did equally well, the
first in its list, here the cheapest: on such outcomes kNN and MF hardly ever leave it. With costs in its labels, or in
another order, they would do otherwise. A router that gives a share or a rate instead of a quality is swept over the
same prices of money with that. RouteLLM knows a strong and a weak expert only: the best and the cheapest of the pool.
semantic-router finds a topic of the table, and the topic's best expert is asked. Always asking the reference is 100 in
both columns of cost.

A table of one run is no ranking for good: pools were drawn once, and each author would tune theirs
better than their defaults. Corrections are welcome.
"""
NOT_RUN = {
    "RouteLLM `mf` and `bert` as published": "their weights come from a hub, and `mf` asks OpenAI for embeddings; "
    "above stands `mf` trained here by RouteLLM's own classes",
    "RouteLLM `sw_ranking`, `causal_llm`": "arena battles and Llama 3 weights from a hub",
    "LLMRouter with its own encoder": "Longformer's weights come from a hub",
    "vLLM Semantic Router, Sqwish": "a server with classifiers from a hub; a hosted service",
    "Not Diamond, OpenRouter Auto, Azure Model Router": "hosted: prompts would have to leave the machine",
}


def write_page(found: Mapping[str, Any], path: Path) -> None:
    """Write the page.

    Args:
        found: As `benchmarks/peers.py` writes it.
        path: The Markdown file.
    """
    tables = found["tables"]
    text = HEAD.format(
        date=datetime.date.today().isoformat(),
        asked=f"{sum(t['asked'] for t in tables.values()):,} queries",
        tables=len(tables),
        pools=sum(t["pools"] for t in tables.values()),
        cores=os.cpu_count() or 1,
        machine=platform.machine(),
    )
    ranked = sorted(found["routers"].items(), key=lambda item: -item[1]["won"])
    text += "\n".join([COLUMNS, *(_row(name, figures) for name, figures in ranked)]) + "\n"
    text += NOTES.format(versions=", ".join(found["versions"].values()).replace("==", " "))
    text += "\n## By table\n\nwon (order):\n\n"
    short = [name for name, _ in ranked if name != "cheapest"]
    text += "| router | " + " | ".join(f"`{name}`" for name in tables) + " |\n" + "|---" * (len(tables) + 1) + "|\n"
    for name in short:
        figures = found["routers"][name]
        cells = [f"{figures['tables'][t]['won']:.2f} ({figures['tables'][t]['order']:.2f})" for t in tables]
        text += f"| {figures['title']} | " + " | ".join(cells) + " |\n"
    text += "\nQueries asked about: " + ", ".join(f"`{name}` {t['asked']}" for name, t in tables.items()) + "."
    if found["left_out"]:
        few = ", ".join(f"`{name}` ({why})" for name, why in found["left_out"].items())
        text += f" Too few to say anything: {few}."
    text += "\n\n## What is not here, and why\n\n"
    text += "".join(f"- {name}: {why}.\n" for name, why in NOT_RUN.items())
    text += "".join(f"- {name}: it failed here: {why}.\n" for name, why in found["not_run"].items())
    path.write_text(text, encoding="utf-8")


def _row(name: str, figures: Mapping[str, Any]) -> str:
    where = f"{figures['low']:.2f} to {figures['high']:.2f}"
    order = "" if name == "cheapest" else f"{figures['order']:.3f}"
    imported = f"{figures['import_s']:.1f}" if "import_s" in figures else ""
    more = "{:+.3f} ({:+.3f} to {:+.3f})".format(*figures["leeroo_more"]) if "leeroo_more" in figures else ""
    took = figures["decision_ms"]
    return (
        f"| {figures['title']} | {figures['won']:.3f} | {where} | {more} | {order} | {100 * figures['cost_99']:.0f} | "
        f"{100 * figures['cost_95']:.0f} | {took:.1f} | {figures['memory_mib']:.0f} | {imported} |"
    )
