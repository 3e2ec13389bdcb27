"""How work is tried again while the database cannot be reached or written to."""

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from flowc.server.store.database import DATABASE_PROBLEMS

# Seconds of database failures after which work is given up until the next start.
_GIVE_UP = 3_600

PATIENTLY = AsyncRetrying(
    retry=retry_if_exception_type(DATABASE_PROBLEMS),
    stop=stop_after_delay(_GIVE_UP),
    wait=wait_exponential(multiplier=0.5, max=15),
    reraise=True,
)
