"""The node type `set`: variables of a workflow."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.definition import VariableScope
from flowc.compiler.node import Context, Node, NodeError, Outcome
from flowc.compiler.schemas.fitting import find_problems

# The branches of a node that expects values.
SET, CHANGED = "set", "changed"


class Set(Node):
    """Set variables. Later nodes read them as {{variables.name}}.

    Setting a variable again replaces its value. The output has the values by variable name.

    A variable lasts as long as its `scope`, here or where it is declared: for the `run`, or for all
    runs of the `thread`, of the `workflow`, or of the `user` who starts them. A run begins with the
    stored values, and sees those that it sets itself.

    Runs at the same time may set the same variable. With `expect`, the values are stored only if
    the variables still have the expected ones. The node then has two branches: `set`, and `changed`
    if another run was first; after that, {{variables.name}} is the value that is stored.
    """

    type: ClassVar = "set"
    group: ClassVar = "flow"
    passes_data_on: ClassVar = True
    sets_variables: ClassVar = True

    variables: dict[str, Any] = Field(
        min_length=1, description="The value of each variable, by name."
    )
    scope: VariableScope | None = Field(
        default=None,
        description="How long the variables last; default: as they are declared, or else the run.",
    )
    expect: dict[str, Any] | None = Field(
        default=None,
        min_length=1,
        description="Values that variables must still have: {count: '{{variables.count}}'}.",
    )

    @classmethod
    def writes(cls, config: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of the variables."""
        given = config.get("variables")
        return frozenset(given) if isinstance(given, dict) else frozenset()

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None] | None:
        """Return the branches `set` and `changed` if values are expected."""
        return {SET: None, CHANGED: None} if config.get("expect") is not None else None

    async def run(self, context: Context) -> Outcome:
        """Set the variables, and return their values by name."""
        for name, value in self.variables.items():
            await self._require_fit(context, name, value)
        by_scope: dict[VariableScope, list[str]] = {}
        # What is expected comes first: if it does not hold, nothing is stored.
        for name in [*(self.expect or ()), *self.variables]:
            names = by_scope.setdefault(self._scope_of(context, name), [])
            names += [name] if name in self.variables and name not in names else []
        values = dict(self.variables)
        for scope, names in by_scope.items():
            if scope != "run" and not await self._store(context, scope, names, values):
                return Outcome(values, branch=CHANGED, variables=values)
        branch = SET if self.expect is not None else None
        return Outcome(values, branch=branch, variables=values)

    def _scope_of(self, context: Context, name: str) -> VariableScope:
        declared = context.declared.get(name)
        return self.scope or (declared.scope if declared is not None else "run")

    async def _require_fit(self, context: Context, name: str, value: Any) -> None:
        declared = context.declared.get(name)
        if declared is None or declared.type is None:
            return
        for path, sentence in (await find_problems(value, declared.type))[:1]:
            where = ".".join(map(str, (name, *path)))
            message = f"The value does not fit the variable: {where}: {sentence}."
            raise NodeError(
                "variable-does-not-fit", message, field=("variables", name), value=value
            )

    async def _store(
        self, context: Context, scope: VariableScope, names: list[str], values: dict[str, Any]
    ) -> bool:
        """Store the variables of a scope; put the current values into `values`."""
        if context.lasting is None:
            message = f"This host stores no variables of a {scope}."
            raise NodeError("no-service", message)
        expected = {
            name: value
            for name, value in (self.expect or {}).items()
            if self._scope_of(context, name) == scope
        }
        defaults = {name: each.default for name, each in context.declared.items()}
        written = await context.lasting.write(
            scope,
            {name: self.variables[name] for name in names},
            expected,
            defaults=defaults,
            id=f"{context.place}/{scope}",
            workflow=context.stored_in,
        )
        if not written.is_stored:
            values.clear()
        values.update(written.current)
        return written.is_stored
