/**
 * What sampling eight cards once a second costs: CPU time of the sampler's process and of what the runtime
 * does with its samples, in percent of a core. Goal: under 0.5. NVML is the stand-in of the tests, so the
 * time that a real driver takes to answer is not in it; the floor is a Python that only wakes up as often.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CardTelemetry } from '../runtime/scheduling/cardTelemetry';
import { systemClock } from '../runtime/scheduling/clock';
import type { Container } from '../runtime/scheduling/container';
import { detectGpus } from '../runtime/gpu/detect';
import { readProcess } from '../runtime/gpu/procFiles';
import type { Gpu } from '../runtime/protocol/methods';
import { findPython } from '../runtime/images/python';
import { NvmlStandIn, withoutStandIn } from '../test/runtime/gpu/nvmlStandIn';
import { figure, type Figure } from './support/statistics';

export const name = 'sampler';

const SECONDS = 30;
const CARDS = 8;
const PROCESSES = 3;
const PYTHON_PACKAGES = join(resolve(__dirname, '..', '..'), 'runtime', 'python');

export async function* run(): AsyncGenerator<Figure> {
  const reason = withoutStandIn();
  if (reason !== undefined) throw new Error(`Can't be measured here: ${reason}.`);
  const standIn = new NvmlStandIn(
    Array.from({ length: CARDS }, (_, card) => ({
      usedBytes: 5e9,
      gpuPercent: 50,
      processes: Array.from({ length: PROCESSES }, (__, index) => ({
        pid: index === 0 ? process.pid : card * 100 + index + 1,
        usedBytes: 1e9,
      })),
    })),
  );
  try {
    const python = await findPython({ environment: process.env });
    const environment = standIn.environment(process.env);
    const inventory = await detectGpus({
      environment,
      python: () => Promise.resolve(python),
      pythonPackages: PYTHON_PACKAGES,
    });
    const floor = await idlePython(python.executable);
    let samples = 0;
    const cards = new CardTelemetry({
      clock: systemClock,
      inventory: { ...inventory, processes: (pid) => readProcess(pid) },
      environment,
      audience: () => [],
      warn: (message) => {
        throw new Error(message);
      },
    });
    // A client that looks, and an idle container that holds the cards: what is sampled once a second.
    cards.onChange((gpus) => {
      samples += 1;
      JSON.stringify(gpus);
    });
    cards.held(idleContainer(inventory.gpus), true);
    await delay(3000);
    const pid = samplerPid();
    const before = { child: cpuMs(pid), own: process.cpuUsage(), samples, at: performance.now() };
    await delay(SECONDS * 1000);
    const own = process.cpuUsage(before.own);
    const wallMs = performance.now() - before.at;
    const childMs = cpuMs(pid) - before.child;
    const ownMs = (own.user + own.system) / 1000;
    if (samples - before.samples < SECONDS - 2) throw new Error('Samples are missing.');
    await cards.dispose();
    yield figure('sampler of 8 cards at 1 Hz', (childMs / wallMs) * 100, '% of a core', floor);
    yield figure('runtime with its samples', (ownMs / wallMs) * 100, '% of a core', null);
    yield figure('both', ((childMs + ownMs) / wallMs) * 100, '% of a core', null);
  } finally {
    standIn.remove();
  }
}

/** What telemetry looks at of a container. */
function idleContainer(gpus: readonly Gpu[]): Container {
  const seen = { id: 'c-bench', idle: true, state: 'ready', gpus, origin: { app: 'bench' } };
  return { ...seen, placed: { pid: process.pid } } as unknown as Container;
}

/** The child of this process that samples. */
function samplerPid(): number {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || readProcess(Number(entry))?.parent !== process.pid) continue;
    const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8');
    if (command.includes('velar_worker.nvml')) return Number(entry);
  }
  throw new Error('The sampler does not run.');
}

/** Time that a process of one thread has been on a core: `schedstat` counts it in ns, `stat` in 10 ms only. */
function cpuMs(pid: number): number {
  const [ns = ''] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(ns) / 1e6;
}

/** A Python that sleeps a second at a time. */
async function idlePython(python: string): Promise<number> {
  const code = 'import time\nwhile True:\n    time.sleep(1)';
  const child = spawn(python, ['-S', '-c', code], { stdio: 'ignore' });
  try {
    await delay(1000);
    const before = cpuMs(child.pid ?? 0);
    await delay(10_000);
    return ((cpuMs(child.pid ?? 0) - before) / 10_000) * 100;
  } finally {
    child.kill('SIGKILL');
  }
}
