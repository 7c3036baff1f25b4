import assert from 'node:assert/strict';
import type { DeployedFunction, Version } from '../../runtime/protocol/deployments';
import { callableNames, findCallable } from '../../src/editor/deployments/callable';
import {
  collectCall,
  fieldsOf,
  inputsLabel,
  inputsTaken,
  namesNotTaken,
  type Inputs,
} from '../../src/editor/deployments/tryForm';

type Parameters = DeployedFunction['parameters'];

const parameter = (
  name: string,
  annotation: string | null,
  byDefault: string | null = null,
): Parameters[number] => ({
  name,
  annotation,
  default: byDefault,
  kind: 'positional_or_keyword',
});

const fn = (
  qualname: string,
  kind: DeployedFunction['kind'],
  parameters: Parameters,
  constructorParameters?: Parameters,
): DeployedFunction => ({ qualname, kind, parameters, constructorParameters }) as DeployedFunction;

const version = {
  functions: [
    fn('quote', 'function', [parameter('item', 'str'), parameter('times', 'int', '1')]),
    fn('mode', 'endpoint', [parameter('how', "Literal['a', 'b']", "'a'")]),
    fn('Adder.add', 'method', [parameter('more', 'int')], [parameter('base', 'int', '0')]),
  ],
} as unknown as Version;

const callable = (name: string): NonNullable<ReturnType<typeof findCallable>> => {
  const found = findCallable(version, name);
  assert.ok(found);
  return found;
};

const inputs = (call: Record<string, string>, instance = {}): Inputs => ({ call, instance });

describe('the form of a deployed function', () => {
  it('is there for what can be called', () => {
    assert.deepEqual(callableNames(version), ['quote', 'mode', 'Adder.add']);
    assert.equal(findCallable(version, 'Adder'), undefined);
  });

  it('has a field for each parameter, with what it takes', () => {
    const [item, times] = fieldsOf(callable('quote'), inputs({ times: 'x' }), () => true);
    assert.deepEqual(item, {
      part: 'call',
      name: 'item',
      signature: 'item: str',
      hint: 'Required: text',
      required: true,
      choices: [],
      text: '',
      problem: 'Required. For an empty text, write ""',
    });
    assert.equal(times?.hint, 'Empty takes the default, 1');
    assert.equal(times?.problem, 'Expected int: a whole number such as 3');
    const [how] = fieldsOf(callable('mode'), inputs({}), () => true);
    assert.deepEqual(how?.choices, ["'a'", "'b'"]);
  });

  it('keeps a problem to itself until the person has had a say', () => {
    const shown = fieldsOf(callable('quote'), inputs({}), (_, name) => name === 'times');
    assert.deepEqual(
      shown.map(({ problem }) => problem),
      [null, null],
    );
  });

  it('asks for the constructor of a method too, and sends both', () => {
    const add = callable('Adder.add');
    assert.deepEqual(
      fieldsOf(add, inputs({}), () => false).map(({ part, name }) => `${part} ${name}`),
      ['instance base', 'call more'],
    );
    assert.deepEqual(collectCall(add, inputs({ more: '2' }, { base: '40' })), {
      ok: true,
      arguments: { args: [], kwargs: { more: { literal: '2' } } },
      instance: { args: [], kwargs: { base: { literal: '40' } } },
    });
    const wrong = collectCall(add, inputs({ more: 'two' }));
    assert.deepEqual([wrong.ok, 'part' in wrong && wrong.part], [false, 'call']);
  });

  it('knows what another version does not take', () => {
    const typed = inputs({ item: 'a', tone: 'kind', times: ' ', other: ' ' });
    assert.deepEqual(namesNotTaken(callable('quote'), typed), ['tone']);
    assert.deepEqual(inputsTaken(callable('quote'), typed), inputs({ item: 'a' }));
  });

  it('names saved inputs in a line', () => {
    assert.equal(inputsLabel(inputs({ item: 'a\n b' }, { base: '1' })), 'base=1, item=a b');
    assert.equal(inputsLabel(inputs({})), '');
    assert.equal(inputsLabel(inputs({ item: 'x'.repeat(200) })).length, 80);
  });
});
