"""Shows what a workflow will do, for `flowc check --explain-plan`."""

from collections.abc import Iterator
from math import inf, isinf

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from flowc.compiler.planning.closings import Closing
from flowc.compiler.planning.plan import Plan
from flowc.compiler.reports.estimates import Range
from flowc.compiler.reports.forecast import Forecast, forecast
from flowc.nodes.services.models.prices import ANSWER_TOKENS, VALUE_TOKENS
from flowc.server.workflows.run_plans import Aliases, calls_of, cost_of_calls


def show_plan(console: Console, plan: Plan, aliases: Aliases) -> None:
    """Print the order of the nodes, the joins and regions, what they access, and model costs."""
    known = forecast(plan)
    tree = Tree(f"[bold]{escape(plan.workflow.title)}")
    _add_steps(tree, plan, known)
    console.print(tree)
    for what, names in _accessed(known):
        console.print(f"[dim]{what:10}[/] {escape(', '.join(names)) or 'none'}", highlight=False)
    for model in known.models:
        console.print(
            f"[dim]{'calls':10}[/] {escape(_sentence(plan, model, aliases))}", highlight=False
        )


def _add_steps(tree: Tree, plan: Plan, known: Forecast) -> None:
    joins = {join.node: join for join in known.joins}
    for number, step in enumerate(known.steps, 1):
        place = tree.add(f"[dim]{number}[/]") if len(step) > 1 else tree
        for name in step:
            prefix = "" if len(step) > 1 else f"[dim]{number}[/] "
            line = f"{prefix}{name} [dim]{plan.nodes[name].definition.type}[/]"
            if name in joins:
                waits = ", ".join(joins[name].waits_for)
                line += f" [cyan]waits for {waits} ({joins[name].rule})[/]"
            line += "".join(map(_loop, plan.nodes[name].closes))
            inner, body = known.regions.get(name), plan.nodes[name].body
            if inner is None or body is None:
                place.add(line)
            else:
                least, most = inner.runs
                times = _range((least, inf if most is None else most))
                _add_steps(place.add(f"{line} [magenta]region, runs {times}[/]"), body, inner)


def _loop(closing: Closing) -> str:
    around = " → ".join([*closing.around, closing.edge.target])
    return f" [cyan]loop {around}, at most {_range((closing.max_turns, closing.max_turns))}[/]"


def _accessed(known: Forecast) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "hosts", known.hosts
    yield "models", known.models
    yield "files", known.files
    yield "secrets", known.secrets


def _sentence(plan: Plan, model: str, aliases: Aliases) -> str:
    calls, cost = calls_of(plan, model), cost_of_calls(plan, model, aliases)
    if cost is None:
        return f"{model}: {_range(calls)}, price unknown"
    basis = f"assuming {VALUE_TOKENS} tokens per value and {ANSWER_TOKENS} per answer"
    return f"{model}: {_range(calls)}, {cost[0]:.6f} to {_amount(cost[1])} US dollars ({basis})"


def _range(found: Range) -> str:
    """Return a number of times in words.

    >>> _range((1, 1)), _range((0, 3)), _range((2, inf))
    ('once', '0 to 3 times', '2 times or more')
    """
    least, most = found
    if isinf(most):
        return f"{least:.0f} times or more"
    if least == most:
        return "once" if least == 1 else f"{least:.0f} times"
    return f"{least:.0f} to {most:.0f} times"


def _amount(value: float) -> str:
    return "any number of" if isinf(value) else f"{value:.6f}"
