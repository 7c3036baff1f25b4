/** Inputs of earlier calls of each deployed function, kept in the workspace's state. */
import type * as vscode from 'vscode';
import * as z from 'zod';
import type { Inputs } from './tryForm';

const KEY = 'velar.tryInputs';
const MAX_FUNCTIONS = 100;
const MAX_INPUTS = 20;
/** Larger inputs are not kept: the state is read whole. */
const MAX_CHARACTERS = 50_000;

const textsSchema = z.record(z.string(), z.string());
const storedSchema = z.array(
  z.tuple([z.string(), z.array(z.object({ call: textsSchema, instance: textsSchema }))]),
);

export class TryInputs {
  constructor(private readonly state: vscode.Memento) {}

  /** The newest first. */
  get(app: string, qualname: string): readonly Inputs[] {
    return new Map(this.read()).get(keyOf(app, qualname)) ?? [];
  }

  async add(app: string, qualname: string, inputs: Inputs): Promise<void> {
    const text = JSON.stringify(inputs);
    if (text.length > MAX_CHARACTERS) return;
    const key = keyOf(app, qualname);
    const known = this.get(app, qualname).filter((each) => JSON.stringify(each) !== text);
    const others = this.read().filter(([name]) => name !== key);
    const kept = [inputs, ...known].slice(0, MAX_INPUTS);
    await this.state.update(KEY, [...others, [key, kept]].slice(-MAX_FUNCTIONS));
  }

  private read(): z.infer<typeof storedSchema> {
    // What another version of the extension stored counts for nothing if it can't be read.
    return storedSchema.safeParse(this.state.get(KEY)).data ?? [];
  }
}

function keyOf(app: string, qualname: string): string {
  return `${app}::${qualname}`;
}
