"""Retries and time limits around a node's work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from flowc.compiler.definition import RetryPolicy, selects
from flowc.compiler.expressions import shortened
from flowc.compiler.node import BodyFailed, NodeError, Outcome
from flowc.compiler.running.retry_conditions import NO_CONDITIONS, RetryConditions

# The code of an output that `retry.until` does not hold for.
NOT_YET = "not-yet"

# Called before each retry, with the failure and the delay in seconds.
OnRetry = Callable[[NodeError, float], None]


class _Final(Exception):
    """A failure that is not retried, because `when` does not hold."""

    def __init__(self, problem: NodeError) -> None:
        self.problem = problem


async def with_retries(
    policy: RetryPolicy,
    attempt: Callable[[], Awaitable[Outcome]],
    on_retry: OnRetry,
    conditions: RetryConditions = NO_CONDITIONS,
) -> Outcome:
    """Run attempts until one succeeds or the policy allows no more; raise the last failure."""

    async def judged() -> Outcome:
        try:
            outcome = await attempt()
        except NodeError as problem:
            if conditions.when is not None and not await conditions.when(problem):
                raise _Final(problem) from None
            raise
        if conditions.until is not None and not await conditions.until(outcome.output):
            raise _not_yet(outcome.output)
        return outcome

    try:
        outcome: Outcome = await _retrying(policy, on_retry, conditions.looks_inside)(judged)
    except _Final as final:
        raise final.problem from None
    return outcome


def _not_yet(output: Any) -> NodeError:
    message = f"The output does not fulfil `retry.until` yet: {shortened(output)}."
    return NodeError(NOT_YET, message, hint="Allow more attempts, or longer delays between them.")


async def with_time_limit(seconds: float, work: Callable[[], Awaitable[Any]]) -> Any:
    """Return the result of the work; raise NodeError if it takes longer than this."""
    try:
        async with asyncio.timeout(seconds):
            return await work()
    except TimeoutError:
        message = f"The attempt took longer than {seconds:g} s."
        raise NodeError("timeout", message, kind="timeout") from None


def _retrying(policy: RetryPolicy, on_retry: OnRetry, looks_inside: bool) -> AsyncRetrying:
    def before_sleep(state: RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome else None
        if isinstance(problem, NodeError) and not problem.is_remembered:
            on_retry(problem, state.upcoming_sleep)

    return AsyncRetrying(
        stop=stop_after_attempt(policy.max_attempts),
        retry=retry_if_exception(lambda problem: _may_pass(policy, problem, looks_inside)),
        wait=_wait(policy),
        before_sleep=before_sleep,
        reraise=True,
    )


def _may_pass(policy: RetryPolicy, problem: BaseException, looks_inside: bool) -> bool:
    if not isinstance(problem, NodeError):
        return False
    kind = problem.kind
    if isinstance(problem, BodyFailed) and looks_inside:
        kind = problem.evidence.kind
    status = problem.details.get("status")
    return problem.code == NOT_YET or selects(policy.on, problem.code, kind, status)


def _wait(policy: RetryPolicy) -> Callable[[RetryCallState], float]:
    usual = wait_exponential_jitter(
        multiplier=policy.initial_delay,
        max=policy.max_delay,
        exp_base=policy.backoff,
        jitter=policy.initial_delay / 2 if policy.jitter else 0,
    )

    def wait(state: RetryCallState) -> float:
        problem = state.outcome.exception() if state.outcome else None
        if isinstance(problem, NodeError) and problem.is_remembered:
            return 0.0
        # A service that names a time (Retry-After) is not called earlier, within max_delay.
        asked = problem.retry_after if isinstance(problem, NodeError) else None
        return min(max(usual(state), asked or 0.0), policy.max_delay)

    return wait
