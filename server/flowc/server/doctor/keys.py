"""Looks at who is let in, at keys, and at the models that they are for."""

from collections.abc import AsyncIterator, Iterator

from flowc.nodes.services.models import Call
from flowc.server.doctor.finding import SetupFinding, broken, odd, well
from flowc.server.process_services import ProcessServices
from flowc.server.settings import Settings

_SECONDS = 30.0


def access(settings: Settings, services: ProcessServices) -> Iterator[SetupFinding]:
    """Yield who is let in, and whether secrets can be sealed."""
    if settings.auth == "off":
        hint = "Unset FLOWC_AUTH before the server is for others than you."
        yield odd("access", "every client of this machine may do everything", hint)
    else:
        taken = "keys and tokens" if settings.jwt_secret or settings.jwt_keys_url else "keys"
        yield well("access", f"callers need {taken}")
    if services.seals:
        yield well("sealing keys", f"{len(services.seals.keys)} set")
    else:
        hint = "To store secrets, set FLOWC_SEALING_KEYS: `flowc secrets key` prints a new one."
        yield odd("sealing keys", "none: secrets come from the environment alone", hint)


async def models(services: ProcessServices, *, is_called: bool) -> AsyncIterator[SetupFinding]:
    """Yield of each model whether it can be called; with `is_called`, call each once."""
    found = services.models
    for name in sorted({*found.aliases, found.default}):
        part = f"model {name}"
        refusal = await found.refusal(name)
        if refusal is not None:
            hint = refusal.hint or "Set its key, or take it out of the models file."
            yield broken(part, refusal.message, hint)
        elif not is_called:
            yield well(part, f"{found.name_of(name)} has what it needs; it was not called")
        else:
            yield await _called(services, name, part)


async def _called(services: ProcessServices, name: str, part: str) -> SetupFinding:
    call = Call(name, [{"role": "user", "content": "Hi"}], {"max_tokens": 5}, timeout=_SECONDS)
    try:
        await services.models.complete(call)
    # Any failure is the finding: litellm has dozens of kinds.
    except Exception as problem:
        message = str(problem).strip().splitlines() or [type(problem).__name__]
        return broken(part, f"it was called and failed: {message[0]}", "Check its key and address.")
    return well(part, f"{services.models.name_of(name)} answers")
