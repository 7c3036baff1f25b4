/** Server-sent events out of a text that comes in pieces. Pure but for what it keeps of the last piece. */

export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

export class EventReader {
  private rest = '';

  /** The events that are whole now. */
  read(piece: string): ServerEvent[] {
    const blocks = (this.rest + piece).split('\n\n');
    this.rest = blocks.pop() ?? '';
    return blocks.map((block) => {
      const lines = block.split('\n');
      return { name: valueOf(lines, 'event') ?? 'message', data: valueOf(lines, 'data') ?? '' };
    });
  }
}

function valueOf(lines: readonly string[], field: string): string | undefined {
  const start = `${field}: `;
  return lines.find((line) => line.startsWith(start))?.slice(start.length);
}
