/** A runtime that serves endpoints, as `velar serve` starts it, and HTTP clients of it. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Running, Workspace } from './velar';

interface Address {
  url: string;
}

export type Headers = Record<string, string>;

export class EndpointServer {
  /** One key for each environment. */
  readonly keys: Record<string, string> = {};
  url = '';
  private serving: Running | undefined;

  constructor(
    readonly workspace: Workspace,
    /** Whose endpoints are called. */
    private readonly app: string,
    private readonly flags: readonly string[] = [],
  ) {}

  /** Starts the runtime, and makes the keys if there are none yet. */
  async start(): Promise<void> {
    this.serving = this.workspace.start(['serve', '--port', '0', '--json', ...this.flags]);
    const [line] = await this.serving.printed(/^\{.*"url".*\}$/m);
    this.url = (JSON.parse(line) as Address).url.replace(/^ws/, 'http');
    for (const environment of ['staging', 'production']) {
      this.keys[environment] ??= (await this.velar('keys', 'create', environment)).trim();
    }
  }

  /** Ends it as an operator would. */
  async stop(): Promise<void> {
    this.serving?.terminate();
    await this.serving?.ended;
  }

  /** Ends it as a power cut would; the command waits for it and ends too. */
  async crash(): Promise<void> {
    const runtime = this.workspace.runtimePids().at(-1);
    assert.ok(runtime);
    process.kill(runtime, 'SIGKILL');
    await this.serving?.ended;
  }

  /** What a command printed; it has to succeed. */
  async velar(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.workspace.run(...args);
    assert.equal(code, 0, `velar ${args.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  }

  call(
    environment: string,
    path: string,
    body?: unknown,
    headers: Headers = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    return fetch(this.address(environment, path), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.keys[environment] ?? ''}`,
        'content-type': 'application/json',
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  get(environment: string, path: string, headers: Headers = {}): Promise<Response> {
    return fetch(this.address(environment, path), {
      headers: { authorization: `Bearer ${this.keys[environment] ?? ''}`, ...headers },
    });
  }

  /** Begins a call whose body is still to come: resolves when the runtime waits for it, with what sends it. */
  slowly(
    environment: string,
    path: string,
  ): Promise<(body: string) => Promise<{ status: number | undefined; text: string }>> {
    const sent = request(this.address(environment, path), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.keys[environment] ?? ''}`,
        'content-type': 'application/json',
        // Answered once the request is taken in hand.
        expect: '100-continue',
      },
    });
    const answered = new Promise<{ status: number | undefined; text: string }>(
      (resolve, reject) => {
        sent.once('error', reject);
        sent.once('response', (response) => {
          text(response).then((all) => {
            resolve({ status: response.statusCode, text: all });
          }, reject);
        });
      },
    );
    return new Promise((resolve, reject) => {
      answered.catch(reject);
      sent.once('continue', () => {
        resolve((body) => {
          sent.end(body);
          return answered;
        });
      });
      sent.flushHeaders();
    });
  }

  /** Calls again and again, three at a time, while `work` goes on; the answers, and what failed. */
  async under(
    environment: string,
    path: string,
    body: unknown,
    work: () => Promise<void>,
  ): Promise<{ answers: Map<string, number>; failures: unknown[] }> {
    const answers = new Map<string, number>();
    const failures: unknown[] = [];
    let going = true;
    const caller = async (): Promise<void> => {
      while (going) {
        try {
          const response = await this.call(environment, path, body);
          const text = await response.text();
          if (response.status === 200) answers.set(text, (answers.get(text) ?? 0) + 1);
          else failures.push(text);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    const callers = Promise.all([caller(), caller(), caller()]);
    try {
      await work();
    } finally {
      going = false;
      await callers;
    }
    return { answers, failures };
  }

  address(environment: string, path: string): string {
    return `${this.url}/v1/endpoints/${environment}/${this.app}/${path}`;
  }
}
