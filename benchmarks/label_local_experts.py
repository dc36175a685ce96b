"""Run the two local experts on 240 verified problems and write the outcome table their traits are fitted from.

    python benchmarks/label_local_experts.py runs/local
    leeroo experts add smollm2-135m --outcomes runs/local --out runs/artifact
    leeroo experts add gemma3-270m --outcomes runs/local --artifact runs/artifact --out runs/artifact

Prints JSON: mean score by family and expert. The traits in the shipped artifact come from this.
"""

import json
import sys

import numpy as np

from leeroo import Pool
from leeroo.endpoints import local
from leeroo.outcomes.families import generate
from leeroo.outcomes.labelling import label


def main() -> None:
    """Label, write, print."""
    with local.experts() as experts:
        table = label(Pool(experts), list(generate(240, seed=11)), name="local", max_tokens=48)
    table.write(sys.argv[1])
    domains = np.array(table.domains)
    by_family = {
        family: dict(zip(table.experts, table.scores[domains == family].mean(axis=0).round(3).tolist(), strict=True))
        for family in sorted(set(table.domains))
    }
    overall = dict(zip(table.experts, np.nanmean(table.scores, axis=0).round(3).tolist(), strict=True))
    print(json.dumps({"families": by_family, "all": overall}, indent=2))


if __name__ == "__main__":
    main()
