"""Outcome tables whose answer is known: experts good at one subject each."""

from pathlib import Path

import numpy as np

from leeroo.outcomes.table import OutcomeTable

WORDS = {
    "maths": ["sum", "integral", "prime", "matrix", "root", "angle"],
    "law": ["court", "contract", "tort", "statute", "judge", "appeal"],
}
FILLER = ["which", "of", "these", "is", "the", "a", "about", "what", "does", "say", "in", "case"]


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
    table = OutcomeTable(
        name=name,
        query_ids=tuple(f"{name}-{i}" for i in range(count)),
        datasets=(name,) * count,
        domains=tuple(domains),
        queries=tuple(queries),
        experts=experts,
        prices=np.array([[1, 1], [1, 1], [10, 10], [0.5, 0.5]], dtype=np.float32),
        scores=matrix,
        prompt_tokens=np.where(np.isnan(matrix), np.nan, 12).astype(np.float32),
        completion_tokens=np.where(np.isnan(matrix), np.nan, tokens).astype(np.float32),
    )
    table.write(folder / name)
    return folder / name
