/**
 * Just enough DER (X.690) to write one certificate (RFC 5280). A library for it weighs more than the whole
 * runtime, and the one shape that is needed here never varies.
 */

const SEQUENCE = 0x30;
const SET = 0x31;

export function tagged(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.byteLength;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length, ...digits]), content]);
}

export function sequence(...parts: Uint8Array[]): Buffer {
  return tagged(SEQUENCE, ...parts);
}

export function set(...parts: Uint8Array[]): Buffer {
  return tagged(SET, ...parts);
}

/** A positive integer from its bytes, the most significant first. */
export function integer(bytes: Uint8Array): Buffer {
  const signed = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
  return tagged(0x02, signed);
}

export function boolean(value: boolean): Buffer {
  return tagged(0x01, Buffer.from([value ? 0xff : 0]));
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return tagged(0x03, Buffer.from([unusedBits]), bytes);
}

export function octetString(...parts: Uint8Array[]): Buffer {
  return tagged(0x04, ...parts);
}

export function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text));
}

/** An object identifier in dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const part of [first * 40 + second, ...rest]) {
    const digits = [part % 128];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift((left % 128) | 0x80);
    }
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}

/** GeneralizedTime from 2050 on, UTCTime before, as RFC 5280 section 4.1.2.5 asks. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  return date.getUTCFullYear() >= 2050
    ? tagged(0x18, Buffer.from(`${digits}Z`))
    : tagged(0x17, Buffer.from(`${digits.slice(2)}Z`));
}
