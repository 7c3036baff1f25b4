/** Waits for the end of a container. */
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import * as z from 'zod';

const endSchema = z.object({ StatusCode: z.number() });

/** What of the client is used here; its types leave it open. */
interface Modem {
  dial(request: object, done: (error: Error | null, answer: Readable) => void): void;
}

/**
 * Resolves with the exit code once the container runs no more, at once for one that has ended. Rejects with what
 * the client throws. The engine sends the head of this answer at once and the rest at the end: it is read as a stream,
 * because the client's own `wait` never settles where the engine goes away in between.
 */
export async function exitCode(container: Docker.Container): Promise<number> {
  const modem = container.modem as Modem;
  const answer = await new Promise<Readable>((resolve, reject) => {
    const request = {
      path: `/containers/${container.id}/wait?`,
      method: 'POST',
      options: { condition: 'not-running' },
      isStream: true,
      statusCodes: {
        200: true,
        400: 'bad parameter',
        404: 'no such container',
        500: 'server error',
      },
    };
    modem.dial(request, (error, stream) => {
      if (error === null) resolve(stream);
      else reject(error);
    });
  });
  return endSchema.parse(JSON.parse(await text(answer))).StatusCode;
}
