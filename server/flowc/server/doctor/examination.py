"""The whole examination of a set-up, part by part."""

from collections.abc import AsyncIterator

from flowc.server.doctor import keys, machine, stores
from flowc.server.doctor.finding import SetupFinding, broken
from flowc.server.process_services import ProcessServices, SettingsRefused
from flowc.server.settings import Settings


async def examine(
    settings: Settings, port: int, *, calls_models: bool = False
) -> AsyncIterator[SetupFinding]:
    """Yield what is found, as it is found; nothing is changed, and no model is called unless asked.

    The settings themselves are valid.
    """
    async for each in machine.versions():
        yield each
    for each in (*machine.disk(settings), *stores.database(settings), *stores.redis(settings)):
        yield each
    for each in machine.port(port):
        yield each
    async for each in machine.sandboxes():
        yield each
    try:
        services = ProcessServices(settings)
    except SettingsRefused as problem:
        yield broken("settings", str(problem), "Correct it; the server does not start with it.")
        return
    try:
        for each in keys.access(settings, services):
            yield each
        async for each in keys.models(services, is_called=calls_models):
            yield each
    finally:
        await services.aclose()
