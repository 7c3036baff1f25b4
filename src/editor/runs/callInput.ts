/** The arguments of a run: remembered, defaults, or asked for. */
import type { CallArguments } from '../../../runtime/protocol/values';
import { VelarError } from '../../../runtime/protocol/errors';
import { collectArguments, isRequired, type ArgumentTexts } from '../../client/arguments/collect';
import type { Parameter } from '../../discovery/model';
import { askArguments } from './argumentInput';
import type { RememberedArguments } from './rememberedArguments';
import type { RunTarget } from './target';

export interface RunInput {
  readonly arguments: CallArguments;
  /** Constructor arguments, for a method of a class. */
  readonly instance?: CallArguments;
}

export class CallInput {
  constructor(private readonly remembered: RememberedArguments) {}

  /**
   * Without `ask`, nobody is asked unless a required argument is unknown or what is remembered no
   * longer fits. Undefined when the person gave up.
   */
  async of(target: RunTarget, ask: boolean): Promise<RunInput | undefined> {
    const { found, functions } = target;
    const owner =
      found.kind === 'method'
        ? functions.find(
            ({ kind, qualname }) =>
              kind === 'cls' && qualname === found.qualname.split('.').slice(0, -1).join('.'),
          )
        : undefined;
    let instance: CallArguments | undefined;
    if (owner !== undefined) {
      instance = await this.collect(target, owner.qualname, owner.parameters, ask);
      if (instance === undefined) return undefined;
    }
    const call = await this.collect(target, found.qualname, found.parameters, ask);
    if (call === undefined) return undefined;
    return instance === undefined ? { arguments: call } : { arguments: call, instance };
  }

  private async collect(
    { uri }: RunTarget,
    qualname: string,
    parameters: readonly Parameter[],
    ask: boolean,
  ): Promise<CallArguments | undefined> {
    const last = this.remembered.get(uri, qualname) ?? {};
    const collected = collectArguments(parameters, last);
    if (parameters.length === 0 || (!ask && collected.ok)) return argumentsOf(collected);
    const wanted = ask || hasLast(parameters, last) ? parameters : parameters.filter(isRequired);
    const typed = await askArguments(`Run ${qualname}`, wanted, last);
    if (typed === undefined) return undefined;
    const texts: ArgumentTexts = wanted === parameters ? typed : { ...last, ...typed };
    await this.remembered.set(uri, qualname, texts);
    return argumentsOf(collectArguments(parameters, texts));
  }
}

function hasLast(parameters: readonly Parameter[], last: ArgumentTexts): boolean {
  return parameters.some(({ name }) => last[name] !== undefined);
}

/** Throws `invalid` for a combination that no single input could refuse. */
function argumentsOf(collected: ReturnType<typeof collectArguments>): CallArguments {
  if (collected.ok) return collected.arguments;
  throw new VelarError('invalid', `Argument ${collected.parameter}: ${collected.problem}`, {
    hint: 'Run it with arguments and change this one.',
  });
}
