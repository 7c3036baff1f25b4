/** GPU memory once a second, from one long-lived nvidia-smi that runs only while somebody needs it. */
import { createInterface } from 'node:readline';
import { minimalEnvironment, startChild, type Child } from '../engines/children';
import type { Gpu } from '../protocol/methods';
import { CSV_FORMAT, GPU_QUERY, parseGpuLine } from './smi';

const INTERVAL_MS = 1000;

export class GpuSampler {
  private users = 0;
  private child: Promise<Child> | undefined;

  /** `sample` is called for each card and second; `failed` once when nvidia-smi can't be kept running. */
  constructor(
    private readonly smi: string,
    private readonly environment: Readonly<Record<string, string | undefined>>,
    private readonly sample: (gpu: Gpu) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Samples until the returned function has been called as often as this one. */
  use(): () => void {
    this.users += 1;
    this.child ??= this.start();
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.users -= 1;
      if (this.users === 0) this.stop().catch(this.failed);
    };
  }

  /** Resolves when no process is left. */
  async stop(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (child !== undefined) await (await child).stop(500);
  }

  private start(): Promise<Child> {
    const started = startChild({
      command: this.smi,
      args: [GPU_QUERY, CSV_FORMAT, '-lms', String(INTERVAL_MS)],
      env: minimalEnvironment(this.environment),
    });
    started.then((child) => this.read(child), this.failed);
    return started;
  }

  private read(child: Child): void {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const gpu = parseGpuLine(line);
      if (gpu !== undefined) this.sample(gpu);
    });
    child.stderr.resume();
  }
}
