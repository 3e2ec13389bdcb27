// Generated from the code by `make docs`.

/** The answer to a question. */
export type AnswerRequest = {
  /** An object that fits the question's `schema`, or one of its choices as text. */
  answer: unknown;
};

/** An API key, without the key itself. */
export type ApiKeyBody = {
  id: string;
  tenant: string;
  name: string;
  role: CallerRole | null;
  scopes: ApiScope[];
  workflow_id: string | null;
  groups: string[];
  created_by: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
};

/** What a caller may do. */
export type ApiScope = "workflows:read" | "workflows:write" | "runs:read" | "runs:execute" | "runs:control" | "answers:any" | "threads:read" | "threads:write" | "triggers:read" | "triggers:write" | "knowledge:read" | "knowledge:write" | "files:write" | "keys:manage" | "secrets:manage" | "audit:read" | "analytics:read" | "metrics:read";

/** One act of a caller. */
export type AuditBody = {
  id: number;
  at: string;
  /** A key by its id and name, or the subject of a token. */
  caller: string;
  /** The operation, as `operationId` names it. */
  act: string;
  /** What it was done to. */
  details: Record<string, unknown>;
  /** The HTTP status of the answer. */
  status: number;
  address: string | null;
  request_id: string | null;
};

/** Acts, newest first. */
export type AuditPage = {
  items: AuditBody[];
  /** Pass it as `before` to get older acts; null at the end. */
  next: number | null;
};

/** Confirms a backfill. */
export type BackfillReceipt = {
  /** Number of scheduled times in the period. */
  runs: number;
};

/** The period in which missing runs are started. */
export type BackfillRequest = {
  start: string;
  end: string;
};

/** What is known of the runs of a workflow, or of a body, before they begin. */
export type BodyPlan = {
  /** The nodes by their distance from the start. */
  steps: string[][];
  /** The nodes that wait for several others. */
  joins: (Record<string, unknown>)[];
  /** The loops through edges. */
  loops: LoopPlan[];
  /** The plans of bodies, by node id. */
  regions: Record<string, BodyPlan>;
  /** Fewest and most runs; null: no limit. */
  runs: (number | null)[];
  hosts: string[];
  models: string[];
  files: string[];
  secrets: string[];
};

export type Body_upload_file = {
  file: string;
};

/** The node before which an execution pauses. */
export type BreakpointBody = {
  node_id: string;
  /** An expression such as `input.total > 100`: the run pauses only if it is true. */
  condition?: string | null;
};

/** How a run pauses before a node. */
export type BreakpointRequest = {
  /** An expression such as `input.total > 100`: the run pauses only if it is true. */
  condition?: string | null;
};

/** The nodes before which a run pauses. */
export type BreakpointsRequest = {
  breakpoints?: string[];
  /** Conditions of these nodes, by name. */
  conditions?: Record<string, string | null>;
};

/** Workflows in one file; those that others run may be in any place. */
export type BundleBody = {
  /** The version of this form. */
  bundle?: 1;
  workflows: BundleItem[];
};

/** One workflow of a bundle. */
export type BundleItem = {
  id: string;
  /** The text of its definition. */
  source: string;
  format: "yaml" | "json";
  message?: string | null;
  labels?: Record<string, unknown>;
  /** The text of its case file; without it, the cases that are there stay. */
  cases?: string | null;
};

/** What the runs used that one key, user or trigger started. */
export type CallerCost = {
  calls: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cost: number;
  started_by: string | null;
  executions: number;
};

/** What a caller is; each role has the scopes of those before it, and more. */
export type CallerRole = "viewer" | "operator" | "editor" | "admin";

/** One run, and the result it must have. `mocks` replace nodes, by name. `answers` are people's answers, by the titles of the questions; null lets the question time out. `signals` are the data of signals, by name. The run starts at `clock`, and time passes only while it waits. */
export type Case = {
  name: string;
  input?: Record<string, unknown>;
  mocks?: Record<string, MockedNode>;
  answers?: Record<string, unknown>;
  signals?: Record<string, unknown>;
  secrets?: Record<string, string>;
  clock?: string;
  expect: Expected;
};

/** The cases of a stored workflow; `workflow` is the name of its file beside theirs. */
export type CaseList = {
  workflow?: string | null;
  cases: Case[];
};

/** A case made of a run, which is not stored. */
export type CaseOfRunBody = {
  workflow_id: string | null;
  version: number | null;
  case: Case;
  /** What of the run the case could not keep, in sentences. */
  notes: string[];
};

/** What a case that is made of a run is called, and what it mocks. */
export type CaseOfRunRequest = {
  /** Default: the id of the run. */
  name?: string | null;
  /** The nodes that get mocks: those that use something outside the workflow, such as a model or a service, or all. Nodes that wait for people get answers instead. */
  mocks?: "outside" | "all";
};

/** How a case ended once. */
export type CaseResultBody = {
  name: string;
  status: "passed" | "failed";
  /** The version of the workflow that ran. */
  version: number;
  /** What was not as expected: sentences or diffs. */
  problems: string[];
  seconds: number;
  ran_at: string;
};

/** A page of results, the newest first. */
export type CaseResultsPage = {
  /** Number of items on all pages; null on one that a cursor asked for. */
  total: number | null;
  limit: number;
  offset: number;
  /** Asks for the next page; null on the last one. */
  next_cursor?: string | null;
  items: CaseResultBody[];
};

/** How a case ended: the expected result, and the result. */
export type CaseRunBody = {
  name: string;
  status: "passed" | "failed";
  /** The version of the workflow that ran. */
  version: number;
  /** What was not as expected: sentences or diffs. */
  problems: string[];
  seconds: number;
  ran_at: string;
  expected: Expected;
  got: TestedRun;
};

/** How the cases ended, in the order in which they ran. */
export type CaseRunsBody = {
  passed: number;
  failed: number;
  results: CaseRunBody[];
};

/** Which cases are run, and for how long. */
export type CasesToRun = {
  /** Names of cases; default: all of them. */
  names?: string[] | null;
  /** Cases to run instead of stored ones. How they end is not stored. */
  cases?: Case[] | null;
  /** Seconds for all of them together. */
  timeout?: number;
};

/** One difference in meaning between two versions. */
export type ChangeBody = {
  kind: "added" | "removed" | "changed" | "renamed";
  /** What changed, such as `node classify: prompt`. */
  subject: string;
  before?: unknown;
  after?: unknown;
};

/** One event of the stream. */
export type ChatAnswerEvent = {
  id?: string;
  event?: string;
  data?: string;
};

/** A question of the run; the next message in the thread answers it. */
export type ChatQuestion = {
  /** Id of the interrupt. */
  id: string;
  data: Record<string, unknown>;
};

/** The answer to a message. */
export type ChatReply = {
  thread_id: string;
  run_id: string;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "paused" | "waiting";
  /** What the workflow answers or asks. */
  message: string;
  /** Set while the run waits. */
  question?: ChatQuestion | null;
  /** The output of the run. */
  output?: unknown;
  error?: Record<string, unknown> | null;
  usage?: Record<string, number>;
};

/** A message to a workflow. */
export type ChatRequest = {
  message: string;
  /** The thread to continue, or to begin if there is none; default: a new one. */
  thread_id?: string | null;
  /** Input of the workflow other than the message. */
  input?: Record<string, unknown>;
  /** Send the answer as server-sent events. */
  stream?: boolean;
  /** What becomes of the run if the client hangs up. */
  on_disconnect?: "cancel" | "continue";
};

/** What to show before the first message of a chat. */
export type ChatStartBody = {
  /** What the workflow says first; Markdown. */
  opening: string | null;
  /** Messages to send with one click. */
  suggested_questions: string[];
};

/** What is wrong or odd with a definition, and what can be drawn of it. */
export type CheckBody = {
  /** Whether it can be stored. */
  is_valid: boolean;
  diagnostics: DiagnosticBody[];
  /** What can be read of the workflow, also with errors; null if that is nothing. */
  graph: GraphBody | null;
  /** The JSON Schema of the input; null if the definition declares none. */
  input_schema: Record<string, unknown> | null;
  /** What a run would do; null if there are errors. */
  plan: PlanBody | null;
  /** What the node at `names_at` can read; null if none was asked for or found. */
  names: ReadableNameBody[] | null;
  /** Whether there are more names than these. */
  names_cut: boolean;
};

/** One of these: DefinitionText, NewWorkflow, object. */
export type CheckDefinitionBody = DefinitionText | NewWorkflow | Record<string, unknown>;

/** How to cut: a chunk has at most `size` tokens, and shares `overlap` with the one before. `recursive` cuts between paragraphs where possible, else between lines, sentences or words. `headings` and `pages` do the same, and begin a new chunk at each heading or page. `sentences` cuts between sentences, `tokens` wherever the size is reached. */
export type Chunking = {
  by?: "recursive" | "tokens" | "sentences" | "headings" | "pages";
  /** Largest size of a chunk, in tokens. */
  size?: number;
  /** Tokens shared with the chunk before: by default size / 8, at most size / 2. */
  overlap?: number;
  encoding?: "cl100k_base" | "o200k_base" | "p50k_base";
};

/** Documents that are searched together. */
export type CollectionBody = {
  name: string;
  /** The embedding model. */
  model: string;
  /** Length of its vectors. */
  dimension: number;
  /** Number of documents. */
  documents: number;
  /** Number of passages. */
  passages: number;
  created_at: string;
};

/** A conversation; any other field must be an input of the workflow, or change nothing. */
export type CompletionRequest = {
  /** Id of a workflow, or `id@version`. */
  model: string;
  messages: (Record<string, unknown>)[];
  stream?: boolean | null;
  stream_options?: StreamOptions | null;
  /** Who asks; for your logs. */
  user?: string | null;
  /** Your own data. */
  metadata?: Record<string, string> | null;
  /** The thread to store the conversation in; it begins if there is none. */
  thread_id?: string | null;
  /** What becomes of the run if the client hangs up. */
  on_disconnect?: "cancel" | "continue";
};

/** The thread of a conversation. */
export type ConversationReference = {
  id: string;
};

/** What runs used; each list has the most expensive ones first, and 100 items at most. */
export type CostFigures = {
  from: string;
  to: string;
  days: number;
  /** Null if the figures are of all workflows. */
  workflow_id: string | null;
  usage: UsageFigures;
  by_model: ModelCost[];
  by_workflow: WorkflowCost[];
  by_caller: CallerCost[];
};

/** One of these: NewWorkflow, object. */
export type CreateWorkflowBody = NewWorkflow | Record<string, unknown>;

/** The text of a definition to check. */
export type DefinitionText = {
  /** The text, as its author writes it. */
  source: string;
  /** YAML, which may be JSON, or JSON. */
  format?: "yaml" | "json";
  /** The id under which it would be stored. */
  id?: string | null;
  /** Path of a node, `each.send`: the answer has the names that it can read. */
  names_at?: string | null;
};

/** A message to a subscriber, and its delivery. */
export type DeliveryBody = {
  id: string;
  /** `pending`, `delivered` or `given up`. */
  status: string;
  attempts: number;
  payload: Record<string, unknown>;
  /** Why the last attempt failed. */
  problem: string | null;
  created_at: string;
  finished_at: string | null;
};

/** The dependencies of a workflow. */
export type DependenciesBody = {
  workflow_id: string;
  depends_on: string[];
  /** How a run of each workflow must end, by the workflow's id. */
  on: Record<string, "completed" | "failed" | "any">;
  /** Runs that ended so since the workflow last started, by workflow id. */
  completed: Record<string, string>;
  input: Record<string, unknown>;
};

/** A mistake in a definition, or something that it needs and does not find here. */
export type DiagnosticBody = {
  /** The name of the problem; `flowc explain CODE` explains it. */
  code: string;
  severity: "error" | "warning" | "info";
  message: string;
  file?: string | null;
  line?: number | null;
  column?: number | null;
  /** The value, the key or the word that it is about; null without a text. */
  range?: RangeBody | null;
  /** Its place in the definition, a JSON Pointer. */
  pointer: string;
  hint?: string | null;
  /** Changes of the text; each mends it. */
  fixes?: FixBody[];
};

/** The differences between two versions. */
export type DiffBody = {
  changes: ChangeBody[];
  /** Unfinished runs of the old version. */
  waiting_runs: string[];
};

/** A document of a collection. */
export type DocumentBody = {
  /** Path, URL or name of the document. */
  source: string;
  /** Number of passages. */
  passages: number;
  tokens: number;
  metadata: Record<string, unknown>;
  updated_at: string;
};

/** A page of documents, sorted by source. */
export type DocumentPage = {
  items: DocumentBody[];
  /** Pass it as `after` to get the next page, if any. */
  next: string | null;
};

/** A draft of a workflow. */
export type DraftBody = {
  /** The text, as its author writes it. */
  source: string;
  format?: "yaml" | "json";
  /** The version of the workflow that its author began with. */
  base_version?: number | null;
  workflow_id: string;
  author: string;
  created_at: string;
  updated_at: string;
};

/** A page of drafts, sorted by the ids of their workflows. */
export type DraftPage = {
  /** Number of items on all pages; null on one that a cursor asked for. */
  total: number | null;
  limit: number;
  offset: number;
  /** Asks for the next page; null on the last one. */
  next_cursor?: string | null;
  items: DraftBody[];
};

/** Durations in milliseconds, from the start to the end; percentiles are at most 9.1 % off. */
export type DurationFigures = {
  average_ms: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  longest_ms: number | null;
};

/** A place where an edge is written. */
export type EdgePlaceBody = {
  pointer: string;
  range: RangeBody | null;
};

/** Why a run is ended; the reason becomes the message of its error. */
export type EndRequest = {
  reason?: string | null;
};

/** Confirms that sessions have ended. */
export type EndedSessions = {
  ended: number;
};

/** What went wrong. */
export type ErrorBody = {
  /** A stable name of the problem, such as `no-such-run`. */
  code: string;
  /** A sentence for people; it may change between versions. */
  message: string;
  /** The single problems: diagnostics, or what is wrong in a body. */
  details: unknown[];
  /** The same as in the header `x-request-id`. */
  request_id: string | null;
};

/** The body of every error. */
export type ErrorResponse = {
  error: ErrorBody;
};

/** The value of an expression, or why it has none. */
export type EvaluationBody = {
  value?: unknown;
  /** Why there is no value. */
  problem?: string | null;
  hint?: string | null;
  /** What the expression reads there. */
  reference?: string | null;
};

/** An expression, and what it can read: values, or the state of a run. */
export type EvaluationRequest = {
  /** A template such as `Hi {{input.name}}`, or a condition. */
  expression: string;
  /** Whether it is a condition, which needs no `{{…}}`. */
  is_condition?: boolean;
  /** Values by name: `{"input": {"name": "Ada"}}`. */
  context?: Record<string, unknown> | null;
  /** Read the state of a run. */
  run_id?: string | null;
  /** After this event of it; default: now. */
  at?: number | null;
  /** The path of a body, such as `each#0/2/`. */
  scope?: string;
};

/** The kinds of events, as they are stored and sent to clients. */
export type EventKind = "run.created" | "run.started" | "run.resumed" | "run.waiting" | "run.paused" | "run.breakpoints" | "run.changed" | "run.completed" | "run.failed" | "run.cancelled" | "run.used" | "interrupt.answered" | "node.started" | "node.retrying" | "node.used" | "node.waiting" | "node.completed" | "node.failed" | "node.cancelled" | "node.skipped" | "node.said";

/** Events of a run. */
export type EventPage = {
  events: RunEvent[];
  /** Number of the last event; pass it as `after` to get the next. */
  last: number;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "paused" | "waiting";
  /** The run has ended, and there are no more events. */
  is_over: boolean;
};

/** A definition to run without storing it as a workflow. */
export type ExecuteDefinitionRequest = {
  input?: Record<string, unknown>;
  /** The same as `input`, as clients of other engines send it. */
  input_data?: Record<string, unknown> | null;
  /** Answer when the run has ended, asks or is paused; otherwise at once. A time that the run waits for is waited for, if it comes within 30 s. */
  wait?: boolean;
  /** Seconds to wait at most, for whatever the run waits for. */
  timeout?: number | null;
  /** In the queue; 1 is the highest. */
  priority?: number;
  /** Seconds before the run starts. */
  delay?: number | null;
  /** While a run of the workflow with this key has not ended, no other starts: it is returned, or 409 if it has another input. */
  deduplication_key?: string | null;
  /** Nodes before which the run pauses, such as `send` or `loop.send`. */
  breakpoints?: string[];
  /** Pause before every node. */
  stepping?: boolean;
  definition: Record<string, unknown>;
};

/** The input of a run, and how it starts. */
export type ExecuteRequest = {
  input?: Record<string, unknown>;
  /** The same as `input`, as clients of other engines send it. */
  input_data?: Record<string, unknown> | null;
  /** Answer when the run has ended, asks or is paused; otherwise at once. A time that the run waits for is waited for, if it comes within 30 s. */
  wait?: boolean;
  /** Seconds to wait at most, for whatever the run waits for. */
  timeout?: number | null;
  /** In the queue; 1 is the highest. */
  priority?: number;
  /** Seconds before the run starts. */
  delay?: number | null;
  /** While a run of the workflow with this key has not ended, no other starts: it is returned, or 409 if it has another input. */
  deduplication_key?: string | null;
  /** Nodes before which the run pauses, such as `send` or `loop.send`. */
  breakpoints?: string[];
  /** Pause before every node. */
  stepping?: boolean;
};

/** One execution of a node; in a loop or map, a node has several. */
export type ExecutionBody = {
  node_id: string;
  path: string;
  /** Number of the event with which it started. */
  number: number;
  status: "running" | "completed" | "failed" | "skipped" | "waiting" | "cancelled";
  started_at: string | null;
  finished_at: string | null;
  attempts: (Record<string, unknown>)[];
  input: Record<string, unknown>;
  output: unknown;
  branch: string | null;
  error: Failure | null;
  duration_ms: number | null;
  usage: Record<string, number>;
};

/** Ends of runs. A failed run that is retried ends again, and counts for each end. */
export type ExecutionFigures = {
  executions: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Those that were retries of a run that had failed. */
  retried: number;
  /** Part of all that completed; null without any. */
  success_rate: number | null;
  /** Part of all that failed; null without any. */
  failure_rate: number | null;
};

/** The result of a run; `job_id` is the same as `id`, and `result` as `output`. Clients of other engines know it by these names. `GET /interrupts?run_id=…` lists what a waiting run asks. `nodes` are there if they are asked for, with all else that a run has. */
export type ExecutionOutcome = {
  id: string;
  run_id: string;
  workflow_id: string | null;
  version: number | null;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "paused" | "waiting";
  output: unknown;
  usage: Record<string, number>;
  error: Failure | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  job_id: string;
  result: unknown;
  nodes?: Record<string, NodeRecord> | null;
};

/** A stored workflow by its id, or a definition, and the input of its run. */
export type ExecutionRequest = {
  input?: Record<string, unknown> | null;
  input_data?: Record<string, unknown> | null;
  workflow_id?: string | null;
  definition?: Record<string, unknown> | null;
};

/** A signal to one execution that waits for it. */
export type ExecutionSignal = {
  name: string;
  data?: unknown;
};

/** How a run must end; fields that are left out are not checked. Objects in the output may have more fields than `output_contains` names. `path` lists the nodes that completed, in order; nodes in bodies count only if it names one of them, as `each.work`. */
export type Expected = {
  status?: string | null;
  output?: unknown;
  output_contains?: unknown;
  /** Code of the error. */
  error?: string | null;
  path?: string[] | null;
  /** In US dollars. */
  max_cost?: number | null;
};

/** Why a diagnostic is reported, with a bad and a good example. */
export type ExplanationBody = {
  code: string;
  why: string;
  bad: string;
  good: string;
};

/** Why a run or a node failed. */
export type Failure = {
  code: string;
  /** A sentence for people. */
  message: string;
  /** The node that failed, of a run. */
  node_id?: string;
  attempt?: number;
  at?: FailurePlace;
  /** The path, or part of an expression, whose value is at fault. */
  reference?: string;
  /** That value as JSON, shortened, without secrets. */
  value?: string;
  /** What to do. */
  hint?: string;
};

/** The place in the definition; its file and line only where its text is known. */
export type FailurePlace = {
  pointer: string;
  file?: unknown;
  line?: unknown;
  column?: unknown;
};

/** An uploaded file. */
export type FileBody = {
  id: string;
  name: string;
  media_type: string;
  /** In bytes. */
  size: number;
  /** SHA-256 of the content, in hexadecimal. */
  digest: string;
  created_at: string;
};

/** A page of files, newest first. */
export type FilePage = {
  /** Number of items on all pages; null on one that a cursor asked for. */
  total: number | null;
  limit: number;
  offset: number;
  /** Asks for the next page; null on the last one. */
  next_cursor?: string | null;
  items: FileBody[];
};

/** Changes of a text, all made at once, after which a diagnostic is not reported any more. */
export type FixBody = {
  title: string;
  changes: TextChangeBody[];
};

/** The graph of a workflow, or of the body of a node, with its places in the text. */
export type GraphBody = {
  /** Where a run starts. */
  entries: string[];
  nodes: GraphNodeBody[];
  edges: GraphEdgeBody[];
};

/** A branch that a node can choose. */
export type GraphBranchBody = {
  name: string;
  /** Id of the node that it leads to, if it is there. */
  target: string | null;
  /** Where its target is written, or would be: a JSON Pointer. Null if an edge leads to the target, and there is none yet. */
  pointer: string | null;
};

/** An edge of a workflow's graph, for some branches of its source or for all. */
export type GraphEdgeBody = {
  source: string;
  target: string;
  branches: string[] | null;
  closes_loop: boolean;
  /** Most turns of the loop that it closes; null if it closes none. */
  max_turns: number | null;
  /** The first place where it is written. */
  pointer: string | null;
  range: RangeBody | null;
  /** All places where it is written: an item of `edges` or `depends_on`, or a field that names the target of a branch. */
  places: EdgePlaceBody[];
};

/** A node of a workflow's graph; a loop, a map and an agent with tools have a body. */
export type GraphNodeBody = {
  id: string;
  /** The id, behind those of the nodes around it: `each.send`. */
  path: string;
  type: string;
  name: string | null;
  /** The group of its type; null if there is no such type. */
  group: string | null;
  /** A line of its configuration, such as its prompt. */
  detail: string | null;
  /** For which of its edges it waits: `any`, `all`, `first` or `at least 2`. */
  join: string;
  disabled: boolean;
  /** Its place in the definition, a JSON Pointer. */
  pointer: string;
  /** All of it in the text; null without a text. */
  range: RangeBody | null;
  /** In the order of writing. */
  branches: GraphBranchBody[];
  body: GraphBody | null;
  body_pointer: string | null;
  /** Id of the stored workflow that it runs. */
  workflow: string | null;
};

/** The state of the server. */
export type Health = {
  status: "ok" | "degraded" | "stopping";
  /** `ok`, or why the database cannot be written to. */
  store: string;
  /** Isolation of each code sandbox: `full`, `partial` or `none`, as measured when the server started; `testing` before that is known. */
  isolation: Record<string, string>;
};

/** One of these: Health, ErrorResponse. */
export type HealthAnswer503 = Health | ErrorResponse;

/** What was or would be done with a bundle. */
export type ImportBody = {
  /** Whether no workflow has an error. */
  is_valid: boolean;
  is_stored: boolean;
  workflows: ImportedWorkflow[];
};

/** What was or would be done with a workflow of a bundle. */
export type ImportedWorkflow = {
  id: string;
  action: "create" | "change" | "unchanged";
  /** Its active version, also of one that is unchanged. */
  version: number | null;
  diagnostics: DiagnosticBody[];
};

/** The documents to ingest, as in the configuration of the node type `ingest`. */
export type IngestRequest = {
  paths?: IngestRequestPaths;
  /** The files of the folders to take: *.pdf, reports/*. */
  pattern?: string;
  /** Ids of uploaded files. */
  files?: string[];
  /** Addresses of documents on the web. */
  urls?: string[];
  /** Texts, each with its `source`, `text` and `metadata`. */
  documents?: TextDocument[];
  /** Whether to remove documents whose files are no longer in the paths. */
  removes?: boolean;
  /** How to cut documents, as for `chunk`: {by, size}. */
  chunking?: Chunking;
  /** Recognise the text of scanned pages. */
  ocr?: boolean;
  /** Embedding model; by default the collection's. */
  model?: string | null;
  /** Texts, numbers and booleans for all documents, for `where` of `retrieve`. */
  metadata?: Record<string, unknown>;
  /** Answer when the ingestion has ended. */
  wait?: boolean;
};

/** A path or paths of folders and files in FLOWC_DOCUMENT_DIRS. */
export type IngestRequestPaths = string[] | string;

/** Something that a run waits for, or has waited for: a question, a signal or a time. */
export type InterruptBody = {
  id: string;
  run_id: string;
  node_id: string;
  /** Where the node runs; empty outside of loops and maps. */
  path: string;
  /** `human` (a question to a person), `signal`, `timer` or `breakpoint`. */
  kind: string;
  /** `late` when it timed out, `closed` when the run ended without an answer. */
  status: "waiting" | "answered" | "late" | "closed";
  /** For a question: its `title`, `instructions`, and the `schema` of its answer. */
  data: Record<string, unknown>;
  answer: unknown;
  created_at: string;
  /** When it times out. */
  due_at: string | null;
  answered_at: string | null;
  /** Who answered: a key, or the subject of a token. */
  answered_by: string | null;
  /** The run's workflow, if it is a stored one. */
  workflow_id: string | null;
  workflow_name: string | null;
};

/** How many things runs wait for. */
export type InterruptCount = {
  count: number;
};

/** A run as a job or an execution; `status` is one of five, and `detail` says what it does. */
export type JobBody = {
  id: string;
  job_id: string;
  execution_id: string;
  run_id: string;
  workflow_id: string | null;
  version: number | null;
  status: "pending" | "running" | "completed" | "failed" | "cancelled";
  detail: string | null;
  input: Record<string, unknown>;
  result: unknown;
  output: unknown;
  error: Failure | null;
  usage: Record<string, number>;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  /** A node that runs or waits. */
  current_node_id: string | null;
  completed_node_ids: string[];
  /** The outputs of completed nodes, by node. */
  node_results: Record<string, unknown>;
  /** The input and the outputs so far. */
  execution_data: Record<string, unknown>;
};

/** How one run performed. */
export type JobFigures = {
  /** The id of the run. */
  job_id: string;
  workflow_id: string | null;
  status: string;
  started_by: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  /** From its creation to its start. */
  queued_ms: number | null;
  /** From its start to its end. */
  duration_ms: number | null;
  error_code: string | null;
  total_tokens: number;
  cost: number;
};

/** The newest runs that were created in these days; `summary` is of all that ended in them. */
export type JobFiguresList = {
  from: string;
  to: string;
  days: number;
  /** Null if the figures are of all workflows. */
  workflow_id: string | null;
  summary: ExecutionFigures;
  duration: DurationFigures;
  items: JobFigures[];
};

/** The input of a job; both names mean the same. */
export type JobInput = {
  input?: Record<string, unknown> | null;
  input_data?: Record<string, unknown> | null;
};

/** A page of jobs, newest first, without the outputs of their nodes. */
export type JobPage = {
  /** Number of items on all pages; null on one that a cursor asked for. */
  total: number | null;
  limit: number;
  offset: number;
  /** Asks for the next page; null on the last one. */
  next_cursor?: string | null;
  items: JobBody[];
};

/** Labels of a workflow, such as `{"team": "support"}`. */
export type LabelsBody = {
  labels: Record<string, unknown>;
};

/** The newest run of a workflow. */
export type LastRun = {
  id: string;
  status: string;
  created_at: string;
  finished_at: string | null;
};

/** A workflow of a list; what its runs did is there if it is asked for. */
export type ListedWorkflow = {
  id: string;
  name: string;
  /** The version that is shown: by default the active one. */
  version: number;
  /** The version that runs use. */
  active_version: number;
  newest_version: number;
  /** Who stored this version. */
  author: string | null;
  /** Why, in the author's words. */
  message: string | null;
  /** Equal for definitions with the same meaning. */
  hash: string;
  /** As its author wrote it. */
  definition: Record<string, unknown>;
  /** What to show where a chat begins, if the definition says it. */
  chat?: ChatStartBody | null;
  created_at: string;
  updated_at: string;
  labels: Record<string, string>;
  /** Null if it has none. */
  last_run?: LastRun | null;
  /** Runs that ended in the last 7 days, in UTC. */
  executions?: number;
  /** Part of these that completed; null without any. */
  success_rate?: number | null;
};

/** A loop through edges. */
export type LoopPlan = {
  /** The nodes of a turn, in their order. */
  nodes: string[];
  max_turns: number;
};

/** One message of a thread. */
export type MessageBody = {
  /** Position in the thread, from 1. */
  number: number;
  /** `user` or `assistant`. */
  role: string;
  /** A text, or a list of parts. */
  content: unknown;
  /** The run that the message started, answered or is from. */
  run_id: string | null;
  created_at: string;
};

/** What a node returns instead of running. */
export type MockBody = {
  output?: unknown;
  /** The branch that it takes, if it has any. */
  branch?: string | null;
  /** Variables that it sets. */
  variables?: Record<string, unknown>;
  /** Fail with this instead. */
  error?: MockError | null;
};

/** The error with which a mocked node fails. */
export type MockError = {
  code: string;
  message: string;
};

/** The failure that a mocked node reports. */
export type MockedFailure = {
  code: string;
  message?: string;
};

/** What a node returns instead of running. */
export type MockedNode = {
  output?: unknown;
  branch?: string | null;
  variables?: Record<string, unknown>;
  error?: MockedFailure | null;
};

/** A model by the name that workflows have for it; its key and address are the operator's. */
export type ModelAliasBody = {
  name: string;
  /** litellm's name of it. */
  model: string;
  provider: string | null;
  /** Whether nodes that name no model call it. */
  is_default: boolean;
  /** Whether it can be called, as far as is known before. */
  is_ready: boolean;
  /** Why it cannot be called, such as a missing key. */
  problem: string | null;
  /** Most tokens of a prompt, if it is listed. */
  context_window: number | null;
  /** US dollars for a million tokens; null: unknown. */
  input_price: number | null;
  output_price: number | null;
};

/** What was used of one model. */
export type ModelCost = {
  calls: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cost: number;
  /** Null for usage that no model is known for. */
  model: string | null;
};

/** The state of the server and of the tenant's runs. */
export type MonitoringSummary = {
  status: "ok" | "degraded";
  /** `ok`, or why the database cannot be written to. */
  store: string;
  /** The version of flowc. */
  version: string;
  /** `sqlite` or `postgresql`. */
  database: string;
  unfinished: UnfinishedRuns;
  /** The runs that ended since midnight, in UTC. */
  today: StatsFigures;
};

/** A collection without documents. */
export type NewCollection = {
  name: string;
  /** Embedding model; default: the server's. */
  model?: string | null;
};

/** The workflows whose runs must end before another one starts. */
export type NewDependencies = {
  /** Ids of workflows. */
  depends_on: string[];
  /** How a run of a workflow must end, by its id: `completed` (the default), `failed`, or `any`, which also counts those that were cancelled. */
  on?: Record<string, "completed" | "failed" | "any">;
  /** Input of each run; the runs it depends on are added as `dependencies`, each with its `run_id`, `status`, `output` and `error`. */
  input?: Record<string, unknown>;
};

/** A further workflow; a run of it must end first. */
export type NewDependency = {
  depends_on_workflow_id: string;
  /** How it must end: `completed`, `failed` or `any`. */
  on?: "completed" | "failed" | "any";
};

/** The text of a draft, which may have errors. */
export type NewDraft = {
  /** The text, as its author writes it. */
  source: string;
  format?: "yaml" | "json";
  /** The version of the workflow that its author began with. */
  base_version?: number | null;
};

/** A new API key. */
export type NewKeyBody = {
  id: string;
  tenant: string;
  name: string;
  role: CallerRole | null;
  scopes: ApiScope[];
  workflow_id: string | null;
  groups: string[];
  created_by: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  /** The key itself. It is shown this once, and not stored. */
  key: string;
};

/** What a new API key may do: the scopes of a role, some scopes, or to run one workflow. */
export type NewKeyRequest = {
  /** For people, such as `ci`. */
  name: string;
  /** The key has all scopes of this role. */
  role?: CallerRole | null;
  scopes?: ApiScope[] | null;
  /** The key may run this workflow, and do nothing else. */
  workflow_id?: string | null;
  /** Days after which the key expires. */
  days?: number | null;
  /** Tenant that the key is of; another than the caller's only for the operator. */
  tenant?: string | null;
  /** Groups of the holder, who may answer questions for them. */
  groups?: string[];
};

/** A node type whose work the service at `url` does. */
export type NewNodeType = {
  /** The word for it in definitions. */
  name: string;
  /** Public, or allowed by `FLOWC_EGRESS_ALLOW`. */
  url: string;
  /** What it does; the first line is its summary. */
  description?: string;
  /** A JSON Schema, or the short form: `{name: string, tags: [string]}`. */
  input_schema?: Record<string, unknown>;
  /** A JSON Schema, or the short form: `{name: string, tags: [string]}`. */
  output_schema?: Record<string, unknown>;
  /** Name of the secret that signs: `hook` is read from `FLOWC_SECRET_HOOK`. */
  secret: string;
  /** Seconds for one call. */
  timeout?: number;
  version?: string;
  /** Answers GET with a status below 300 while the service works. */
  health_url?: string | null;
};

/** When to start which workflow, and with which input. */
export type NewSchedule = {
  workflow_id: string;
  /** Minute, hour, day, month, weekday; six fields begin with the second. */
  cron: string;
  /** Such as `Europe/Paris`. */
  timezone?: string;
  input?: Record<string, unknown>;
  /** Start the runs that were missed while no worker was running. */
  catch_up?: boolean;
  id: string;
};

/** A URL that gets signed messages about runs. */
export type NewSubscription = {
  /** Public, or allowed by `FLOWC_EGRESS_ALLOW`. */
  url: string;
  events: ("run.completed" | "run.failed" | "run.cancelled" | "run.paused" | "run.waiting")[];
  /** Only runs of this workflow; default: all runs. */
  workflow_id?: string | null;
  /** Name of the secret that signs: `hook` is read from `FLOWC_SECRET_HOOK`. */
  secret: string;
};

/** A thread without messages. */
export type NewThread = {
  workflow_id?: string | null;
  /** Your own data. */
  metadata?: Record<string, unknown>;
};

/** A path, and the workflow that messages to it start. */
export type NewWebhook = {
  /** The end of the webhook's URL, such as `crm` or `shop/orders`. */
  path: string;
  workflow_id: string;
  /** What verifies the messages; none if `verification` is `none`. */
  secret?: string | null;
  /** Who sends the messages, and so how they are verified: `standard` is Standard Webhooks; `hmac` is the HMAC-SHA256 of the body, in hexadecimal or base64, in a header; `token` is the secret itself in a header; `basic` is `USER:PASSWORD`. */
  verification?: SenderKind;
  /** The header with the proof, where it is not the sender's usual one; default: `x-signature` for `hmac`, and `authorization` for `token`. */
  header?: string | null;
  /** Methods by which messages may come. */
  methods?: ("GET" | "POST" | "PUT" | "PATCH" | "DELETE")[];
  /** What the run gets: the body (as `body`, if that is no object; without a body, the query), or `method`, `query`, `headers` without credentials, and `body`. */
  input?: "body" | "request";
  /** The answer: a receipt with the `run_id` at once; the run's output when it has ended; or what a `respond` node of it says. */
  response?: "accepted" | "output" | "respond";
};

/** A definition to store. */
export type NewWorkflow = {
  definition: Record<string, unknown>;
  /** Default: made from the name. */
  id?: string | null;
};

/** What the runs of one node did; turns of a loop and items of a map are runs of it. */
export type NodeFigures = {
  workflow_id: string | null;
  /** The node's name; in a body, `container.node`. */
  node_id: string;
  executions: number;
  failed: number;
  failure_rate: number;
  /** Attempts that failed, also where a later one did not. */
  failed_attempts: number;
  duration: DurationFigures;
};

/** The output of a node, null if it has none. */
export type NodeOutput = {
  status: "running" | "completed" | "failed" | "skipped" | "waiting" | "cancelled";
  output: unknown;
};

/** What a node did; `duration_ms` counts all attempts and the delays between them. For a node that ran several times, in a loop or a map, this is its last run; `runs` counts them. */
export type NodeRecord = {
  status: "running" | "completed" | "failed" | "skipped" | "waiting" | "cancelled";
  runs: number;
  output: unknown;
  attempts: number;
  duration_ms: number | null;
  started_at: string | null;
  finished_at: string | null;
  error: Failure | null;
};

/** A node of a text, and the id that it is to have. */
export type NodeRenaming = {
  /** The text, as its author writes it. */
  source: string;
  format?: "yaml" | "json";
  /** Its id, behind those of the nodes around it: `each.send`. */
  node: string;
  /** The new id. */
  to: string;
};

/** The configuration of a node, and what a run has as its input. */
export type NodeTest = {
  config?: Record<string, unknown>;
  input?: Record<string, unknown>;
};

/** A node type. */
export type NodeTypeBody = {
  type: string;
  /** Other words for it that definitions may use. */
  also: string[];
  group: string;
  /** What it does, in a sentence. */
  summary: string;
};

/** A node type with the JSON Schema of its configuration. */
export type NodeTypeDetails = {
  type: string;
  /** Other words for it that definitions may use. */
  also: string[];
  group: string;
  /** What it does, in a sentence. */
  summary: string;
  description: string;
  config_schema: Record<string, unknown>;
  /** The service that does its work, if it was registered. */
  registered: RegisteredNodeType | null;
};

/** What went wrong, as clients of the OpenAI API expect it. */
export type OpenAiErrorBody = {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
};

/** The body of every error of the OpenAI API. */
export type OpenAiErrorResponse = {
  error: OpenAiErrorBody;
};

/** The OpenID provider at which people can sign in. */
export type OpenIdMethod = {
  /** What people know it as. */
  name: string;
  /** Path that a browser opens to sign in there. */
  begin: string;
  /** Path that a browser opens to sign out there, too. */
  sign_out: string | null;
};

/** A passage of a document. */
export type PassageBody = {
  /** Position in the document, from 0. */
  number: number;
  text: string;
  tokens: number;
  /** Position of its first character in the document. */
  start: number;
  end: number;
  page: number | null;
  last_page: number | null;
  headings: string[];
  metadata: Record<string, unknown>;
};

/** How long runs took, and the nodes with the longest average durations. */
export type PerformanceFigures = {
  from: string;
  to: string;
  days: number;
  /** Null if the figures are of all workflows. */
  workflow_id: string | null;
  executions: number;
  duration: DurationFigures;
  slowest_nodes: NodeFigures[];
};

/** What a run would do, as `flowc check --explain-plan` shows it. */
export type PlanBody = {
  /** The nodes by their distance from the start. */
  steps: string[][];
  /** The nodes that wait for several others. */
  joins: (Record<string, unknown>)[];
  /** The loops through edges. */
  loops: LoopPlan[];
  /** The plans of bodies, by node id. */
  regions: Record<string, BodyPlan>;
  /** Fewest and most runs; null: no limit. */
  runs: (number | null)[];
  hosts: string[];
  models: string[];
  files: string[];
  secrets: string[];
  /** Fewest and most calls by model; null: no limit. */
  model_calls: Record<string, (number | null)[]>;
  /** Least and most US dollars by model; null: the price is not known. */
  cost_usd: Record<string, (number | null)[] | null>;
};

/** A place in a text. */
export type PositionBody = {
  /** Counts from 1. */
  line: number;
  /** Counts code points from 1. */
  column: number;
};

/** A workflow that was stored, and what its author should look at. */
export type PublishedWorkflow = {
  id: string;
  name: string;
  /** The version that is shown: by default the active one. */
  version: number;
  /** The version that runs use. */
  active_version: number;
  newest_version: number;
  /** Who stored this version. */
  author: string | null;
  /** Why, in the author's words. */
  message: string | null;
  /** Equal for definitions with the same meaning. */
  hash: string;
  /** As its author wrote it. */
  definition: Record<string, unknown>;
  /** What to show where a chat begins, if the definition says it. */
  chat?: ChatStartBody | null;
  created_at: string;
  updated_at: string;
  /** What is odd in the definition, and what it needs and does not find here. */
  warnings: DiagnosticBody[];
};

/** A part of a text. */
export type RangeBody = {
  start: PositionBody;
  /** The place behind the last character. */
  end: PositionBody;
};

/** A name that the expressions of a node can read. */
export type ReadableNameBody = {
  /** As one writes it: `classify.output.label`, `input.message`. */
  name: string;
  /** The JSON type of its value, if it is known. */
  type: string | null;
  description: string | null;
};

/** A registered node type. */
export type RegisteredNodeType = {
  name: string;
  url: string;
  description: string;
  input_schema: Record<string, unknown>;
  output_schema: Record<string, unknown>;
  /** Name of the secret that signs its calls. */
  secret: string;
  timeout: number;
  version: string;
  health_url: string | null;
  /** `ok`, or why the service did not answer just now; null without `health_url`. */
  health: string | null;
  registered_by: string;
  created_at: string;
  updated_at: string;
};

/** A text in which a node has another id. */
export type RenamedText = {
  /** The new text. */
  source: string;
  /** What makes it of the old one. */
  changes: TextChangeBody[];
};

/** One of these: NewWorkflow, object. */
export type ReplaceWorkflowBody = NewWorkflow | Record<string, unknown>;

/** From where a run is repeated, and what is different; by default all of it, unchanged. */
export type ReplayRequest = {
  /** First node to run again; earlier outputs are taken from the original. */
  from_node?: string | null;
  /** Repeat the run from after the event with this number. */
  after_event?: number | null;
  /** Default: the original input. */
  input?: Record<string, unknown> | null;
  /** Nodes that do not run, by id. */
  mocks?: Record<string, MockBody>;
  /** Version of the workflow; default: the original's. */
  version?: number | null;
  /** Answer when the new run has ended or waits. */
  wait?: boolean;
};

/** A message; any other field must be an input of the workflow, or change nothing. */
export type ResponseRequest = {
  /** Id of a workflow, or `id@version`. */
  model: string;
  input: ResponseRequestInput;
  instructions?: string | null;
  previous_response_id?: string | null;
  conversation?: ResponseRequestConversation;
  stream?: boolean | null;
  stream_options?: StreamOptions | null;
  /** Return at once; the response is then read by its id. */
  background?: boolean | null;
  /** Who asks; for your logs. */
  user?: string | null;
  /** Your own data. */
  metadata?: Record<string, string> | null;
  tools?: (Record<string, unknown>)[] | null;
  /** What becomes of the run if the client hangs up. */
  on_disconnect?: "cancel" | "continue";
};

/** The thread of the conversation; it begins if there is none. */
export type ResponseRequestConversation = string | ConversationReference | null;

/** One of these: string, array. */
export type ResponseRequestInput = string | (Record<string, unknown>)[];

/** A role, and what it may do. */
export type RoleBody = {
  role: CallerRole;
  scopes: ApiScope[];
  /** What the role before it may not do. */
  adds: ApiScope[];
};

/** What a rotation did. */
export type RotationBody = {
  /** The newest key, which seals. */
  key_id: string;
  /** Secrets that are sealed with it now. */
  resealed: number;
  /** Secrets left under old keys. At 0, the old keys can be removed from the settings. */
  remaining: number;
};

/** A run, with its nodes; `started_by` is the caller or the trigger that it is of. `breakpoints` are the `nodes` before which the run stops, and whether it is `stepping`; a delayed run starts at `starts_at`. */
export type Run = {
  id: string;
  run_id: string;
  workflow_id: string | null;
  version: number | null;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "paused" | "waiting";
  output: unknown;
  usage: Record<string, number>;
  error: Failure | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  hash: string;
  input: Record<string, unknown>;
  nodes: Record<string, NodeRecord>;
  priority: number;
  forked_from: string | null;
  started_by: string | null;
  thread_id: string | null;
  breakpoints: Record<string, unknown> | null;
  starts_at: string | null;
};

/** The definition that a run started with. */
export type RunDefinition = {
  workflow_id: string | null;
  version: number | null;
  hash: string;
  definition: Record<string, unknown>;
};

/** One thing that happened to a run, or to a node of it; numbers begin at 1 and have no gaps. */
export type RunEvent = {
  number: number;
  kind: EventKind;
  at: string;
  data: unknown;
  node_id: string | null;
  path: string;
};

/** The result of a run; `usage` counts tokens and model calls, its `cost` is in US dollars. `run_id` is the same as `id`. `GET /interrupts?run_id=…` lists what a waiting run asks. */
export type RunOutcome = {
  id: string;
  run_id: string;
  workflow_id: string | null;
  version: number | null;
  status: "pending" | "running" | "completed" | "failed" | "cancelled" | "paused" | "waiting";
  output: unknown;
  usage: Record<string, number>;
  error: Failure | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
};

/** A page of runs, newest first, without their nodes. */
export type RunPage = {
  /** Number of items on all pages; null on one that a cursor asked for. */
  total: number | null;
  limit: number;
  offset: number;
  /** Asks for the next page; null on the last one. */
  next_cursor?: string | null;
  items: Run[];
};

/** A schedule, and when it last started a run. */
export type ScheduleBody = {
  id: string;
  workflow_id: string;
  cron: string;
  timezone: string;
  input: Record<string, unknown>;
  catch_up: boolean;
  paused: boolean;
  last_fired_at: string | null;
  /** Why the schedule is disabled, if it is. */
  problem: string | null;
  /** When it starts runs next; empty while it is paused. */
  next_times: string[];
};

/** When to start which workflow from now on, and with which input. */
export type ScheduleChange = {
  workflow_id: string;
  /** Minute, hour, day, month, weekday; six fields begin with the second. */
  cron: string;
  /** Such as `Europe/Paris`. */
  timezone?: string;
  input?: Record<string, unknown>;
  /** Start the runs that were missed while no worker was running. */
  catch_up?: boolean;
};

/** A passage that answers a query. */
export type SearchHit = {
  number: number;
  text: string;
  /** Higher is better; its scale depends on `mode`. */
  score: number;
  source: string;
  page: number | null;
  last_page: number | null;
  headings: string[];
  start: number;
  end: number;
  metadata: Record<string, unknown>;
};

/** A query, and how to search. */
export type SearchRequest = {
  mode?: "hybrid" | "vector" | "keyword";
  limit?: number;
  /** Passages to rank before the best are chosen. */
  candidates?: number;
  /** Conditions on passages: {lang: de, page: {$gte: 3}}. */
  where?: Record<string, unknown> | null;
  /** Lowest score that is returned. */
  threshold?: number | null;
  /** From 0 to 1: how much passages lose for repeating better ones. */
  diversity?: number;
  query: string;
  /** Model that sorts the results once more. */
  rerank?: string | null;
};

/** The passages that answer a query best. */
export type SearchResult = {
  passages: SearchHit[];
  /** All passages as one text, for a prompt. */
  context: string;
  count: number;
};

/** A secret, without its value. */
export type SecretBody = {
  name: string;
  /** How often it was set. */
  version: number;
  hosts: string[];
  workflows: string[];
  /** The key that it is sealed with. */
  key_id: string;
  created_at: string;
  updated_at: string;
  updated_by: string;
};

/** The secrets of a tenant, by name. */
export type SecretsBody = {
  items: SecretBody[];
  /** The key that seals; null if the server has none. */
  key_id: string | null;
};

/** Who sends messages to a webhook, and so how they are verified. */
export type SenderKind = "standard" | "github" | "gitlab" | "shopify" | "slack" | "stripe" | "twilio" | "hmac" | "token" | "basic" | "none";

/** Who sends a request. */
export type SessionBody = {
  /** A key by its id and name, or the subject of a token. */
  caller: string;
  tenant: string;
  /** The least role that may do all of this. */
  role: CallerRole | null;
  scopes: ApiScope[];
  /** The caller may run this workflow alone. */
  workflow_id: string | null;
  /** Questions that name one of these are for the caller. */
  names: string[];
  /** Questions for one of these are for the caller, too. */
  groups: string[];
  expires_at: string | null;
  /** Send it as `x-csrf-token` with all that changes something; null without a session, where it is not needed. */
  csrf_token: string | null;
};

/** Who begins a session. */
export type SessionRequest = {
  /** An API key or a token. */
  credential: string;
};

/** A secret, and what it is bound to. */
export type SetSecretRequest = {
  /** The secret itself, of 4 characters or more. */
  value: string;
  /** Hosts that it may be sent to, `*.example.com` for all names below that one; by default all. */
  hosts?: string[];
  /** Ids of the workflows that may read it; by default all. */
  workflows?: string[];
};

/** How people can sign in. */
export type SignInMethods = {
  /** Whether an API key or token is needed, and begins a session. */
  key: boolean;
  openid: OpenIdMethod | null;
};

/** Confirms a signal; it is stored for runs that wait for it later. */
export type SignalReceipt = {
  /** Number of runs that were waiting for it. */
  runs: number;
};

/** A signal to the runs that wait for its name and key. */
export type SignalRequest = {
  name: string;
  /** Such as the number of an order. */
  key?: string;
  /** The output of the waiting nodes. */
  data?: unknown;
  /** A signal that was sent before with this id is ignored, so sending may be retried; another signal with the id is refused with 409. */
  id?: string | null;
};

/** What expressions of a run could read after an event. */
export type StateBody = {
  /** Number of the event. */
  number: number;
  /** The status of the run after the event. */
  status: string;
  input: Record<string, unknown>;
  /** By node id. */
  outputs: Record<string, unknown>;
  variables: Record<string, unknown>;
  /** The scope (`thread`, `workflow` or `user`) of each variable that outlives the run. */
  lasting: Record<string, string>;
  /** Outputs and variables inside loops and maps. */
  scopes: Record<string, unknown>;
  /** Nodes that were running or waiting. */
  at_work: (Record<string, string>)[];
  /** Nodes with breakpoints at which the run is paused now; inside a loop or map, `loop.node`. */
  stopped_before: string[];
};

/** How many runs ended, and how. */
export type StatsFigures = {
  executions: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Those that were retries of a run that had failed. */
  retried: number;
  /** Part of all that completed; null without any. */
  success_rate: number | null;
  /** Part of all that failed; null without any. */
  failure_rate: number | null;
  from: string;
  to: string;
  days: number;
  /** Null if the figures are of all workflows. */
  workflow_id: string | null;
  /** Ends of runs a day, on average. */
  per_day: number;
  /** Ends of runs an hour, on average. */
  per_hour: number;
  usage: UsageFigures;
};

/** One of these: CaseList, object. */
export type StoreCasesBody = CaseList | Record<string, unknown>;

/** A stored case, with its last result. */
export type StoredCase = {
  name: string;
  input?: Record<string, unknown>;
  mocks?: Record<string, MockedNode>;
  answers?: Record<string, unknown>;
  signals?: Record<string, unknown>;
  secrets?: Record<string, string>;
  clock?: string;
  expect: Expected;
  /** Null if it has not run. */
  last_result: CaseResultBody | null;
};

/** The cases of a workflow. */
export type StoredCasesBody = {
  workflow_id: string;
  cases: StoredCase[];
  author: string | null;
  updated_at: string | null;
};

/** A draft that was stored, with what is wrong with it so far. */
export type StoredDraft = {
  /** The text, as its author writes it. */
  source: string;
  format?: "yaml" | "json";
  /** The version of the workflow that its author began with. */
  base_version?: number | null;
  workflow_id: string;
  author: string;
  created_at: string;
  updated_at: string;
  /** Whether it can be published. */
  is_valid: boolean;
  diagnostics: DiagnosticBody[];
};

/** What a stream holds in addition to the text. */
export type StreamOptions = {
  include_usage?: boolean | null;
  include_obfuscation?: boolean | null;
};

/** A subscription. */
export type SubscriptionBody = {
  /** Public, or allowed by `FLOWC_EGRESS_ALLOW`. */
  url: string;
  events: ("run.completed" | "run.failed" | "run.cancelled" | "run.paused" | "run.waiting")[];
  /** Only runs of this workflow; default: all runs. */
  workflow_id?: string | null;
  /** Name of the secret that signs: `hook` is read from `FLOWC_SECRET_HOOK`. */
  secret: string;
  id: string;
  created_at: string;
};

/** How a test run ended. */
export type TestedRun = {
  status: string;
  output: unknown;
  error: Failure | null;
  usage: Record<string, number>;
  /** The nodes that completed, in order. */
  path: string[];
};

/** Another text for a part of a text. */
export type TextChangeBody = {
  range: RangeBody;
  text: string;
};

/** A document given as text. */
export type TextDocument = {
  /** Name of the document. */
  source: string;
  /** Its text. */
  text: string;
  /** Its metadata. */
  metadata?: Record<string, unknown>;
};

/** A conversation. */
export type ThreadBody = {
  id: string;
  workflow_id: string | null;
  metadata: Record<string, unknown>;
  /** Number of messages. */
  messages: number;
  created_at: string;
  updated_at: string;
};

/** A page of threads, most recently used first. */
export type ThreadPage = {
  /** Number of items on all pages; null on one that a cursor asked for. */
  total: number | null;
  limit: number;
  offset: number;
  /** Asks for the next page; null on the last one. */
  next_cursor?: string | null;
  items: ThreadBody[];
};

/** A ticket for one WebSocket of one run. */
export type TicketBody = {
  /** Open `/api/v1/runs/{run_id}/ws?ticket=…` with it, once. */
  ticket: string;
  expires_at: string;
};

/** What the runs did that ended in one hour or day. */
export type TrendFigures = {
  executions: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Those that were retries of a run that had failed. */
  retried: number;
  /** Part of all that completed; null without any. */
  success_rate: number | null;
  /** Part of all that failed; null without any. */
  failure_rate: number | null;
  /** When the hour or the day began. */
  at: string;
  duration: DurationFigures;
  usage: UsageFigures;
};

/** Every day, or hour, of the period in its order, also those without runs. */
export type TrendFiguresList = {
  from: string;
  to: string;
  days: number;
  /** Null if the figures are of all workflows. */
  workflow_id: string | null;
  interval: "hour" | "day";
  items: TrendFigures[];
};

/** How many runs of the tenant have not ended. */
export type UnfinishedRuns = {
  pending?: number;
  running?: number;
  waiting?: number;
  paused?: number;
};

/** What models were used for; `cost` is in US dollars. */
export type UsageFigures = {
  calls: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cost: number;
};

/** A person or key that is signed in with a browser. */
export type UserBody = {
  /** A key by its id and name, or the subject of a token. */
  caller: string;
  /** The key that it signed in with, if it is one. */
  key_id: string | null;
  /** The least role that may do all of this. */
  role: CallerRole | null;
  scopes: ApiScope[];
  workflow_id: string | null;
  names: string[];
  groups: string[];
  /** In how many browsers it is signed in. */
  sessions: number;
  /** When the last of these sessions ends. */
  expires_at: string;
};

/** How a run should have ended. */
export type ValidationRequest = {
  expect: Expected;
};

/** Whether a run ended as expected; each problem is a sentence or a diff. */
export type ValidationResult = {
  passed: boolean;
  problems: string[];
};

/** The variables of a run. */
export type VariablesBody = {
  workflow: Record<string, unknown>;
  /** The scope (`thread`, `workflow` or `user`) of each variable that outlives the run. */
  lasting: Record<string, string>;
  /** Inside loops and maps, by path. */
  scopes: Record<string, Record<string, unknown>>;
};

/** New values of variables and outputs, which the next nodes read. */
export type VariablesChange = {
  variables?: Record<string, unknown>;
  /** Outputs of nodes that have completed, by id; the edges taken stay. */
  outputs?: Record<string, unknown>;
  /** `workflow`, or the path of the body that the values are in. */
  scope?: string;
};

/** One version of a workflow. */
export type VersionBody = {
  version: number;
  /** Equal for definitions with the same meaning. */
  hash: string;
  /** Whether runs use it. */
  is_active: boolean;
  author: string | null;
  message: string | null;
  created_at: string;
};

/** One event of the stream. */
export type WatchAllEventsAnswerEvent = {
  id?: string;
  event?: string;
  data?: string;
};

/** One event of the stream. */
export type WatchEventsAnswerEvent = {
  id?: string;
  event?: string;
  data?: string;
};

/** A webhook. */
export type WebhookBody = {
  /** The end of the webhook's URL, such as `crm` or `shop/orders`. */
  path: string;
  workflow_id: string;
  /** What verifies the messages; none if `verification` is `none`. */
  secret?: string | null;
  /** Who sends the messages, and so how they are verified: `standard` is Standard Webhooks; `hmac` is the HMAC-SHA256 of the body, in hexadecimal or base64, in a header; `token` is the secret itself in a header; `basic` is `USER:PASSWORD`. */
  verification?: SenderKind;
  /** The header with the proof, where it is not the sender's usual one; default: `x-signature` for `hmac`, and `authorization` for `token`. */
  header?: string | null;
  /** Methods by which messages may come. */
  methods?: ("GET" | "POST" | "PUT" | "PATCH" | "DELETE")[];
  /** What the run gets: the body (as `body`, if that is no object; without a body, the query), or `method`, `query`, `headers` without credentials, and `body`. */
  input?: "body" | "request";
  /** The answer: a receipt with the `run_id` at once; the run's output when it has ended; or what a `respond` node of it says. */
  response?: "accepted" | "output" | "respond";
  created_at: string;
  /** Where messages are sent to, on this server. */
  url_path: string;
};

/** The run that a message started; a repeated message gets the same run. */
export type WebhookReceipt = {
  run_id: string;
};

/** A stored workflow. */
export type WorkflowBody = {
  id: string;
  name: string;
  /** The version that is shown: by default the active one. */
  version: number;
  /** The version that runs use. */
  active_version: number;
  newest_version: number;
  /** Who stored this version. */
  author: string | null;
  /** Why, in the author's words. */
  message: string | null;
  /** Equal for definitions with the same meaning. */
  hash: string;
  /** As its author wrote it. */
  definition: Record<string, unknown>;
  /** What to show where a chat begins, if the definition says it. */
  chat?: ChatStartBody | null;
  created_at: string;
  updated_at: string;
};

/** What the runs of one workflow used. */
export type WorkflowCost = {
  calls: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  cost: number;
  workflow_id: string | null;
  executions: number;
};

/** What the runs of one workflow did. */
export type WorkflowFigures = {
  executions: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Those that were retries of a run that had failed. */
  retried: number;
  /** Part of all that completed; null without any. */
  success_rate: number | null;
  /** Part of all that failed; null without any. */
  failure_rate: number | null;
  /** Null for definitions that are not stored. */
  workflow_id: string | null;
  duration: DurationFigures;
  usage: UsageFigures;
};

/** The workflows that had runs, those with the most runs first. */
export type WorkflowFiguresList = {
  from: string;
  to: string;
  days: number;
  /** Null if the figures are of all workflows. */
  workflow_id: string | null;
  items: WorkflowFigures[];
};

/** A page of workflows. */
export type WorkflowPage = {
  /** Number of items on all pages; null on one that a cursor asked for. */
  total: number | null;
  limit: number;
  offset: number;
  /** Asks for the next page; null on the last one. */
  next_cursor?: string | null;
  items: ListedWorkflow[];
};

/** The input of a test run, the outputs of nodes that do not run, and how it must end. */
export type WorkflowTest = {
  input?: Record<string, unknown>;
  /** Outputs by node, such as `each.work`. */
  mocks?: Record<string, unknown>;
  /** Answers by the titles of questions. */
  answers?: Record<string, unknown>;
  /** The data of signals, by name. */
  signals?: Record<string, unknown>;
  expect?: Expected;
  /** In seconds. */
  timeout?: number;
};

/** How a test run ended, and whether as expected. */
export type WorkflowTestResult = {
  status: string;
  output: unknown;
  error: Failure | null;
  usage: Record<string, number>;
  /** The nodes that completed, in order. */
  path: string[];
  passed: boolean;
  problems: string[];
};

