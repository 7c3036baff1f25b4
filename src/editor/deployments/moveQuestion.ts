/** The question before a version moves, asked where it hides nothing of what changes. */
import * as vscode from 'vscode';
import type { MoveRequest } from '../../client/deploy';
import { nameProblem } from './texts';

/** `code`: the person wants to see the code side by side first. */
export type MoveAnswer = 'yes' | 'no' | 'code';

const COMPARE = 'Compare Code';

/** The app's name for production; a yes for staging. */
export function confirmed(request: MoveRequest): Promise<MoveAnswer> {
  return request.environment === 'production' ? typedName(request) : clicked(request);
}

/** The box stands at the top of the window, over the lines that the page leaves free. */
function typedName({ app, environment, version, action }: MoveRequest): Promise<MoveAnswer> {
  const box = vscode.window.createInputBox();
  const code = {
    iconPath: new vscode.ThemeIcon('diff-multiple'),
    tooltip: 'Compare Code Side by Side',
  };
  box.title = `${verbOf(action)} ${app}: version ${String(version)} in ${environment}`;
  box.prompt = `Type ${app} to let ${environment} serve version ${String(version)}. What changes is in the editor.`;
  box.placeholder = app;
  box.ignoreFocusOut = true;
  box.buttons = [code];
  return new Promise((resolve) => {
    const end = (answer: MoveAnswer): void => {
      resolve(answer);
      box.dispose();
    };
    box.onDidChangeValue((text) => {
      box.validationMessage = text === '' ? undefined : nameProblem(text, app);
    });
    box.onDidAccept(() => {
      box.validationMessage = nameProblem(box.value, app);
      if (box.value === app) end('yes');
    });
    box.onDidTriggerButton(() => end('code'));
    box.onDidHide(() => end('no'));
    box.show();
  });
}

/** In the corner of the window; the page's own action asks again where it was overlooked. */
async function clicked({ app, environment, version, action }: MoveRequest): Promise<MoveAnswer> {
  const verb = verbOf(action);
  const answer = await vscode.window.showWarningMessage(
    `Velar: let ${environment} of ${app} serve version ${String(version)}? What changes is in the editor.`,
    verb,
    COMPARE,
  );
  if (answer === verb) return 'yes';
  return answer === COMPARE ? 'code' : 'no';
}

function verbOf(action: MoveRequest['action']): string {
  return action === 'promote' ? 'Promote' : 'Roll Back';
}
