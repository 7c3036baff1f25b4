/** What was last typed for each function, kept in the workspace's state. */
import * as vscode from 'vscode';
import * as z from 'zod';
import type { ArgumentTexts } from '../../client/arguments/collect';

const KEY = 'velar.arguments';
const MAX_FUNCTIONS = 200;

const storedSchema = z.array(z.tuple([z.string(), z.record(z.string(), z.string())]));

export class RememberedArguments {
  constructor(private readonly state: vscode.Memento) {}

  get(uri: vscode.Uri, qualname: string): ArgumentTexts | undefined {
    return new Map(this.read()).get(keyOf(uri, qualname));
  }

  /** The newest last; the oldest go when there are too many. */
  async set(uri: vscode.Uri, qualname: string, texts: ArgumentTexts): Promise<void> {
    const key = keyOf(uri, qualname);
    const others = this.read().filter(([name]) => name !== key);
    await this.state.update(KEY, [...others, [key, texts]].slice(-MAX_FUNCTIONS));
  }

  private read(): z.infer<typeof storedSchema> {
    // What another version of the extension stored counts for nothing if it can't be read.
    return storedSchema.safeParse(this.state.get(KEY)).data ?? [];
  }
}

function keyOf(uri: vscode.Uri, qualname: string): string {
  return `${vscode.workspace.asRelativePath(uri, true)}::${qualname}`;
}
