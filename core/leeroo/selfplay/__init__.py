"""The self-play loop: generate, orchestrate, evaluate, learn, measure, and again.

    pool = leeroo.Pool({...})
    result = run(pool, read_domains("domains.yaml"), out="runs/play", max_cost=2.0)
    write_report(result, "runs/play/REPORT.md", "my script")

Its parts, each in a file: `generation` and `writing` make queries, `orchestration` on `posterior` chooses who answers,
`calls` and `journal` pay once, `evaluation` and `judge` score, `updating` and `measuring` learn; then `loop`, `report`.
"""

from leeroo.selfplay.domains import Domain, Domains, read_domains, verified_families
from leeroo.selfplay.journal import RunInProgress
from leeroo.selfplay.loop import run
from leeroo.selfplay.report import write_report
from leeroo.selfplay.result import Result
from leeroo.selfplay.settings import Settings

__all__ = [
    "Domain",
    "Domains",
    "Result",
    "RunInProgress",
    "Settings",
    "read_domains",
    "run",
    "verified_families",
    "write_report",
]
