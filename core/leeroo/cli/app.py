"""The command line: `leeroo ...`. Errors are one clear line on stderr and a non-zero exit, never a traceback."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from leeroo import __version__
from leeroo.budget import Budget
from leeroo.cli.artifacts import artifacts_app
from leeroo.cli.doctor import doctor
from leeroo.cli.feedback import feedback, feedback_export
from leeroo.cli.ledger import scopes_app, spend
from leeroo.cli.pools import open_router
from leeroo.cli.report import report
from leeroo.cli.selfplay import selfplay
from leeroo.cli.serve import keys_app, serve
from leeroo.cli.train import train
from leeroo.cli.universe import gaps, universe
from leeroo.errors import ConfigError, LeerooError
from leeroo.money import show_usd, to_usd
from leeroo.query import Query
from leeroo.routing.decision import Decision

app = typer.Typer(
    name="leeroo",
    help="Send each question to the cheapest adequate LLM within its budget.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
pool_app = typer.Typer(help="Look after pool files.", no_args_is_help=True)
app.add_typer(pool_app, name="pool")
experts_app = typer.Typer(help="Teach the predictor new experts.", no_args_is_help=True)
app.add_typer(experts_app, name="experts")
out = Console()

PoolOption = Annotated[
    Path | None,
    typer.Option(
        "--pool", help="Pool file. Default: $LEEROO_POOL, ./leeroo.yaml, ./pool.yaml, else two local experts."
    ),
]
MaxCost = Annotated[float | None, typer.Option(help="USD, hard cap of the call.")]
MinQuality = Annotated[float | None, typer.Option(help="0..1, least predicted quality that is adequate.")]
Tolerance = Annotated[float | None, typer.Option(help="0..1, adequate is within this of the best.")]
Willingness = Annotated[float | None, typer.Option(help="USD that a right answer is worth.")]
MaxLatency = Annotated[float | None, typer.Option(help="Seconds.")]
ExpertName = Annotated[str | None, typer.Option("--expert", help="Pin the expert of this name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(__version__)
        raise typer.Exit


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="The question; - reads it from standard input.")],
    pool: PoolOption = None,
    max_cost: MaxCost = None,
    min_quality: MinQuality = None,
    tolerance: Tolerance = None,
    willingness_to_pay: Willingness = None,
    max_latency: MaxLatency = None,
    expert: ExpertName = None,
    max_tokens: Annotated[int | None, typer.Option(help="Output cap in tokens.")] = None,
    hedge: Annotated[bool, typer.Option("--hedge", help="Ask the next expert, too, when the first is slow.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask one question and print the answer, who gave it, and what it cost.

    Example: `leeroo ask "What is the capital of France?" --max-cost 0.001`
    """
    from leeroo.endpoints.openai_compatible import ask as ask_expert

    budget = _budget(max_cost, min_quality, tolerance, willingness_to_pay, max_latency, expert)
    with open_router(pool, run=True) as router:
        answer = ask_expert(router, _text(text), budget, max_tokens=max_tokens, hedge=hedge)
    if as_json:
        _print_json({"answer": answer.text, **answer.record})
        return
    out.print(answer.text.strip(), markup=False, highlight=False)
    record = answer.record
    saved = f", saved {show_usd(record['saved'])} against {record['reference_expert']}" if record["saved"] else ""
    quality = record["predicted_quality"]
    cost = show_usd(record["cost"])
    out.print(
        f"[dim]{record['expert']} (predicted quality {quality:.2f}; {record['rule']}) · {cost}{saved} "
        f"· {answer.seconds:.1f} s · call {record['call_id']}[/dim]"
    )


@app.command()
def explain(
    text: Annotated[str, typer.Argument(help="The question; - reads it from standard input.")],
    pool: PoolOption = None,
    max_cost: MaxCost = None,
    min_quality: MinQuality = None,
    tolerance: Tolerance = None,
    willingness_to_pay: Willingness = None,
    max_latency: MaxLatency = None,
    expert: ExpertName = None,
    as_json: AsJson = False,
) -> None:
    """Show the decision for a question with every candidate; no call is made.

    Example: `leeroo explain "Prove that sqrt(2) is irrational." --min-quality 0.8`
    """
    from leeroo.money import to_nano

    question = _text(text)
    with open_router(pool, run=False) as router:
        budget = _budget(max_cost, min_quality, tolerance, willingness_to_pay, max_latency, expert).over(router.budget)
        cap = None if budget.max_cost in (None, float("inf")) else to_nano(budget.max_cost or 0.0)
        decision = router.decide(Query(text=question, prompt=question), budget, cap)
    if as_json:
        order = decision.selection.order
        _print_json(
            {
                "expert": order[0].expert.name if order else None,
                "adequate": decision.selection.adequate,
                "rule": decision.selection.rule,
                "novelty": decision.novelty,
                "fallbacks": [c.expert.name for c in order[1:]],
                "candidates": [c.to_dict() for c in decision.candidates],
                "budget": budget.to_dict(),
                "router_latency": decision.seconds,
            }
        )
    else:
        _print_decision(decision)


@app.command()
def demo(as_json: Annotated[bool, typer.Option("--json", help="Print the calls' records as JSON.")] = False) -> None:
    """Route a dozen real questions over two local LLMs, with budgets, a failover and an error on purpose.

    Needs no key and no GPU. Example: `leeroo demo --json`
    """
    from leeroo.cli.demo import run

    run(out, as_json=as_json)


@app.command()
def predict(
    table: Annotated[Path, typer.Argument(metavar="DIR", help="Outcome table: queries.parquet and experts.csv.")],
    to: Annotated[Path, typer.Option("--out", help="Where to write: .parquet or .csv.")],
    artifact: Annotated[Path | None, typer.Option(help="Predictor artifact; the one that ships when absent.")] = None,
) -> None:
    """Write query_id, expert, predicted_quality and expected_cost for a table, reading no score.

    Example: `leeroo predict data/mmlu --out predictions.parquet`
    """
    from leeroo.evaluation import predict_table
    from leeroo.prediction import load

    with Console(stderr=True).status(f"Predicting {table} ..."):
        rows = predict_table(table, to, load(artifact))
    out.print(f"{rows} rows in {to}")


@app.command("eval")
def evaluate(
    table: Annotated[Path, typer.Argument(metavar="DIR", help="Outcome table to evaluate on.")],
    artifact: Annotated[Path | None, typer.Option(help="Predictor artifact; the one that ships when absent.")] = None,
    pool: Annotated[str | None, typer.Option(help="Experts to choose from, comma-separated; all when absent.")] = None,
    reference: Annotated[str | None, typer.Option(help="Expert to match; the best one when absent.")] = None,
    weak: Annotated[str | None, typer.Option(help="Cheap expert of APGR and CPT; chosen when absent.")] = None,
    split: Annotated[str, typer.Option(help="Part of the table: test (held out), val, train or all.")] = "test",
    baselines: Annotated[str, typer.Option(help="all, cheap (those that need no vectors) or none.")] = "all",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the frontier here (.png, .svg), more beside it.")] = None,
) -> None:
    """Compare the router with every baseline on a table of real outcomes.

    Example: `leeroo eval data/mmlu --pool mixtral,gpt-4 --reference gpt-4 --plot frontier.png`
    """
    from leeroo.evaluation import evaluate as run
    from leeroo.prediction import load

    if baselines not in ("all", "cheap", "none"):
        raise ConfigError(f"--baselines {baselines!r} is none of all, cheap, none.")
    report = run(
        table,
        load(artifact),
        pool=[name.strip() for name in pool.split(",") if name.strip()] if pool else None,
        reference=reference,
        weak=weak,
        split=split,
        baselines=baselines,  # type: ignore[arg-type]
        progress=sys.stderr.isatty(),
    )
    # A dozen figures a row: on a narrow terminal wrapped lines are better than figures cut off.
    Console(width=max(out.width, 150)).print(report.table())
    if json_file:
        json_file.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
        out.print(f"Figures in {json_file}")
    if plot:
        for drawn in report.plot(plot):
            out.print(f"Plot in {drawn}")


@app.command("import")
def import_results(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="lm-eval, mmlu-pro, routellm, routerbench or plain.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Result files; zips are read inside.")],
    to: Annotated[Path, typer.Option("--out", help="Folder of the outcome table.")],
    expert: Annotated[str | None, typer.Option(help="The model, where the files do not name it.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="OURS=THEIRS, such as query=prompt. May be repeated.")
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(help="EXPERT=IN,OUT in USD per 1M tokens. May be repeated.")
    ] = None,
) -> None:
    """Turn result files of other tools into an outcome table.

    Example: `leeroo import plain mine.csv --out data/mine --column query=prompt --price my-llm=0.2,0.4`
    """
    from leeroo.outcomes.importers import import_outcomes

    columns = dict(_pair(text, "column", "OURS=THEIRS") for text in column or ())
    prices = {name: _two_prices(name, text) for name, text in (_pair(p, "price", "EXPERT=IN,OUT") for p in price or ())}
    found = import_outcomes(files, form, name=to.name, expert=expert, columns=columns, prices=prices)
    found.table.write(to)
    errors = Console(stderr=True)
    for skipped in found.skipped[:20]:
        errors.print(f"left out: {skipped}", markup=False, highlight=False, soft_wrap=True)
    if len(found.skipped) > 20:
        errors.print(f"... and {len(found.skipped) - 20} more")
    out.print(f"{found.summary()} In {to}", highlight=False)


@experts_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The expert, as pools name it or its model.")],
    to: Annotated[Path, typer.Option("--out", help="Folder of the new artifact.")],
    outcomes: Annotated[Path | None, typer.Option(help="Outcome table with answers of this expert.")] = None,
    benchmark: Annotated[float | None, typer.Option(help="A published benchmark score, 0..1.")] = None,
    artifact: Annotated[Path | None, typer.Option(help="Artifact to add to; the one that ships when absent.")] = None,
) -> None:
    """Fit a new expert's traits from its outcomes, a benchmark score, or nothing but the prior; no retraining.

    Example: `leeroo experts add my-llm --outcomes data/mine --out runs/with-mine`
    """
    import numpy as np

    from leeroo.outcomes.table import OutcomeTable
    from leeroo.prediction.artifact import SHIPPED
    from leeroo.training.traits import add_expert

    rows: list[tuple[str, float, float]] = []
    if outcomes is not None:
        table = OutcomeTable.read(outcomes)
        one = table.take(np.arange(len(table)), [name])
        columns = zip(one.queries, one.scores[:, 0].tolist(), one.completion_tokens[:, 0].tolist(), strict=True)
        rows = [(query, score, tokens) for query, score, tokens in columns if score == score]
    traits = add_expert(artifact or SHIPPED, name, rows, to, benchmark=benchmark)
    out.print(
        f"{name}: {traits.source}, {traits.outcomes} outcomes, mean predicted quality {traits.prior:.3f}. In {to}"
    )


@pool_app.command("check")
def check(file: Annotated[Path, typer.Argument(help="Pool file.")]) -> None:
    """Read a pool file, say what is wrong with it, or show its experts and prices.

    Example: `leeroo pool check pool.yaml`
    """
    from leeroo.pool.file import read_pool

    read = read_pool(file)
    table = Table(title=f"{file}: {len(read.pool)} experts, reference {read.pool.reference}")
    for column in ("expert", "model", "input $/1M", "output $/1M", "context", "key"):
        table.add_column(column, overflow="fold")
    for expert in read.pool:
        variable = expert.api_key_env
        key = "-" if variable is None else f"{variable} {'set' if os.environ.get(variable) else 'NOT SET'}"
        price = expert.known_price
        window = str(expert.context_window or "?")
        table.add_row(expert.name, str(expert.model_id), f"{price.input:g}", f"{price.output:g}", window, key)
    out.print(table)


app.command()(train)
app.command()(universe)
app.command()(selfplay)
app.command()(gaps)
app.command()(serve)
app.command()(spend)
app.command()(doctor)
app.command()(feedback)
app.command()(feedback_export)
app.command()(report)
app.add_typer(scopes_app, name="scopes")
app.add_typer(keys_app, name="keys")
app.add_typer(artifacts_app, name="artifacts")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except LeerooError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Stopped.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")


def _fail(message: str, code: int = 1) -> None:
    line = escape(" ".join(message.split()))
    Console(stderr=True).print(f"[red]error:[/red] {line}", soft_wrap=True, highlight=False)
    sys.exit(code)


def _text(given: str) -> str:
    return sys.stdin.read() if given == "-" else given


def _budget(
    max_cost: float | None,
    min_quality: float | None,
    tolerance: float | None,
    willingness_to_pay: float | None,
    max_latency: float | None,
    expert: str | None,
) -> Budget:
    return Budget(
        max_cost=max_cost,
        min_quality=min_quality,
        tolerance=tolerance,
        willingness_to_pay=willingness_to_pay,
        max_latency=max_latency,
        expert=expert,
    )


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not equals or not left or not right:
        raise ConfigError(f"--{option} {text!r} is not of the form {form}.")
    return left, right


def _two_prices(name: str, text: str) -> tuple[float, float]:
    try:
        given_in, given_out = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--price {name}={text} is not of the form EXPERT=IN,OUT, in USD per 1M tokens.") from None
    return given_in, given_out


def _print_decision(decision: Decision) -> None:
    order = {c.expert.name: place for place, c in enumerate(decision.selection.order)}
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title=f"{decision.selection.rule} · decided in {1000 * decision.seconds:.1f} ms",
    )
    for column in ("", "expert", "quality", "from", "expected", "worst case", "latency"):
        table.add_column(column, no_wrap=True)
    for c in decision.candidates:
        place = order.get(c.expert.name)
        mark = "no" if place is None else ("chosen" if place == 0 else f"then {place}")
        latency = "?" if c.latency is None else f"{c.latency:.1f} s"
        money = (show_usd(to_usd(c.expected_cost)), show_usd(to_usd(c.worst_cost)))
        table.add_row(mark, c.expert.name, f"{c.quality:.3f}", c.source, *money, latency)
    out.print(table)
    for c in decision.candidates:
        if c.ineligible:
            out.print(f"{c.expert.name} is not eligible: {c.ineligible}", markup=False, highlight=False)
    if not decision.selection.order:
        raise ConfigError("No expert is eligible for this question under this budget.")


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=2))  # noqa: T201 - machine-readable, so not through rich's wrapping


if __name__ == "__main__":
    main()
