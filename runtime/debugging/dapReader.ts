/** Reads messages of the Debug Adapter Protocol out of bytes that pass. Pure; never in the way of the bytes. */

/** Larger messages (variables, sources) tell nothing that is looked for here; they are passed over unread. */
const MAX_READ_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 1024;
const HEADER_END = Buffer.from('\r\n\r\n');

export class DapReader {
  private held: Buffer = Buffer.alloc(0);
  /** Bytes of a large message that are still to come. */
  private skip = 0;
  private lost = false;

  /** Messages that this chunk completes, as parsed. After bytes that are no DAP nothing is read any more. */
  push(chunk: Buffer): unknown[] {
    if (this.lost) return [];
    const skipped = Math.min(this.skip, chunk.byteLength);
    this.skip -= skipped;
    if (skipped === chunk.byteLength) return [];
    const rest = chunk.subarray(skipped);
    this.held = this.held.byteLength === 0 ? rest : Buffer.concat([this.held, rest]);
    const messages: unknown[] = [];
    try {
      for (let next = this.take(); next !== undefined; next = this.take()) messages.push(next);
    } catch {
      this.lost = true;
      this.held = Buffer.alloc(0);
    }
    return messages;
  }

  /** The next message that is complete; undefined when none is. Throws for what is no DAP. */
  private take(): unknown {
    for (;;) {
      const end = this.held.indexOf(HEADER_END);
      if (end < 0) {
        if (this.held.byteLength > MAX_HEADER_BYTES) throw new Error('No header of DAP.');
        return undefined;
      }
      const size = Number(
        /^Content-Length: *(\d+)$/im.exec(this.held.toString('latin1', 0, end))?.[1],
      );
      if (!Number.isSafeInteger(size)) throw new Error('No length in a header of DAP.');
      const from = end + HEADER_END.byteLength;
      const have = Math.min(size, this.held.byteLength - from);
      if (size <= MAX_READ_BYTES && have < size) return undefined;
      const body = this.held.subarray(from, from + have);
      this.held = this.held.subarray(from + have);
      if (size <= MAX_READ_BYTES) return JSON.parse(body.toString('utf8'));
      this.skip = size - have;
      if (this.skip > 0) return undefined;
    }
  }
}
