PRAGMA journal_mode=WAL;
PRAGMA application_id = 1398035785;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, revision INTEGER NOT NULL DEFAULT 0,
  title TEXT NOT NULL DEFAULT '', title_source TEXT NOT NULL DEFAULT 'none', first_prompt TEXT NOT NULL DEFAULT '',
  project TEXT, git_branch TEXT, model TEXT, provider TEXT, vendor TEXT, endpoint TEXT, skill TEXT,
  state TEXT NOT NULL DEFAULT 'active', kind TEXT NOT NULL DEFAULT 'main', parent TEXT,
  agent TEXT, channel TEXT, peer TEXT, thread TEXT,
  created_at TEXT, updated_at TEXT, last_active_at TEXT, compacted_at TEXT,
  message_count INTEGER NOT NULL DEFAULT 0, archived_count INTEGER NOT NULL DEFAULT 0,
  estimated_tokens INTEGER NOT NULL DEFAULT 0, size_bytes INTEGER NOT NULL DEFAULT 0,
  token_count INTEGER, token_usage TEXT, context_window INTEGER, max_tokens INTEGER, compaction_count INTEGER,
  summary TEXT, summary_message_id TEXT, pinned INTEGER NOT NULL DEFAULT 0,
  tags TEXT NOT NULL DEFAULT '[]', metadata TEXT NOT NULL DEFAULT '{}', custom_data TEXT NOT NULL DEFAULT '{}',
  extra TEXT NOT NULL DEFAULT '{}'
, unknown_records TEXT NOT NULL DEFAULT '{}');
CREATE TABLE messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  position INTEGER NOT NULL, id TEXT NOT NULL, role TEXT NOT NULL, created_at TEXT, model TEXT,
  archived INTEGER NOT NULL DEFAULT 0, is_summary INTEGER NOT NULL DEFAULT 0, is_meta INTEGER NOT NULL DEFAULT 0,
  lossy INTEGER NOT NULL DEFAULT 0, weight INTEGER NOT NULL DEFAULT 0, tokens INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0, extra TEXT NOT NULL DEFAULT '{}', blocks TEXT NOT NULL DEFAULT '[]',
  UNIQUE (session, id)
);
CREATE TABLE summaries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  id TEXT NOT NULL, message_id TEXT, content TEXT NOT NULL, message_range TEXT NOT NULL DEFAULT '',
  original_ids TEXT NOT NULL DEFAULT '[]', token_count INTEGER, provider TEXT NOT NULL DEFAULT '',
  compacted_at TEXT, extra TEXT NOT NULL DEFAULT '{}', UNIQUE (session, id)
);
CREATE TABLE context (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  type TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL
);
CREATE TABLE read_files (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, path TEXT NOT NULL, read_at TEXT
);
CREATE INDEX messages_by_position ON messages(session, position, seq);
CREATE INDEX context_by_session ON context(session);
CREATE INDEX read_files_by_session ON read_files(session);
CREATE TRIGGER messages_insert AFTER INSERT ON messages BEGIN UPDATE sessions SET message_count = message_count + (1 - new.is_summary), archived_count = archived_count + new.archived * (1 - new.is_summary), estimated_tokens = estimated_tokens + new.tokens * (1 - new.archived), size_bytes = size_bytes + new.size WHERE id = new.session; END;
CREATE TRIGGER messages_delete AFTER DELETE ON messages BEGIN UPDATE sessions SET message_count = message_count - (1 - old.is_summary), archived_count = archived_count - old.archived * (1 - old.is_summary), estimated_tokens = estimated_tokens - old.tokens * (1 - old.archived), size_bytes = size_bytes - old.size WHERE id = old.session; END;
CREATE TRIGGER messages_update AFTER UPDATE OF archived, is_summary, tokens, size ON messages BEGIN UPDATE sessions SET message_count = message_count + (1 - new.is_summary) - (1 - old.is_summary), archived_count = archived_count + new.archived * (1 - new.is_summary) - old.archived * (1 - old.is_summary), estimated_tokens = estimated_tokens + new.tokens * (1 - new.archived) - old.tokens * (1 - old.archived), size_bytes = size_bytes + new.size - old.size WHERE id = new.session; END;
CREATE TABLE records (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  kind TEXT NOT NULL, value TEXT NOT NULL
);
CREATE INDEX records_by_session ON records(session);
INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('session-tui', 'conversations', '{{utc -200d}}');
INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('session-tui', 'telemetry', '{{utc -200d}}');
PRAGMA user_version = 2;

INSERT INTO sessions (id, first_prompt, created_at, updated_at, last_active_at, title, title_source, project, model, provider, tags, pinned, git_branch) VALUES ('onboarding', 'Write an onboarding page for new developers of the lantern shop: what runs where, how to start it, whom to ask.', '{{utc -7m}}', '{{utc -3m42s}}', '{{utc -3m42s}}', 'Onboarding page', 'custom', '{{home}}/src/lantern-shop', 'claude-sonnet-4-5', 'anthropic', '["docs","team"]', 1, 'docs/onboarding');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('onboarding', 0, 'm1', 'user', '{{utc -7m}}', 111, 31, 138, '[{"type":"text","text":"Write an onboarding page for new developers of the lantern shop: what runs where, how to start it, whom to ask."}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks, model) VALUES ('onboarding', 1, 'm2', 'assistant', '{{utc -6m}}', 478, 131, 547, '[{"type":"thinking","text":"Keep it short; newcomers read the first screen only."},{"type":"text","text":"# Welcome to Lantern\n\n**In ten minutes**\n\n```bash\ngit clone git@git.example:lantern/shop.git && cd shop\nmake up          # database, mail catcher, shop on http://localhost:3000\nmake seed        # twelve products, one customer: ana / lantern\n```\n\n| part | where | ask |\n|---|---|---|\n| shop | `src/` | Mira |\n| mails | `mails/` | Jonas |\n| search | `search/` | 由美 |\n\n> Break something in your first week. Everybody did."}]', 'claude-sonnet-4-5');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('onboarding', 2, 'm3', 'user', '{{utc -5m30s}}', 36, 10, 63, '[{"type":"text","text":"Great tone. Add how to run one test."}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks, model) VALUES ('onboarding', 3, 'm4', 'assistant', '{{utc -3m42s}}', 81, 22, 114, '[{"type":"text","text":"Added below the table:\n\n```bash\nnpm test -- -t \"keeps what was in the basket\"\n```"}]', 'claude-sonnet-4-5');
INSERT INTO context (session, type, key, value) VALUES ('onboarding', 'setting', 'tone', 'friendly, short');

INSERT INTO sessions (id, first_prompt, created_at, updated_at, last_active_at, title, title_source, project, model, provider, tags, token_count, context_window, compacted_at, compaction_count, summary, summary_message_id) VALUES ('brokers', 'We evaluate three message brokers for tidewater. Criteria: replay, cost, what we can run ourselves.', '{{utc -2d9h}}', '{{utc -2d8h8m44s}}', '{{utc -2d8h8m44s}}', 'Which broker for tidewater?', 'agent', '{{home}}/src/tidewater', 'gpt-4o', 'openai', '["decision"]', 117300, 128000, '{{utc -2d8h22m36s}}', 1, 'Three brokers compared for tidewater. Replay: log broker by offset, Postgres by query, queue broker not. Monthly cost about 410 / 0 / 180 €. Postgres carries 2,000 events/s.', 'brokers-summary');
INSERT INTO messages (session, position, id, role, created_at, archived, weight, tokens, size, blocks) VALUES ('brokers', 0, 'm1', 'user', '{{utc -2d9h}}', 1, 99, 28, 126, '[{"type":"text","text":"We evaluate three message brokers for tidewater. Criteria: replay, cost, what we can run ourselves."}]');
INSERT INTO messages (session, position, id, role, created_at, archived, weight, tokens, size, blocks, model) VALUES ('brokers', 1, 'm2', 'assistant', '{{utc -2d8h53m20s}}', 1, 72, 20, 99, '[{"type":"text","text":"Candidates: a log broker, a queue broker, and Postgres with SKIP LOCKED."}]', 'gpt-4o');
INSERT INTO messages (session, position, id, role, created_at, archived, weight, tokens, size, blocks) VALUES ('brokers', 2, 'm3', 'user', '{{utc -2d8h50m4s}}', 1, 15, 4, 42, '[{"type":"text","text":"Compare replay."}]');
INSERT INTO messages (session, position, id, role, created_at, archived, weight, tokens, size, blocks, model) VALUES ('brokers', 3, 'm4', 'assistant', '{{utc -2d8h38m4s}}', 1, 94, 26, 121, '[{"type":"text","text":"Only the log broker replays by offset; Postgres replays by query; the queue broker not at all."}]', 'gpt-4o');
INSERT INTO messages (session, position, id, role, created_at, archived, weight, tokens, size, blocks) VALUES ('brokers', 4, 'm5', 'user', '{{utc -2d8h35m16s}}', 1, 6, 2, 33, '[{"type":"text","text":"Costs?"}]');
INSERT INTO messages (session, position, id, role, created_at, archived, weight, tokens, size, blocks, model) VALUES ('brokers', 5, 'm6', 'assistant', '{{utc -2d8h24m36s}}', 1, 85, 27, 124, '[{"type":"text","text":"Log broker 3 nodes ≈ 410 €, queue ≈ 180 €, Postgres ≈ 0 € extra up to 2 000 events/s."}]', 'gpt-4o');
INSERT INTO messages (session, position, id, role, created_at, is_summary, weight, tokens, size, blocks) VALUES ('brokers', 6, 'brokers-summary', 'system', '{{utc -2d8h22m36s}}', 1, 173, 49, 202, '[{"type":"text","text":"Three brokers compared for tidewater. Replay: log broker by offset, Postgres by query, queue broker not. Monthly cost about 410 / 0 / 180 €. Postgres carries 2,000 events/s."}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('brokers', 7, 'm8', 'user', '{{utc -2d8h22m16s}}', 37, 10, 64, '[{"type":"text","text":"We have 900 events/s at peak. Decide."}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks, model) VALUES ('brokers', 8, 'm9', 'assistant', '{{utc -2d8h12m56s}}', 124, 34, 151, '[{"type":"text","text":"**Postgres**, until you pass 2 000 events/s. The day you do, the outbox table is already the right shape for the log broker."}]', 'gpt-4o');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('brokers', 9, 'm10', 'user', '{{utc -2d8h8m44s}}', 37, 10, 64, '[{"type":"text","text":"Convinced. Write the decision record."}]');
INSERT INTO summaries (session, id, message_id, content, message_range, original_ids, token_count, provider, compacted_at) VALUES ('brokers', 'brokers-summary', 'brokers-summary', 'Three brokers compared for tidewater. Replay: log broker by offset, Postgres by query, queue broker not. Monthly cost about 410 / 0 / 180 €. Postgres carries 2,000 events/s.', 'Messages 1-6', '["m1","m2","m3","m4","m5","m6"]', 43, 'extractive', '{{utc -2d8h22m36s}}');
INSERT INTO records (session, kind, value) VALUES ('brokers', 'usage', '{"usage":{"input_tokens":117300,"output_tokens":412,"cache_read_tokens":0,"cache_write_tokens":0,"prompt_tokens_total":null},"at":"{{utc -2d8h8m44s}}","turn":2,"model":"gpt-4o","vendor":"","endpoint":"","source":"agent"}');

INSERT INTO sessions (id, first_prompt, created_at, updated_at, last_active_at, title, project, model, provider, kind, parent, state) VALUES ('glossary', 'Extract a glossary from the German handbook: term, definition, chapter.', '{{utc -15d}}', '{{utc -14d23h48m56s}}', '{{utc -14d23h48m56s}}', '', '{{home}}/src/handbuch', 'qwen3-coder', 'local', 'subagent', 'onboarding', 'idle');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('glossary', 0, 'm1', 'user', '{{utc -15d}}', 71, 20, 98, '[{"type":"text","text":"Extract a glossary from the German handbook: term, definition, chapter."}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks, model) VALUES ('glossary', 1, 'm2', 'assistant', '{{utc -14d23h56m40s}}', 120, 23, 187, '[{"type":"tool_call","id":"c10","name":"read_file","input":{"path":"kapitel/01-grundlagen.md"}},{"type":"tool_call","id":"c11","name":"read_file","input":{"path":"kapitel/03-pflege.md"}}]', 'qwen3-coder');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('glossary', 2, 'm3', 'tool', '{{utc -14d23h56m37s}}', 120, 23, 235, '[{"type":"tool_result","call_id":"c10","name":"read_file","text":"Ein *Docht* ist …\nEine *Zarge* hält …"},{"type":"tool_result","call_id":"c11","name":"read_file","text":"Permission denied: kapitel/03-pflege.md","is_error":true}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks, model) VALUES ('glossary', 3, 'm4', 'assistant', '{{utc -14d23h55m2s}}', 113, 31, 140, '[{"type":"text","text":"23 terms from two of three chapters; `03-pflege.md` cannot be read (permission denied). Shall I go on without it?"}]', 'qwen3-coder');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('glossary', 4, 'm5', 'user', '{{utc -14d23h52m56s}}', 28, 8, 55, '[{"type":"text","text":"Fixed the permission, go on."}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks, model) VALUES ('glossary', 5, 'm6', 'assistant', '{{utc -14d23h48m56s}}', 58, 16, 85, '[{"type":"text","text":"31 terms now, sorted, with the chapter each is defined in."}]', 'qwen3-coder');
INSERT INTO read_files (session, path, read_at) VALUES ('glossary', 'kapitel/01-grundlagen.md', '{{utc -14d23h48m56s}}');
INSERT INTO read_files (session, path, read_at) VALUES ('glossary', 'kapitel/03-pflege.md', '{{utc -14d23h48m56s}}');

INSERT INTO sessions (id, first_prompt, created_at, updated_at, last_active_at, title, title_source, project, state, tags, agent, channel, peer) VALUES ('cellar', 'Name ideas for the cellar level?', '{{utc -48d}}', '{{utc -47d23h57m45s}}', '{{utc -47d23h57m45s}}', 'Cellar names', 'custom', '{{home}}/src/mossgate', 'suspended', '["ideas"]', 'writer', 'chat', 'agnieszka');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('cellar', 0, 'm1', 'user', '{{utc -48d}}', 32, 9, 59, '[{"type":"text","text":"Name ideas for the cellar level?"}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('cellar', 1, 'm2', 'assistant', '{{utc -47d23h58m30s}}', 85, 26, 118, '[{"type":"text","text":"*Under the Wet Stair* · *Rootcellar* · *The Lower Quiet* · *Where the Jars Breathe* 🫙"}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('cellar', 2, 'm3', 'user', '{{utc -47d23h57m45s}}', 17, 5, 44, '[{"type":"text","text":"The Lower Quiet!!"}]');

INSERT INTO sessions (id, first_prompt, created_at, updated_at, last_active_at, title, title_source, project, state, extra) VALUES ('import-2025', 'What did we decide about the old search index?', '{{utc -210d}}', '{{utc -209d23h59m}}', '{{utc -209d23h59m}}', 'Old search index', 'agent', '{{home}}/src/lantern-shop', 'archived', '{"imported_from":"notes"}');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('import-2025', 0, 'm1', 'user', '{{utc -210d}}', 46, 13, 73, '[{"type":"text","text":"What did we decide about the old search index?"}]');
INSERT INTO messages (session, position, id, role, created_at, weight, tokens, size, blocks) VALUES ('import-2025', 1, 'm2', 'assistant', '{{utc -209d23h59m}}', 54, 15, 81, '[{"type":"text","text":"To keep it read-only until the summer, then delete it."}]');
