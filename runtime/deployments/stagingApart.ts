/** Keeps what staging does away from production: volumes of its own, and a word on secrets that both use. */
import type { FunctionDescription } from '../protocol/description';
import { VelarError } from '../protocol/errors';
import { formatBytes } from '../protocol/figures';
import type { SecretSummary } from '../protocol/resources';
import type { Run } from '../scheduling/run';
import { volumeOf, type VolumeStore } from '../store/volumes';

export interface ApartOptions {
  volumes: Pick<VolumeStore, 'seed'>;
  secrets: () => readonly SecretSummary[];
}

/** Gives staging volumes of its own, and says what it shares with production. Throws `disk-full`, `cancelled`. */
export async function setApart(
  run: Run,
  functions: readonly Pick<FunctionDescription, 'options'>[],
  { volumes, secrets }: ApartOptions,
): Promise<void> {
  const say = (text: string): void => run.print('stderr', Buffer.from(`${text}\n`), 'velar');
  const progress = (text: string): void => {
    if (!run.active) throw new VelarError('cancelled', 'Cancelled.');
    run.advance((timeline) => timeline.progress(text));
  };
  await giveVolumes(volumes, functions, progress, say);
  const names = functions.flatMap(({ options }) =>
    options.secrets.flatMap(({ name }) => name ?? []),
  );
  sharedSecretTexts(names, secrets()).forEach(say);
}

/** Copies volumes that staging has none of its own of. `progress` may throw to end that. */
async function giveVolumes(
  volumes: Pick<VolumeStore, 'seed'>,
  functions: readonly Pick<FunctionDescription, 'options'>[],
  progress: (text: string) => void,
  say: (text: string) => void,
): Promise<void> {
  const names = new Set(functions.flatMap(({ options }) => Object.values(options.volumes)));
  for (const name of [...names].sort()) {
    const own = volumeOf(name, 'staging');
    const bytes = await volumes.seed(name, (done, total) =>
      progress(`copying volume ${name} for staging: ${formatBytes(done)} of ${formatBytes(total)}`),
    );
    say(
      bytes === undefined
        ? `Staging uses volume ${own}; production's ${name} stays as it is.`
        : `Staging got volume ${own} of its own, with the ${formatBytes(bytes)} that ${name} holds now; what it writes never reaches production.`,
    );
  }
}

/** What to say of secrets that staging and production both take from the plain one. Pure. */
export function sharedSecretTexts(
  names: readonly string[],
  secrets: readonly SecretSummary[],
): string[] {
  const has = (name: string, environment: SecretSummary['environment']): boolean =>
    secrets.some((each) => each.name === name && each.environment === environment);
  return [...new Set(names)]
    .filter((name) => has(name, undefined) && !has(name, 'staging') && !has(name, 'production'))
    .sort()
    .map((name) => {
      const variables = secrets.find(
        (each) => each.name === name && each.environment === undefined,
      )?.variables;
      const example = variables?.[0] ?? 'VARIABLE';
      return `Staging and production both use secret ${name}: \`velar secret set ${name} ${example} --env staging\` gives staging its own.`;
    });
}
