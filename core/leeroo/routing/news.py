"""What is going on in a consultation, for adapters to tell meanwhile: `News`. Names, clusters and money, no texts."""

from typing import Any, Literal, NamedTuple

Stage = Literal["asking", "answered", "failed", "stopped"]


class News(NamedTuple):
    """One step of a consultation.

    Attributes:
        stage: What happened: experts are asked, one answered and was compared, one failed, or nobody else is asked.
        told: JSON-safe. Always `call_id`; of "asking" `experts` and `round`; of "answered" `expert`, `cost` (USD),
            `cluster` (None: it abstained, or cannot be compared), `clusters` (sizes) and `posterior` of the best one;
            of "failed" `expert`; of "stopped" `expert` (whose answer is accepted, None: nobody's), `asks`,
            `posterior` and `reason`.
    """

    stage: Stage
    told: dict[str, Any]
