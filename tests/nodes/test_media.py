"""Uploaded files in the messages of models; and models that make pictures and sounds."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from fakes.flows import run
from fakes.loopback import Reply, Request, completion, reply_json, serving
from fakes.models import models_at
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.files import Files, HeldFiles
from flowc.nodes.services.models import Models

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(32)
MP3 = b"ID3\x03\x00" + bytes(20)
PDF = b"%PDF-1.5\n%%EOF\n"


async def uploaded(content: bytes, name: str, media_type: str) -> tuple[HeldFiles, str]:
    files = HeldFiles()
    return files, (await files.add_content(content, name, media_type)).id


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


KINDS: list[tuple[bytes, str, str, Any]] = [
    (PNG, "a.png", "image/png", {"image_url": {"url": f"data:image/png;base64,{encoded(PNG)}"}}),
    (PNG, "upload", "application/octet-stream", {"image_url": {"url": f"data:image/png;base64,{encoded(PNG)}"}}),
    (b"\xff\xd8\xff\xe0", "a", "image/jpeg; q=1", {"image_url": {"url": f"data:image/jpeg;base64,{encoded(bytes([255, 216, 255, 224]))}"}}),
    (PDF, "a.pdf", "application/pdf", {"file": {"file_data": f"data:application/pdf;base64,{encoded(PDF)}", "filename": "a.pdf"}}),
    (PDF, "a", "", {"file": {"file_data": f"data:application/pdf;base64,{encoded(PDF)}", "filename": "a"}}),
    (WAV, "a.wav", "audio/x-wav", {"input_audio": {"data": encoded(WAV), "format": "wav"}}),
    (MP3, "a.mp3", "audio/mpeg", {"input_audio": {"data": encoded(MP3), "format": "mp3"}}),
    (WAV, "voice", "application/octet-stream", {"input_audio": {"data": encoded(WAV), "format": "wav"}}),
    (b"a,b\n1,2\n", "a.csv", "text/csv", {"text": "a.csv:\na,b\n1,2\n"}),
    (b'{"a": 1}', "a.json", "application/json", {"text": 'a.json:\n{"a": 1}'}),
    ("é".encode(), "notes.txt", "application/octet-stream", {"text": "notes.txt:\né"}),
]  # fmt: skip


@pytest.mark.parametrize(("content", "name", "media_type", "sent"), KINDS)
async def test_an_uploaded_file_is_sent_as_what_it_is(
    content: bytes, name: str, media_type: str, sent: Any
) -> None:
    files, id = await uploaded(content, name, media_type)
    config = {"model": "m", "prompt": "What is it?", "files": "{{input.file}}"}
    workflow = {"nodes": [{"id": "ask", "type": "llm", "config": config}]}
    with serving(lambda request: completion("ok")) as server:
        services = {Models: models_at(server, "openai/gpt-4o"), Files: files}
        await run(workflow, {"file": id}, services)
        await run(workflow, {"file": [{"file": id, "name": "x"}]}, services)
        await run(workflow, {"file": {"id": id}}, services)
    for request in server.requests:
        [message] = request.json["messages"]
        [part, text] = message["content"]
        assert text == {"type": "text", "text": "What is it?"}
        assert part == {"type": next(iter(sent)), **sent}


@pytest.mark.parametrize("file", [None, "", []])
async def test_no_file_is_no_part(file: Any) -> None:
    config = {"model": "m", "prompt": "Hi", "files": "{{input.file}}"}
    with serving(lambda request: completion("ok")) as server:
        services = {Models: models_at(server), Files: HeldFiles()}
        workflow = {"nodes": [{"id": "ask", "type": "llm", "config": config}]}
        await run(workflow, {"file": file}, services)
    assert server.requests[0].json["messages"] == [{"role": "user", "content": "Hi"}]


async def test_a_part_of_a_message_names_an_uploaded_file() -> None:
    files, id = await uploaded(PNG, "a.png", "image/png")
    parts = [{"file": "{{input.id}}"}, {"type": "image", "file": "{{input.id}}"}, {"text": "Hi"}]
    config = {"model": "m", "messages": [{"content": parts}]}
    workflow = {"nodes": [{"id": "ask", "type": "llm", "config": config}]}
    with serving(lambda request: completion("ok")) as server:
        services = {Models: models_at(server, "openai/gpt-4o"), Files: files}
        await run(workflow, {"id": id}, services)
    content = server.requests[0].json["messages"][0]["content"]
    assert [part["type"] for part in content] == ["image_url", "image_url", "text"]


@pytest.mark.parametrize(
    ("content", "media_type", "part", "code"),
    [
        (b"PK\x03\x04", "application/zip", {}, "file-not-readable"),
        (PDF, "application/pdf", {"type": "image"}, "file-of-another-type"),
        (PNG, "image/png", {"type": "audio"}, "file-of-another-type"),
        (None, "", {}, "no-such-file"),
        (bytes(20_000_001), "image/png", {}, "file-too-large"),
    ],
)
async def test_what_a_model_cannot_take_fails_before_the_call(
    content: bytes | None, media_type: str, part: Any, code: str
) -> None:
    files, id = await uploaded(content or b"", "x", media_type)
    wanted = id if content is not None else "nowhere"
    config = {"model": "m", "messages": [{"content": [{"file": wanted, **part}]}]}
    workflow = {"nodes": [{"id": "ask", "type": "llm", "config": config}]}
    with serving(lambda request: completion("ok")) as server:
        services = {Models: models_at(server), Files: files}
        with pytest.raises(NodeFailed) as caught:
            await run(workflow, {}, services)
    assert caught.value.code == code
    assert not server.requests


async def test_the_offline_model_answers_about_the_text_alone() -> None:
    files, id = await uploaded(PNG, "a.png", "image/png")
    config = {"prompt": "Hello", "files": [id]}
    workflow = {"nodes": [{"id": "ask", "type": "llm", "config": config}]}
    ran = await run(workflow, {}, {Models: Models(), Files: files})
    assert ran.output["text"] == "Hello"


def node(kind: str, **config: Any) -> dict[str, Any]:
    return {"nodes": [{"id": "make", "type": kind, "config": {"model": "m", **config}}]}


async def made(
    workflow: Any, answer: Callable[[Request], Reply], model: str, files: Files | None = None
) -> tuple[Any, HeldFiles, list[Request]]:
    kept = files if isinstance(files, HeldFiles) else HeldFiles()
    client = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": []}))
    with serving(answer) as server:
        services = {Models: models_at(server, model), Files: kept, HttpClient: client}
        ran = await run(workflow, {}, services)
    await client.aclose()
    return ran, kept, server.requests


async def content_of(files: HeldFiles, id: str) -> tuple[str, bytes]:
    info = await files.info(id)
    assert info is not None
    with await files.open(id) as opened:
        return info.media_type, opened.read()


async def test_a_picture_is_made_and_stored() -> None:
    data = {"created": 1, "data": [{"b64_json": encoded(PNG), "revised_prompt": "A red dot."}]}
    workflow = node("image", prompt="A dot", size="1024x1024", quality="low")
    ran, files, [request] = await made(workflow, lambda _: reply_json(data), "openai/gpt-image-1")
    assert request.path == "/v1/images/generations"
    sent = {name: request.json[name] for name in ("prompt", "size", "quality", "model")}
    assert sent == {
        "prompt": "A dot", "size": "1024x1024", "quality": "low", "model": "gpt-image-1",
    }  # fmt: skip
    assert ran.output["model"] == "openai/gpt-image-1"
    [file] = ran.output["files"]
    assert (file["media_type"], file["description"]) == ("image/png", "A red dot.")
    assert file["name"] == "make-1.png"
    assert await content_of(files, ran.output["file"]) == ("image/png", PNG)


async def test_a_picture_that_the_provider_stored_is_fetched() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/made.png":
            return Reply(body=PNG, headers={"content-type": "image/png"})
        return reply_json(
            {"created": 1, "data": [{"url": f"http://{request.headers['host']}/made.png"}] * 2}
        )

    workflow = node("image", prompt="A dot", count=2)
    ran, files, requests = await made(workflow, answer, "openai/own-pictures")
    assert requests[0].json["n"] == 2
    assert [await content_of(files, each["file"]) for each in ran.output["files"]] == [
        ("image/png", PNG)
    ] * 2


async def test_an_uploaded_picture_is_changed() -> None:
    files, id = await uploaded(PNG, "a.png", "image/png")
    data = {"created": 1, "data": [{"b64_json": encoded(PNG)}]}
    workflow = node("image", prompt="Make it blue", files=[id])
    _, _, [request] = await made(workflow, lambda _: reply_json(data), "openai/gpt-image-1", files)
    assert request.path == "/v1/images/edits"
    assert PNG in request.body
    assert b"Make it blue" in request.body


async def test_a_text_is_read_aloud_and_stored() -> None:
    reply = Reply(body=MP3, headers={"content-type": "audio/mpeg"})
    workflow = node("speech", text="Hello there", voice="nova", speed=1.5, instructions="Kindly.")
    ran, files, [request] = await made(workflow, lambda _: reply, "openai/gpt-4o-mini-tts")
    assert request.path == "/v1/audio/speech"
    expected = {"input": "Hello there", "voice": "nova", "response_format": "mp3", "speed": 1.5}
    assert {name: request.json[name] for name in expected} == expected
    assert request.json["instructions"] == "Kindly."
    assert (ran.output["name"], ran.output["size"]) == ("make.mp3", len(MP3))
    assert await content_of(files, ran.output["file"]) == ("audio/mpeg", MP3)


async def test_the_words_of_a_recording_are_written_down() -> None:
    files, id = await uploaded(WAV, "call.wav", "audio/wav")
    heard = {
        "text": "Good morning.", "language": "english", "duration": 1.5, "task": "transcribe",
        "segments": [{"id": 0, "start": 0.0, "end": 1.5, "text": "Good morning.", "tokens": [1]}],
    }  # fmt: skip
    workflow = node("transcribe", file=id, language="en", prompt="Ada", timestamps=True)
    ran, _, [request] = await made(workflow, lambda _: reply_json(heard), "openai/whisper-1", files)
    assert request.path == "/v1/audio/transcriptions"
    assert WAV in request.body
    for sent in (b"call.wav", b"verbose_json", b"Ada"):
        assert sent in request.body
    output = {name: ran.output[name] for name in ("text", "language", "duration", "segments")}
    assert output == {
        "text": "Good morning.", "language": "english", "duration": 1.5,
        "segments": [{"start": 0.0, "end": 1.5, "text": "Good morning."}],
    }  # fmt: skip
    assert ran.output["cost"] >= 0


async def test_what_is_no_recording_is_not_sent() -> None:
    files, id = await uploaded(PDF, "a.pdf", "application/pdf")
    with pytest.raises(NodeFailed) as caught:
        await made(node("transcribe", file=id), lambda _: reply_json({}), "openai/whisper-1", files)
    assert caught.value.code == "file-of-another-type"


@pytest.mark.parametrize(
    ("kind", "config"),
    [("image", {"prompt": "x"}), ("speech", {"text": "x"}), ("transcribe", {"file": "?"})],
)
async def test_what_a_provider_refuses_fails_the_node(kind: str, config: Any) -> None:
    files, id = await uploaded(WAV, "a.wav", "audio/wav")
    given = {**config, "file": id} if kind == "transcribe" else config
    refused = reply_json({"error": {"message": "No."}}, 400)
    with pytest.raises(NodeFailed) as caught:
        await made(node(kind, **given), lambda _: refused, "openai/own", files)
    assert caught.value.code == "model-refused"


async def test_a_picture_goes_from_node_to_node() -> None:
    data = {"created": 1, "data": [{"b64_json": encoded(PNG)}]}
    ask = {"model": "m", "prompt": "What is it?", "files": "{{make.output.files}}"}
    workflow = {
        "nodes": [
            *node("image", prompt="A dot")["nodes"],
            {"id": "ask", "type": "llm", "config": ask, "depends_on": ["make"]},
        ]
    }

    def answer(request: Request) -> Reply:
        return reply_json(data) if "images" in request.path else completion("A dot.")

    ran, _, requests = await made(workflow, answer, "openai/gpt-4o")
    assert ran.output["text"] == "A dot."
    assert encoded(PNG) in json.dumps(requests[1].json)
