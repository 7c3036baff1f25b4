import type { Unsubscribe } from './api';

/** Listeners of one kind of event. */
export class Emitter<T> {
  private readonly listeners = new Set<{ call: (value: T) => void }>();

  get size(): number {
    return this.listeners.size;
  }

  on(listener: (value: T) => void): Unsubscribe {
    const entry = { call: listener };
    this.listeners.add(entry);
    return () => {
      this.listeners.delete(entry);
    };
  }

  emit(value: T): void {
    for (const { call } of [...this.listeners]) call(value);
  }
}
