/** What the engine sends while it pulls and builds: one JSON object a line. Pure. */
import { StringDecoder } from 'node:string_decoder';
import * as z from 'zod';

const eventSchema = z.object({
  /** Output of a build, in pieces of any size. */
  stream: z.string().optional(),
  /** What happens to a layer of a pull, or to the pull as a whole where there is no id. */
  status: z.string().optional(),
  id: z.string().optional(),
  progressDetail: z
    .object({
      current: z.number().optional(),
      total: z.number().optional(),
      /** What is counted, where it is not bytes. */
      units: z.string().optional(),
    })
    .optional(),
  error: z.string().optional(),
  errorDetail: z.object({ code: z.number().optional(), message: z.string().optional() }).optional(),
  aux: z.object({ ID: z.string().optional() }).optional(),
});
export type DockerEvent = z.infer<typeof eventSchema>;

/** How a pull or a build failed, in the engine's words. */
export interface EngineFailure {
  message: string;
  /** Exit code of a command of the build. */
  code: number | undefined;
}

/** The failure that an event tells; undefined for all others. */
export function failureOf(event: DockerEvent): EngineFailure | undefined {
  if (event.error === undefined && event.errorDetail === undefined) return undefined;
  return {
    message: event.errorDetail?.message ?? event.error ?? 'no reason given',
    code: event.errorDetail?.code,
  };
}

/** Events of a response, whatever pieces it comes in. Throws where a line is none. */
export async function* readEvents(response: AsyncIterable<Buffer>): AsyncGenerator<DockerEvent> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of response) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield eventSchema.parse(JSON.parse(line));
  }
  if (rest.trim() !== '') yield eventSchema.parse(JSON.parse(rest));
}
