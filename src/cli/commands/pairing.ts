/** `velar pair` and `velar runtimes`: devices, tokens and which runtime is meant. */
import { hostname } from 'node:os';
import { VelarError } from '../../../runtime/protocol/errors';
import { connect } from '../../client/connection';
import { pair as exchangeCode, parsePairingAddress } from '../../client/pairing';
import { EMBEDDED_NAME } from '../../client/runtimes';
import { normalFingerprint, readableFingerprint } from '../../client/tls';
import { formatTable } from '../../client/textTable';
import { CLIENT, type CliContext } from '../context';
import { EXIT } from '../exitCodes';
import { runtimeList } from '../runtimeFiles';

export interface PairOptions {
  json: boolean;
  code?: string;
  /** Name of the runtime in our list. */
  name?: string;
  /** Fingerprint to expect instead of asking. */
  fingerprint?: string;
}

export async function pair(
  context: CliContext,
  address: string,
  options: PairOptions,
): Promise<number> {
  const target = parsePairingAddress(address);
  const code = options.code ?? target.code ?? (await ask(context, 'Pairing code: '));
  const { entry, token } = await exchangeCode(
    address,
    code,
    hostname(),
    (shown) => confirm(context, shown, options.fingerprint),
    context.interrupts.signal,
  );
  const named = options.name === undefined ? entry : { ...entry, name: options.name };
  const kept = await runtimeList(context.home).add(named, token);
  const text = `Paired with ${kept.name} (${kept.url}). Runs go there from now on.`;
  await context.terminal.out(`${options.json ? JSON.stringify(kept) : text}\n`);
  return EXIT.done;
}

async function confirm(
  context: CliContext,
  shown: string,
  expected: string | undefined,
): Promise<boolean> {
  if (expected !== undefined) {
    if (normalFingerprint(expected) === shown) return true;
    throw new VelarError('unauthorised', 'The certificate has another fingerprint.', {
      hint: `It is ${readableFingerprint(shown)}. Compare it with what the runtime shows.`,
    });
  }
  await context.terminal.err(
    `The runtime's certificate has the fingerprint\n  ${readableFingerprint(shown)}\n`,
  );
  return /^y(es)?$/i.test(await ask(context, 'Is that what the runtime shows? [y/N] '));
}

function ask({ terminal, interrupts }: CliContext, question: string): Promise<string> {
  const otherwise = 'Give --code, and for an address with TLS --fingerprint.';
  return terminal.ask(question, otherwise, interrupts.signal);
}

export async function listRuntimes(
  context: CliContext,
  { json }: { json: boolean },
): Promise<number> {
  const list = runtimeList(context.home);
  const entries = await list.list();
  const selected = (await list.selected())?.id;
  const rows = [
    {
      name: EMBEDDED_NAME,
      url: 'this machine, started when needed',
      selected: selected === undefined,
    },
    ...entries.map(({ id, name, url, pairedAt, fingerprint }) => ({
      id,
      name,
      url,
      pairedAt,
      ...(fingerprint === undefined ? {} : { fingerprint }),
      selected: id === selected,
    })),
  ];
  const text = formatTable(
    ['', 'NAME', 'ADDRESS'],
    rows.map((row) => [row.selected ? '*' : '', row.name, row.url]),
  );
  await context.terminal.out(`${json ? JSON.stringify(rows) : text}\n`);
  return EXIT.done;
}

export async function useRuntime(context: CliContext, name: string): Promise<number> {
  await runtimeList(context.home).select(name === EMBEDDED_NAME ? undefined : name);
  await context.terminal.err(`Runs go to ${name} from now on.\n`);
  return EXIT.done;
}

/** Takes our token back on the runtime, then forgets it here; here only, with a warning, if it can't be reached. */
export async function unpair(context: CliContext, name: string): Promise<number> {
  const list = runtimeList(context.home);
  const entry = await list.find(name);
  let warning = '';
  try {
    const address = await list.address(entry.id);
    const connection = await connect(address, {
      client: CLIENT,
      signal: context.interrupts.signal,
    });
    await connection.request('device.revoke', {});
    await connection.close();
  } catch (error) {
    const { code, message } = VelarError.from(error);
    if (code === 'cancelled') throw error;
    // A runtime that no longer knows us has nothing left to take back.
    if (code !== 'unauthorised') warning = `It could not be told (${message}) `;
  }
  await list.remove(entry.id);
  await context.terminal.err(`${warning}Unpaired ${entry.name}.\n`);
  return EXIT.done;
}
