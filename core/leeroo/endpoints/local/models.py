"""Which models run locally, how each is prompted, and what is said of them in the pool."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leeroo.files import packaged
from leeroo.pool.experts import Expert, Latency
from leeroo.pool.prices import Price
from leeroo.query import Capability

CONTEXT = 4096
"""Tokens of input and output together that one request may have."""

# llama.cpp ignores tools where a template has no place for them, even with tool_choice "required", and models of this
# size do not call them reliably anyway. JSON schemas are enforced by a grammar, so those are kept whatever the model.
_CAPABILITIES: frozenset[Capability] = frozenset({"structured_output", "streaming"})

# The model's own format without the system prompt that its template adds where none is given: measured on simple
# questions, the 135M model answers better without it, and the prompt is 27 tokens shorter.
_CHATML = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""

# A base model only continues text. One solved example shows it that an answer is short and ends; a longer prompt would
# cost more tokens than the count of a request allows for the chat format.
_QUESTION_ANSWER = """\
Question: What colour is the sky?
Answer: Blue.

{% for message in messages -%}
{%- if message.role == "system" -%}
{{ message.content }}

{% elif message.role == "assistant" -%}
Answer: {{ message.content }}

{% else -%}
Question: {{ message.content }}
{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
Answer:{% endif -%}
"""


@dataclass(frozen=True)
class LocalModel:
    """One model that can be served here.

    Attributes:
        name: Its name in the pool and on its server.
        find: Returns the path of its GGUF file; raises MissingDependency or ConfigError.
        template: Its chat template (Jinja).
        price: Illustrative, USD per 1M tokens.
        latency: Declared until real calls were seen; measured on one thread of a busy machine.
        stop: Sequences that end an answer. The server applies them where a request brings none of its own.
    """

    name: str
    find: Callable[[], Path]
    template: str
    price: Price
    latency: Latency
    stop: tuple[str, ...] = ()

    def expert(self, url: str | None = None) -> Expert:
        """This model as an expert.

        Args:
            url: Address of its server; None: what there is to know before it runs.
        """
        return Expert(
            model=f"openai:{self.name}",
            name=self.name,
            base_url=f"{url}/v1" if url else None,
            price=self.price,
            context_window=CONTEXT,
            max_output_tokens=512,
            capabilities=_CAPABILITIES,
            tokenizer=f"{url}/tokenize" if url else None,
            latency=self.latency,
            stop=self.stop,
        )


MODELS: tuple[LocalModel, ...] = (
    LocalModel(
        name="smollm2-135m",
        find=packaged.smollm2,
        template=_CHATML,
        price=Price(input=0.02, output=0.04),
        latency=Latency(first_token=0.25, per_token=0.027),
    ),
    LocalModel(
        name="gemma3-270m",
        find=packaged.gemma3,
        template=_QUESTION_ANSWER,
        price=Price(input=0.05, output=0.10),
        latency=Latency(first_token=0.2, per_token=0.045),
        stop=("\n\nQuestion:", "\nQuestion:", "\nAnswer:"),
    ),
)
"""The local models, cheapest first."""
