"""Every event is documented: its kind, its data, and what node types emit themselves."""

import re

from fakes.places import ROOT
from flowc.compiler.running.events import EVENT_TYPES, EventKind
from flowc.server.cli.events_page import EXAMPLES, SAID_KINDS

_EMITTED = re.compile(r"\b_?(?:emit|on_progress)\(\s*\"(\w+)\"")


def test_every_kind_has_a_type_and_an_example() -> None:
    assert [event_type.kind for event_type in EVENT_TYPES] == list(EventKind)
    assert [event.kind for event in EXAMPLES] == list(EventKind)


def test_an_example_has_the_required_fields_and_no_others() -> None:
    for event_type, event in zip(EVENT_TYPES, EXAMPLES, strict=True):
        data_type = event_type.data_type
        assert data_type.__required_keys__ <= set(event.data), event.kind
        assert set(event.data) <= data_type.__required_keys__ | data_type.__optional_keys__


def test_what_node_types_emit_is_documented() -> None:
    found = {
        kind
        for folder in ("nodes", "rag")
        for file in (ROOT / folder).rglob("*.py")
        for kind in _EMITTED.findall(file.read_text())
    }
    assert found == {said.kind for said in SAID_KINDS}
