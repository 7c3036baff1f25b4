/** The runs whose end this window has not seen, kept for the window that comes after it. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { activeRunSchema } from '../../../runtime/protocol/activeRuns';

/** More are not remembered: the oldest are forgotten first. */
const MAX_REMEMBERED = 50;

const rememberedSchema = activeRunSchema.extend({
  /** Id of the runtime that has it. */
  runtime: z.string(),
});
export type Remembered = z.infer<typeof rememberedSchema>;

export class RunMemory {
  private list: readonly Remembered[] | undefined;

  /** `file`: where they are; undefined keeps them for this window only. */
  constructor(private readonly file: string | undefined) {}

  /** Newest first. */
  get all(): readonly Remembered[] {
    this.list ??= this.read();
    return this.list;
  }

  add(run: Remembered): void {
    const others = this.all.filter((each) => each.run !== run.run);
    this.write([run, ...others].slice(0, MAX_REMEMBERED));
  }

  forget(which: (run: Remembered) => boolean): void {
    const kept = this.all.filter((each) => !which(each));
    if (kept.length < this.all.length) this.write(kept);
  }

  private read(): Remembered[] {
    if (this.file === undefined) return [];
    try {
      return rememberedSchema.array().parse(JSON.parse(readFileSync(this.file, 'utf8')));
    } catch {
      // There is none, or one of another version: its runs are in the runtime's list all the same.
      return [];
    }
  }

  private write(list: readonly Remembered[]): void {
    this.list = list;
    if (this.file === undefined) return;
    if (list.length === 0) {
      rmSync(this.file, { force: true });
      return;
    }
    mkdirSync(dirname(this.file), { recursive: true });
    const whole = `${this.file}.new`;
    // Arguments may be a person's own.
    writeFileSync(whole, JSON.stringify(list), { mode: 0o600 });
    renameSync(whole, this.file);
  }
}
