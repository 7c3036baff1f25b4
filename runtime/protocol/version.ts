/** Version of the client-runtime protocol. Both sides refuse a peer whose version differs. */
export const PROTOCOL_VERSION = 1;

/** Version of the runtime-worker link, sent in the worker's `hello`. */
export const WORKER_PROTOCOL_VERSION = 1;

/** Of a client that takes the message `budgets`. */
export const BUDGETS = 'budgets';

/** Optional abilities, exchanged in the handshake so that either side can grow without a new version. */
export const CAPABILITIES = ['resume', 'caller', 'bundle-delta', BUDGETS] as const;

/** Path of the WebSocket on a runtime. */
export const LINK_PATH = '/v1/link';

/** Path of the HTTP route that exchanges a pairing code for a device token. */
export const PAIR_PATH = '/v1/pair';

/**
 * Of a client that runs a local entrypoint for others: it is there for its run alone, so what keeps an embedded
 * runtime up is the run, not this client.
 */
export const BACKGROUND = 'background';

/** A session outlives a dropped socket by this long; later the client starts a new one. In ms. */
export const SESSION_GRACE_MS = 60_000;

/** One of another machine that has a local entrypoint going: its batch is worth a longer wait. In ms. */
export const CALLER_GRACE_MS = 10 * 60_000;
