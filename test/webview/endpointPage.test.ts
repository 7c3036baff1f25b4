/** What the page to try an endpoint makes of a document, of what is typed, and of what comes back. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readAddress } from '../../webview/endpoint/address';
import { curlLine } from '../../webview/endpoint/curl';
import { EventReader } from '../../webview/endpoint/events';
import { failureOf } from '../../webview/endpoint/failures';
import { indentJson } from '../../webview/endpoint/jsonText';
import { readSignature, REST, type Field, type Schema } from '../../webview/endpoint/signature';
import { bodyOf, choicesOf, readValue } from '../../webview/endpoint/values';

const field = (schema: Schema, required = true, name = 'a'): Field => ({
  name,
  label: name,
  hint: '',
  required,
  schema,
});

const text = { type: 'string' };
const whole = { type: 'integer' };

describe('what is typed for an endpoint', () => {
  const json = (schema: Schema, typed: string): string => {
    const value = readValue(field(schema), typed);
    return 'json' in value ? value.json : `no: ${'problem' in value ? value.problem : 'absent'}`;
  };

  it('is text where texts are taken, and JSON where it fits', () => {
    assert.equal(json(text, 'a "b"\n'), String.raw`"a \"b\"\n"`);
    assert.equal(json(text, '5'), '"5"');
    assert.equal(json(text, '""'), '""');
    assert.equal(json({ anyOf: [text, { type: 'null' }] }, 'null'), 'null');
    assert.equal(json({ anyOf: [whole, text] }, ' 5 '), '5');
    assert.equal(json({}, '[1, "x"]'), '[1, "x"]');
    assert.equal(json({ type: 'array', items: whole }, '[1,2]'), '[1,2]');
  });

  it('keeps numbers as they are typed', () => {
    assert.equal(json(whole, '12345678901234567890'), '12345678901234567890');
    assert.equal(json({ type: 'number' }, '1.50'), '1.50');
    assert.equal(
      bodyOf([field(whole)], { a: '12345678901234567890' }),
      '{"a": 12345678901234567890}',
    );
  });

  it('is refused in words where it does not fit', () => {
    assert.equal(json(whole, '1.5'), 'no: Expected a whole number such as 3.');
    assert.equal(json(whole, 'five'), 'no: Expected a whole number such as 3.');
    assert.equal(json({}, 'five'), 'no: Expected any JSON, text in quotes.');
    assert.equal(
      json({ type: 'array', items: whole }, '["x"]'),
      'no: Expected a JSON list such as [1, 2].',
    );
    assert.match(json({ type: 'array', items: false }, '[1]'), /^no/);
    assert.match(json({ type: 'array', minItems: 1 }, '[]'), /^no/);
    assert.match(json({ type: 'array', prefixItems: [whole] }, '["x"]'), /^no/);
    assert.match(json({ type: 'object' }, '[]'), /^no/);
    assert.equal(json({ enum: ['a', 'b'] }, '"c"'), 'no: Expected one of "a", "b".');
    assert.equal(json(whole, ''), 'no: Required.');
    assert.equal(json(text, ''), 'no: Required. For an empty text, type ""');
  });

  it('is left out where nothing is typed, and chosen where there are choices', () => {
    const fields = [field(text), field(whole, false, 'b'), field({ type: 'object' }, false, REST)];
    assert.equal(bodyOf(fields, { a: 'x', b: '' }), '{"a": "x"}');
    assert.equal(
      bodyOf(fields, { a: 'x', [REST]: '{"c": 1, "d": 2}' }),
      '{"a": "x", "c": 1, "d": 2}',
    );
    assert.equal(bodyOf(fields, { b: 'wrong', [REST]: ' { } ' }), '{}');
    assert.deepEqual(choicesOf({ enum: ['a', 3] }), ['"a"', '3']);
    assert.deepEqual(choicesOf({ anyOf: [{ type: 'boolean' }, { type: 'null' }] }), [
      'true',
      'false',
      'null',
    ]);
    assert.deepEqual(choicesOf({ anyOf: [{ type: 'boolean' }, text] }), []);
  });
});

describe('the signature in an OpenAPI document', () => {
  const schema = {
    properties: { a: { title: 'a: int', type: 'integer' }, b: { description: 'Default: 2' } },
    required: ['a'],
    additionalProperties: false,
  };
  const post = {
    operationId: 'f',
    description: 'Adds.',
    requestBody: { content: { 'application/json': { schema } } },
    responses: { 200: { content: { 'text/event-stream': {} } } },
  };
  const document = { info: { version: '3' }, paths: { '/x/f': { post } } };

  it('becomes fields in order', () => {
    const signature = readSignature(document, 'f');
    assert.deepEqual(
      [signature?.version, signature?.doc, signature?.streams],
      ['3', 'Adds.', true],
    );
    assert.deepEqual(
      signature?.fields.map(({ label, hint, required }) => [label, hint, required]),
      [
        ['a: int', 'Required: a whole number such as 3.', true],
        ['b', 'Optional: any JSON, text in quotes. Default: 2', false],
      ],
    );
  });

  it('is not found where the document has none, whatever the document is', () => {
    assert.equal(readSignature(document, 'g'), undefined);
    for (const odd of [null, [], 'x', { paths: { a: null, b: { post: 3 } } }]) {
      assert.equal(readSignature(odd, 'f'), undefined);
    }
  });
});

describe('texts of the endpoint page', () => {
  it('know the function from the address', () => {
    const address = readAddress('/v1/endpoints/staging/a%20b/C.m');
    assert.deepEqual(
      [address?.environment, address?.app, address?.qualname],
      ['staging', 'a b', 'C.m'],
    );
    assert.equal(address?.documentPath, '/v1/endpoints/staging/a%20b/openapi.json');
    assert.equal(readAddress('/v1/endpoints/staging/%/f'), undefined);
    assert.equal(readAddress('/elsewhere'), undefined);
  });

  it('lay out JSON and change no value', () => {
    assert.equal(
      indentJson('{"a":[1,12345678901234567890,1.0],"b":{},"c":[ ],"d":"x\\" {,:"}'),
      '{\n  "a": [\n    1,\n    12345678901234567890,\n    1.0\n  ],\n  "b": {},\n  "c": [],\n  "d": "x\\" {,:"\n}',
    );
    assert.equal(indentJson('null'), 'null');
  });

  it('make a line that a shell reads as it was typed, without the key', () => {
    const body = `{"a": "it's $HOME \`x\` \\"q\\""}`;
    const line = curlLine('http://127.0.0.1:1/f', body, true).replace('curl -N', "printf '%s\\n'");
    const words = execFileSync('sh', ['-c', line], { encoding: 'utf8', env: { VELAR_KEY: 'k' } });
    assert.deepEqual(words.trimEnd().split('\n').slice(0, 1), ['http://127.0.0.1:1/f']);
    assert.equal(words.trimEnd().split('\n').at(-1), body);
    assert.match(words, /^Authorization: Bearer k$/m);
  });

  it('read events that come in pieces', () => {
    const reader = new EventReader();
    assert.deepEqual(reader.read('event: item\nid: 0\nda'), []);
    assert.deepEqual(reader.read('ta: {"a":1}\n\nevent: end\ndata: {}\n\neve'), [
      { name: 'item', data: '{"a":1}' },
      { name: 'end', data: '{}' },
    ]);
  });

  it('say what went wrong and what to do', () => {
    const error = { type: 'ValueError', message: 'no luck', hint: 'Try more.' };
    assert.deepEqual(failureOf(500, JSON.stringify({ error }), null), {
      message: 'ValueError: no luck',
      hint: 'Try more.',
    });
    const gate = JSON.stringify({ code: 'unauthorised', message: 'Unknown token.', hint: 'Pair.' });
    assert.match(failureOf(401, gate, null).hint, /of this environment/);
    assert.deepEqual(failureOf(503, '{"error": {"message": "full"}}', '2'), {
      message: 'full',
      hint: 'Try again in 2 s.',
    });
    for (const odd of ['', '<html>', 'null', '{"error": null}', '{"error": 5}']) {
      assert.match(failureOf(502, odd, null).message, /status 502/);
    }
  });
});
