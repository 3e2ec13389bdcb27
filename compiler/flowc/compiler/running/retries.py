"""Retries and time limits around a node's work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from flowc.compiler.definition import RetryPolicy
from flowc.compiler.node import NodeError, Outcome

# Called before each retry, with the failure and the delay in seconds.
OnRetry = Callable[[NodeError, float], None]


async def with_retries(
    policy: RetryPolicy, attempt: Callable[[], Awaitable[Outcome]], on_retry: OnRetry
) -> Outcome:
    """Run attempts until one succeeds or the policy allows no more; raise the last failure."""
    outcome: Outcome = await _retrying(policy, on_retry)(attempt)
    return outcome


async def with_time_limit(seconds: float, work: Callable[[], Awaitable[Any]]) -> Any:
    """Return the result of the work; raise NodeError if it takes longer than this."""
    try:
        async with asyncio.timeout(seconds):
            return await work()
    except TimeoutError:
        message = f"The attempt took longer than {seconds:g} s."
        raise NodeError("timeout", message, kind="timeout") from None


def _retrying(policy: RetryPolicy, on_retry: OnRetry) -> AsyncRetrying:
    def before_sleep(state: RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome else None
        if isinstance(problem, NodeError):
            on_retry(problem, state.upcoming_sleep)

    return AsyncRetrying(
        stop=stop_after_attempt(policy.max_attempts),
        retry=retry_if_exception(lambda problem: _may_pass(policy, problem)),
        wait=_wait(policy),
        before_sleep=before_sleep,
        reraise=True,
    )


def _may_pass(policy: RetryPolicy, problem: BaseException) -> bool:
    return isinstance(problem, NodeError) and ("any" in policy.on or problem.kind in policy.on)


def _wait(policy: RetryPolicy) -> Callable[[RetryCallState], float]:
    usual = wait_exponential_jitter(
        multiplier=policy.initial_delay,
        max=policy.max_delay,
        exp_base=policy.backoff,
        jitter=policy.initial_delay / 2 if policy.jitter else 0,
    )

    def wait(state: RetryCallState) -> float:
        problem = state.outcome.exception() if state.outcome else None
        # A service that names a time (Retry-After) is not called earlier, within max_delay.
        asked = problem.retry_after if isinstance(problem, NodeError) else None
        return min(max(usual(state), asked or 0.0), policy.max_delay)

    return wait
