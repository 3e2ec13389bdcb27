"""What is logged has no secret, by any library."""

import logging

import pytest

from flowc.compiler.running.redaction import KnownSecrets
from flowc.server.secrets.log_redaction import redacted_logs

SECRET = "sesame-canary-42"


def test_secrets_are_replaced_in_messages_arguments_and_tracebacks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known, log = KnownSecrets(), logging.getLogger("some.library")
    with redacted_logs(known):
        log.warning("before %s", SECRET)
        known.add([SECRET])
        log.warning("key %s of %d", SECRET, 2)
        log.warning("key " + SECRET[::-1])
        log.warning("GET %s %d", "/ping", 200)
        try:
            raise ValueError(f"refused: {SECRET}")
        except ValueError:
            log.exception("It failed.")
    log.warning("after %s", SECRET)
    before, key, backwards, ping, failed, after = caplog.records
    assert before.getMessage() == f"before {SECRET}"
    assert key.getMessage() == "key [secret] of 2"
    assert backwards.getMessage() == "key [secret]"
    assert ping.args == ("/ping", 200)
    text = logging.Formatter().format(failed)
    assert "refused: [secret]" in text
    assert SECRET not in text
    assert after.getMessage() == f"after {SECRET}"


def test_a_message_that_does_not_fit_its_arguments_has_none_either(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = KnownSecrets()
    known.add([SECRET])
    with redacted_logs(known):
        log, template = logging.getLogger("some.library"), "two %s %s"
        log.warning(template, SECRET)
    assert SECRET not in caplog.records[0].getMessage()
