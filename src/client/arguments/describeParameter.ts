/** How a parameter reads where a person is asked for its argument. Pure. */
import type { Parameter } from '../../discovery/model';
import { isRequired } from './collect';
import { exampleOf } from './parseArgument';

/** `prompt: str`, as the signature says it. */
export function signatureOf({ name, annotation, kind }: Parameter): string {
  const stars = kind === 'var_positional' ? '*' : kind === 'var_keyword' ? '**' : '';
  return `${stars}${name}${annotation === undefined ? '' : `: ${annotation}`}`;
}

/** What to give, and what giving nothing means. */
export function hintOf(parameter: Parameter): string {
  if (parameter.kind === 'var_positional') return 'A list, such as [1, 2]; empty for none';
  if (parameter.kind === 'var_keyword')
    return 'Names with values, such as {"n": 1}; empty for none';
  if (isRequired(parameter)) return `Required: ${exampleOf(parameter.annotation)}`;
  return `Empty takes the default, ${parameter.default ?? 'None'}`;
}
