/** The store's schema, one step after the other; a step that was released never changes. */
export const migrations: readonly string[] = [
  `CREATE TABLE runs (
     run TEXT PRIMARY KEY,
     status TEXT NOT NULL,
     started_at REAL NOT NULL,
     summary TEXT NOT NULL,
     events TEXT
   );
   CREATE INDEX runs_by_start ON runs (started_at);
   CREATE INDEX runs_active ON runs (status) WHERE status = 'active';
   CREATE TABLE devices (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     token_sha256 TEXT NOT NULL UNIQUE,
     paired_at REAL NOT NULL,
     last_seen_at REAL
   );
   CREATE TABLE metering (
     run TEXT NOT NULL,
     container TEXT NOT NULL,
     app TEXT NOT NULL,
     gpu TEXT,
     seconds REAL NOT NULL,
     usd REAL NOT NULL,
     at REAL NOT NULL
   );
   CREATE INDEX metering_by_time ON metering (at);
   CREATE INDEX metering_by_run ON metering (run);
   CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);`,
  `CREATE TABLE secrets (
     name TEXT PRIMARY KEY,
     variables TEXT NOT NULL,
     sealed TEXT NOT NULL,
     updated_at REAL NOT NULL
   );`,
  `CREATE TABLE phase_times (
     key TEXT PRIMARY KEY,
     durations TEXT NOT NULL,
     at REAL NOT NULL
   );
   CREATE TABLE bundle_uses (bundle TEXT PRIMARY KEY, used_at REAL NOT NULL);`,
  `CREATE TABLE container_time (
     day TEXT NOT NULL,
     app TEXT NOT NULL,
     function TEXT NOT NULL,
     gpu TEXT NOT NULL,
     cards INTEGER NOT NULL,
     kind TEXT NOT NULL,
     ms REAL NOT NULL,
     usd REAL NOT NULL,
     PRIMARY KEY (day, app, function, gpu, cards, kind)
   );
   CREATE TABLE budgets (app TEXT PRIMARY KEY, period TEXT NOT NULL, usd REAL NOT NULL);
   DROP TABLE metering;`,
  `CREATE TABLE versions (app TEXT NOT NULL, version INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (app, version));
   CREATE TABLE environment_moves (
     app TEXT NOT NULL,
     environment TEXT NOT NULL,
     version INTEGER NOT NULL,
     at REAL NOT NULL,
     by TEXT NOT NULL,
     action TEXT NOT NULL
   );
   CREATE TABLE protected_apps (app TEXT PRIMARY KEY);
   CREATE TABLE endpoint_keys (
     id TEXT PRIMARY KEY,
     environment TEXT NOT NULL,
     name TEXT NOT NULL,
     sha256 TEXT NOT NULL UNIQUE,
     at REAL NOT NULL
   );`,
  `CREATE TABLE kept_calls (
     run TEXT PRIMARY KEY,
     scope TEXT NOT NULL,
     key TEXT,
     input TEXT NOT NULL,
     expires_at REAL,
     bytes INTEGER NOT NULL
   );`,
  // What sweeps and lists ask for stands in the indexes: a row's events may be a megabyte long.
  `ALTER TABLE runs ADD COLUMN endpoint TEXT;
   ALTER TABLE runs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE runs ADD COLUMN file_bytes INTEGER;
   UPDATE runs SET bytes = LENGTH(CAST(summary AS BLOB)) + COALESCE(LENGTH(CAST(events AS BLOB)), 0);
   DROP INDEX runs_by_start;
   CREATE INDEX runs_of_people ON runs (started_at, run, status, bytes, file_bytes)
     WHERE endpoint IS NULL;
   CREATE INDEX runs_of_endpoints ON runs (endpoint, status, started_at, run, bytes, file_bytes)
     WHERE endpoint IS NOT NULL;`,
  `CREATE TABLE card_peaks (day TEXT NOT NULL, gpu TEXT NOT NULL, cards INTEGER NOT NULL, PRIMARY KEY (day, gpu));`,
];
