"""The cost of runs over HTTP: flowc's server beside the same work written by hand.

`python -m bench.http --only w1,w4 --rounds 3` prints the rows of some parts; `--profile w1` shows
where the server spends its time on a work. All servers are processes of their own and take turns;
CPU is that of a server and its children. The rivals are in `rivals_http.py`, the works in `works.py`.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

from rich.console import Console

from bench import arena, http_begin, http_queue, works
from bench.arena import Arena, Figures
from bench.measuring import Row, postgres_server, show
from bench.profile import WORKS, Target, profile
from bench.works import Work
from flowc.compiler.definition import Granularity

Part = Callable[[Arena], list[Row]]
HAND = "beside LangGraph by hand"
ROUNDS = 3


def chat(arena: Arena) -> list[Row]:
    """Measure W1 with one client, on SQLite."""
    work, ours = works.chat(), arena.ours()
    node, fused, litellm, httpx, dbos, plain = arena.compare(
        arena.contest(ours, work, 60),
        arena.contest(ours, work.fused(), 60),
        *(arena.contest(arena.rival(name), work, 100) for name in ("litellm", "httpx")),
        *(arena.contest(arena.rival(name), work, 100) for name in ("dbos", "plain")),
    )
    name = "W1 chat, SQLite, 1 client"
    return [
        Row(f"{name}, node, {HAND} with litellm", node.cpu, litellm.cpu, "CPU ms", 1.0),
        Row(f"{name}, fused, {HAND} with litellm", fused.cpu, litellm.cpu, "CPU ms"),
        Row(f"{name}, node, {HAND} with httpx", node.cpu, httpx.cpu, "CPU ms"),
        Row(f"{name}, node, beside bare DBOS with httpx", node.cpu, dbos.cpu, "CPU ms"),
        Row(f"{name}, node, beside plain FastAPI with httpx", node.cpu, plain.cpu, "CPU ms"),
        Row(f"{name}, node, with litellm, p50", node.p50, litellm.p50, "wall ms"),
        Row(f"{name}, node, with litellm, p99", node.p99, litellm.p99, "wall ms"),
        Row(f"{name}, answer, with litellm", node.bytes, litellm.bytes, "bytes"),
    ]


def chat_under_load(arena: Arena) -> list[Row]:
    """Measure W1 with 16 and 64 clients at once."""
    work, found = works.chat(), list[Row]()
    contests = [
        arena.contest(server, work, 192) for server in (arena.ours(), arena.rival("litellm"))
    ]
    for clients in (16, 64):
        ours, theirs = arena.compare(*contests, clients=clients)
        name = f"W1 chat, SQLite, {clients} clients, node, {HAND} with litellm"
        found += [
            Row(name, ours.cpu, theirs.cpu, "CPU ms", 1.0),
            Row(f"{name}, rate", ours.rate, theirs.rate, "runs/s", 1.0, more_is_better=True),
            Row(f"{name}, p50", ours.p50, theirs.p50, "wall ms"),
            Row(f"{name}, p99", ours.p99, theirs.p99, "wall ms", 1.2),
        ]
    return found


def chat_on_postgres(arena: Arena) -> list[Row]:
    """Measure W1 on PostgreSQL, whose own processes are not counted."""
    if arena.postgres is None:
        return []
    work = works.chat()
    servers = arena.ours("postgres"), *(arena.rival(n, "postgres") for n in ("litellm", "httpx"))
    ours, litellm, httpx = arena.compare(*(arena.contest(s, work, 60) for s in servers))
    name = "W1 chat, PostgreSQL, 1 client, node"
    return [
        Row(f"{name}, {HAND} with litellm", ours.cpu, litellm.cpu, "CPU ms", 1.0),
        Row(f"{name}, {HAND} with httpx", ours.cpu, httpx.cpu, "CPU ms"),
        Row(f"{name}, PostgreSQL's own part", ours.database_cpu, litellm.database_cpu, "CPU ms"),
        Row(f"{name}, with litellm, p50", ours.p50, litellm.p50, "wall ms"),
    ]


def _beside_hand(arena: Arena, work: Work, runs: int, granularity: str) -> tuple[Figures, Figures]:
    mine = work if granularity == "node" else work.with_granularity(granularity)
    ours, theirs = arena.compare(
        arena.contest(arena.ours(), mine, runs),
        arena.contest(arena.rival("httpx"), work, runs),
    )
    return ours, theirs


def mapping(arena: Arena) -> list[Row]:
    ours, theirs = _beside_hand(arena, works.map_items(), 20, "node")
    return [Row(f"W2 map of 100 and a join, {HAND}", ours.cpu, theirs.cpu, "CPU ms", 0.5)]


def mapping_of_waits(arena: Arena) -> list[Row]:
    """Measure a map whose items take 50 ms: in nodes that only wait, and in HTTP calls."""
    pauses, by_hand = _beside_hand(arena, works.map_pauses(), 10, "node")
    work, servers = works.map_calls(arena.stub), (arena.ours(), arena.rival("httpx"))
    calls, calls_by_hand, plain = arena.compare(
        *(arena.contest(server, work, 10) for server in (*servers, arena.rival("plain")))
    )
    ms, name = works.SLOW * 1e3, "W2io map of 100 x 50 ms"
    gathered = "beside asyncio.gather and httpx"
    return [
        Row(f"{name}, nodes that wait, beside 50 ms", pauses.p50, ms, "wall ms", 1.2),
        Row(f"{name}, nodes that wait, {HAND}", pauses.p50, by_hand.p50, "wall ms"),
        Row(f"{name}, HTTP calls, beside 50 ms", calls.p50, ms, "wall ms"),
        Row(f"{name}, HTTP calls, {HAND}", calls.p50, calls_by_hand.p50, "wall ms"),
        Row(f"{name}, HTTP calls, {gathered}", calls.p50, plain.p50, "wall ms"),
        Row(f"{name}, HTTP calls, cost, {HAND}", calls.cpu, calls_by_hand.cpu, "CPU ms"),
        Row(f"{name}, HTTP calls, cost, {gathered}", calls.cpu, plain.cpu, "CPU ms"),
    ]


def looping(arena: Arena) -> list[Row]:
    node, theirs = _beside_hand(arena, works.loop(), 10, "node")
    fused, beside = _beside_hand(arena, works.loop(), 10, "fused")
    name = "W3 loop of 100 turns of two nodes"
    return [
        Row(f"{name}, node, {HAND}", node.cpu, theirs.cpu, "CPU ms", 0.15),
        Row(f"{name}, fused, {HAND}", fused.cpu, beside.cpu, "CPU ms"),
    ]


def chains(arena: Arena) -> list[Row]:
    """Measure chains, beside two by hand: with the usual reducer, which merges, and with deltas."""
    found = list[Row]()
    bars = ((10, 60, 1.0, 0.6), (100, 12, 0.8, 0.15), (1000, 1, 0.4, 0.02))
    for count, runs, node_bar, fused_bar in bars:
        work, ours, hand = works.chain(count), arena.ours(), arena.rival("httpx")
        delta = Work(f"delta-chain-{count}", {}, work.input)
        node, fused, usual, deltas = arena.compare(
            arena.contest(ours, work, runs),
            arena.contest(ours, work.fused(), runs * 4),
            arena.contest(hand, work, runs),
            arena.contest(hand, delta, runs),
        )
        name = f"W4 chain of {count} with 1 KB each"
        found += [
            Row(f"{name}, node, {HAND}", node.cpu, usual.cpu, "CPU ms", node_bar),
            Row(f"{name}, fused, {HAND}", fused.cpu, usual.cpu, "CPU ms", fused_bar),
            Row(f"{name}, node, {HAND} with a delta channel", node.cpu, deltas.cpu, "CPU ms"),
            Row(f"{name}, answer, {HAND}", node.bytes, usual.bytes, "bytes"),
        ]
    return found


def zigzag(arena: Arena) -> list[Row]:
    granularity = "auto" if "auto" in get_args(Granularity) else "fused"
    ours, theirs = _beside_hand(arena, works.zigzag(), 5, granularity)
    name = f"zigzag of 8 x 12 nodes of 50/5 ms, {granularity}"
    critical = works.CRITICAL_MS
    return [
        Row(f"{name}, beside the critical path", ours.p50, critical, "wall ms", 1.1),
        Row(f"{name}, {HAND}", ours.p50, theirs.p50, "wall ms"),
    ]


def one_node(arena: Arena) -> list[Row]:
    """Measure the smallest run, beyond a plain function behind FastAPI."""
    work = works.one()
    names = ("plain", "httpx", "dbos")
    ours, plain, hand, dbos = arena.compare(
        arena.contest(arena.ours(), work, 100),
        *(arena.contest(arena.rival(name), work, 200) for name in names),
    )
    over, name = ours.cpu - plain.cpu, "a run of one node"
    return [
        Row(f"{name}, beyond plain FastAPI, beside 3 ms", over, 3.0, "CPU ms", 1.0),
        Row(f"{name}, {HAND}", ours.cpu, hand.cpu, "CPU ms"),
        Row(f"{name}, beside bare DBOS", ours.cpu, dbos.cpu, "CPU ms"),
        Row(f"{name}, beside plain FastAPI, p50", ours.p50, plain.p50, "wall ms"),
    ]


PARTS: dict[str, Part] = {
    "w1": chat,
    "w1-load": chat_under_load,
    "w1-postgres": chat_on_postgres,
    "w2": mapping,
    "w2io": mapping_of_waits,
    "w3": looping,
    "w4": chains,
    "zigzag": zigzag,
    "one": one_node,
    "begin": http_begin.submitted,
    "start": http_begin.starts,
    "disk": http_begin.disk,
    "commands": http_begin.commands,
    "queue": http_queue.draining,
}
# They start processes of their own.
ALONE = {"start", "disk", "commands", "queue"}


def parts(names: list[str], rounds: int, postgres: str | None) -> Iterator[list[Row]]:
    """Yield the rows, part by part."""
    log = Console(stderr=True)
    with arena.opened(rounds, postgres) as opened:
        for name in names:
            if name in ALONE:
                opened.stop_servers()
            started = time.monotonic()
            yield PARTS[name](opened)
            log.print(f"{name}: {time.monotonic() - started:.0f} s")


def main() -> None:
    given = _arguments()
    postgres = None if given.no_postgres else postgres_server()
    if given.profile:
        profile(_target(given, postgres))
        return
    found = list[Row]()
    for rows in parts(given.only.split(","), given.rounds, postgres):
        show(rows)
        found += rows
    if given.json:
        given.json.write_text(json.dumps([row.as_json() for row in found], indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = ",".join(PARTS)
    parser.add_argument("--only", default=names, help=f"parts, separated by commas: {names}")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--no-postgres", action="store_true", help="leave out PostgreSQL")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--profile", choices=WORKS, help="show where a work spends its CPU time")
    parser.add_argument("--server", default="flowc", help="profile flowc, or the rival named so")
    parser.add_argument("--postgres", action="store_true", help="profile it on PostgreSQL")
    parser.add_argument("--runs", type=int, default=200, help="how many runs to profile")
    parser.add_argument("--clients", type=int, default=1, help="how many clients at once")
    parser.add_argument("--granularity", help="profile it at another granularity than node")
    return parser.parse_args()


def _target(given: argparse.Namespace, postgres: str | None) -> Target:
    work = WORKS[given.profile]()
    if given.granularity:
        work = work.with_granularity(given.granularity)
    url = postgres if given.postgres else None
    return Target(work, given.server, given.runs, given.clients, url)


if __name__ == "__main__":
    main()
