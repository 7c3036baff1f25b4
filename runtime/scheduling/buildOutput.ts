/** What is printed while the image of one container is built: told to each run that waits, once. */
import { OutputTail } from '../images/outputTail';
import type { Call } from './call';
import type { Run } from './run';

export class BuildOutput {
  private readonly tail = new OutputTail();
  private readonly heard = new WeakSet<Run>();

  constructor(private readonly tell: (calls: readonly Call[], text: string) => void) {}

  /** `waiting`: the calls that wait for the container now. */
  printed(waiting: readonly Call[], text: string): void {
    this.tail.add(text);
    for (const { run } of waiting) this.heard.add(run);
    this.tell(waiting, text);
  }

  /** A call has come to wait: its run gets the last of what was printed before. */
  join(call: Call): void {
    if (this.heard.has(call.run)) return;
    this.heard.add(call.run);
    const { text } = this.tail;
    if (text !== '') this.tell([call], text);
  }
}
