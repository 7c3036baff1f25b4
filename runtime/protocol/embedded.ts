/** How a client on the same machine finds the embedded runtime of a home folder. */
import * as z from 'zod';

/** Name of the file in VELAR_HOME, mode 0600, present while a runtime of that home is listening. */
export const RUNTIME_FILE = 'runtime.json';

/** What of that file a client needs. */
export const runtimeFileSchema = z.object({
  pid: z.number().int(),
  /** `ws://127.0.0.1:PORT`. */
  url: z.string(),
  /** File with the token that lets this machine's user in over loopback. */
  tokenFile: z.string(),
});

/**
 * The one line that `runtime.js --embedded` prints on stdout when it is ready. When another runtime holds
 * the home already, the line names that one and the process ends.
 */
export const embeddedReadySchema = z.object({
  pid: z.number().int(),
  url: z.string(),
  token: z.string(),
});
export type EmbeddedReady = z.infer<typeof embeddedReadySchema>;
