/** The samples of MP4 tracks: of the tables in `moov`, and of fragments (ISO/IEC 14496-12, sections 8.6 to 8.8). */
import { type Box, type BytesView, boxesAt, boxesIn } from './iso-media-boxes.ts';

export interface Sample {
  /** Position in the file. */
  readonly at: number;
  readonly size: number;
  /** In units of the track. */
  readonly duration: number;
  /** Difference between the times of display and of decoding. */
  readonly offset: number;
  readonly isSync: boolean;
}

/** Values of samples that a fragment does not state. */
export interface TrackDefaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

interface TrackSamples {
  readonly id: number;
  readonly defaults: TrackDefaults;
  readonly samples: Sample[];
}

/** Set in the flags of samples that cannot be decoded on their own. */
const isNotSync = 0x10000;

/** The samples in the tables of a track. There are none in most fragmented files. */
export function readInitialSamples(moov: BytesView, stbl: Box): Sample[] {
  const found = new Map([...boxesIn(moov, stbl.start, stbl.end)].map((box) => [box.type, box.start]));
  const at = (type: string) => found.get(type);
  const u32 = (position: number) => moov.getUint32(position);
  const sizes = at('stsz');
  if (sizes === undefined || u32(sizes + 8) === 0) return [];
  const count = u32(sizes + 8);
  /** One value per sample, from a table of runs. */
  const expand = (type: string): number[] => {
    const table = at(type);
    const values: number[] = [];
    if (table === undefined) return values;
    for (let run = 0; run < u32(table + 4); run++) {
      const length = Math.min(u32(table + 8 + 8 * run), count);
      for (let one = 0; one < length; one++) values.push(moov.getInt32(table + 12 + 8 * run));
    }
    return values;
  };
  const [durations, offsets] = [expand('stts'), expand('ctts')];
  const stss = at('stss');
  const sync =
    stss === undefined ? undefined : new Set(Array.from({ length: u32(stss + 4) }, (_, n) => u32(stss + 8 + 4 * n)));
  const fixed = u32(sizes + 4);
  const samples: Sample[] = [];
  for (const [position, length] of chunks(moov, at('stsc'), at('stco'), at('co64'))) {
    let next = position;
    for (let one = 0; one < length && samples.length < count; one++) {
      const n = samples.length;
      const size = fixed === 0 ? u32(sizes + 12 + 4 * n) : fixed;
      samples.push({
        at: next,
        size,
        duration: durations[n] ?? 0,
        offset: offsets[n] ?? 0,
        isSync: sync?.has(n + 1) ?? true,
      });
      next += size;
    }
  }
  return samples;
}

/** Position and number of samples of each chunk. */
function* chunks(
  moov: BytesView,
  stsc = 0,
  stco?: number,
  co64?: number,
): Generator<[position: number, length: number]> {
  const table = stco ?? co64;
  if (stsc === 0 || table === undefined) return;
  const runs = moov.getUint32(stsc + 4);
  for (let run = 0, chunk = 0; chunk < moov.getUint32(table + 4); chunk++) {
    if (run + 1 < runs && moov.getUint32(stsc + 8 + 12 * (run + 1)) === chunk + 1) run++;
    const position =
      stco === undefined ? Number(moov.getBigUint64(table + 8 + 8 * chunk)) : moov.getUint32(table + 8 + 4 * chunk);
    yield [position, moov.getUint32(stsc + 12 + 12 * run)];
  }
}

/** Adds the samples of a fragment to their tracks. @param place position of its box in the file */
export function readFragment(moof: BytesView, place: number, tracks: readonly TrackSamples[]): void {
  /** Where the data of the next track begins, if it states no position. */
  let next = place;
  for (const traf of boxesAt(moof, 0, 'traf')) {
    const inside = [...boxesIn(moof, traf.start, traf.end)];
    const tfhd = inside.find(({ type }) => type === 'tfhd');
    const track = tracks.find(({ id }) => tfhd !== undefined && id === moof.getUint32(tfhd.start + 4));
    if (tfhd === undefined || track === undefined) throw new RangeError('a fragment belongs to no track');
    const { base, ...defaults } = readHeader(moof, tfhd, track.defaults, place);
    const start = base ?? next;
    next = start;
    for (const trun of inside.filter(({ type }) => type === 'trun'))
      next = readRun(moof, trun, defaults, { start, next }, track.samples);
  }
}

/** Reads optional fields one after the other. */
function fieldReader(view: BytesView, { start }: Box, first: number) {
  const flags = view.getUint32(start) & 0xffffff;
  let at = start + first;
  const take = (flag: number): number | undefined => {
    if ((flags & flag) === 0) return undefined;
    at += 4;
    return view.getUint32(at - 4);
  };
  return { flags, take, version: view.getUint8(start) };
}

function readHeader(
  moof: BytesView,
  tfhd: Box,
  defaults: TrackDefaults,
  place: number,
): TrackDefaults & { readonly base: number | undefined } {
  const { flags, take } = fieldReader(moof, tfhd, 8);
  const [high, low] = [take(1), take(1)];
  take(2);
  const [duration, size, sampleFlags] = [take(8), take(16), take(32)];
  const isFromFragment = (flags & 0x20000) !== 0;
  return {
    base: high === undefined ? (isFromFragment ? place : undefined) : high * 2 ** 32 + (low ?? 0),
    duration: duration ?? defaults.duration,
    size: size ?? defaults.size,
    flags: sampleFlags ?? defaults.flags,
  };
}

/** Adds the samples of a run. @returns the position behind its data */
function readRun(
  moof: BytesView,
  trun: Box,
  defaults: TrackDefaults,
  { start, next }: { readonly start: number; readonly next: number },
  samples: Sample[],
): number {
  const { take, version } = fieldReader(moof, trun, 8);
  const count = moof.getUint32(trun.start + 4);
  const [distance, firstFlags] = [take(1), take(4)];
  let at = distance === undefined ? next : start + (distance | 0);
  for (let one = 0; one < count; one++) {
    const [duration, size, own, shift = 0] = [take(0x100), take(0x200), take(0x400), take(0x800)];
    const flags = own ?? (one === 0 ? firstFlags : undefined) ?? defaults.flags;
    const sample = { at, size: size ?? defaults.size, duration: duration ?? defaults.duration };
    // Signed since version 1; writers of version 0 store negative numbers too.
    samples.push({ ...sample, offset: version === 0 ? shift : shift | 0, isSync: (flags & isNotSync) === 0 });
    at += sample.size;
  }
  return at;
}
