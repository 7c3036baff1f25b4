/** What was typed into the form, as the JSON of a call. Numbers stay as typed: JavaScript would round long ones. Pure. */
import { REST, wordsOf, type Field, type Schema } from './signature';

export type FieldValue =
  { readonly json: string } | { readonly problem: string } | { readonly absent: true };

/** What was typed, by name of the field. */
export type Texts = Readonly<Record<string, string>>;

/** Choices of a field as JSON texts, where it takes nothing else; else empty. */
export function choicesOf(schema: Schema): readonly string[] {
  if (schema.enum !== undefined) return schema.enum.map((each) => JSON.stringify(each));
  if (schema.type === 'boolean') return ['true', 'false'];
  if (schema.type === 'null') return ['null'];
  const alternatives = schema.anyOf?.map(choicesOf) ?? [];
  return alternatives.every((each) => each.length > 0) ? alternatives.flat() : [];
}

/** JSON where it fits; else the text itself where texts are taken. Nothing typed takes the default. */
export function readValue({ schema, required }: Field, typed: string): FieldValue {
  const trimmed = typed.trim();
  const textual = takesText(schema);
  if (trimmed === '') {
    if (!required) return { absent: true };
    return { problem: textual ? 'Required. For an empty text, type ""' : 'Required.' };
  }
  const parsed = parse(trimmed);
  if (parsed !== undefined && fits(parsed.value, schema)) return { json: trimmed };
  if (textual) return { json: JSON.stringify(typed) };
  return { problem: `Expected ${wordsOf(schema)}.` };
}

/** The body of a call with every field that is right. */
export function bodyOf(fields: readonly Field[], texts: Texts): string {
  const entries = fields.flatMap((field) => {
    const value = readValue(field, texts[field.name] ?? '');
    if (!('json' in value)) return [];
    if (field.name !== REST) return [`${JSON.stringify(field.name)}: ${value.json}`];
    const inner = value.json.slice(1, -1).trim();
    return inner === '' ? [] : [inner];
  });
  return `{${entries.join(', ')}}`;
}

function takesText({ type, enum: choices, anyOf }: Schema): boolean {
  return (type === 'string' && choices === undefined) || (anyOf?.some(takesText) ?? false);
}

function fits(value: unknown, schema: Schema): boolean {
  if (schema.enum !== undefined) return schema.enum.includes(value);
  if (schema.anyOf !== undefined) return schema.anyOf.some((each) => fits(value, each));
  switch (schema.type) {
    case 'array':
      return Array.isArray(value) && fitsList(value, schema);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    case 'null':
      return value === null;
    case undefined:
      return true;
    default:
      return typeof value === schema.type;
  }
}

function fitsList(
  values: readonly unknown[],
  { prefixItems = [], items, minItems = 0 }: Schema,
): boolean {
  return (
    values.length >= minItems &&
    values.every((value, index) => {
      const wanted = prefixItems[index] ?? items ?? true;
      return typeof wanted === 'boolean' ? wanted : fits(value, wanted);
    })
  );
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    // Not JSON is an answer here, not a failure.
    return undefined;
  }
}
