/** The NVML stand-in (test/python/harness/nvml_stand_in.c) for tests of the runtime. No hardware. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { programsOnPath } from '../../../runtime/images/python';

const SOURCE = join(process.cwd(), 'test', 'python', 'harness', 'nvml_stand_in.c');
const GIB = 1024 ** 3;

export interface StandInCard {
  name?: string;
  usedBytes?: number;
  gpuPercent?: number;
  processes?: { pid: number; usedBytes: number }[];
}

/** Why the stand-in can't be built here, or undefined. */
export function withoutStandIn(): string | undefined {
  if (process.platform !== 'linux') return 'NVML is read on Linux only';
  return compiler() === undefined ? 'no C compiler (cc) to build the NVML stand-in' : undefined;
}

export class NvmlStandIn {
  readonly folder = mkdtempSync(join(tmpdir(), 'velar-nvml-'));

  constructor(cards: readonly StandInCard[]) {
    this.tell(cards);
    const library = join(this.folder, 'libnvidia-ml.so.1');
    execFileSync(compiler() ?? 'cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl']);
  }

  /** An environment in which the driver's library is this one. */
  environment(
    base: Readonly<Record<string, string | undefined>>,
  ): Record<string, string | undefined> {
    const path = (base['LD_LIBRARY_PATH'] ?? '').split(delimiter).filter(Boolean);
    return { ...base, LD_LIBRARY_PATH: [this.folder, ...path].join(delimiter) };
  }

  /** What the cards tell from the next sample on. `before`: lines of the script that come first. */
  tell(cards: readonly StandInCard[], before: readonly string[] = []): void {
    const lines = cards.flatMap((card, index) => [
      `card ${index}`,
      `name ${card.name ?? 'NVIDIA L4'}`,
      `uuid ${uuidOf(index)}`,
      `total ${24 * GIB}`,
      `used ${card.usedBytes ?? 0}`,
      `gpu ${card.gpuPercent ?? 0}`,
      'memory 0',
      'temperature 61',
      'power 71234',
      'limit 72000',
      ...(card.processes ?? []).map(({ pid, usedBytes }) => `compute ${pid} ${usedBytes}`),
    ]);
    const path = join(this.folder, 'nvml.script');
    writeFileSync(`${path}.new`, ['driver 550.54.15', ...before, ...lines, ''].join('\n'));
    renameSync(`${path}.new`, path);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The uuid of a card of the stand-in. */
export function uuidOf(index: number): string {
  return `GPU-stand-in-${index}`;
}

function compiler(): string | undefined {
  return ['cc', 'gcc', 'clang'].flatMap((name) => programsOnPath(name, process.env))[0];
}
