"""The node types of other tools: what each is called here, and what its fields are."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from flowc.compiler.reading.familiar.conditions import read_condition
from flowc.compiler.reading.familiar.documents import (
    read_chunking,
    read_embedding,
    read_file_reader,
    read_storage,
)
from flowc.compiler.reading.familiar.flows import (
    read_connector,
    read_delay,
    read_sub_workflow,
    read_trigger,
    read_variable,
)
from flowc.compiler.reading.familiar.requests import read_request
from flowc.compiler.reading.familiar.translation import Translation


@dataclass(frozen=True)
class FamiliarType:
    """A node type of other tools: the type here, and its fields under their names there.

    `adapt` translates what is more than another name, and returns the type if it depends on that.
    """

    type: str
    fields: Mapping[str, str] = field(default_factory=dict)
    adapt: Callable[[Translation], str | None] | None = None


def _named(**names: Iterable[str]) -> Mapping[str, str]:
    return {
        other: name.rstrip("_")
        for name, others in names.items()
        for other in ([others] if isinstance(others, str) else others)
    }


FAMILIAR: Mapping[str, FamiliarType] = {
    "trigger": FamiliarType(
        "start",
        _named(data=("defaults", "default", "payload", "initial_data", "sample_data", "sample")),
        read_trigger,
    ),
    "http_request": FamiliarType(
        "http",
        _named(
            url=("endpoint", "uri", "address"),
            method=("http_method", "verb", "request_method"),
            headers=("request_headers", "header"),
            query=("params", "query_params", "query_parameters", "queryParameters", "qs",
                   "query_string", "parameters"),
            body=("data", "json", "payload", "json_body", "body_json", "request_body"),
            timeout=("timeout_seconds", "request_timeout"),
            raise_for_status=("fail_on_error", "fail_on_status", "raise_on_error", "raise_error"),
            max_bytes=("max_response_size",),
        ),
        read_request,
    ),
    "condition": FamiliarType(
        "conditional",
        _named(
            condition=("expression", "if", "when", "test", "condition_expression"),
            true_edge=("true_branch", "then", "on_true", "if_true", "true_target", "true_node",
                       "true_path", "true_next", "true_step", "next_true", "yes"),
            false_edge=("false_branch", "else", "on_false", "if_false", "false_target",
                        "false_node", "false_path", "false_next", "false_step", "next_false", "no",
                        "otherwise"),
        ),
        read_condition,
    ),
    "connector": FamiliarType(
        "connector",
        _named(
            document=("spec", "openapi", "openapi_spec", "openapi_document", "api_spec", "schema"),
            operation=("operation_id", "operationId", "action", "method", "endpoint"),
            arguments=("parameters", "params", "inputs", "payload", "args", "input", "data"),
            server_url=("base_url", "server", "host", "url"),
            credential=("credentials", "token", "api_key", "auth_token", "auth"),
            timeout=("timeout_seconds",),
        ),
        read_connector,
    ),
    "delay": FamiliarType("wait", _named(until=("date", "datetime", "timestamp")), read_delay),
    "variable": FamiliarType("set", {}, read_variable),
    "sub_workflow": FamiliarType(
        "subworkflow",
        _named(
            workflow=("workflow_id", "sub_workflow_id", "subworkflow_id", "workflow_name", "flow",
                      "flow_id", "definition", "sub_workflow"),
            version=("workflow_version", "revision"),
            input=("inputs", "input_data", "input_mapping", "parameters", "params", "arguments",
                   "data", "variables", "payload"),
        ),
        read_sub_workflow,
    ),
    "file_reader": FamiliarType(
        "read_file",
        _named(
            path=("file_path", "filepath", "filename", "file_name"),
            file=("file_id", "upload_id", "document_id", "upload"),
            url=("file_url", "uri"),
            media_type=("mime_type", "content_type"),
            ocr=("use_ocr", "enable_ocr", "extract_images"),
            max_characters=("max_chars", "max_length", "limit"),
        ),
        read_file_reader,
    ),
    "text_chunking": FamiliarType(
        "chunk",
        _named(
            text=("content", "input_text", "input"),
            size=("chunk_size", "max_tokens", "tokens_per_chunk", "max_chunk_size"),
            overlap=("chunk_overlap", "overlap_size", "overlap_tokens"),
            by=("strategy", "method", "splitter", "chunking_strategy", "split_by", "mode"),
        ),
        read_chunking,
    ),
    "embedding_generation": FamiliarType(
        "embed",
        _named(
            texts=("text", "input", "content"),
            chunks=("documents", "text_chunks"),
            model=("embedding_model", "model_name"),
        ),
        read_embedding,
    ),
    "rag_switch": FamiliarType(
        "rag_switch",
        _named(
            enabled=("use_rag", "rag_enabled", "enable_rag", "condition", "when"),
            collection=("collection_name", "knowledge_base", "index", "knowledge_base_id"),
            query=("question", "text", "input"),
            limit=("top_k", "k", "max_results"),
            threshold=("min_score", "score_threshold", "similarity_threshold"),
            rag_edge=("true_edge", "rag_branch", "rag_path", "on_rag", "rag_node"),
            direct_edge=("false_edge", "llm_edge", "no_rag_edge", "direct_path", "direct_node",
                         "fallback_edge", "no_rag_node"),
        ),
    ),
    "ocr_switch": FamiliarType(
        "ocr_switch",
        _named(
            ocr=("enabled", "use_ocr", "ocr_enabled", "enable_ocr"),
            path=("file_path", "filepath", "filename"),
            file=("file_id", "upload_id", "document_id"),
            url=("file_url",),
            min_characters=("min_text_length", "threshold", "text_threshold", "min_chars"),
            ocr_edge=("true_edge", "ocr_branch", "ocr_path", "ocr_node"),
            text_edge=("false_edge", "text_branch", "text_path", "direct_edge", "no_ocr_edge",
                       "text_node"),
        ),
    ),
    "vector_storage": FamiliarType(
        "store",
        _named(
            collection=("collection_name", "index", "index_name", "namespace", "table",
                        "knowledge_base"),
            chunks=("documents", "texts", "text_chunks"),
            vectors=("embeddings",),
            source=("document_id", "doc_id", "document_name", "source_id", "filename"),
            model=("embedding_model",),
        ),
        read_storage,
    ),
}  # fmt: skip
