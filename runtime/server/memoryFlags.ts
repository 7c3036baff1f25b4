/**
 * Import this before anything that loads SQLite's WebAssembly. V8's optimising compiler would work on all of it
 * at start and keep 30 MB for good; the store is off every hot path and does as well without.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--no-wasm-tier-up');
setFlagsFromString('--no-wasm-dynamic-tiering');
