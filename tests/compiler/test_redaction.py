"""Secrets are found in whatever form a service echoes them."""

import base64
import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from flowc.compiler.running.redaction import MASK, Redactor

SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=8, max_size=40)


@given(SECRETS, st.binary(max_size=6), st.binary(max_size=6))
def test_no_form_of_a_secret_is_left(secret: str, before: bytes, after: bytes) -> None:
    redactor = Redactor([secret])
    raw = secret.encode()
    for text in (secret, quote(secret, safe=""), raw.hex(), json.dumps(secret), secret[::-1]):
        assert secret not in redactor.text(f"<{text}>")
        assert MASK in redactor.text(f"<{text}>")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert MASK in redactor.text(encode(before + raw + after).decode())


def test_json_is_gone_through_with_its_keys() -> None:
    redactor = Redactor(["tops3cret"])
    assert redactor.json({"tops3cret": ["x tops3cret", 1, None]}) == {MASK: [f"x {MASK}", 1, None]}


def test_without_secrets_nothing_is_copied() -> None:
    value = {"a": 1}
    assert Redactor([]).json(value) is value
