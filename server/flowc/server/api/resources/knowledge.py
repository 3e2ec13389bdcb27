"""Routes for documents: collections, their documents and passages, ingestion and search."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from flowc.nodes.documents.ingest import IngestSettings
from flowc.nodes.documents.passage_search import found_of
from flowc.nodes.services.knowledge import as_node_errors
from flowc.rag.retrieval import Search
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.paging import MAX_NUMBER
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.executions import IdempotencyKey
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.run_keys import ingestion_key
from flowc.server.records.runs import Run
from flowc.server.runs.run_options import RunOptions

router = APIRouter(
    prefix="/knowledge/collections",
    tags=["knowledge"],
    route_class=StrictRoute,
    responses=RESPONSES,
)

CollectionName = Annotated[str, Path(max_length=128, description="Name of the collection.")]
Source = Annotated[
    str,
    Query(min_length=1, max_length=1_024, description="Path, URL or name of the document."),
]
NAME = r"^[^\x00-\x1f/]{1,128}$"


class CollectionBody(BaseModel):
    """Documents that are searched together."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    model: str = Field(description="The embedding model.")
    dimension: int = Field(description="Length of its vectors.")
    documents: int = Field(description="Number of documents.")
    passages: int = Field(description="Number of passages.")
    created_at: datetime


class NewCollection(RequestBody):
    """A collection without documents."""

    name: str = Field(pattern=NAME)
    model: str | None = Field(
        default=None, max_length=256, description="Embedding model; default: the server's."
    )


class DocumentBody(BaseModel):
    """A document of a collection."""

    model_config = ConfigDict(from_attributes=True)

    source: str = Field(description="Path, URL or name of the document.")
    passages: int = Field(description="Number of passages.")
    tokens: int
    metadata: dict[str, Any]
    updated_at: datetime


class DocumentPage(BaseModel):
    """A page of documents, sorted by source."""

    items: list[DocumentBody]
    next: str | None = Field(description="Pass it as `after` to get the next page, if any.")


class PassageBody(BaseModel):
    """A passage of a document."""

    model_config = ConfigDict(from_attributes=True)

    number: int = Field(description="Position in the document, from 0.")
    text: str
    tokens: int
    start: int = Field(description="Position of its first character in the document.")
    end: int
    page: int | None
    last_page: int | None
    headings: list[str]
    metadata: dict[str, Any]


class SearchHit(BaseModel):
    """A passage that answers a query."""

    number: int
    text: str
    score: float = Field(description="Higher is better; its scale depends on `mode`.")
    source: str
    page: int | None
    last_page: int | None
    headings: list[str]
    start: int
    end: int
    metadata: dict[str, Any]


class SearchResult(BaseModel):
    """The passages that answer a query best."""

    passages: list[SearchHit]
    context: str = Field(description="All passages as one text, for a prompt.")
    count: int


class SearchRequest(Search):
    """A query, and how to search."""

    query: str = Field(max_length=20_000)
    rerank: str | None = Field(
        default=None, max_length=256, description="Model that sorts the results once more."
    )


class IngestRequest(IngestSettings):
    """The documents to ingest, as in the configuration of the node type `ingest`."""

    wait: bool = Field(default=False, description="Answer when the ingestion has ended.")


@router.get("")
async def list_collections(tenant: CurrentTenant) -> list[CollectionBody]:
    """Return all collections, sorted by name."""
    store = await tenant.services.knowledge.store()
    return [CollectionBody.model_validate(each) for each in await store.collections()]


@router.post("", status_code=HTTPStatus.CREATED)
async def create_collection(body: NewCollection, tenant: CurrentTenant) -> CollectionBody:
    """Create a collection; an existing one with the same model is returned unchanged."""
    knowledge = tenant.services.knowledge
    with as_node_errors():
        embeddings = await knowledge.embeddings(body.model, body.name)
        dimension = await embeddings.dimension()
        store = await knowledge.store()
        made = await store.create(body.name, embeddings.model, dimension)
    return CollectionBody.model_validate(made)


@router.get("/{name}")
async def get_collection(name: CollectionName, tenant: CurrentTenant) -> CollectionBody:
    """Return a collection."""
    store = await tenant.services.knowledge.store()
    return CollectionBody.model_validate(await store.collection(name))


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
async def delete_collection(name: CollectionName, tenant: CurrentTenant) -> Response:
    """Delete a collection and its documents."""
    store = await tenant.services.knowledge.store()
    await store.drop(name)
    tenant.look_again()
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/{name}/documents")
async def list_documents(
    name: CollectionName,
    tenant: CurrentTenant,
    after: Annotated[
        str,
        Query(max_length=1_024, description="Only sources after this one, in alphabetical order."),
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> DocumentPage:
    """Return a page of documents, sorted by source."""
    store = await tenant.services.knowledge.store()
    found = await store.documents(name, after, limit)
    last = found[-1].source if len(found) == limit else None
    return DocumentPage(items=[DocumentBody.model_validate(each) for each in found], next=last)


@router.delete("/{name}/documents", status_code=HTTPStatus.NO_CONTENT)
async def delete_document(name: CollectionName, source: Source, tenant: CurrentTenant) -> Response:
    """Remove a document; ingesting a folder that still has it adds it again."""
    store = await tenant.services.knowledge.store()
    await store.remove(name, [source])
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/{name}/passages")
async def list_passages(
    name: CollectionName,
    source: Source,
    tenant: CurrentTenant,
    after: Annotated[int, Query(ge=-1, le=MAX_NUMBER, description="Only greater numbers.")] = -1,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> list[PassageBody]:
    """Return the passages of a document, in order."""
    store = await tenant.services.knowledge.store()
    found = await store.passages(name, source, after, limit)
    return [PassageBody.model_validate(each) for each in found]


@router.post("/{name}/search", summary="Search a Collection")
async def search(name: CollectionName, body: SearchRequest, tenant: CurrentTenant) -> SearchResult:
    """Return the passages that answer a query best."""
    hits = await tenant.services.knowledge.search(name, body.query, body, body.rerank)
    return SearchResult.model_validate(found_of(hits))


@router.post(
    "/{name}/ingest",
    summary="Ingest Documents",
    status_code=HTTPStatus.ACCEPTED,
    responses=CONFLICT,
)
async def ingest(
    name: Annotated[
        str, Path(pattern=NAME, description="Name of the collection; made if missing.")
    ],
    body: IngestRequest,
    tenant: CurrentTenant,
    key: IdempotencyKey = None,
) -> Run:
    """Start a run that ingests documents; unchanged ones are not embedded again.

    Its events name each document, and its output is a report.
    """
    given = {**body.model_dump(exclude={"wait"}), "collection": name}
    compiled = await tenant.workflows.ingestion()
    start = tenant.runs.execute if body.wait else tenant.runs.submit
    return await start(compiled, given, None, RunOptions(ingestion_key(key)))
