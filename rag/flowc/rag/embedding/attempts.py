"""Calls a model again after a failure that may pass.

A module of its own: tenacity is slow to import, and few processes embed texts.
"""

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from flowc.rag.embedding.embedder import EmbeddingFailed

# Longest wait that a provider may ask for, in seconds.
MAX_WAIT = 60.0


def attempts(most: int, initial_wait: float) -> AsyncRetrying:
    """Return what calls a function up to `most` times, and waits as long as the provider asks."""
    growing = wait_random_exponential(initial_wait, MAX_WAIT)

    def pause(state: RetryCallState) -> float:
        problem = state.outcome.exception() if state.outcome is not None else None
        wait = problem.retry_after if isinstance(problem, EmbeddingFailed) else None
        return min(wait, MAX_WAIT) if wait is not None else growing(state)

    return AsyncRetrying(
        retry=retry_if_exception(lambda p: isinstance(p, EmbeddingFailed) and p.may_pass),
        stop=stop_after_attempt(most),
        wait=pause,
        reraise=True,
    )
