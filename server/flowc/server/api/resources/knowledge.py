"""Documents over HTTP: collections, what is in them, ingestion and search."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from flowc.nodes.documents.ingest import IngestSettings
from flowc.nodes.documents.retrieve import found_of
from flowc.nodes.services.knowledge import told
from flowc.rag.retrieval import Search
from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import RESPONSES
from flowc.server.api.resources.runs import RunBody
from flowc.server.api.resources.workflows import IdempotencyKey
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.runs.runs import Options
from flowc.server.workflows.builtin import INGEST

router = APIRouter(
    prefix="/knowledge/collections",
    tags=["knowledge"],
    route_class=StrictRoute,
    responses=RESPONSES,
)

CollectionName = Annotated[str, Path(max_length=128)]
Source = Annotated[str, Query(min_length=1, max_length=1_024)]
NAME = r"^[^\x00-\x1f/]{1,128}$"


class CollectionBody(BaseModel):
    """Documents that are searched together; their vectors are of one model."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    model: str
    dimension: int
    documents: int
    passages: int
    created_at: datetime


class NewCollection(BaseModel):
    """A collection without documents; without a model, its vectors are of the default one."""

    name: str = Field(pattern=NAME)
    model: str | None = Field(default=None, max_length=256)


class DocumentBody(BaseModel):
    """A document as it can be found."""

    model_config = ConfigDict(from_attributes=True)

    source: str
    passages: int
    tokens: int
    metadata: dict[str, Any]
    updated_at: datetime


class DocumentPage(BaseModel):
    """Documents by their sources; `next` is the one to go on after, if there are more."""

    items: list[DocumentBody]
    next: str | None


class PassageBody(BaseModel):
    """A passage of a document, and where it stands."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    text: str
    tokens: int
    start: int
    end: int
    page: int | None
    last_page: int | None
    headings: list[str]
    metadata: dict[str, Any]


class FoundBody(BaseModel):
    """A passage that fits a question."""

    number: int
    text: str
    score: float
    source: str
    page: int | None
    last_page: int | None
    headings: list[str]
    start: int
    end: int
    metadata: dict[str, Any]


class SearchBody(BaseModel):
    """The passages that fit a question best; `context` is all of them as one text."""

    passages: list[FoundBody]
    context: str
    count: int


class Question(Search):
    """A question, and how to search."""

    query: str = Field(max_length=20_000)
    rerank: str | None = Field(default=None, max_length=256)


class Ingestion(IngestSettings):
    """What is to be brought in, as the node type `ingest` takes it, and whether to wait for it."""

    wait: bool = Field(default=False, description="Whether to answer when it has ended.")


@router.get("")
async def list_collections(process: CurrentProcess) -> list[CollectionBody]:
    """Return all collections, by their names."""
    store = await process.host.knowledge.store()
    return [CollectionBody.model_validate(each) for each in await store.collections()]


@router.post("", status_code=HTTPStatus.CREATED)
async def create_collection(body: NewCollection, process: CurrentProcess) -> CollectionBody:
    """Make a collection; one that is there stays as it is, if its model is the same."""
    knowledge = process.host.knowledge
    with told():
        embeddings = await knowledge.embeddings(body.model, body.name)
        dimension = await embeddings.dimension()
        store = await knowledge.store()
        made = await store.create(body.name, embeddings.model, dimension)
    return CollectionBody.model_validate(made)


@router.get("/{name}")
async def get_collection(name: CollectionName, process: CurrentProcess) -> CollectionBody:
    """Return a collection."""
    store = await process.host.knowledge.store()
    return CollectionBody.model_validate(await store.collection(name))


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
async def delete_collection(name: CollectionName, process: CurrentProcess) -> Response:
    """Take a collection away with all its documents."""
    store = await process.host.knowledge.store()
    await store.drop(name)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/{name}/documents")
async def list_documents(
    name: CollectionName,
    process: CurrentProcess,
    after: Annotated[str, Query(max_length=1_024)] = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> DocumentPage:
    """Return documents by their sources, from the one after a source on."""
    store = await process.host.knowledge.store()
    found = await store.documents(name, after, limit)
    last = found[-1].source if len(found) == limit else None
    return DocumentPage(items=[DocumentBody.model_validate(each) for each in found], next=last)


@router.delete("/{name}/documents", status_code=HTTPStatus.NO_CONTENT)
async def delete_document(
    name: CollectionName, source: Source, process: CurrentProcess
) -> Response:
    """Take a document away, if it is there; a folder that still has it brings it again."""
    store = await process.host.knowledge.store()
    await store.remove(name, [source])
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/{name}/passages")
async def list_passages(
    name: CollectionName,
    source: Source,
    process: CurrentProcess,
    after: Annotated[int, Query(ge=-1)] = -1,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> list[PassageBody]:
    """Return a document's passages, from the one after a number on."""
    store = await process.host.knowledge.store()
    found = await store.passages(name, source, after, limit)
    return [PassageBody.model_validate(each) for each in found]


@router.post("/{name}/search")
async def search(name: CollectionName, body: Question, process: CurrentProcess) -> SearchBody:
    """Return the passages that fit a question best."""
    hits = await process.host.knowledge.search(name, body.query, body, body.rerank)
    return SearchBody.model_validate(found_of(hits))


@router.post("/{name}/ingest", status_code=HTTPStatus.ACCEPTED)
async def ingest(
    name: Annotated[str, Path(pattern=NAME)],
    body: Ingestion,
    process: CurrentProcess,
    key: IdempotencyKey = None,
) -> RunBody:
    """Begin a run that brings documents in; its events tell of each, its output is a report."""
    given = {**body.model_dump(exclude={"wait"}), "collection": name}
    compiled = await process.workflows.compile(INGEST)
    begin = process.runs.execute if body.wait else process.runs.submit
    run = await begin(compiled, given, None, Options(idempotency_key=key))
    return RunBody.model_validate(run.as_json())
