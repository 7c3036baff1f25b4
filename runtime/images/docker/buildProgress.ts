/** Progress and output of a build, out of the engine's events. Pure. */
import { InstallProgressReader } from '../installProgress';
import { failureOf, type DockerEvent, type EngineFailure } from './dockerEvents';
import { PullProgressReader } from './pullProgress';

const ERROR_COLOUR = '\u001b[91m';
const PLAIN = '\u001b[0m';
/** Lines kept for the error of a step that fails. */
const KEPT_LINES = 200;

export interface BuildNews {
  /** The newest progress. */
  progress?: string;
  /** Lines for the log, newlines included. */
  output: string;
}

/** Follows one build of the classic builder. */
export class BuildProgressReader {
  /** What failed; undefined while nothing has. */
  failure: EngineFailure | undefined;
  /** Id of the image once it is built. */
  imageId: string | undefined;
  /** Index of the step that is going on or failed. */
  step = 0;
  /** True while the step that marks the image goes on. */
  private marking = false;
  private rest = '';
  private printed: string[] = [];
  private installing = new InstallProgressReader();
  /** FROM of an image that the engine lacks. */
  private pulling: PullProgressReader | undefined;

  /**
   * `titles`: what each step of the Dockerfile does; for one without, the engine's own text is used. `marked`: the
   * second step, which has no title, marks the image.
   */
  constructor(
    private readonly titles: readonly (string | undefined)[],
    private readonly marked = false,
  ) {}

  /** The last lines that the current step has printed. */
  get printedByStep(): string {
    return this.printed.join('\n');
  }

  event(event: DockerEvent, atMs: number): BuildNews {
    this.failure ??= failureOf(event);
    this.imageId = event.aux?.ID ?? this.imageId;
    if (event.stream !== undefined) return this.stream(event.stream, atMs);
    // The last line of a command that fails may lack its end.
    if (this.failure !== undefined) return this.stream(this.rest === '' ? '' : '\n', atMs);
    const progress = this.pull(event, atMs);
    return progress === undefined ? { output: '' } : { progress, output: '' };
  }

  /** What is going on at that time, where it is something that can stand still without a word. */
  now(atMs: number): string | undefined {
    if (this.pulling !== undefined) return this.pulling.line(atMs);
    const doing = this.installing.now(atMs);
    return doing === undefined || this.unshown ? undefined : this.place(doing);
  }

  private pull(event: DockerEvent, atMs: number): string | undefined {
    if (event.id === undefined) return undefined;
    const name = /^Pulling from (.+)$/.exec(event.status ?? '')?.[1];
    if (name !== undefined) this.pulling = new PullProgressReader(`${name}:${event.id}`, atMs);
    return this.pulling?.event(event, atMs);
  }

  private stream(text: string, atMs: number): BuildNews {
    const news: BuildNews = { output: '' };
    // The builder prints on only once it has what it pulled.
    this.pulling = undefined;
    // The engine's own lines are pieces of their own; a command may have left its last line without an end.
    if (this.rest !== '' && isEngines(text)) {
      this.line(this.rest, news, atMs);
      this.rest = '';
    }
    const lines = (this.rest + withoutErrorColour(text)).split(/\r?\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.line(line, news, atMs);
    return news;
  }

  private line(line: string, news: BuildNews, atMs: number): void {
    const step = /^Step (\d+)\/(\d+) : (.*)$/.exec(line);
    if (step !== null) {
      const at = Number(step[1]) - 1;
      this.marking = this.marked && at === 1;
      this.step = this.marked && at > 0 ? at - 1 : at;
      this.printed = [];
      this.installing = new InstallProgressReader();
      if (this.unshown) return;
      news.progress = this.place(this.titles[this.step] ?? step[3] ?? '');
      news.output += `${news.progress}\n`;
      return;
    }
    if (isBookkeeping(line) || this.unshown) return;
    if (line === ' ---> Using cache') {
      news.progress = this.place('cached');
      news.output += '  cached\n';
      return;
    }
    const progress = this.installing.line(line, atMs);
    if (progress !== undefined) news.progress = this.place(progress);
    if (/^Progress \d+ of \d+$/.test(line)) return;
    this.printed.push(line);
    if (this.printed.length > KEPT_LINES) this.printed.shift();
    news.output += `${line}\n`;
  }

  /** The steps after those of the Dockerfile, and the one that marks, give the image its labels. */
  private get unshown(): boolean {
    return this.marking || this.step >= this.titles.length;
  }

  private place(what: string): string {
    return `step ${this.step + 1} of ${this.titles.length} · ${what}`;
  }
}

function isEngines(text: string): boolean {
  return /^(Step \d+\/\d+ : | ---> |Removing intermediate container )/.test(text);
}

/** Ids of layers and containers, which tell people nothing. */
function isBookkeeping(line: string): boolean {
  return (
    line === '' ||
    /^ ---> (Running in |Removed intermediate container )?[0-9a-f]{12}$/.test(line) ||
    /^Removing intermediate container [0-9a-f]{12}$/.test(line) ||
    /^Successfully (built|tagged) \S+$/.test(line)
  );
}

/** The builder puts what a command prints to stderr between a colour and its end, piece by piece. */
function withoutErrorColour(text: string): string {
  if (!text.startsWith(ERROR_COLOUR)) return text;
  const end = text.endsWith(PLAIN) ? -PLAIN.length : undefined;
  return text.slice(ERROR_COLOUR.length, end);
}
