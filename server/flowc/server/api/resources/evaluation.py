"""The route that evaluates an expression, for authors who try one out."""

from functools import partial
from typing import Any, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from flowc.compiler.expressions import (
    ExpressionError,
    compile_condition,
    compile_template,
    diagnose,
    evaluated,
)
from flowc.compiler.running.names import names_of
from flowc.compiler.running.run_context import View
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.paging import MAX_NUMBER
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.tenants import Tenant

router = APIRouter(tags=["authoring"], route_class=StrictRoute, responses=RESPONSES)


class EvaluationRequest(RequestBody):
    """An expression, and what it can read: values, or the state of a run."""

    expression: str = Field(
        max_length=100_000, description="A template such as `Hi {{input.name}}`, or a condition."
    )
    is_condition: bool = Field(
        default=False, description="Whether it is a condition, which needs no `{{…}}`."
    )
    context: dict[str, Any] | None = Field(
        default=None, description='Values by name: `{"input": {"name": "Ada"}}`.'
    )
    run_id: str | None = Field(default=None, max_length=64, description="Read the state of a run.")
    at: int | None = Field(
        default=None, ge=0, le=MAX_NUMBER, description="After this event of it; default: now."
    )
    scope: str = Field(
        default="", max_length=2_000, description="The path of a body, such as `each#0/2/`."
    )

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if self.context is not None and self.run_id is not None:
            raise ValueError("Give one of context and run_id.")
        if self.run_id is None and (self.at is not None or self.scope):
            raise ValueError("`at` and `scope` are about a run: give its run_id.")
        return self


class EvaluationBody(BaseModel):
    """The value of an expression, or why it has none."""

    value: Any = None
    problem: str | None = Field(default=None, description="Why there is no value.")
    hint: str | None = None
    reference: str | None = Field(default=None, description="What the expression reads there.")


@router.post("/eval")
async def evaluate_expression(
    body: EvaluationRequest, tenant: CurrentTenant, caller: CurrentCaller
) -> EvaluationBody:
    """Return the value of a template or a condition; one without a value has a `problem`."""
    names = body.context or {}
    if body.run_id is not None:
        caller.require("read_state")
        names = await _names_in(tenant, body)
    try:
        compiled = (compile_condition if body.is_condition else compile_template)(body.expression)
        return EvaluationBody(value=await evaluated(partial(compiled.evaluate, names)))
    except ExpressionError as problem:
        found = diagnose(problem, lambda value: value)
        return EvaluationBody(
            problem=f"{found.message}.", hint=found.hint, reference=found.reference
        )


async def _names_in(tenant: Tenant, body: EvaluationRequest) -> dict[str, Any]:
    assert body.run_id is not None
    run = await tenant.stored_runs.get_alone(body.run_id)
    state = await tenant.replays.state(body.run_id, body.at)
    inner = state["scopes"].get(body.scope, {"outputs": {}, "variables": {}})
    outputs = {**state["outputs"], **inner["outputs"]}
    variables = {**state["variables"], **inner["variables"]}
    about = {"id": run.id, "workflow": run.workflow_id or ""}
    return dict(names_of(View(state["input"], outputs, variables), outputs, about, {}))
