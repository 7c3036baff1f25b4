/** Functions of deployed apps over HTTP: `POST` JSON arguments, get the JSON result; generators as server-sent events. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DeployedFunction, type Environment } from '../protocol/deployments';
import { ENDPOINT_PATH, OPENAPI_NAME } from '../protocol/endpointPaths';
import { VelarError } from '../protocol/errors';
import type { RunEvent } from '../protocol/events';
import { newRunId, runIdOf } from '../protocol/runIds';
import type { CallArguments, RunError } from '../protocol/values';
import type { DeploymentService, RunService } from '../scheduling/service';
import { openApi } from '../deployments/openApi';
import { argumentsOf } from './endpointArguments';
import { readJson, sendJson } from './http';
import { serverTiming } from './serverTiming';

const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Calls of one function that may wait or run at once; more are asked to come again. */
const MAX_OPEN_CALLS = 1000;
const RETRY_AFTER_S = 1;

interface Route {
  environment: Environment;
  app: string;
  /** Undefined for the app's OpenAPI document. */
  qualname: string | undefined;
  /** Empty for a call that waits, else `calls` and the id of one. */
  rest: string[];
}

export class Endpoints {
  /** Open calls by function. */
  private readonly open = new Map<string, number>();

  constructor(
    private readonly service: Pick<RunService, 'watch' | 'cancel'> & {
      deployments: Pick<DeploymentService, 'served' | 'call'>;
    },
  ) {}

  /** Answers a request that the gate let in for the environment. Never rejects. */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    environment: Environment,
  ): Promise<void> {
    try {
      await this.route(request, response, parseRoute(request, environment));
    } catch (error) {
      refuse(response, VelarError.from(error));
    }
  }

  private async route(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
  ): Promise<void> {
    const { environment, app, qualname, rest } = route;
    if (qualname === undefined) {
      allow(request, 'GET');
      sendJson(
        response,
        200,
        openApi(this.service.deployments.served(app, environment), environment),
      );
      return;
    }
    const [calls, id, ...more] = rest;
    if (more.length > 0 || (calls !== undefined && calls !== 'calls')) throw nothingAt(request);
    if (id !== undefined) {
      allow(request, 'GET');
      this.tell(response, route, id);
      return;
    }
    allow(request, 'POST');
    const version = this.service.deployments.served(app, environment);
    const found = version.functions.find((each) => each.qualname === qualname);
    if (found === undefined) throw nothingAt(request);
    const { args, instance } = await input(request, found);
    if (calls === undefined) await this.call(request, response, route, found, args, instance);
    else await this.spawn(request, response, route, args, instance);
  }

  /** Waits for the call's end, and cancels it when the client goes. */
  private async call(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
    { generator }: DeployedFunction,
    args: CallArguments,
    instance: CallArguments | undefined,
  ): Promise<void> {
    const { environment, app, qualname = '' } = route;
    const key = `${environment}|${app}|${qualname}`;
    const open = this.open.get(key) ?? 0;
    if (open >= MAX_OPEN_CALLS) throw tooMany(open);
    this.open.set(key, open + 1);
    const run = newRunId();
    let ended = false;
    const close = (): void => {
      if (!ended) this.service.cancel(run);
    };
    try {
      await this.service.deployments.call(run, environment, app, qualname, args, instance);
      response.once('close', close);
      if (response.destroyed) close();
      await new Promise<void>((resolve) => {
        const answer = generator ? new StreamAnswer(response, run) : new WholeAnswer(response, run);
        const watch = this.service.watch(run, 0, (events) => {
          for (const event of events) {
            answer.take(event);
            if (event.type === 'ended') ended = true;
          }
          if (ended) resolve();
        });
        // What it prints is in its log; nobody reads it here.
        watch.log.close();
      });
    } finally {
      response.off('close', close);
      const left = (this.open.get(key) ?? 1) - 1;
      if (left === 0) this.open.delete(key);
      else this.open.set(key, left);
    }
  }

  /** Starts a call that nobody waits for; the same idempotency key names the same call. */
  private async spawn(
    request: IncomingMessage,
    response: ServerResponse,
    { environment, app, qualname = '' }: Route,
    args: CallArguments,
    instance: CallArguments | undefined,
  ): Promise<void> {
    const given = request.headers['idempotency-key'];
    const run =
      typeof given === 'string' ? runIdOf([environment, app, qualname, given]) : newRunId();
    await this.service.deployments.call(run, environment, app, qualname, args, instance);
    sendJson(response, 202, { id: run, status: 'active' });
  }

  /** How a call stands that was started without waiting. Throws `not-found`. */
  private tell(response: ServerResponse, { environment, app, qualname }: Route, id: string): void {
    const events: RunEvent[] = [];
    const watch = this.service.watch(id, 0, (more) => events.push(...more));
    const summary = watch.summary();
    watch.log.close();
    watch.close();
    const { status, ms } = summary;
    if (
      summary.app !== app ||
      summary.qualname !== qualname ||
      summary.environment !== environment
    ) {
      throw new VelarError('not-found', `${app}.${qualname ?? ''} has no call ${id}.`);
    }
    const result = events.find((event) => event.type === 'result')?.result;
    const error = events.find((event) => event.type === 'error')?.error;
    sendJson(response, 200, {
      id,
      status,
      ms,
      ...(result === undefined ? {} : 'value' in result ? { result: result.value } : result),
      ...(error === undefined ? {} : { error: errorBody(error) }),
    });
  }
}

/** The result in one piece. */
class WholeAnswer {
  private readonly events: RunEvent[] = [];

  constructor(
    private readonly response: ServerResponse,
    private readonly run: string,
  ) {}

  take(event: RunEvent): void {
    if (event.type === 'phase' || event.type === 'result' || event.type === 'error') {
      this.events.push(event);
    }
    if (event.type !== 'ended') return;
    const headers = { 'velar-request-id': this.run, 'server-timing': serverTiming(this.events) };
    const error = this.events.find((each) => each.type === 'error')?.error;
    const result = this.events.find((each) => each.type === 'result')?.result;
    if (error !== undefined) sendError(this.response, error, headers);
    else if (result === undefined) sendJson(this.response, 200, null, headers);
    else sendJson(this.response, 200, 'value' in result ? result.value : result, headers);
  }
}

/** Items as they are made: an event each, then `end` or `error`. */
class StreamAnswer {
  constructor(
    private readonly response: ServerResponse,
    private readonly run: string,
  ) {}

  take(event: RunEvent): void {
    const { response, run } = this;
    if (response.destroyed) return;
    if (event.type === 'error' && !response.headersSent) {
      sendError(response, event.error, { 'velar-request-id': run });
      return;
    }
    if (event.type !== 'yield' && event.type !== 'error' && event.type !== 'ended') return;
    if (!response.headersSent) {
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'velar-request-id': run,
      });
    }
    if (event.type === 'yield') {
      const { item } = event;
      this.write('item', 'value' in item ? item.value : item, event.index);
    } else if (event.type === 'error') {
      this.write('error', errorBody(event.error));
    } else if (!response.writableEnded) {
      if (event.status === 'succeeded') this.write('end', {});
      response.end();
    }
  }

  private write(name: string, data: unknown, id?: number): void {
    const number = id === undefined ? '' : `id: ${id}\n`;
    this.response.write(`event: ${name}\n${number}data: ${JSON.stringify(data)}\n\n`);
  }
}

/** Status of a failure that is the platform's or the function's. */
const STATUS: Readonly<Record<RunError['kind'], number>> = {
  user: 500,
  oom: 500,
  'gpu-oom': 500,
  image: 503,
  capacity: 503,
  infrastructure: 503,
  cancelled: 503,
  timeout: 504,
};

function sendError(
  response: ServerResponse,
  error: RunError,
  headers: Record<string, string>,
): void {
  const status = STATUS[error.kind];
  const retry = status === 503 ? { 'retry-after': String(RETRY_AFTER_S) } : {};
  sendJson(response, status, { error: errorBody(error) }, { ...headers, ...retry });
}

/** What a caller may know: no traceback, which tells of the code. */
function errorBody({ kind, type, message, hint }: RunError): object {
  return { kind, type, message, hint };
}

function refuse(response: ServerResponse, error: VelarError): void {
  const known: Partial<Record<string, number>> = {
    'not-found': 404,
    invalid: 400,
    'too-large': 413,
    unsupported: 405,
    conflict: 409,
    'disk-full': 503,
    cancelled: 503,
  };
  const status = error.details?.['status'] ?? known[error.code] ?? 500;
  const retry = status === 503 ? { 'retry-after': String(RETRY_AFTER_S) } : {};
  sendJson(response, Number(status), { error: error.toWire() }, retry);
}

function parseRoute(request: IncomingMessage, environment: Environment): Route {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const parts = path
    .slice(ENDPOINT_PATH.length)
    .split('/')
    .slice(1)
    .map((part) => decoded(part, request));
  const [app = '', qualname, ...rest] = parts;
  if (app === '' || qualname === undefined || qualname === '') throw nothingAt(request);
  return { environment, app, qualname: qualname === OPENAPI_NAME ? undefined : qualname, rest };
}

async function input(
  request: IncomingMessage,
  found: DeployedFunction,
): Promise<{ args: CallArguments; instance: CallArguments | undefined }> {
  const type = request.headers['content-type'] ?? 'application/json';
  if (!/^application\/json\b/i.test(type)) {
    throw new VelarError('invalid', `Arguments come as application/json, not ${type}.`, {
      details: { status: 415 },
    });
  }
  return argumentsOf(await readJson(request, MAX_BODY_BYTES), found);
}

function allow({ method }: IncomingMessage, wanted: 'GET' | 'POST'): void {
  if (method === wanted) return;
  throw new VelarError('unsupported', `This address takes ${wanted} requests.`);
}

function decoded(part: string, request: IncomingMessage): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw nothingAt(request);
  }
}

function nothingAt({ url }: IncomingMessage): VelarError {
  return new VelarError('not-found', `There is nothing at ${(url ?? '').split('?', 1)[0] ?? ''}.`, {
    hint: `Endpoints are at ${ENDPOINT_PATH}ENVIRONMENT/APP/FUNCTION.`,
  });
}

function tooMany(open: number): VelarError {
  return new VelarError('conflict', `${open} calls of this function wait or run already.`, {
    hint: 'Try again in a moment, or raise `max_containers`.',
    details: { status: 503 },
  });
}
