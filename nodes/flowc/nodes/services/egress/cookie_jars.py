"""Keeps the cookies that services set, apart for each run that asks for it, in memory."""

from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic

from cachetools import TLRUCache
from httpx import Cookies

MAX_JARS, SECONDS = 1_000, 24 * 3_600.0


def no_cookies() -> CookieJar:
    """Return a jar that takes none: a client would send them to all runs of all tenants."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


class CookieJars:
    """The cookies of runs, by the run's id; those of runs long ago are forgotten."""

    def __init__(self) -> None:
        self._jars = TLRUCache[str, Cookies](
            MAX_JARS, ttu=lambda _, jar, now: now + SECONDS, timer=monotonic
        )

    def of(self, name: str) -> Cookies:
        """Return a jar, which is empty the first time."""
        found = self._jars.get(name)
        if found is None:
            found = self._jars[name] = Cookies()
        return found
