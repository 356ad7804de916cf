/**
 * One row for each decision. There is an index for what is asked by itself and names few of many
 * decisions; each costs its part of every record that is written, so there are no others.
 */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS search (
    idx INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    principal TEXT NOT NULL,
    outcome TEXT NOT NULL,
    path TEXT NOT NULL,
    namespace TEXT NOT NULL,
    service TEXT NOT NULL,
    workload TEXT, issuer TEXT, method TEXT, source TEXT, protocol TEXT,
    bundle TEXT, revision TEXT, entrypoint TEXT, rules TEXT, reason TEXT,
    request TEXT, trace TEXT, trace_tag INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS search_id ON search (id);
  CREATE INDEX IF NOT EXISTS search_principal ON search (principal);
  CREATE INDEX IF NOT EXISTS search_refused ON search (outcome) WHERE outcome <> 'allow';
  CREATE INDEX IF NOT EXISTS search_path ON search (path);
  CREATE INDEX IF NOT EXISTS search_service ON search (service);
  CREATE INDEX IF NOT EXISTS search_trace ON search (trace_tag) WHERE trace_tag IS NOT NULL;
  CREATE TABLE IF NOT EXISTS unenforced (idx INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE IF NOT EXISTS spans (
    span INTEGER PRIMARY KEY,
    time_min INTEGER NOT NULL,
    time_max INTEGER NOT NULL
  ) STRICT`
