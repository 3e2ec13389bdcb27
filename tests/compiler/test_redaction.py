"""Secrets are found in whatever form a service echoes them."""

import base64
import json
from types import MappingProxyType
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from flowc.compiler.running.redaction import MASK, KnownSecrets, Redactor, StreamRedactor

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


def test_tuples_and_other_mappings_are_gone_through_as_well() -> None:
    redactor, value = Redactor(["tops3cret"]), {"calls": ({"arguments": "tops3cret"}, "tops3cret")}
    assert redactor.json(value) == {"calls": [{"arguments": MASK}, MASK]}
    assert redactor.json(MappingProxyType(value)) == {"calls": [{"arguments": MASK}, MASK]}


def test_without_secrets_nothing_is_copied() -> None:
    value = {"a": 1}
    assert Redactor([]).json(value) is value


@given(
    SECRETS, st.lists(st.integers(1, 5), max_size=40), st.sampled_from(["plain", "hex", "base64"])
)
def test_a_secret_does_not_pass_in_pieces(secret: str, sizes: list[int], form: str) -> None:
    raw = secret.encode()
    shown = {"plain": secret, "hex": raw.hex(), "base64": base64.b64encode(raw).decode()}[form]
    text, passed = f"before {shown} after", list[str]()
    stream = StreamRedactor(Redactor([secret]), passed.append)
    for size in sizes:
        stream(text[:size])
        text = text[size:]
    stream(text)
    stream.flush()
    whole = "".join(passed)
    assert shown not in whole
    assert MASK in whole


def test_more_forms_of_secrets_are_replaced() -> None:
    secret = """a<b>&"c'/d+é"""
    redactor = Redactor([secret])
    for shown in (
        "a&lt;b&gt;&amp;&quot;c&#x27;/d+é",
        "a&lt;b&gt;&amp;&#34;c&#39;/d+é",
        "a%3cb%3e%26%22c%27%2fd%2b%c3%a9",
        json.dumps(secret, ensure_ascii=False).replace("/", "\\/"),
        secret.encode().hex().upper(),
    ):
        assert MASK in redactor.text(f"[{shown}]"), shown


def test_each_line_of_a_key_in_pem_form_is_a_secret() -> None:
    lines = [
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBgkqhkiG9w0B",
        "AQEFAASCBKcwggSjAgEAAoIB",
        "-----END PRIVATE KEY-----",
    ]
    redactor = Redactor(["\n".join(lines) + "\n"])
    for line in lines[1:3]:
        assert redactor.text(f"x {line} y") == f"x {MASK} y"
        assert MASK in redactor.text(base64.b64encode(line.encode()).decode())
    assert MASK in redactor.text("\r\n".join(lines))


def test_many_secrets_are_replaced_together() -> None:
    secrets = [f"sesame-{number:04}-open" for number in range(60)]
    redactor = Redactor(secrets)
    assert redactor.text(" ".join(secrets)) == " ".join([MASK] * 60)


def test_secrets_that_become_known_later_are_replaced_from_then_on() -> None:
    known = KnownSecrets()
    assert known.redactor.text("sesame-42") == "sesame-42"
    before = known.redactor
    known.add(["sesame-42"])
    assert known.redactor.text("sesame-42") == MASK
    assert before.text("sesame-42") == "sesame-42"
    assert known.redactor.content(b"no secret") == b"no secret"
