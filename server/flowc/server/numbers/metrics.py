"""All metrics of a process, in a registry of its own."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_RUN_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 86_400)
_NODE_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300)
_REQUEST_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class MetricDescription(NamedTuple):
    """One metric, as the page for operators lists it."""

    name: str
    kind: str
    labels: Sequence[str]
    text: str


class Metrics:
    """The metrics of one process; tests open several servers in one Python process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.described: list[MetricDescription] = []
        self._add_runs()
        self._add_nodes()
        self._add_services()
        self._add_process()
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(_WithoutTimes(self.registry))

    def _add_runs(self) -> None:
        by_workflow = ("tenant", "workflow")
        self.runs_created = self._counter(
            "flowc_runs_created_total", "Runs that were created.", *by_workflow
        )
        self.runs_ended = self._counter(
            "flowc_runs_ended_total",
            "Runs that ended, by `status`: completed, failed or cancelled.",
            *by_workflow,
            "status",
        )
        self.run_seconds = self._histogram(
            "flowc_run_duration_seconds",
            "Time from the first start of a run to its end, also while it waited.",
            _RUN_SECONDS,
            *by_workflow,
        )
        self.runs_rested = self._counter(
            "flowc_runs_rested_total",
            "How often runs came to rest, by `status`: waiting or paused.",
            "status",
        )
        self.runs_continued = self._counter(
            "flowc_runs_continued_total",
            "How often runs were queued again, by `reason`: answered, resumed, step, retried, lost"
            " (the worker died) or stopped.",
            "reason",
        )
        self.takeovers = self._counter(
            "flowc_takeovers_total",
            "Segments of runs that another worker had begun, and this one continues.",
        )

    def _add_nodes(self) -> None:
        self.nodes_ended = self._counter(
            "flowc_nodes_ended_total",
            "Nodes that ended, by `type` and `status`: completed, failed, handled (failed, and the"
            " run continues), cached or replayed.",
            "type",
            "status",
        )
        self.node_seconds = self._histogram(
            "flowc_node_duration_seconds",
            "Time that nodes took, with all attempts and the delays between them.",
            _NODE_SECONDS,
            "type",
        )
        self.node_retries = self._counter(
            "flowc_node_retries_total", "Attempts of nodes that failed and were repeated.", "type"
        )
        self.documents = self._counter(
            "flowc_ingested_documents_total",
            "Documents that `ingest` nodes looked at, by `status`: added, changed, unchanged,"
            " removed or failed.",
            "status",
        )
        self.passages = self._counter(
            "flowc_ingested_chunks_total", "Chunks of documents that `ingest` nodes stored."
        )

    def _add_services(self) -> None:
        self.model_calls = self._counter(
            "flowc_llm_calls_total",
            "Calls of models, by `operation` (chat, embedding, rerank) and `outcome`: ok, or the"
            " code of the failure.",
            "model",
            "operation",
            "outcome",
        )
        self.model_seconds = self._histogram(
            "flowc_llm_call_duration_seconds",
            "Time that calls of models took.",
            _NODE_SECONDS,
            "model",
            "operation",
        )
        self.tokens = self._counter(
            "flowc_llm_tokens_total",
            "Tokens of calls of models, by `kind`: prompt, cached (part of prompt) or completion.",
            "model",
            "kind",
        )
        self.cost = self._counter(
            "flowc_llm_cost_dollars_total", "What calls of models cost, in US dollars.", "model"
        )
        self.sandbox_runs = self._counter(
            "flowc_sandbox_runs_total",
            "Runs of code in sandboxes, by `outcome`: ok, failed, limit (too much time or memory)"
            " or broken (the sandbox itself failed).",
            "engine",
            "outcome",
        )
        self.request_seconds = self._histogram(
            "flowc_http_request_duration_seconds",
            "Time until HTTP requests were answered (until the answer began), by the `handler` that"
            " the API's description calls `operationId`, or none; `status` is 2xx, 4xx and so on.",
            _REQUEST_SECONDS,
            "handler",
            "method",
            "status",
        )

    def _add_process(self) -> None:
        self.queued = self._gauge(
            "flowc_queue_depth",
            "Runs in the database that wait for a free slot now. The same in all processes.",
        )
        self.queued_seconds = self._gauge(
            "flowc_queue_oldest_age_seconds",
            "How long the run has waited that was queued first. The same in all processes.",
        )
        self.database_up = self._gauge(
            "flowc_database_up", "1 if the database can be read and its last write succeeded."
        )
        self.at_work = self._gauge(
            "flowc_runs_at_work", "Runs that this process works on at the moment."
        )
        self.slots = self._gauge(
            "flowc_run_slots", "Most runs that this process works on at once; 0 with --no-worker."
        )
        self.free_slots = self._gauge("flowc_run_slots_free", "Slots that are free for runs.")
        self.watchers = self._gauge(
            "flowc_watchers", "Clients that watch a run, or wait for one, at this process."
        )
        self.build = self._gauge("flowc_build_info", "1, with the `version` of flowc.", "version")
        self.build.labels(version("flowc")).set(1)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self.described.append(MetricDescription(name, "counter", labels, text))
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self.described.append(MetricDescription(name, "gauge", labels, text))
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        self.described.append(MetricDescription(name, "histogram", labels, text))
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)


class _WithoutTimes:
    """A registry without the times at which its counters were made, which nothing uses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        for metric in self._registry.collect():
            made = f"{metric.name}_created"
            metric.samples = [each for each in metric.samples if each.name != made]
            yield metric
