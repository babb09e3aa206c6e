/** Frames over the limit are found in the bytes that a client sends, however the network splits them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameMeter } from '../../local/aws/api-gateway/sockets/frame-meter.ts';

interface Frame {
  readonly length: number;
  readonly fin: boolean;
  readonly opcode: number;
}

/** A masked frame (RFC 6455, section 5.2). The payload has bytes that look like headers. */
function encodeFrame({ length, fin, opcode }: Frame): Buffer {
  const first = (fin ? 0x80 : 0) | opcode;
  const payload = Buffer.alloc(length, 0xff);
  const mask = Buffer.alloc(4, 1);
  if (length < 126) return Buffer.concat([Buffer.from([first, 0x80 | length]), mask, payload]);
  if (length < 65_536) {
    const header = Buffer.from([first, 0x80 | 126, length >> 8, length & 0xff]);
    return Buffer.concat([header, mask, payload]);
  }
  const header = Buffer.alloc(10);
  header.writeUInt8(first, 0);
  header.writeUInt8(0x80 | 127, 1);
  header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, mask, payload]);
}

function oversizedOf(limit: number, bytes: Buffer, cuts: readonly number[] = []): number | undefined {
  const meter = new FrameMeter(limit);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    meter.push(bytes.subarray(start, end));
    start = end;
  }
  return meter.oversized;
}

const text = (length: number, fin = true): Frame => ({ length, fin, opcode: 1 });
const continuation = (length: number, fin: boolean): Frame => ({ length, fin, opcode: 0 });
const ping: Frame = { length: 125, fin: true, opcode: 9 };
const bytesOf = (frames: readonly Frame[]) => Buffer.concat(frames.map(encodeFrame));

describe('a frame', () => {
  test.each([
    ['of exactly the limit passes', [text(32_768)], undefined],
    ['of one byte more is found', [text(32_769)], 0],
    ['of 64 KiB and more, whose length has 8 bytes, is found', [text(70_000)], 0],
    [
      'is measured alone, not with the other frames of its message',
      [text(32_768, false), continuation(32_768, true)],
      undefined,
    ],
    ['is found within a message', [text(1), text(2, false), ping, continuation(32_769, true)], 1],
    ['without payload is measured', [text(0), text(0), text(32_769)], 2],
    ['of the control opcodes does not count as a message', [ping, ping, text(40_000)], 0],
  ] as const)('%s', (_, frames, expected) => {
    expect(oversizedOf(32_768, bytesOf(frames))).toBe(expected);
  });

  test('is found at every split of the bytes', () => {
    const frame = fc.record({
      length: fc.integer({ min: 0, max: 300 }),
      fin: fc.boolean(),
      opcode: fc.constantFrom(0, 1, 9),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), (frames, cuts) => {
        const limit = 150;
        const at = frames.findIndex(({ length, opcode }) => opcode < 8 && length > limit);
        const before = frames.slice(0, at).filter(({ fin, opcode }) => fin && opcode < 8).length;
        expect(oversizedOf(limit, bytesOf(frames), cuts)).toBe(at < 0 ? undefined : before);
      }),
    );
  });
});
