"""LLMRouter (llmrouter-lib): its own routers and trainers, on vectors that we give it instead of Longformer's.

The settings are those of its `configs/model_config_train` for `mlprouter` and `mfrouter` (August 2026). For kNN and the
graph the package's own defaults and the values that its examples name are taken: 5 neighbours by cosine, and 64
hidden units, 100 epochs, a share of 0.3 masked.
"""

import contextlib
import io
import json
import tempfile
from pathlib import Path

import llmrouter.models as models
import numpy as np
import torch
import yaml
from joblist import Job, main

HPARAM = {
    "knnrouter": {"n_neighbors": 5, "metric": "cosine"},
    "mlprouter": {"hidden_layer_sizes": [128, 64], "activation": "relu", "lr": 1e-3, "epochs": 100, "batch_size": 32,
                  "alpha": 1e-4},
    "mfrouter": {"latent_dim": 128, "lr": 1e-3, "epochs": 5, "noise_alpha": 0.0},
    "graphrouter": {"hidden_dim": 64, "learning_rate": 1e-3, "weight_decay": 1e-4, "train_epoch": 100,
                    "batch_size": 4, "train_mask_rate": 0.3, "val_split_ratio": 0.2},
}  # fmt: skip
CLASSES = {
    "knnrouter": (models.KNNRouter, models.KNNRouterTrainer),
    "mlprouter": (models.MLPRouter, models.MLPTrainer),
    "mfrouter": (models.MFRouter, models.MFRouterTrainer),
    "graphrouter": (models.GraphRouter, models.GraphTrainer),
}


class Theirs:
    """One of its routers. Files are written as its command line reads them."""

    kind = ""

    def fit(self, job: Job) -> None:
        torch.manual_seed(0)
        np.random.seed(0)
        self.folder = tempfile.TemporaryDirectory()
        place = Path(self.folder.name)
        self.vector_of = dict(zip(job.asked, torch.tensor(job.asked_vectors), strict=True))
        _write(place, job, HPARAM[self.kind] | {"text_dim": job.vectors.shape[1]}, self.kind)
        router, trainer = CLASSES[self.kind]
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
            self.router = router(str(place / "config.yaml"))
            trainer(self.router, device="cpu").train()
        module = __import__(f"llmrouter.models.{self.kind}.router", fromlist=["router"])
        module.get_longformer_embedding = self.vector_of.__getitem__
        module.call_api = lambda *_, **__: {"error": "no call is made here"}

    def decide(self, job: Job, i: int) -> object:
        with contextlib.redirect_stdout(io.StringIO()):
            return self.router.route_single({"query": job.asked[i]})["model_name"]

    def _spread(self, shares: np.ndarray, names: list[str], job: Job) -> np.ndarray:
        """Its columns in our order; an expert that was never the best has none and gets 0."""
        found = np.zeros((len(shares), len(job.experts)))
        for column, name in enumerate(names):
            found[:, job.experts.index(name)] = shares[:, column]
        return found


class KNN(Theirs):
    kind = "knnrouter"

    def qualities(self, job: Job) -> np.ndarray:
        model = self.router.knn_model
        return self._spread(model.predict_proba(job.asked_vectors), list(model.classes_), job)


class MLP(Theirs):
    kind = "mlprouter"

    def qualities(self, job: Job) -> np.ndarray:
        with torch.no_grad():
            shares = torch.softmax(self.router.mlp_model.eval()(torch.tensor(job.asked_vectors)), dim=-1)
        return self._spread(shares.numpy(), [self.router.idx_to_model[i] for i in range(shares.shape[1])], job)


class MF(Theirs):
    kind = "mfrouter"

    def qualities(self, job: Job) -> np.ndarray:
        self.router.load_model_path = self.router.cfg["model_path"]["load_model_path"]  # as route_single does
        model = self.router._load_mf_model()
        with torch.no_grad():
            scores = [model.score_all(model.project_text(torch.tensor(v))) for v in job.asked_vectors]
        shares = torch.sigmoid(torch.stack(scores)).numpy()
        return self._spread(shares, [self.router.idx_to_model[i] for i in range(shares.shape[1])], job)


class Graph(Theirs):
    kind = "graphrouter"

    def qualities(self, job: Job) -> np.ndarray:
        seen = []
        hook = self.router.gnn_predictor.model.register_forward_hook(lambda _, __, out: seen.append(out))
        with contextlib.redirect_stdout(io.StringIO()):
            self.router.route_batch([{"query": text} for text in job.asked])
        hook.remove()
        edges = seen[-1].reshape(-1, self.router.num_llms).numpy()
        return self._spread(edges[-len(job.asked) :], self.router.model_names, job)


def _write(place: Path, job: Job, hparam: dict[str, object], kind: str) -> None:
    lines = [
        json.dumps({"query": text, "model_name": name, "performance": float(score), "embedding_id": row})
        for row, text in enumerate(job.queries)
        for name, score in zip(job.experts, job.scores[row], strict=True)
    ]
    (place / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    torch.save(torch.tensor(job.vectors), place / "vectors.pt")
    (place / "llms.json").write_text(json.dumps({name: {"model": name} for name in job.experts}), encoding="utf-8")
    ending = "pt" if kind == "graphrouter" else "pkl"
    saved = str(place / f"saved/model.{ending}")
    if kind == "knnrouter":
        hparam = {key: hparam[key] for key in ("n_neighbors", "metric")}
    config = {
        "data_path": {
            "routing_data_train": str(place / "train.jsonl"),
            "query_embedding_data": str(place / "vectors.pt"),
            "llm_data": str(place / "llms.json"),
        },
        "model_path": {"ini_model_path": "", "save_model_path": saved, "load_model_path": saved},
        "metric": {"weights": {"performance": 1, "cost": 0, "llm_judge": 0}},
        "hparam": hparam,
        "api_endpoint": "http://127.0.0.1:9",
    }
    (place / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


if __name__ == "__main__":
    main({"llmrouter-knn": KNN, "llmrouter-mlp": MLP, "llmrouter-mf": MF, "llmrouter-graph": Graph})
