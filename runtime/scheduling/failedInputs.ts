/** The inputs of a run's `.map`s that failed for good: the first ones are told one by one. */
import type { InputFailedEvent } from '../protocol/events';
import type { RunError } from '../protocol/values';
import type { Invoke } from './invocation';

/** The others are counted only. */
const MAX_TOLD = 100;
const MAX_MESSAGE = 300;

export class FailedInputs {
  private readonly maps = new Map<Invoke, number>();
  private begun = 0;
  private told = 0;

  /** A map has begun, or more of its inputs have come. */
  began(map: Invoke): void {
    if (!this.maps.has(map)) this.maps.set(map, ++this.begun);
  }

  /** Nothing more comes of a map. */
  over(map: Invoke): void {
    this.maps.delete(map);
  }

  /** What to tell of a failed input; undefined once enough were told. */
  event(map: Invoke, index: number, error: RunError, at: number): InputFailedEvent | undefined {
    if (this.told === MAX_TOLD) return undefined;
    this.told += 1;
    const [line = ''] = error.message.split('\n');
    return {
      type: 'input-failed',
      at,
      map: this.maps.get(map) ?? this.begun,
      function: map.function,
      index,
      input: error.input ?? null,
      kind: error.kind,
      error: error.type ?? null,
      message: line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE - 1)}…` : line,
    };
  }
}
