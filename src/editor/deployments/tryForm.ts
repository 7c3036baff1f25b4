/** The form of a deployed function: from its signature and what was typed to fields, and to arguments. Pure. */
import type { TryField } from '../../../runtime/protocol/tryState';
import type { CallArguments } from '../../../runtime/protocol/values';
import {
  argumentProblem,
  collectArguments,
  isRequired,
  type ArgumentTexts,
} from '../../client/arguments/collect';
import { hintOf, signatureOf } from '../../client/arguments/describeParameter';
import { choicesOf } from '../../client/arguments/parseArgument';
import type { Parameter } from '../../discovery/model';
import type { Callable } from './callable';

export type Part = TryField['part'];

/** What was typed, by parameter. */
export type Inputs = Readonly<Record<Part, ArgumentTexts>>;

export const NO_INPUTS: Inputs = { call: {}, instance: {} };

export type CollectedCall =
  | { readonly ok: true; readonly arguments: CallArguments; readonly instance?: CallArguments }
  | {
      readonly ok: false;
      readonly part: Part;
      readonly parameter: string;
      readonly problem: string;
    };

/** Fields in the order of the signature, the constructor's first. `shows`: whose problems may be told. */
export function fieldsOf(
  { call, instance }: Callable,
  inputs: Inputs,
  shows: (part: Part, name: string) => boolean,
): TryField[] {
  const field = (part: Part, parameter: Parameter): TryField => {
    const text = inputs[part][parameter.name] ?? '';
    const told = shows(part, parameter.name) ? argumentProblem(parameter, text) : undefined;
    return {
      part,
      name: parameter.name,
      signature: signatureOf(parameter),
      hint: hintOf(parameter),
      required: isRequired(parameter),
      choices: [...choicesOf(parameter.annotation)],
      text,
      problem: told ?? null,
    };
  };
  return [
    ...instance.map((parameter) => field('instance', parameter)),
    ...call.map((parameter) => field('call', parameter)),
  ];
}

export function collectCall({ fn, call, instance }: Callable, inputs: Inputs): CollectedCall {
  const made = collectArguments(instance, inputs.instance);
  if (!made.ok) return { ...made, part: 'instance' };
  const given = collectArguments(call, inputs.call);
  if (!given.ok) return { ...given, part: 'call' };
  return {
    ok: true,
    arguments: given.arguments,
    ...(fn.kind === 'method' ? { instance: made.arguments } : {}),
  };
}

/** Names that something was typed for and that this function does not take. */
export function namesNotTaken({ call, instance }: Callable, inputs: Inputs): string[] {
  const beyond = (texts: ArgumentTexts, parameters: readonly Parameter[]): string[] =>
    Object.entries(texts).flatMap(([name, text]) =>
      text.trim() === '' || parameters.some((parameter) => parameter.name === name) ? [] : [name],
    );
  return [...beyond(inputs.instance, instance), ...beyond(inputs.call, call)];
}

/** Inputs without what this function does not take and what was left empty. */
export function inputsTaken({ call, instance }: Callable, inputs: Inputs): Inputs {
  const taken = (texts: ArgumentTexts, parameters: readonly Parameter[]): ArgumentTexts =>
    Object.fromEntries(
      parameters.flatMap(({ name }) => {
        const text = texts[name] ?? '';
        return text.trim() === '' ? [] : [[name, text] as const];
      }),
    );
  return {
    call: taken(inputs.call, call),
    instance: taken(inputs.instance, instance),
  };
}

const MAX_LABEL = 80;

/** Inputs in a line: `name=Ada, times=2`. */
export function inputsLabel({ call, instance }: Inputs): string {
  const text = [...Object.entries(instance), ...Object.entries(call)]
    .map(([name, value]) => `${name}=${value.trim()}`)
    .join(', ')
    .replaceAll(/\s+/g, ' ');
  if (text === '') return '';
  return text.length <= MAX_LABEL ? text : `${text.slice(0, MAX_LABEL - 1)}…`;
}
