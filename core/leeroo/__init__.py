"""Leeroo: a learned router that sends each call to the cheapest adequate LLM within its budget."""

from leeroo._version import __version__
from leeroo.budget import Budget, budget
from leeroo.errors import (
    BudgetExceeded,
    ConfigError,
    ExpertsFailed,
    InvalidRequest,
    LeerooError,
    MissingDependency,
    NoEligibleExpert,
)
from leeroo.ledger.feedback import feedback
from leeroo.pool.experts import Expert, Latency
from leeroo.pool.pool import Pool
from leeroo.pool.prices import Price, PriceTier
from leeroo.query import Query
from leeroo.routing.attempt import Attempt, Usage
from leeroo.routing.call import Call
from leeroo.routing.decision import Decision
from leeroo.routing.last import last_call
from leeroo.routing.router import Router
from leeroo.spent import Spent

__all__ = [
    "Attempt",
    "Budget",
    "BudgetExceeded",
    "Call",
    "ConfigError",
    "Decision",
    "Expert",
    "ExpertsFailed",
    "InvalidRequest",
    "Latency",
    "LeerooError",
    "MissingDependency",
    "NoEligibleExpert",
    "Pool",
    "Price",
    "PriceTier",
    "Query",
    "Router",
    "Spent",
    "Usage",
    "__version__",
    "budget",
    "feedback",
    "last_call",
]
