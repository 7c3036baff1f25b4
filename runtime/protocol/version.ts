/** Version of the client-runtime protocol. Both sides refuse a peer whose version differs. */
export const PROTOCOL_VERSION = 1;

/** Version of the runtime-worker link, sent in the worker's `hello`. */
export const WORKER_PROTOCOL_VERSION = 1;

/** Optional abilities, exchanged in the handshake so that either side can grow without a new version. */
export const CAPABILITIES = ['resume', 'caller', 'bundle-delta'] as const;

/** Path of the WebSocket on a runtime. */
export const LINK_PATH = '/v1/link';

/** Path of the HTTP route that exchanges a pairing code for a device token. */
export const PAIR_PATH = '/v1/pair';

/** A session outlives a dropped socket by this long; later the client starts a new one. In ms. */
export const SESSION_GRACE_MS = 60_000;
