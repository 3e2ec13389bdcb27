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
	revoked_at DATETIME, 
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
	answered_at DATETIME, 
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

CREATE TABLE node_cache (
	tenant VARCHAR(64) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	expires_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, "key")
);

CREATE TABLE recordings (
	run_id VARCHAR(36) NOT NULL, 
	recorded JSON NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
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
	finished_at DATETIME, uses JSON DEFAULT '{}' NOT NULL, priority INTEGER DEFAULT '10' NOT NULL, idempotency_key VARCHAR(255), segment INTEGER DEFAULT '0' NOT NULL, attempt INTEGER DEFAULT '0' NOT NULL, epoch INTEGER DEFAULT '0' NOT NULL, events INTEGER DEFAULT '0' NOT NULL, control VARCHAR(16), forked_from VARCHAR(36), breakpoints JSON, starts_at DATETIME, max_runs INTEGER, deduplication_key VARCHAR(255), thread_id VARCHAR(128), worker VARCHAR(128), "key" BIGINT, input_refs TEXT, output_refs TEXT, 
	PRIMARY KEY (id)
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

CREATE TABLE versions (
	tenant VARCHAR(64) NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	number INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	document JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, workflow_id, number), 
	FOREIGN KEY(tenant, hash) REFERENCES definitions (tenant, hash), 
	FOREIGN KEY(tenant, workflow_id) REFERENCES workflows (tenant, id)
);

CREATE TABLE webhooks (
	tenant VARCHAR(64) NOT NULL, 
	path VARCHAR(128) NOT NULL, 
	workflow_id VARCHAR(128) NOT NULL, 
	secret VARCHAR(128) NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (tenant, path)
);

CREATE TABLE workflows (
	tenant VARCHAR(64) NOT NULL, 
	id VARCHAR(128) NOT NULL, 
	name TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	deleted_at DATETIME, 
	PRIMARY KEY (tenant, id)
);

CREATE INDEX api_keys_by_tenant ON api_keys (tenant, created_at);

CREATE INDEX audit_log_by_tenant ON audit_log (tenant, id);

CREATE INDEX deliveries_by_time ON deliveries (tenant, subscription_id, created_at);

CREATE INDEX dependencies_by_other ON dependencies (tenant, depends_on);

CREATE INDEX files_by_time ON files (tenant, created_at);

CREATE INDEX interrupts_by_kind ON interrupts (tenant, kind, status);

CREATE INDEX interrupts_by_run ON interrupts (run_id);

CREATE INDEX interrupts_by_signal ON interrupts (tenant, signal, signal_key, status);

CREATE INDEX node_cache_by_expiry ON node_cache (expires_at);

CREATE UNIQUE INDEX runs_by_deduplication_key ON runs (tenant, coalesce(workflow_id, ''), deduplication_key) WHERE status in ('pending', 'running', 'paused', 'waiting');

CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (tenant, coalesce(workflow_id, ''), idempotency_key) WHERE idempotency_key is not null;

CREATE INDEX runs_by_status ON runs (status) WHERE status in ('pending', 'running', 'paused', 'waiting');

CREATE INDEX runs_by_thread ON runs (tenant, thread_id) WHERE thread_id is not null;

CREATE INDEX runs_by_time ON runs (tenant, created_at);

CREATE INDEX runs_by_workflow ON runs (tenant, workflow_id, starts_at);

CREATE INDEX signals_by_name ON signals (tenant, name, "key", sent_at);

CREATE INDEX threads_by_time ON threads (tenant, updated_at)
