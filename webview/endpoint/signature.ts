/** What an OpenAPI document tells of one function: words for people and the fields of a form. Pure. */

/** The part of JSON Schema that endpoints are described with. */
export interface Schema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
  readonly minItems?: number;
}

export interface Field {
  /** Of the argument; `REST` for those that the function takes by any name. */
  readonly name: string;
  /** As the code says it: `times: int`. */
  readonly label: string;
  readonly hint: string;
  readonly required: boolean;
  readonly schema: Schema;
}

export interface Signature {
  readonly version: string;
  /** The docstring; empty without one. */
  readonly doc: string;
  /** Its items come one by one. */
  readonly streams: boolean;
  readonly fields: readonly Field[];
}

/** Name of the field for arguments of any name, which no parameter can have. */
export const REST = '**';

/** Undefined where the document has no such function. */
export function readSignature(document: unknown, qualname: string): Signature | undefined {
  const paths = Object.values(part(document, 'paths'));
  const post = paths
    .map((path) => part(path, 'post'))
    .find((each) => each['operationId'] === qualname);
  if (post === undefined) return undefined;
  const content = part(part(part(post, 'requestBody'), 'content'), 'application/json');
  const schema = part(content, 'schema');
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const fields = Object.entries(part(schema, 'properties')).map(([name, property]) =>
    fieldOf(name, property as Schema, required.includes(name)),
  );
  const others = schema['additionalProperties'];
  if (others !== false) fields.push(restField());
  return {
    version: text(part(document, 'info')['version']),
    doc: text(post['description']),
    streams: 'text/event-stream' in part(part(part(post, 'responses'), '200'), 'content'),
    fields,
  };
}

function fieldOf(name: string, schema: Schema, required: boolean): Field {
  const meaning = `${required ? 'Required' : 'Optional'}: ${wordsOf(schema)}.`;
  const hint = [meaning, schema.description].filter((each) => each !== undefined).join(' ');
  return { name, label: schema.title ?? name, hint, required, schema };
}

function restField(): Field {
  return {
    name: REST,
    label: 'More arguments',
    hint: 'Optional: names with values, as a JSON object such as {"n": 1}.',
    required: false,
    schema: { type: 'object' },
  };
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number such as 3',
  number: 'a number such as 1.5',
  boolean: 'true or false',
  array: 'a JSON list such as [1, 2]',
  object: 'a JSON object such as {"n": 1}',
  null: 'null',
};

/** What to type for a schema, in words. */
export function wordsOf({ type, enum: choices, anyOf }: Schema): string {
  if (choices !== undefined)
    return `one of ${choices.map((each) => JSON.stringify(each)).join(', ')}`;
  if (anyOf !== undefined) return [...new Set(anyOf.map(wordsOf))].join(' or ');
  return WORDS[type ?? ''] ?? 'any JSON, text in quotes';
}

function part(value: unknown, name: string): Readonly<Record<string, unknown>> {
  const found: unknown =
    typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? (value as Record<string, unknown>)[name]
      : undefined;
  return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
