/** HTTP calls of an endpoint over connections that stay open: one after another, and at a fixed rate. */
import { Agent, request } from 'node:http';

/** Answers `number` as JSON to a JSON list of it, or resolves with why not. */
export class EndpointClient {
  private readonly agent = new Agent({ keepAlive: true, noDelay: true });
  private readonly options;

  constructor(
    url: string,
    path: string,
    key: string,
    /** What a right answer is. */
    private readonly expected: (number: number) => string,
  ) {
    const { hostname, port } = new URL(url);
    this.options = {
      agent: this.agent,
      hostname,
      port,
      path,
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    };
  }

  /** Resolves with undefined for a right answer, else with what came. */
  send(number: number): Promise<string | undefined> {
    const body = `[${String(number)}]`;
    return new Promise((resolve) => {
      const sent = request(this.options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (text += part));
        response.on('error', (error) => resolve(error.message));
        response.on('end', () => {
          const right = response.statusCode === 200 && text === this.expected(number);
          resolve(right ? undefined : `${String(response.statusCode)} ${text}`);
        });
      });
      sent.on('error', (error) => resolve(error.message));
      sent.setHeader('content-length', body.length);
      sent.end(body);
    });
  }

  async call(number: number): Promise<void> {
    const wrong = await this.send(number);
    if (wrong !== undefined) throw new Error(`Asked ${String(number)}, got ${wrong}.`);
  }

  close(): void {
    this.agent.destroy();
  }
}

export interface Load {
  /** Duration of each request in ms, counted from when it was due, late or not. */
  samples: number[];
  /** What came in place of right answers. */
  failures: string[];
  /** Requests answered in each second of the load. */
  rate: number;
}

/** Sends `perSecond` requests a second, whatever is outstanding, until `until` settles; waits for all answers. */
export async function hold(
  client: EndpointClient,
  perSecond: number,
  until: Promise<unknown>,
): Promise<Load> {
  let over = false;
  const stop = until.finally(() => (over = true));
  const samples: number[] = [];
  const failures: string[] = [];
  const open: Promise<void>[] = [];
  const began = performance.now();
  const sendDue = (): void => {
    const now = performance.now();
    for (let due = dueAt(); due <= now; due = dueAt()) {
      const number = open.length;
      open.push(
        client.send(number % 256).then((wrong) => {
          samples.push(performance.now() - due);
          if (wrong !== undefined) failures.push(wrong);
        }),
      );
    }
  };
  const dueAt = (): number => began + (open.length * 1000) / perSecond;
  await new Promise<void>((resolve) => {
    const tick = setInterval(() => {
      if (!over) {
        sendDue();
        return;
      }
      clearInterval(tick);
      resolve();
    }, 1);
  });
  await stop;
  await Promise.all(open);
  const seconds = (performance.now() - began) / 1000;
  return { samples, failures, rate: samples.length / seconds };
}
