"""Two real LLMs on this machine: small GGUF models from PyPI packages, served by llama.cpp. No key, no GPU, no network.

    with leeroo.endpoints.local.experts() as experts:
        router = leeroo.Router(experts)

Their prices are illustrative: running them costs you electricity only, but a router needs prices to compare.
"""

from leeroo.endpoints.local.models import MODELS, LocalModel
from leeroo.endpoints.local.processes import LocalExperts, experts, specifications

__all__ = ["MODELS", "LocalExperts", "LocalModel", "experts", "specifications"]
