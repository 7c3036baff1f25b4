/** The inputs of a run's `.map`s that failed for good: the first ones are told one by one, and kept to be run again. */
import type { InputFailedEvent } from '../protocol/events';
import type { RunError } from '../protocol/values';
import type { KeptInput } from '../store/failedInputs';
import type { Call } from './call';
import type { Invoke } from './invocation';

/** The others are counted only. */
const MAX_TOLD = 100;
const MAX_MESSAGE = 300;

export interface FailedInput {
  /** Its place among the inputs of its map, from 0. */
  index: number;
  error: RunError;
  call: Pick<Call, 'input' | 'target'>;
}

export class FailedInputs {
  private readonly maps = new Map<Invoke, number>();
  private begun = 0;
  private told = 0;
  private keptCount = 0;

  /** `keep` says whether there was room. */
  constructor(private readonly keep: (input: KeptInput) => boolean) {}

  /** How many of them can be run again. */
  get kept(): number {
    return this.keptCount;
  }

  /** Gives a map that is about to begin the number that it had in another run. */
  numbered(map: Invoke, number: number): void {
    this.maps.set(map, number);
  }

  /** A map has begun, or more of its inputs have come. */
  began(map: Invoke): void {
    if (!this.maps.has(map)) this.maps.set(map, ++this.begun);
  }

  /** Nothing more comes of a map. */
  over(map: Invoke): void {
    this.maps.delete(map);
  }

  /** Keeps a failed input; returns what to tell of it, undefined once enough were told. */
  add(map: Invoke, { index, error, call }: FailedInput, at: number): InputFailedEvent | undefined {
    const number = this.maps.get(map) ?? this.begun;
    const { app, environment } = call.target;
    const { body, instance } = call.input;
    const deployed = environment === undefined ? {} : { environment };
    const name = map.function;
    if (this.keep({ map: number, app, function: name, index, instance, ...deployed, body })) {
      this.keptCount += 1;
    }
    if (this.told === MAX_TOLD) return undefined;
    this.told += 1;
    const [line = ''] = error.message.split('\n');
    return {
      type: 'input-failed',
      at,
      map: number,
      function: name,
      index,
      input: error.input ?? null,
      kind: error.kind,
      error: error.type ?? null,
      message: line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE - 1)}…` : line,
    };
  }
}
