/** Images made ready for containers to come, before these get cards: a pull or a build must not hold a card idle. */
import type { RunError } from '../protocol/values';
import type { EngineImage } from '../engines/engine';
import { ensureImage, StartError } from './bringUp';
import type { BuildOutput } from './buildOutput';
import type { Call, Stage } from './call';
import type { PoolOptions } from './pool';
import type { FailedStarts } from './failedStarts';
import { infrastructureError } from './platformErrors';
import type { Queues } from './queues';
import { noteStage, replayStages, tellStage } from './stages';
import type { Target } from './target';

interface Preparation {
  target: Target;
  abort: AbortController;
  /** What it went through, of each phase the newest detail. */
  stages: Stage[];
  output: BuildOutput;
  /** Settles when it is over, well or not. Never rejects. */
  over: Promise<void>;
}

export interface PreparationsOptions {
  pool: PoolOptions;
  queues: Queues;
  /** True when containers of the group are wished for, whether or not calls wait. */
  wished: (groupKey: string) => boolean;
  failed: FailedStarts;
  /** What is printed while the image of this key is built. */
  outputFor: (image: string) => BuildOutput;
  /** One is ready, so places can be given out anew. */
  changed: () => void;
}

export class Preparations {
  /** By group. */
  private readonly going = new Map<string, Preparation>();
  /** Ready, and not used since: what the engine remembers of an image may be forgotten in between. */
  private readonly done = new WeakSet<EngineImage>();

  constructor(private readonly options: PreparationsOptions) {}

  /**
   * True when a container for the target can start at once. Where it gets cards and its image is not there, that is
   * made ready from now on, and `changed` follows.
   */
  isReady(target: Target): boolean {
    if (target.choices.length === 0) return true;
    if (this.options.pool.adoption.has(target.poolKey) === 'now') return true;
    if (this.done.delete(target.image) || target.image.isReady()) return true;
    if (!this.going.has(target.groupKey)) this.begin(target);
    return false;
  }

  isGoing({ groupKey }: Target): boolean {
    return this.going.has(groupKey);
  }

  /** Tells a call that has come to wait how far its image is. */
  show(call: Call): void {
    const preparation = this.going.get(call.target.groupKey);
    if (preparation === undefined) return;
    preparation.output.join(call);
    replayStages(call, preparation.stages);
  }

  /** Gives up what nobody waits for any more. */
  discardUnwanted(): void {
    const { queues, wished } = this.options;
    for (const [groupKey, preparation] of this.going) {
      if (wished(groupKey) || queues.waitingIn(groupKey).length > 0) continue;
      this.going.delete(groupKey);
      preparation.abort.abort();
    }
  }

  /** Resolves when nothing is going on any more. */
  async dispose(): Promise<void> {
    const all = [...this.going.values()];
    this.going.clear();
    for (const { abort } of all) abort.abort();
    await Promise.all(all.map(({ over }) => over));
  }

  private begin(target: Target): void {
    const preparation: Preparation = {
      target,
      abort: new AbortController(),
      stages: [],
      output: this.options.outputFor(target.image.key),
      over: Promise.resolve(),
    };
    this.going.set(target.groupKey, preparation);
    this.stage(preparation, {
      phase: 'provisioning',
      skipped: this.options.pool.engine.place,
    });
    preparation.over = this.prepare(preparation);
  }

  private async prepare(preparation: Preparation): Promise<void> {
    const { target, abort } = preparation;
    const { queues, pool, failed, changed } = this.options;
    const { listener } = pool;
    let error: RunError | undefined;
    try {
      await ensureImage(target.image, {
        signal: abort.signal,
        stage: (stage) => this.stage(preparation, stage),
        output: (text) => preparation.output.printed(queues.waitingIn(target.groupKey), text),
        imageReady: (built) => listener.imageReady(target, built),
      });
    } catch (failure) {
      error =
        failure instanceof StartError
          ? failure.runError
          : infrastructureError(failure, 'ContainerStart');
    }
    preparation.output.end();
    // One that was given up has no say any more: another may have begun.
    if (abort.signal.aborted) return;
    this.going.delete(target.groupKey);
    if (error === undefined) this.done.add(target.image);
    else failed.image(target, error);
    changed();
  }

  private stage(preparation: Preparation, stage: Stage): void {
    if (preparation.abort.signal.aborted) return;
    noteStage(preparation.stages, stage);
    tellStage(this.options.queues.waitingIn(preparation.target.groupKey), stage);
  }
}
