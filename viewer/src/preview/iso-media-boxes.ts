/** The boxes of ISO media files (ISO/IEC 14496-12, section 4.2). */

export type BytesView = DataView<ArrayBuffer>;

/** A box with the range of its body. */
export interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** Maximum boxes of one parent before a file counts as malformed. */
const maxBoxes = 1000;

export const readFourCC = (view: BytesView, at: number): string =>
  String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));

/**
 * Parses the header of a box at `at` in the view.
 * @param place position of the view in the file
 * @returns undefined for a length that no box has, and for the last box of a file if it is without a length
 */
export function parseBoxHeader(view: BytesView, place: number, at = 0): Box | undefined {
  const short = view.getUint32(at);
  const isLong = short === 1;
  const length = isLong ? Number(view.getBigUint64(at + 8)) : short;
  const header = isLong ? 16 : 8;
  if (length < header || !Number.isSafeInteger(length)) return undefined;
  return { type: readFourCC(view, at + 4), start: place + at + header, end: place + at + length };
}

/** The boxes between two positions. @throws RangeError if one of them exceeds the end */
export function* boxesIn(view: BytesView, start: number, end: number): Generator<Box> {
  for (let at = start, step = 0; at + 8 <= end && step < maxBoxes; step++) {
    const box = parseBoxHeader(view, 0, at);
    if (box === undefined || box.end > end) throw new RangeError('a box exceeds its parent box');
    yield box;
    at = box.end;
  }
}

/** The boxes at a path of types below a position. @throws RangeError as boxesIn */
export function* boxesAt(view: BytesView, start: number, ...path: string[]): Generator<Box> {
  yield* descend(view, { type: '', start, end: view.byteLength }, path);
}

function* descend(view: BytesView, parent: Box, [type, ...rest]: readonly string[]): Generator<Box> {
  if (type === undefined) return yield parent;
  for (const box of boxesIn(view, parent.start, parent.end)) if (box.type === type) yield* descend(view, box, rest);
}
