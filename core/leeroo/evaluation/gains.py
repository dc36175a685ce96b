"""The gains of `leeroo.evaluation.whole` as a page and as a picture."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from leeroo.prediction.labels import LABELS

METHODS = ("leeroo", "kNN", "fixed means")
_HEAD = """# What routing wins, on whole tables

Written by `python -m leeroo.evaluation.whole`; not edited by hand.

**won** = (router - fixed) / (oracle - fixed): areas under the frontier of accuracy against cost, over pools of 2 to 5
priced experts whose dearest costs at least four times the cheapest. *fixed* is the best single experts of the other
folds, mixed: 0 is what a fixed choice reaches, 1 what someone reaches who knows every outcome beforehand. The router
weighs what each call is expected to cost, from the lengths of answers that it predicts, as when it serves (kNN: from
the lengths of its neighbours' answers). **by means**: what it wins where it knows each expert's mean cost only.
**order** is the share of expert pairs with different scores on a query that are put in the right order. Every query is
predicted by a fit that saw neither it nor another version of its stem (5 folds). Intervals are 95%, over queries; the
one of what Leeroo wins **more** than kNN is of the difference on the same queries and pools, surer than either.

kNN is the mean over a query's nearest neighbours, as many as would have erred least on the known queries (5 to 120),
and reads the same vectors. It is given the table alone: it knows the kind of work, which Leeroo has to recognise.

{read}

**cost at 99%** and **95%**: what share of the best expert's cost reaches that share of its score, choosing from all
experts with prices at once (Leeroo, kNN, the best mixture of fixed choices; - where nothing reaches it).
"""
_HELD_OUT = """
## The shipped predictor on what it never read

Its encoder and all above it were fitted on the training and validation parts. This is the rest of each table, a tenth
of it by stem; tables with fewer than 60 such queries are left out. kNN was given all that the predictor was fitted on,
and the same vectors.

| table | pools | Leeroo won | kNN won | more | by means: Leeroo, kNN | order: Leeroo, kNN | ECE |
|---|---|---|---|---|---|---|---|"""
_LEFT_OUT = """
## Tables that were never seen

The same, with all of the table's queries and outcomes left out of the fit; the experts are known from other tables and
published scores only. Fixed choices are made on the table's own outcomes, which this predictor has not: above 0 it is
better than they are all the same. Some dozens of outcomes of your own kind of work say more than all that is known from
elsewhere.
"""


def write_page(gains: Sequence[Mapping[str, Any]], path: Path, read: Sequence[str] = ()) -> None:
    """Write the page.

    Args:
        gains: As `Gain.to_dict` gives them.
        path: The Markdown file.
        read: Tables that the encoder of the cross-validation was fine-tuned on.
    """
    named = ", ".join(f"`{name}`" for name in read)
    told = (
        "The encoder was not fitted in the folds. "
        f"It was fine-tuned on most of {named}: there it has read queries that it is asked about, for kNN as for "
        "Leeroo. The others are new to it. The shipped one has read parts of most tables and is measured below."
        if read
        else "The encoder was not fitted in the folds, and has read none of these tables."
    )
    lines = [
        _HEAD.replace("{read}", "\n".join(wrap(told, 118))),
        "| table | kind | pools | Leeroo won | kNN won | more | by means: Leeroo, kNN | order: Leeroo, kNN, fixed "
        "| ECE | cost at 99% | at 95% |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    by = {(g["table"], g["method"]): g for g in gains}
    tables = list(dict.fromkeys(g["table"] for g in gains))
    for table in tables:
        ours, near, fixed = (by[table, method] for method in METHODS)
        order = ", ".join(f"{g['order']:.3f}" for g in (ours, near, fixed))
        kind = LABELS.get(table, "")
        costs = " | ".join(", ".join(_share(g.get(at)) for g in (ours, near, fixed)) for at in ("at_99", "at_95"))
        lines.append(
            f"| `{table}` | {kind} | {ours['pools']} | {_won(ours)} | {_won(near)} | {_more(ours)} "
            f"| {_by_means(ours, near)} | {order} | {ours['ece']:.3f} | {costs} |"
        )
    lines += [_HELD_OUT, *_held_out(by, tables)]
    lines += [_LEFT_OUT, "| table | won | order | ECE |", "|---|---|---|---|"]
    lines += [
        f"| `{t}` | {_won(g)} | {g['order']:.3f} | {g['ece']:.3f} |" for t in tables if (g := by.get((t, "left out")))
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _held_out(by: Mapping[tuple[str, str], Mapping[str, Any]], tables: Sequence[str]) -> Iterator[str]:
    for table in tables:
        ours, near = by.get((table, "held out")), by.get((table, "held out kNN"))
        if ours is not None and near is not None:
            order = f"{ours['order']:.3f}, {near['order']:.3f}"
            won = f"{_won(ours)} | {_won(near)} | {_more(ours)} | {_by_means(ours, near)}"
            yield f"| `{table}` | {ours['pools']} | {won} | {order} | {ours['ece']:.3f} |"


def _share(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.2f}"


def _by_means(*gains: Mapping[str, Any]) -> str:
    return ", ".join(_share(g.get("won_by_means")) for g in gains)


def _more(gain: Mapping[str, Any]) -> str:
    if not (told := gain.get("over_knn")):
        return "-"
    return f"{told[0]:+.3f} ({told[1]:+.3f} to {told[2]:+.3f})"


def _won(gain: Mapping[str, Any]) -> str:
    return f"{gain['won']:.3f} ({gain['low']:.3f} to {gain['high']:.3f})"


def draw(gains: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw what is won of each kind of work, with intervals."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    tables = list(dict.fromkeys(g["table"] for g in gains))
    by = {(g["table"], g["method"]): g for g in gains}
    figure, axes = plt.subplots(figsize=(8, 4.6))
    for shift, method, colour in ((0.2, "leeroo", "#1b6ca8"), (-0.2, "kNN", "#b0b7bf")):
        found = [by[table, method] for table in tables]
        places = [len(tables) - i + shift for i in range(len(tables))]
        reach = [[max(0.0, g["won"] - g["low"]) for g in found], [max(0.0, g["high"] - g["won"]) for g in found]]
        label = "Leeroo" if method == "leeroo" else method
        axes.barh(
            places, [g["won"] for g in found], 0.38, xerr=reach, color=colour, label=label, ecolor="#555", capsize=2
        )
    axes.set_yticks([len(tables) - i for i in range(len(tables))], [LABELS.get(t, t) for t in tables])
    axes.axvline(0, color="#333", linewidth=0.8)
    axes.set_xlabel("won (0: the best fixed choice; 1: an oracle)")
    axes.legend(loc="upper right", frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
