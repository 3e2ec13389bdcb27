CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE api_keys (
	id VARCHAR(12) NOT NULL, 
	tenant VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	role VARCHAR(16), 
	workflow_id VARCHAR(128), 
	digest VARCHAR(64) NOT NULL, 
	created_by TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME, 
	revoked_at DATETIME, groups TEXT DEFAULT '[]' NOT NULL, 
	PRIMARY KEY (id)
);

CREATE TABLE audit_log (
	id INTEGER NOT NULL, 
	tenant VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	caller TEXT NOT NULL, 
	act VARCHAR(64) NOT NULL, 
	details TEXT NOT NULL, 
	status INTEGER NOT NULL, 
	address VARCHAR(64), 
	request_id VARCHAR(64), 
	PRIMARY KEY (id)
);

CREATE TABLE case_lists (
	tenant VARCHAR(64) NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	revision INTEGER NOT NULL, 
	cases JSON NOT NULL, 
	source TEXT, 
	author TEXT NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, workflow_id)
);

CREATE TABLE case_results (
	tenant VARCHAR(64) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	version INTEGER NOT NULL, 
	problems JSON NOT NULL, 
	seconds FLOAT NOT NULL, 
	ran_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, id)
);

CREATE TABLE definitions (
	tenant VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	document JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, hash)
);

CREATE TABLE deliveries (
	tenant VARCHAR(64) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	subscription_id VARCHAR(36) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	payload JSON NOT NULL, 
	problem TEXT, 
	created_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	PRIMARY KEY (tenant, id), 
	FOREIGN KEY(tenant, subscription_id) REFERENCES subscriptions (tenant, id) ON DELETE CASCADE
);

CREATE TABLE dependencies (
	tenant VARCHAR(64) NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	depends_on VARCHAR(128) NOT NULL, 
	input JSON NOT NULL, 
	run_id VARCHAR(36), 
	completed_at DATETIME, 
	PRIMARY KEY (tenant, workflow_id, depends_on)
);

CREATE TABLE drafts (
	tenant VARCHAR(64) NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	revision INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	format VARCHAR(8) NOT NULL, 
	base_version INTEGER, 
	author TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, workflow_id)
);

CREATE TABLE events (
	id INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	node_id VARCHAR(128), 
	path TEXT NOT NULL, 
	data TEXT NOT NULL, 
	at BIGINT NOT NULL, refs TEXT, 
	CONSTRAINT events_by_id PRIMARY KEY (id)
);

CREATE TABLE file_parts (
	tenant VARCHAR(64) NOT NULL, 
	file_id VARCHAR(36) NOT NULL, 
	number INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (tenant, file_id, number), 
	FOREIGN KEY(tenant, file_id) REFERENCES files (tenant, id) ON DELETE CASCADE
);

CREATE TABLE files (
	tenant VARCHAR(64) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	name TEXT NOT NULL, 
	media_type VARCHAR(255) NOT NULL, 
	size BIGINT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	is_whole BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, id)
);

CREATE TABLE grants (
	digest VARCHAR(64) NOT NULL, 
	tenant VARCHAR(64) NOT NULL, 
	holder VARCHAR(300) NOT NULL, 
	scopes TEXT NOT NULL, 
	names TEXT NOT NULL, 
	groups TEXT NOT NULL, 
	workflow_id VARCHAR(128), 
	key_id VARCHAR(12), 
	session VARCHAR(64), 
	run_id VARCHAR(64), 
	expires_at DATETIME NOT NULL, 
	holder_expires_at DATETIME, 
	PRIMARY KEY (digest)
);

CREATE TABLE graph_archives (
	thread_id TEXT NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (thread_id)
);

CREATE TABLE graph_checkpoints (
	thread_id TEXT NOT NULL, 
	namespace TEXT NOT NULL, 
	id TEXT NOT NULL, 
	parent_id TEXT, 
	encoding VARCHAR(16) NOT NULL, 
	checkpoint BLOB NOT NULL, 
	about JSON NOT NULL, refs TEXT, 
	PRIMARY KEY (thread_id, namespace, id)
)
 WITHOUT ROWID

;

CREATE TABLE graph_writes (
	thread_id TEXT NOT NULL, 
	namespace TEXT NOT NULL, 
	checkpoint_id TEXT NOT NULL, 
	task_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	task_path TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	encoding VARCHAR(16) NOT NULL, 
	value BLOB NOT NULL, refs TEXT, 
	PRIMARY KEY (thread_id, namespace, checkpoint_id, task_id, number)
)
 WITHOUT ROWID

;

CREATE TABLE interrupts (
	id VARCHAR(32) NOT NULL, 
	run_id VARCHAR(36) NOT NULL, 
	tenant VARCHAR(64) NOT NULL, 
	node_id VARCHAR(128) NOT NULL, 
	path TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	data JSON NOT NULL, 
	signal VARCHAR(128), 
	signal_key VARCHAR(512), 
	signal_id VARCHAR(64), 
	answer JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	due_at DATETIME, 
	answered_at DATETIME, answered_by TEXT, answer_key VARCHAR(300), 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);

CREATE TABLE messages (
	tenant VARCHAR(64) NOT NULL, 
	thread_id VARCHAR(128) NOT NULL, 
	number INTEGER NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	content JSON NOT NULL, 
	run_id VARCHAR(36), 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, thread_id, number), 
	FOREIGN KEY(tenant, thread_id) REFERENCES threads (tenant, id) ON DELETE CASCADE
);

CREATE TABLE model_totals (
	tenant VARCHAR(64) NOT NULL, 
	start INTEGER NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	model VARCHAR(128) NOT NULL, 
	started_by VARCHAR(200) NOT NULL, 
	runs BIGINT NOT NULL, 
	calls FLOAT NOT NULL, 
	prompt_tokens FLOAT NOT NULL, 
	completion_tokens FLOAT NOT NULL, 
	total_tokens FLOAT NOT NULL, 
	cost FLOAT NOT NULL, 
	PRIMARY KEY (tenant, start, workflow_id, model, started_by)
);

CREATE TABLE node_cache (
	tenant VARCHAR(64) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	expires_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, "key")
);

CREATE TABLE node_totals (
	tenant VARCHAR(64) NOT NULL, 
	start INTEGER NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	node VARCHAR(256) NOT NULL, 
	runs BIGINT NOT NULL, 
	failed BIGINT NOT NULL, 
	failed_attempts BIGINT NOT NULL, 
	timed BIGINT NOT NULL, 
	total_ms FLOAT NOT NULL, 
	longest_ms FLOAT NOT NULL, 
	classes TEXT NOT NULL, 
	PRIMARY KEY (tenant, start, workflow_id, node)
);

CREATE TABLE recordings (
	run_id VARCHAR(36) NOT NULL, 
	recorded JSON NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);

CREATE TABLE remote_types (
	tenant VARCHAR(64) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	description TEXT NOT NULL, 
	url TEXT NOT NULL, 
	health_url TEXT, 
	arguments JSON NOT NULL, 
	output JSON NOT NULL, 
	secret VARCHAR(128) NOT NULL, 
	timeout FLOAT NOT NULL, 
	version VARCHAR(64) NOT NULL, 
	revision INTEGER NOT NULL, 
	registered_by TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, name)
);

CREATE TABLE run_values (
	run_id VARCHAR(36) NOT NULL, 
	hash VARCHAR(32) NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (run_id, hash)
);

CREATE TABLE runs (
	id VARCHAR(36) NOT NULL, 
	tenant VARCHAR(64) NOT NULL, 
	workflow_id VARCHAR(128), 
	version INTEGER, 
	hash VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	input JSON NOT NULL, 
	output JSON NOT NULL, 
	error JSON NOT NULL, 
	usage JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	finished_at DATETIME, uses JSON DEFAULT '{}' NOT NULL, priority INTEGER DEFAULT '10' NOT NULL, idempotency_key VARCHAR(255), segment INTEGER DEFAULT '0' NOT NULL, attempt INTEGER DEFAULT '0' NOT NULL, epoch INTEGER DEFAULT '0' NOT NULL, events INTEGER DEFAULT '0' NOT NULL, control VARCHAR(16), forked_from VARCHAR(36), breakpoints JSON, starts_at DATETIME, max_runs INTEGER, deduplication_key VARCHAR(255), thread_id VARCHAR(128), worker VARCHAR(128), "key" BIGINT, input_refs TEXT, output_refs TEXT, started_by TEXT, trace TEXT, 
	PRIMARY KEY (id)
);

CREATE TABLE secrets (
	tenant VARCHAR(64) NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	version INTEGER NOT NULL, 
	sealed TEXT NOT NULL, 
	key_id VARCHAR(16) NOT NULL, 
	hosts JSON NOT NULL, 
	workflows JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	updated_by TEXT NOT NULL, 
	PRIMARY KEY (tenant, name)
);

CREATE TABLE server_values (
	name VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);

CREATE TABLE signals (
	tenant VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	"key" VARCHAR(512) NOT NULL, 
	data JSON NOT NULL, 
	sent_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, id)
);

CREATE TABLE spendings (
	tenant VARCHAR(64) NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	period VARCHAR(16) NOT NULL, 
	cost FLOAT NOT NULL, 
	tokens FLOAT NOT NULL, 
	PRIMARY KEY (tenant, workflow_id, period)
);

CREATE TABLE subscriptions (
	tenant VARCHAR(64) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	url TEXT NOT NULL, 
	kinds JSON NOT NULL, 
	workflow_id VARCHAR(128), 
	secret VARCHAR(128) NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, id)
);

CREATE TABLE tallies (
	id INTEGER NOT NULL, 
	tenant VARCHAR(64) NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (id)
);

CREATE TABLE threads (
	tenant VARCHAR(64) NOT NULL, 
	id VARCHAR(128) NOT NULL, 
	workflow_id VARCHAR(128), 
	meta JSON NOT NULL, 
	messages INTEGER NOT NULL, 
	summed_up INTEGER NOT NULL, 
	summary TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, id)
);

CREATE TABLE variable_writes (
	tenant VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	is_stored BOOLEAN NOT NULL, 
	current JSON NOT NULL, 
	written_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, id)
);

CREATE TABLE variables (
	tenant VARCHAR(64) NOT NULL, 
	scope VARCHAR(16) NOT NULL, 
	owner VARCHAR(256) NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	value JSON NOT NULL, 
	updated_at DATETIME NOT NULL, 
	updated_by VARCHAR(64) NOT NULL, 
	PRIMARY KEY (tenant, scope, owner, name)
);

CREATE TABLE versions (
	tenant VARCHAR(64) NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	number INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	document JSON NOT NULL, 
	created_at DATETIME NOT NULL, source TEXT, format VARCHAR(8), author TEXT, message TEXT, 
	PRIMARY KEY (tenant, workflow_id, number), 
	FOREIGN KEY(tenant, hash) REFERENCES definitions (tenant, hash), 
	FOREIGN KEY(tenant, workflow_id) REFERENCES workflows (tenant, id)
);

CREATE TABLE webhooks (
	tenant VARCHAR(64) NOT NULL, 
	path VARCHAR(128) NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	secret VARCHAR(128) NOT NULL, 
	created_at DATETIME NOT NULL, verification VARCHAR(16) DEFAULT 'standard' NOT NULL, input VARCHAR(16) DEFAULT 'body' NOT NULL, response VARCHAR(16) DEFAULT 'accepted' NOT NULL, header VARCHAR(128), methods JSON DEFAULT '["POST"]' NOT NULL, 
	PRIMARY KEY (tenant, path)
);

CREATE TABLE workflow_totals (
	tenant VARCHAR(64) NOT NULL, 
	width INTEGER NOT NULL, 
	start INTEGER NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	runs BIGINT NOT NULL, 
	completed BIGINT NOT NULL, 
	failed BIGINT NOT NULL, 
	cancelled BIGINT NOT NULL, 
	retried BIGINT NOT NULL, 
	calls FLOAT NOT NULL, 
	prompt_tokens FLOAT NOT NULL, 
	completion_tokens FLOAT NOT NULL, 
	total_tokens FLOAT NOT NULL, 
	cost FLOAT NOT NULL, 
	timed BIGINT NOT NULL, 
	total_ms FLOAT NOT NULL, 
	longest_ms FLOAT NOT NULL, 
	classes TEXT NOT NULL, 
	PRIMARY KEY (tenant, width, start, workflow_id)
);

CREATE TABLE "workflows" (
	tenant VARCHAR(64) NOT NULL, 
	id VARCHAR(128) NOT NULL, 
	name TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	deleted_at DATETIME, 
	newest INTEGER NOT NULL, labels JSON DEFAULT '{}' NOT NULL, 
	PRIMARY KEY (tenant, id)
);

CREATE INDEX api_keys_by_tenant ON api_keys (tenant, created_at);

CREATE INDEX audit_log_by_tenant ON audit_log (tenant, id);

CREATE INDEX case_results_by_name ON case_results (tenant, workflow_id, name, ran_at);

CREATE INDEX deliveries_by_time ON deliveries (tenant, subscription_id, created_at);

CREATE INDEX dependencies_by_other ON dependencies (tenant, depends_on);

CREATE INDEX files_by_time ON files (tenant, created_at);

CREATE INDEX grants_by_end ON grants (expires_at);

CREATE INDEX grants_by_holder ON grants (tenant, holder, expires_at);

CREATE INDEX interrupts_by_answer_key ON interrupts (tenant, answer_key) WHERE answer_key is not null;

CREATE INDEX interrupts_by_kind ON interrupts (tenant, kind, status);

CREATE INDEX interrupts_by_run ON interrupts (run_id);

CREATE INDEX interrupts_by_signal ON interrupts (tenant, signal, signal_key, status);

CREATE INDEX node_cache_by_expiry ON node_cache (expires_at);

CREATE UNIQUE INDEX runs_by_deduplication_key ON runs (tenant, coalesce(workflow_id, ''), deduplication_key) WHERE status in ('pending', 'running', 'paused', 'waiting');

CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (tenant, coalesce(workflow_id, ''), idempotency_key) WHERE idempotency_key is not null;

CREATE INDEX runs_by_start ON runs (tenant, workflow_id, starts_at) WHERE starts_at is not null;

CREATE INDEX runs_by_status ON runs (status) WHERE status in ('pending', 'running', 'paused', 'waiting');

CREATE INDEX runs_by_thread ON runs (tenant, thread_id) WHERE thread_id is not null;

CREATE INDEX runs_by_time ON runs (tenant, created_at);

CREATE INDEX runs_by_workflow ON runs (tenant, workflow_id, created_at);

CREATE INDEX signals_by_name ON signals (tenant, name, "key", sent_at);

CREATE INDEX threads_by_time ON threads (tenant, updated_at);

CREATE INDEX variable_writes_by_time ON variable_writes (written_at)
