/** An app's endpoints as an OpenAPI document. Pure. */
import { type DeployedFunction, type Environment, type Version } from '../protocol/deployments';
import { ENDPOINT_PATH } from '../protocol/endpointPaths';
import {
  KEPT_CALLS,
  KEPT_RESULT_MS,
  MAX_IDEMPOTENCY_KEY_CHARACTERS,
  MAX_OPEN_CALLS,
  MAX_WAIT_MS,
} from './callLimits';

type Json = Record<string, unknown>;
type Parameter = DeployedFunction['parameters'][number];

export function openApi(version: Version, environment: Environment): Json {
  const { app, functions } = version;
  const paths = functions.flatMap((fn): [string, Json][] => {
    const path = `${ENDPOINT_PATH}${environment}/${[app, fn.qualname].map(encodeURIComponent).join('/')}`;
    return [
      [path, { post: operation(fn) }],
      [`${path}/calls`, { post: startOperation(fn) }],
      [`${path}/calls/{id}`, callOperations(fn)],
    ];
  });
  return {
    openapi: '3.1.0',
    info: { title: `${app} (${environment})`, version: String(version.version) },
    paths: Object.fromEntries(paths),
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    security: [{ key: [] }],
  };
}

function operation(fn: DeployedFunction): Json {
  const type = fn.generator ? 'text/event-stream' : 'application/json';
  return {
    operationId: fn.qualname,
    summary: fn.generator
      ? `Calls ${fn.qualname}; its items come as events.`
      : `Calls ${fn.qualname}.`,
    ...(fn.doc === undefined ? {} : { description: fn.doc }),
    requestBody: requestBody(fn),
    responses: {
      200: { description: 'What it returned.', content: { [type]: {} } },
      ...REFUSALS,
      500: { description: 'The function raised.' },
      504: { description: 'It took longer than its timeout.' },
    },
  };
}

const REFUSALS = {
  401: { description: 'No key of this environment.' },
  422: { description: 'The arguments do not fit.' },
  503: {
    description: `Nothing can serve now, ${MAX_OPEN_CALLS} calls of it wait or run, or the call stood in line for ${MAX_WAIT_MS / 60_000} minutes while no container came up for it; Retry-After says when to try again.`,
  },
};
const KEPT_HOURS = KEPT_RESULT_MS / 3_600_000;

/** A call that nobody waits for. */
function startOperation(fn: DeployedFunction): Json {
  return {
    operationId: `${fn.qualname}/calls`,
    summary: `Starts a call of ${fn.qualname} and does not wait for it.`,
    description: `Its result is kept for ${KEPT_HOURS} hours from its end on.`,
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        schema: { type: 'string', minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_CHARACTERS },
        description: 'The same key with the same arguments names the same call while it is kept.',
      },
    ],
    requestBody: requestBody(fn),
    responses: {
      202: { description: 'It is on; its address is in Location.', content: CALL },
      ...REFUSALS,
      409: { description: 'The Idempotency-Key came with other arguments before.' },
      429: {
        description: `The runtime keeps ${KEPT_CALLS.maxCalls} calls or ${KEPT_CALLS.maxBytes} bytes of results already; Retry-After says when the next expires.`,
      },
    },
  };
}

function callOperations({ qualname }: DeployedFunction): Json {
  const gone = {
    401: REFUSALS[401],
    404: { description: 'The function has no such call.' },
    410: { description: `It ended more than ${KEPT_HOURS} hours ago, or was removed.` },
  };
  return {
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
    get: {
      operationId: `${qualname}/calls/get`,
      summary: 'Tells how a call stands, and its result once it has ended.',
      responses: { 200: { description: 'How it stands.', content: CALL }, ...gone },
    },
    delete: {
      operationId: `${qualname}/calls/delete`,
      summary: 'Cancels a call that goes on, and removes its result.',
      responses: { 204: { description: 'It is gone.' }, ...gone },
    },
  };
}

const CALL = {
  'application/json': {
    schema: {
      type: 'object',
      required: ['id', 'status', 'ms', 'keptForMs', 'expiresAt'],
      properties: {
        id: { type: 'string' },
        status: { enum: ['active', 'succeeded', 'failed', 'cancelled'] },
        ms: { type: ['number', 'null'], description: 'Its duration; null while it goes on.' },
        keptForMs: { type: 'number', description: 'How long results are kept from their end on.' },
        expiresAt: {
          type: ['number', 'null'],
          description: 'When the result goes, ms since the epoch; null while the call goes on.',
        },
        result: { description: 'What it returned.' },
        error: { type: 'object', description: 'Why it failed.' },
        note: { type: 'string', description: 'Why there is no result.' },
      },
    },
  },
};

function requestBody(fn: DeployedFunction): Json {
  const schema = argumentsSchema(fn);
  return { required: schema.required.length > 0, content: { 'application/json': { schema } } };
}

type Arguments = Pick<
  DeployedFunction,
  'kind' | 'parameters' | 'qualname' | 'constructorParameters'
>;

/** Arguments by name; what Python takes by position only goes into the list `$args`. */
function argumentsSchema(fn: Arguments): {
  type: 'object';
  properties: Json;
  required: string[];
  additionalProperties: unknown;
} {
  const { kind, parameters, qualname, constructorParameters } = fn;
  const of = (wanted: (parameter: Parameter) => boolean): Parameter[] => parameters.filter(wanted);
  const named = of(({ kind: how }) => how !== 'positional_only' && !how.startsWith('var_'));
  const listed = of(({ kind: how }) => how === 'positional_only');
  const [rest] = of(({ kind: how }) => how === 'var_positional');
  const [others] = of(({ kind: how }) => how === 'var_keyword');
  const properties: [string, Json][] = [];
  const required: string[] = [];
  const owner = qualname.split('.').slice(0, -1).join('.');
  if (kind === 'method') {
    const description = `Arguments that ${owner} is made with, by name.`;
    // Versions of before don't tell what it takes. It is made with arguments by name alone.
    const made =
      constructorParameters === undefined
        ? { type: 'object', required: [] }
        : argumentsSchema({ kind: 'cls', parameters: constructorParameters, qualname: owner });
    properties.push(['$instance', { ...made, title: `${owner}(…)`, description }]);
    if (made.required.length > 0) required.push('$instance');
  }
  const neededInList = listed.filter(isNeeded).length;
  if (listed.length > 0 || rest !== undefined) {
    const title = [...listed, ...(rest === undefined ? [] : [rest])].map(signatureOf).join(', ');
    const list = {
      title,
      type: 'array',
      description: 'Arguments by position.',
      ...(listed.length === 0 ? {} : { prefixItems: listed.map((each) => parameterSchema(each)) }),
      items: rest === undefined ? false : schemaOf(rest.annotation),
      ...(neededInList === 0 ? {} : { minItems: neededInList }),
    };
    properties.push(['$args', list]);
  }
  properties.push(...named.map((each) => [each.name, parameterSchema(each)] as [string, Json]));
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required: [
      ...required,
      ...(neededInList === 0 ? [] : ['$args']),
      ...named.filter(isNeeded).map(({ name }) => name),
    ],
    additionalProperties: others === undefined ? false : schemaOf(others.annotation),
  };
}

function isNeeded({ default: value }: Parameter): boolean {
  return value === null;
}

/** `name: str`, as the code says it. */
function signatureOf({ name, annotation, kind }: Parameter): string {
  const star = kind === 'var_positional' ? '*' : '';
  return `${star}${name}${annotation === null ? '' : `: ${annotation}`}`;
}

function parameterSchema(parameter: Parameter): Json {
  const { annotation, default: value } = parameter;
  const description = value === null ? {} : { description: `Default: ${value}` };
  return { title: signatureOf(parameter), ...schemaOf(annotation), ...description };
}

const TYPES: Readonly<Record<string, Json>> = {
  str: { type: 'string' },
  int: { type: 'integer' },
  float: { type: 'number' },
  bool: { type: 'boolean' },
  list: { type: 'array' },
  tuple: { type: 'array' },
  dict: { type: 'object' },
  None: { type: 'null' },
};

/** The schema of a Python annotation; an open one where it is not known. */
function schemaOf(annotation: string | null): Json {
  if (annotation === null) return {};
  const text = annotation.replace(/^['"]|['"]$/g, '').trim();
  const alternatives = splitTop(text, '|');
  if (alternatives.length > 1) return { anyOf: alternatives.map(schemaOf) };
  const union = /^(?:typing\.)?Union\[(.+)\]$/.exec(text)?.[1];
  if (union !== undefined) return { anyOf: splitTop(union, ',').map(schemaOf) };
  const optional = /^(?:typing\.)?Optional\[(.+)\]$/.exec(text)?.[1];
  if (optional !== undefined) return { anyOf: [schemaOf(optional), TYPES['None']] };
  const items = /^(?:typing\.)?[Ll]ist\[(.+)\]$/.exec(text)?.[1];
  if (items !== undefined) return { type: 'array', items: schemaOf(items) };
  const choices = /^(?:typing\.)?Literal\[(.+)\]$/.exec(text)?.[1];
  if (choices !== undefined) return choicesSchema(choices);
  return (
    TYPES[
      text
        .replace(/\[.*$/, '')
        .replace(/^typing\./, '')
        .replace(/^(List|Dict|Tuple)$/, (name) => name.toLowerCase())
    ] ?? {}
  );
}

/** Choices that are plain texts or whole numbers; an open schema for others. */
function choicesSchema(source: string): Json {
  const pattern = /\s*(?:"([^"\\]*)"|'([^'\\]*)'|(-?\d{1,15}))\s*(?:,|$)/y;
  const found: unknown[] = [];
  while (pattern.lastIndex < source.length) {
    const match = pattern.exec(source);
    if (match === null) return {};
    found.push(match[1] ?? match[2] ?? Number(match[3]));
  }
  return { enum: found };
}

/** Splits at a separator that stands outside brackets and quotes. */
function splitTop(text: string, separator: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const [piece] of text.matchAll(/"[^"]*"|'[^']*'|[^]/g)) {
    if (piece === '[' || piece === '(') depth += 1;
    else if (piece === ']' || piece === ')') depth -= 1;
    if (piece === separator && depth === 0) parts.push('');
    else parts.push(`${parts.pop() ?? ''}${piece}`);
  }
  return parts.map((part) => part.trim());
}
