"""Scripted experts on the loopback server, and a predictor with an encoder of a few kilobytes."""

import re

import numpy as np
import pytest

import leeroo
from leeroo.prediction.artifact import ENCODER, TOKENIZER, Artifact, KnownExpert, write_artifact
from leeroo.selfplay.domains import Domain, Domains
from tests.openai_server import OpenAIServer

WORDS = "what is the first last letter of word how many letters has do these two lists share".split()  # noqa: SIM905
WIDTH, TRAITS = 16, 8


def answer(body):
    """`clever` is right about sums, `dull` says 0; both know the first and the last letter of a word."""
    text, model = body["messages"][-1]["content"], body["model"]
    found = re.fullmatch(r"What is (.*)\?", text)
    if model == "clever" and found and re.fullmatch(r"[\d+*/ ()-]+", found[1]):
        return str(int(eval(found[1])))
    letter = re.search(r"(first|last) letter of the word '(\w+)'", text)
    if letter:
        return letter[2][0 if letter[1] == "first" else -1]
    return "0"


@pytest.fixture
def server():
    with OpenAIServer(("clever", "dull"), answer=answer) as running:
        yield running


@pytest.fixture
def pool(server):
    prices = {"dull": leeroo.Price(input=1, output=1), "clever": leeroo.Price(input=10, output=10)}
    return leeroo.Pool(
        {
            name: leeroo.Expert(model=f"openai:{name}", base_url=server.url, price=p, timeout=5)
            for name, p in prices.items()
        }
    )


@pytest.fixture
def domains():
    return Domains(domains={name: Domain(family=name) for name in ("arithmetic", "strings")})


@pytest.fixture(scope="session")
def artifact(tmp_path_factory):
    """Folder of a predictor that knows two experts of no consequence; its encoder is the mean of word vectors."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    folder = tmp_path_factory.mktemp("small")
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(["[UNK]", *WORDS])}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / TOKENIZER))
    rng = np.random.default_rng(0)
    _save_encoder(folder / ENCODER, rng.normal(size=(len(WORDS) + 1, WIDTH)).astype(np.float32))
    arrays = {
        "project": rng.normal(size=(WIDTH, TRAITS)) / 4,
        "project_bias": np.zeros(TRAITS),
        "ability": np.zeros((2, TRAITS)),
        "bias": np.zeros(2),
        "length": np.zeros((2, TRAITS)),
        "length_bias": np.zeros(2),
        "calibration": np.tile([1.0, 0.0], (2, 1)),
        "prior": np.full(2, 0.5),
        "population_mean": np.zeros(TRAITS + 1),
        "population_cov": np.eye(TRAITS + 1),
        "population_length": np.zeros(TRAITS + 1),
        "mean_traits": np.append(np.zeros(TRAITS), 1),
        "centroids": np.eye(WIDTH)[:2],
    }
    made = Artifact(
        folder=folder,
        experts=tuple(KnownExpert(name, "made-up") for name in ("one", "two")),
        arrays={name: values.astype(np.float32) for name, values in arrays.items()},
        settings={
            "max_length": 64,
            "activation": "linear",
            "novelty": [3.0, 4.0],
            "tokens": {"mean": 2.0, "deviation": 1.0, "residual_variance": 0.0},
        },
    )
    write_artifact(made, folder)
    return folder


def _save_encoder(path, table):
    """An ONNX graph: mean of the rows of `table` at `ids`, where `mask` is 1."""
    from onnx import TensorProto, helper, numpy_helper, save

    axes = [numpy_helper.from_array(np.array([n], dtype=np.int64), f"axis{n}") for n in (1, 2)]
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Cast", ["mask"], ["flat"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["flat", "axis2"], ["weights"]),
        helper.make_node("Mul", ["rows", "weights"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "axis1"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["weights", "axis1"], ["count"], keepdims=0),
        helper.make_node("Div", ["sum", "count"], ["vectors"]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("ids", "mask")]
    output = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", WIDTH])]
    graph = helper.make_graph(nodes, "mean", inputs, output, [numpy_helper.from_array(table, "table"), *axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, str(path))


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
