/** How a client on the same machine finds the embedded runtime of a home folder. */
import { z } from 'zod';

/** Name of the file in VELAR_HOME, mode 0600, present while an embedded runtime is running. */
export const EMBEDDED_RUNTIME_FILE = 'runtime.json';

/**
 * Content of that file, and of the one line that `runtime.js --embedded` prints on stdout when it is
 * ready. When another runtime holds the home already, the line names that one and the process ends.
 */
export const embeddedRuntimeSchema = z.object({
  pid: z.number().int(),
  /** `ws://127.0.0.1:PORT`. */
  url: z.string(),
  /** Owner token, good on loopback as long as this runtime lives. */
  token: z.string(),
});
export type EmbeddedRuntime = z.infer<typeof embeddedRuntimeSchema>;
