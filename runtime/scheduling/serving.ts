/** What environments serve, as the pool has to know it: whose containers come up, stay, and go. */
import type { Arrivals } from './arrivals';
import type { Container } from './container';
import type { Containers } from './containers';
import type { Bringing, KeptWarm } from './keptWarm';
import type { Placer } from './placer';
import type { Preparations } from './preparations';
import type { Queues } from './queues';
import type { Target } from './target';

export interface ServingOptions {
  warm: KeptWarm;
  queues: Queues;
  containers: Containers;
  arrivals: Arrivals;
  preparations: Preparations;
  placer: Placer;
  /** Ends a container, with its time for exit hooks. */
  discard: (container: Container) => void;
}

export class Serving {
  constructor(private readonly options: ServingOptions) {}

  /** Brings containers of a version up beside those of the one that an environment serves. */
  bring(targets: readonly Target[]): Bringing {
    const { warm, placer } = this.options;
    const bringing = warm.bring(targets);
    placer.pump();
    const over = (): void => {
      bringing.over();
      this.review();
    };
    return { ...bringing, over };
  }

  /** An owner's environment serves these functions from now on, and no others. */
  serve(owner: string, targets: readonly Target[]): void {
    this.options.warm.serve(owner, targets);
    this.options.placer.pump();
  }

  /** An environment serves nothing any more: what stands ready for it ends; what it works on goes on. */
  withdraw(owner: string): void {
    const { warm, queues, containers, discard } = this.options;
    warm.serve(owner, []);
    for (const container of containers.all.values()) {
      if (container.origin.owner !== owner || !container.idle) continue;
      if (queues.waitingFor(container).length === 0) discard(container);
    }
    this.review();
  }

  private review(): void {
    const { arrivals, preparations, placer } = this.options;
    arrivals.discardUnwanted();
    preparations.discardUnwanted();
    placer.pump();
  }
}
