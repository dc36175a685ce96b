"""What the int8 encoder costs against fp32, on the test part. Prints JSON. Needs torch.

    python benchmarks/quantisation.py RUN TABLE_DIR... [--base FOLDER]

RUN is the folder that `leeroo train` wrote, with its checkpoint in RUN/work; FOLDER the encoder it started from, when
that was another than the pinned one.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leeroo.evaluation.intervals import bootstrap
from leeroo.evaluation.metrics import auc
from leeroo.evaluation.vectors import predictor_vectors
from leeroo.prediction import load
from leeroo.prediction.response_model import ResponseModel
from leeroo.training.backbone import base_files, tokenizer_of
from leeroo.training.corpus import Corpus
from leeroo.training.finetune import embed
from leeroo.training.network import Network, load_encoder


def fp32_vectors(run: Path, base: Path, queries: tuple[str, ...], max_length: int) -> Any:
    """Vectors of the trained encoder as it was before quantisation."""
    state = torch.load(run / "work" / "checkpoint.pt", weights_only=True, mmap=True)["network"]
    experts, traits = state["ability"].shape
    network = Network(load_encoder(base / "model.safetensors", base / "config.json"), experts, traits)
    network.load_state_dict(state, strict=False)  # a checkpoint leaves out what did not learn
    return embed(network, list(queries), tokenizer_of(base), max_length)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("dirs", nargs="+", type=Path)
    parser.add_argument("--base", type=Path)
    given = parser.parse_args()
    predictor = load(given.run)
    model, known = ResponseModel(predictor.artifact), predictor.known
    corpus = Corpus.read(given.dirs)
    corpus = corpus.take(corpus.parts == "test")
    max_length = int(predictor.artifact.settings["max_length"])
    full = fp32_vectors(given.run, base_files(given.base), corpus.queries, max_length)
    small = predictor_vectors(corpus.queries, predictor)
    found: dict[str, Any] = {}
    for number, folder in enumerate(given.dirs):
        columns = [i for i, expert in enumerate(known) if expert.table == folder.name]
        names = [expert for table, expert in corpus.columns if table == folder.name]
        order = [names.index(known[i].name) for i in columns]
        rows = corpus.table == number
        scores = corpus.scores[np.ix_(rows, np.flatnonzero(corpus.group == number)[order])].astype(np.float64)
        p8, p32 = (model.quality(v[rows], columns).astype(np.float64) for v in (small, full))

        def figures(at: Any, p8: Any = p8, p32: Any = p32, scores: Any = scores) -> dict[str, float]:
            one, other = (
                float(np.nanmean([auc(p[at, j], scores[at, j]) for j in range(scores.shape[1])])) for p in (p8, p32)
            )
            return {"int8": one, "fp32": other, "difference": one - other}

        now = figures(np.arange(len(scores)))
        interval = bootstrap(figures, len(scores), draws=100)["difference"]
        found[folder.name] = {
            "queries": len(scores),
            **{name: round(value, 4) for name, value in now.items()},
            "difference_95": [round(end, 4) for end in interval],
            "mean_change_of_quality": round(float(np.abs(p8 - p32).mean()), 4),
        }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
