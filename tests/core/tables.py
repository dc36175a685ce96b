"""Outcome tables whose answer is known: experts good at one subject each."""

from pathlib import Path

import numpy as np

from leeroo.outcomes.table import OutcomeTable

WORDS = {
    "maths": ["sum", "integral", "prime", "matrix", "root", "angle"],
    "law": ["court", "contract", "tort", "statute", "judge", "appeal"],
}
FILLER = ["which", "of", "these", "is", "the", "a", "about", "what", "does", "say", "in", "case"]


def table_of(name, queries, domains, experts, prices, scores, completion_tokens, prompt_tokens=10):
    """A table of one data set; token counts are of each outcome, or one for all."""
    return OutcomeTable(
        name=name,
        query_ids=tuple(f"{name}-{i}" for i in range(len(queries))),
        datasets=(name,) * len(queries),
        domains=tuple(domains),
        queries=tuple(queries),
        experts=tuple(experts),
        prices=np.asarray(prices, dtype=np.float32),
        scores=np.asarray(scores, dtype=np.float32),
        prompt_tokens=np.broadcast_to(np.float32(prompt_tokens), np.shape(scores)).copy(),
        completion_tokens=np.broadcast_to(np.float32(completion_tokens), np.shape(scores)).copy(),
    )


def make_table(folder: Path, name: str, *, count: int = 160, seed: int = 0) -> Path:
    """`mathematician` answers maths, `lawyer` law, `both` (dear) nearly all, `neither` little."""
    rng = np.random.default_rng(seed)
    queries, domains, scores = [], [], []
    for i in range(count):
        domain = ("maths", "law")[i % 2]
        words = [str(rng.choice(WORDS[domain])) for _ in range(4)] + [str(rng.choice(FILLER)) for _ in range(4)]
        queries.append(f"{' '.join(words)} n{i}\nA. one\nB. two")
        domains.append(domain)
        chance = [0.95, 0.1, 0.95, 0.1] if domain == "maths" else [0.1, 0.95, 0.95, 0.1]
        scores.append(rng.random(4) < chance)
    experts = ("mathematician", "lawyer", "both", "neither")
    matrix = np.array(scores, dtype=np.float32)
    matrix[::7, 3] = np.nan
    tokens = rng.integers(20, 60, size=matrix.shape).astype(np.float32)
    known = ~np.isnan(matrix)
    prices = [[1, 1], [1, 1], [10, 10], [0.5, 0.5]]
    table = table_of(
        name, queries, domains, experts, prices, matrix, np.where(known, tokens, np.nan), np.where(known, 12, np.nan)
    )
    table.write(folder / name)
    return folder / name
