"""What the tests of labelling on Ray run in a process of its own: Ray asks for the host's address, pytest allows none.

    python -m tests.core.outcomes.ray_program SERVER LEDGER FOLDER

Labels the same problems twice, by two processes of one thread each, as scopes `free` and `capped` of the ledger, into
tables of these names.
"""

import sys

import leeroo
from leeroo.outcomes.families import generate

COUNT = 24
MAX_TOKENS = 16


def pool_at(server):
    prices = {"dull": leeroo.Price(input=1, output=1), "clever": leeroo.Price(input=10, output=10)}
    return leeroo.Pool(
        {
            name: leeroo.Expert(model=f"openai:{name}", base_url=server, price=price, timeout=20)
            for name, price in prices.items()
        }
    )


def problems():
    return list(generate(COUNT, seed=5))


def main(server, ledger, folder):
    import ray

    from leeroo.outcomes.ray_labelling import label

    ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", object_store_memory=100 * 2**20)
    for scope in ("free", "capped"):
        table = label(
            pool_at(server),
            problems(),
            ledger=ledger,
            scope=scope,
            name=scope,
            max_tokens=MAX_TOKENS,
            workers=1,
            batch=4,
        )
        table.write(f"{folder}/{scope}")


if __name__ == "__main__":
    main(*sys.argv[1:])
