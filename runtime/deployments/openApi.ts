/** An app's endpoints as an OpenAPI document. Pure. */
import {
  ENDPOINT_PATH,
  type DeployedFunction,
  type Environment,
  type Version,
} from '../protocol/deployments';

type Json = Record<string, unknown>;

export function openApi(version: Version, environment: Environment): Json {
  const { app, functions } = version;
  const paths = functions.map((fn) => [
    `${ENDPOINT_PATH}${environment}/${app}/${fn.qualname}`,
    { post: operation(fn) },
  ]);
  return {
    openapi: '3.1.0',
    info: { title: `${app} (${environment})`, version: String(version.version) },
    paths: Object.fromEntries(paths) as Json,
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    security: [{ key: [] }],
  };
}

function operation(fn: DeployedFunction): Json {
  const named = fn.parameters.filter(({ kind }) => !kind.startsWith('var_'));
  const required = named.flatMap(({ name, default: value }) => (value === null ? [name] : []));
  const properties = named.map(({ name, annotation, default: value }) => [
    name,
    { ...schemaOf(annotation), ...(value === null ? {} : { description: `Default: ${value}` }) },
  ]);
  const schema = { type: 'object', properties: Object.fromEntries(properties) as Json, required };
  const type = fn.generator ? 'text/event-stream' : 'application/json';
  return {
    operationId: fn.qualname,
    summary: fn.generator
      ? `Calls ${fn.qualname}; its items come as events.`
      : `Calls ${fn.qualname}.`,
    requestBody: {
      required: required.length > 0,
      content: { 'application/json': { schema } },
    },
    responses: {
      200: { description: 'What it returned.', content: { [type]: {} } },
      401: { description: 'No key of this environment.' },
      422: { description: 'The arguments do not fit.' },
      500: { description: 'The function raised.' },
      503: { description: 'Nothing can serve now; Retry-After says when to try again.' },
      504: { description: 'It took longer than its timeout.' },
    },
  };
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
  const optional = /^(?:typing\.)?Optional\[(.+)\]$/.exec(text)?.[1];
  if (optional !== undefined) return { anyOf: [schemaOf(optional), TYPES['None']] };
  const alternatives = text.split('|').map((part) => part.trim());
  if (alternatives.length > 1 && !text.includes('[')) return { anyOf: alternatives.map(schemaOf) };
  const items = /^(?:typing\.)?[Ll]ist\[(.+)\]$/.exec(text)?.[1];
  if (items !== undefined) return { type: 'array', items: schemaOf(items) };
  return (
    TYPES[
      text
        .replace(/\[.*$/, '')
        .replace(/^typing\./, '')
        .replace(/^(List|Dict|Tuple)$/, (name) => name.toLowerCase())
    ] ?? {}
  );
}
