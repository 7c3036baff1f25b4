/** What is printed while images are built for containers that come up, told to each run that waits, once. */
import { OutputTail } from '../images/outputTail';
import type { Call } from './call';
import type { Run } from './run';

/** Of each run, by image, the container whose build it hears: others that wait for the same build print the same. */
type Audience = WeakMap<Run, Map<string, BuildOutput>>;

/** The output for one container. */
export class BuildOutput {
  private readonly tail = new OutputTail();
  private over = false;

  constructor(
    private readonly image: string,
    private readonly audience: Audience,
    private readonly tell: (calls: readonly Call[], text: string) => void,
  ) {}

  /** `waiting`: the calls that wait for the container now. */
  printed(waiting: readonly Call[], text: string): void {
    this.tail.add(text);
    const mine = waiting.filter(({ run }) => this.owner(run) === this);
    if (mine.length > 0) this.tell(mine, text);
  }

  /** A call has come to wait: its run gets the last of what was printed before, unless it has that. */
  join(call: Call): void {
    const { text } = this.tail;
    const before = this.audience.get(call.run)?.get(this.image);
    if (this.owner(call.run) === this && before !== this && text !== '') this.tell([call], text);
  }

  /** The container is up, or will not come: who goes on to wait hears another one. */
  end(): void {
    this.over = true;
  }

  private owner(run: Run): BuildOutput {
    const byImage = this.audience.get(run) ?? new Map<string, BuildOutput>();
    this.audience.set(run, byImage);
    const known = byImage.get(this.image);
    if (known !== undefined && !known.over) return known;
    byImage.set(this.image, this);
    return this;
  }
}

/** Makes the outputs of all containers, which know of each other's runs. */
export function buildOutputs(
  tell: (calls: readonly Call[], text: string) => void,
): (image: string) => BuildOutput {
  const audience: Audience = new WeakMap();
  return (image) => new BuildOutput(image, audience, tell);
}
