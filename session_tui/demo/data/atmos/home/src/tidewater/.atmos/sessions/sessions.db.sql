PRAGMA journal_mode=WAL;
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, project_path TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
  skill TEXT NOT NULL DEFAULT '', created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL, metadata TEXT
);
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL, archived BOOLEAN DEFAULT 0,
  FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE
);
CREATE TABLE session_context (
  session_id TEXT NOT NULL, context_type TEXT NOT NULL, context_key TEXT NOT NULL, context_value TEXT,
  FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE
);
CREATE TABLE message_summaries (
  id TEXT PRIMARY KEY, session_id TEXT NOT NULL, provider TEXT NOT NULL DEFAULT '', original_message_ids TEXT NOT NULL,
  message_range TEXT NOT NULL, summary_content TEXT NOT NULL, token_count INTEGER NOT NULL, compacted_at TIMESTAMP NOT NULL,
  FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE
);
CREATE INDEX idx_sessions_project_path ON sessions(project_path);
CREATE INDEX idx_sessions_name ON sessions(project_path, name);
CREATE INDEX idx_sessions_updated_at ON sessions(updated_at);
CREATE INDEX idx_messages_session_id ON messages(session_id);
CREATE INDEX idx_messages_created_at ON messages(session_id, created_at);
CREATE INDEX idx_messages_archived ON messages(session_id, archived);
CREATE INDEX idx_context_session_id ON session_context(session_id);
CREATE INDEX idx_context_type ON session_context(session_id, context_type);
CREATE INDEX idx_summaries_session ON message_summaries(session_id);
CREATE INDEX idx_summaries_compacted_at ON message_summaries(session_id, compacted_at);

INSERT INTO sessions (id, name, project_path, model, provider, skill, created_at, updated_at, metadata) VALUES ('40082947-3916-4e8f-a119-134dd262e351', 'raw-bucket', '{{home}}/src/tidewater', 'claude-sonnet-4-5', 'anthropic', '', '{{go -16d}}', '{{go -15d23h50m5s}}', 'null');
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (1, '40082947-3916-4e8f-a119-134dd262e351', 'user', 'The tidewater stack needs a bucket for raw data with lifecycle rules.', '{{go -15d23h59m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (2, '40082947-3916-4e8f-a119-134dd262e351', 'assistant', '```yaml
components:
  terraform:
    s3-raw:
      metadata: { component: s3-bucket }
      vars:
        name: tide-raw
        lifecycle_rules:
          - { prefix: "events/", transition_days: 30, class: STANDARD_IA }
          - { prefix: "events/", transition_days: 180, class: GLACIER }
```', '{{go -15d23h56m58s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (3, '40082947-3916-4e8f-a119-134dd262e351', 'user', 'and block public access', '{{go -15d23h55m29s}}', 0);
INSERT INTO messages (id, session_id, role, content, created_at, archived) VALUES (4, '40082947-3916-4e8f-a119-134dd262e351', 'assistant', 'That is the module''s default; I left it out on purpose.', '{{go -15d23h50m5s}}', 0);
