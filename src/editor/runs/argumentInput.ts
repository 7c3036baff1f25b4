/** Asks for arguments, one quick input each, with a way back. */
import * as vscode from 'vscode';
import { argumentProblem, isRequired, type ArgumentTexts } from '../../client/arguments/collect';
import { hintOf, signatureOf } from '../../client/arguments/describeParameter';
import { choicesOf } from '../../client/arguments/parseArgument';
import type { Parameter } from '../../discovery/model';

type Answer =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'back' }
  | { readonly kind: 'cancel' };

/**
 * What the person typed for each parameter; undefined when they gave up. An empty answer takes the
 * default and is left out.
 */
export async function askArguments(
  title: string,
  parameters: readonly Parameter[],
  last: ArgumentTexts,
): Promise<ArgumentTexts | undefined> {
  const texts: Record<string, string> = { ...last };
  let step = 0;
  while (step < parameters.length) {
    const parameter = parameters[step];
    if (parameter === undefined) break;
    const answer = await askOne(title, parameter, texts[parameter.name], step, parameters.length);
    if (answer.kind === 'cancel') return undefined;
    if (answer.kind === 'back') {
      step = Math.max(0, step - 1);
      continue;
    }
    if (answer.text.trim() === '') delete texts[parameter.name];
    else texts[parameter.name] = answer.text;
    step += 1;
  }
  const names = new Set(parameters.map(({ name }) => name));
  return Object.fromEntries(Object.entries(texts).filter(([name]) => names.has(name)));
}

async function askOne(
  title: string,
  parameter: Parameter,
  last: string | undefined,
  step: number,
  steps: number,
): Promise<Answer> {
  const choices = choicesOf(parameter.annotation);
  return choices.length > 0
    ? askChoice(title, parameter, choices, last, step, steps)
    : askText(title, parameter, last, step, steps);
}

async function askText(
  title: string,
  parameter: Parameter,
  last: string | undefined,
  step: number,
  steps: number,
): Promise<Answer> {
  const input = vscode.window.createInputBox();
  Object.assign(input, {
    title: `${title}: ${parameter.name}`,
    step: step + 1,
    totalSteps: steps,
    ignoreFocusOut: true,
  });
  input.prompt = `${signatureOf(parameter)} · ${hintOf(parameter)}`;
  input.placeholder = parameter.default ?? parameter.annotation ?? 'JSON or Python literal';
  input.value = last ?? '';
  input.buttons = step > 0 ? [vscode.QuickInputButtons.Back] : [];
  const check = (): boolean => {
    const problem = argumentProblem(parameter, input.value);
    input.validationMessage = problem ?? '';
    return problem === undefined;
  };
  return answerOf(input, (done) => {
    // What was typed so far is not nagged about before the first key or Enter.
    input.onDidChangeValue(check);
    input.onDidAccept(() => {
      if (check()) done({ kind: 'text', text: input.value });
    });
    input.onDidTriggerButton(() => done({ kind: 'back' }));
  });
}

async function askChoice(
  title: string,
  parameter: Parameter,
  choices: readonly string[],
  last: string | undefined,
  step: number,
  steps: number,
): Promise<Answer> {
  const pick = vscode.window.createQuickPick<vscode.QuickPickItem & { text: string }>();
  Object.assign(pick, {
    title: `${title}: ${parameter.name}`,
    step: step + 1,
    totalSteps: steps,
    ignoreFocusOut: true,
  });
  pick.placeholder = signatureOf(parameter);
  const given = choices.map((text) => ({ label: text, description: '', text }));
  const byDefault = {
    label: parameter.default ?? '',
    description: 'default',
    text: '',
  };
  pick.items = isRequired(parameter) ? given : [byDefault, ...given];
  pick.activeItems = pick.items.filter(({ text }) => text === (last ?? '')).slice(0, 1);
  pick.buttons = step > 0 ? [vscode.QuickInputButtons.Back] : [];
  return answerOf(pick, (done) => {
    pick.onDidAccept(() => {
      const chosen = pick.activeItems[0];
      if (chosen !== undefined) done({ kind: 'text', text: chosen.text });
    });
    pick.onDidTriggerButton(() => done({ kind: 'back' }));
  });
}

/** Shows an input until it is answered or hidden, then disposes of it. */
async function answerOf(
  input: vscode.QuickInput,
  listen: (done: (answer: Answer) => void) => void,
): Promise<Answer> {
  return new Promise((resolve) => {
    listen((answer) => {
      resolve(answer);
      input.dispose();
    });
    input.onDidHide(() => {
      resolve({ kind: 'cancel' });
      input.dispose();
    });
    input.show();
  });
}
