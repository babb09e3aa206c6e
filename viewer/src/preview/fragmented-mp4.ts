/**
 * Adds an index to fragmented MP4 files (ISO/IEC 14496-12, section 8.8). Firefox stops behind the first fragment of some
 * of them, does not start others, and does not know their length. The samples stay where they are: the new file is
 * `ftyp`, `moov` with the positions of all samples, and the old file as the data.
 */
import { type Box, type BytesView, boxesAt, boxesIn, parseBoxHeader } from './iso-media-boxes.ts';
import { readFragment, readInitialSamples, type Sample, type TrackDefaults } from './mp4-samples.ts';

/** Larger boxes of metadata count as malformed, bytes. */
const maxMetadataBytes = 33_554_432;
/** Files with more boxes at the top, or more samples, are left as they are. */
const [maxTopBoxes, maxSamples] = [200_000, 2_000_000];

interface Track {
  readonly id: number;
  readonly trak: Box;
  readonly defaults: TrackDefaults;
  readonly samples: Sample[];
}

/** The file with an index; undefined if it is not fragmented, or malformed. */
export async function indexFragments(file: Blob): Promise<Blob | undefined> {
  try {
    return await addIndex(file);
  } catch {
    // A DataView throws a RangeError if a box ends too early.
    return undefined;
  }
}

async function addIndex(file: Blob): Promise<Blob | undefined> {
  const parts = await readParts(file);
  if (parts === undefined) return undefined;
  const { moov, ftyp } = parts;
  const tracks = parts.tracks.filter(({ samples }) => samples.length > 0);
  if (tracks.length === 0) return undefined;
  const prefix = ftyp.size + buildMoov(moov, tracks, 0).length + 16;
  const length = file.size + 16;
  const mdat = join(u32(1), text('mdat'), numbers([Math.floor(length / 2 ** 32), length % 2 ** 32]));
  return new Blob([ftyp, buildMoov(moov, tracks, prefix), mdat, file], { type: file.type });
}

interface Parts {
  readonly ftyp: Blob;
  readonly moov: BytesView;
  readonly tracks: readonly Track[];
}

/** Reads the boxes at the top. @returns undefined if the file is not fragmented, or has too many samples */
async function readParts(file: Blob): Promise<Parts | undefined> {
  let ftyp: Blob = new Blob();
  let found: Omit<Parts, 'ftyp'> | undefined;
  for await (const box of topBoxes(file)) {
    if (box.type === 'ftyp') ftyp = file.slice(box.place, box.end);
    if (box.type === 'moov') {
      const moov = await readBox(file, box);
      if (boxesAt(moov, 0, 'mvex').next().done === true) return undefined;
      found = { moov, tracks: readTracks(moov) };
    }
    if (box.type === 'moof' && found !== undefined) readFragment(await readBox(file, box), box.place, found.tracks);
    if (found?.tracks.some(({ samples }) => samples.length > maxSamples) === true) return undefined;
  }
  return found === undefined ? undefined : { ftyp, ...found };
}

async function* topBoxes(file: Blob): AsyncGenerator<Box & { readonly place: number }> {
  for (let at = 0, step = 0; at < file.size && step < maxTopBoxes; step++) {
    const head = new DataView(await file.slice(at, at + 16).arrayBuffer());
    // The last box can be cut, or have no length.
    const box = head.byteLength < 8 ? undefined : parseBoxHeader(head, at);
    if (box === undefined) return;
    yield { ...box, place: at };
    at = box.end;
  }
}

async function readBox(file: Blob, { start, end }: Box): Promise<BytesView> {
  if (end - start > maxMetadataBytes) throw new RangeError('a box of metadata is too long');
  return new DataView(await file.slice(start, end).arrayBuffer());
}

function readTracks(moov: BytesView): readonly Track[] {
  const defaults = new Map<number, TrackDefaults>();
  for (const { start } of boxesAt(moov, 0, 'mvex', 'trex')) {
    const [duration, size, flags] = [12, 16, 20].map((at) => moov.getUint32(start + at));
    defaults.set(moov.getUint32(start + 4), { duration: duration ?? 0, size: size ?? 0, flags: flags ?? 0 });
  }
  return [...boxesAt(moov, 0, 'trak')].map((trak) => {
    const tkhd = only(moov, trak, 'tkhd');
    const id = moov.getUint32(tkhd.start + (isLong(moov, tkhd) ? 20 : 12));
    const stbl = only(moov, only(moov, only(moov, trak, 'mdia'), 'minf'), 'stbl');
    return {
      id,
      trak,
      defaults: defaults.get(id) ?? { duration: 0, size: 0, flags: 0 },
      samples: readInitialSamples(moov, stbl),
    };
  });
}

function only(view: BytesView, { start, end }: Box, type: string): Box {
  for (const box of boxesIn(view, start, end)) if (box.type === type) return box;
  throw new RangeError('a box is missing');
}

const isLong = (view: BytesView, { start }: Box): boolean => view.getUint8(start) === 1;

/** @param prefix bytes before the old file in the new one */
function buildMoov(moov: BytesView, tracks: readonly Track[], prefix: number): Uint8Array<ArrayBuffer> {
  const mvhd = only(moov, { type: '', start: 0, end: moov.byteLength }, 'mvhd');
  const scale = moov.getUint32(mvhd.start + (isLong(moov, mvhd) ? 20 : 12));
  const lasting = tracks.map(({ trak, samples }) => {
    const mdhd = only(moov, only(moov, trak, 'mdia'), 'mdhd');
    const units = samples.reduce((sum, { duration }) => sum + duration, 0);
    const seconds = units / (moov.getUint32(mdhd.start + (isLong(moov, mdhd) ? 20 : 12)) || 1);
    return { units, movie: Math.round(seconds * scale) };
  });
  const longest = Math.max(...lasting.map(({ movie }) => movie));
  const copy = (box: Box) => boxOf(box.type, bytesOf(moov, box));
  const timed = (box: Box, duration: number, at: readonly [short: number, long: number]) => {
    const body = bytesOf(moov, box);
    const view = new DataView(body.buffer);
    if (isLong(moov, box)) view.setBigUint64(at[1], BigInt(duration));
    else view.setUint32(at[0], Math.min(duration, 0xffffffff));
    return boxOf(box.type, body);
  };
  const rebuilt = tracks.map(({ trak, samples }, number) => {
    const { units, movie } = lasting[number] ?? { units: 0, movie: 0 };
    const rebuild = (box: Box): Uint8Array<ArrayBuffer> => {
      switch (box.type) {
        case 'tkhd':
          return timed(box, movie, [20, 28]);
        case 'mdhd':
          return timed(box, units, [16, 24]);
        case 'elst':
          // A single edit of a fragmented file often has no length, which means all fragments.
          return moov.getUint32(box.start + 4) === 1 ? timed(box, movie, [8, 8]) : copy(box);
        case 'stbl':
          return boxOf('stbl', copy(only(moov, box, 'stsd')), ...sampleTables(samples, prefix));
        case 'trak':
        case 'mdia':
        case 'minf':
        case 'edts':
          return boxOf(box.type, ...[...boxesIn(moov, box.start, box.end)].map(rebuild));
        default:
          return copy(box);
      }
    };
    return rebuild(trak);
  });
  return boxOf('moov', timed(mvhd, longest, [16, 24]), ...rebuilt);
}

/** Tables with one chunk per sample. */
function sampleTables(samples: readonly Sample[], prefix: number): Uint8Array<ArrayBuffer>[] {
  const count = u32(samples.length);
  const table = (type: string, version: number, entries: readonly number[], width: number, ...head: Uint8Array[]) =>
    boxOf(type, u32(version * 2 ** 24), ...head, u32(entries.length / width), numbers(entries));
  const sync = samples.flatMap(({ isSync }, at) => (isSync ? [at + 1] : []));
  return [
    table('stts', 0, runs(samples.map(({ duration }) => duration)), 2),
    table('ctts', 1, runs(samples.map(({ offset }) => offset)), 2),
    ...(sync.length === samples.length ? [] : [table('stss', 0, sync, 1)]),
    table('stsc', 0, [1, 1, 1], 3),
    boxOf('stsz', u32(0), u32(0), count, numbers(samples.map(({ size }) => size))),
    boxOf(
      'co64',
      u32(0),
      count,
      numbers(samples.flatMap(({ at }) => [Math.floor((at + prefix) / 2 ** 32), (at + prefix) % 2 ** 32])),
    ),
  ];
}

/** Runs of equal values: length and value of each. */
function runs(values: readonly number[]): number[] {
  const found: number[] = [];
  for (const value of values) {
    const last = found.length - 1;
    if (last > 0 && found[last] === value) found[last - 1] = (found[last - 1] ?? 0) + 1;
    else found.push(1, value);
  }
  return found;
}

const bytesOf = (view: BytesView, { start, end }: Box): Uint8Array<ArrayBuffer> =>
  new Uint8Array(view.buffer.slice(start, end));
const text = (value: string): Uint8Array<ArrayBuffer> => Uint8Array.from(value, (character) => character.charCodeAt(0));
const u32 = (value: number): Uint8Array<ArrayBuffer> => numbers([value]);

/** Numbers of 32 bits; negative ones in two's complement. */
function numbers(values: readonly number[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (const [at, value] of values.entries()) view.setUint32(4 * at, value);
  return new Uint8Array(view.buffer);
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function boxOf(type: string, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = join(...parts);
  return join(u32(body.length + 8), text(type), body);
}
