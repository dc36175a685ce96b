"""What `import langchain_leeroo` costs over `langchain_core` itself. Prints JSON.

    python benchmarks/import_time.py [--runs 7]

Each run is a fresh process; the modules take turns, so that a busy machine disturbs all of them alike.
"""

import argparse
import json
import statistics
import subprocess
import sys

MODULES = (
    "langchain_core.language_models.chat_models",
    "langchain_leeroo",
    "langchain_openai",
    "leeroo",
    "llama_index.core.llms",
    "llamaindex_leeroo",
)
HEAVY = ("torch", "transformers", "pandas", "sqlalchemy", "matplotlib", "onnxruntime", "openai", "numpy")
PROGRAM = """
import importlib, json, sys, time
began = time.perf_counter()
importlib.import_module(sys.argv[1])
print(json.dumps([time.perf_counter() - began, [m for m in sys.argv[2].split(",") if m in sys.modules]]))
"""


def run(module: str) -> tuple[float, list[str]] | None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, module, ",".join(HEAVY)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return None
    seconds, heavy = json.loads(done.stdout)
    return seconds, heavy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    seconds: dict[str, list[float]] = {module: [] for module in MODULES}
    heavy: dict[str, list[str]] = {}
    for turn in range(runs + 1):
        for module in MODULES:
            found = run(module)
            if found is not None and turn:  # the first turn warms the disk's cache
                seconds[module].append(found[0])
                heavy[module] = found[1]
    medians = {module: round(statistics.median(times), 4) for module, times in seconds.items() if times}
    result = {"median_s": medians, "heavy_modules": heavy, "runs": runs}
    for name, base in (("langchain_leeroo", MODULES[0]), ("llamaindex_leeroo", "llama_index.core.llms")):
        if name in medians and base in medians:
            result[f"{name}_over_{base}_s"] = round(medians[name] - medians[base], 4)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
