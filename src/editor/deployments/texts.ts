/** What rows, pickers and messages say of deployments. Pure. */
import {
  type DeployedApp,
  type Environment,
  type Served,
  type Version,
} from '../../../runtime/protocol/deployments';
import type { FullDiff } from '../../client/versions/compareVersions';
import { diffLines } from '../../client/versions/diffText';

const ACTIONS: Record<Served['action'], string> = {
  deploy: 'deployed',
  promote: 'promoted',
  rollback: 'rolled back',
};

/** `3f2a91bc`, with a mark where files had changes that are in no commit. */
export function commitText({ commit }: Version): string {
  if (commit === null) return 'no git commit';
  return `${commit.hash.slice(0, 8)}${commit.clean ? '' : ' + changes'}`;
}

/** `version 3 · promoted 24/11/2026, 17:02:11 by ada · 3f2a91bc + changes`. */
export function servedText(served: Served, version: Version | undefined): string {
  const { action, at, by } = served;
  const commit = version === undefined ? [] : [commitText(version)];
  const when = `${ACTIONS[action]} ${new Date(at).toLocaleString()} by ${by}`;
  return [`version ${String(served.version)}`, when, ...commit].join(' · ');
}

/** `24/11/2026, 17:02:11 by ada · 3f2a91bc`. */
export function versionText(version: Version): string {
  return `${new Date(version.at).toLocaleString()} by ${version.by} · ${commitText(version)}`;
}

/** What the environment serves; undefined where it serves nothing. */
export function servedBy(app: DeployedApp, environment: Environment): Served | undefined {
  return app.serves.find((each) => each.environment === environment);
}

export function versionOf(app: DeployedApp, number: number): Version | undefined {
  return app.versions.find(({ version }) => version === number);
}

/** Environments that serve the version, staging first. */
export function environmentsOf(app: DeployedApp, number: number): Environment[] {
  return app.serves
    .filter(({ version }) => version === number)
    .map(({ environment }) => environment)
    .sort((a, b) => (a === b ? 0 : a === 'staging' ? -1 : 1));
}

/** What is wrong with the name that was typed to confirm; undefined for the app's own. */
export function nameProblem(typed: string, app: string): string | undefined {
  if (typed === app) return undefined;
  return typed === '' ? `Type ${app} to go on.` : `That is not ${app}.`;
}

/** Lines that a page of changes leaves free at its top: there the box stands that asks for a name. */
export const FREE_LINES = 4;

/** A diff as a page to read before a version is moved. */
export function diffText(environment: Environment, diff: FullDiff): string {
  const now = diff.from === null ? 'serves nothing' : `serves version ${String(diff.from)}`;
  return [
    ...Array<string>(FREE_LINES).fill(''),
    `${environment} of ${diff.app} ${now}.`,
    `With version ${String(diff.to)}, this changes:`,
    '',
    ...diffLines(diff).map(({ text }) => text),
    '',
  ].join('\n');
}
