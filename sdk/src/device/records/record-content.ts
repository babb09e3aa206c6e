/** The content of a record (docs/format-devices.md, section 14). */
import type { RecordPlaintext } from '../../../../core/devices/record-plaintext.ts';
import { isDeviceId } from '../../../../core/devices/vault-scope.ts';
import { type Bytes, utf8Bytes } from '../../../../core/encoding/bytes.ts';
import { decodeTextField } from '../../../../core/encoding/field-reader.ts';
import { deviceError } from '../device-errors.ts';
import type { RecordData, RecordType } from '../device-types.ts';
import { equalJson, isJsonArray, isJsonObject, type JsonObject, maxDepth, memberOf, toJson } from './json-values.ts';

/** When something was written: a Lamport time, and the device. */
export type Time = readonly [lamport: number, device: string];

export interface RecordBody {
  readonly data: RecordData;
  /** `todo` only: the times of its members, also of removed ones. */
  readonly times: ReadonlyMap<string, Time> | undefined;
  readonly isImported: boolean;
  /** Members of the body that this software does not know. */
  readonly rest: JsonObject;
}

/** The content of a version: `deleted`, or a body. */
export type Content = RecordBody | 'deleted';

export const mediaType = 'application/vnd.anima.record+json';
const maxBodyBytes = 256_000;
const earliest: Time = [0, ''];
const knownMembers: readonly string[] = ['data', 'times', 'imported'];

/** Whether `a` is after `b`. */
export const isLater = (a: Time, b: Time): boolean => a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);

export const timeOf = (body: RecordBody, member: string): Time => body.times?.get(member) ?? earliest;

/** Whether two contents are equal. Times do not count. */
export function equalContent(a: Content | undefined, b: Content | undefined): boolean {
  if (a === undefined || b === undefined || a === 'deleted' || b === 'deleted') return a === b;
  return equalJson(a.data, b.data) && a.isImported === b.isImported && equalJson(a.rest, b.rest);
}

/** As {@link equalContent}, with the times of a todo: they decide later merges. */
export function equalWithTimes(a: Content | undefined, b: Content | undefined): boolean {
  if (!equalContent(a, b)) return false;
  if (a === undefined || b === undefined || a === 'deleted' || b === 'deleted') return true;
  const names = [...(a.times?.keys() ?? []), ...(b.times?.keys() ?? [])];
  return names.every(
    (name) => !isLater(timeOf(a, name), timeOf(b, name)) && !isLater(timeOf(b, name), timeOf(a, name)),
  );
}

/**
 * Validates data that is to be stored, and copies it.
 * @throws DeviceVaultError invalid_record
 */
export function checkData(type: RecordType, data: unknown): RecordData {
  const json = toJson(data, maxDepth - 1);
  if (json === undefined)
    throw deviceError('invalid_record', { detail: `data is no JSON of at most ${maxDepth - 1} levels` });
  if (type === 'todo' && !isJsonObject(json)) throw deviceError('invalid_record', { detail: 'a todo is an object' });
  return json;
}

/** New content of a record: what changed against the content before gets the new time. */
export function writeBody(
  type: RecordType,
  data: RecordData,
  before: Content | undefined,
  time: Time,
  isImported: boolean,
): RecordBody {
  const old = before === 'deleted' ? undefined : before;
  const rest = old?.rest ?? {};
  if (type !== 'todo') return { data, times: undefined, isImported, rest };
  const members = new Set([...Object.keys(isJsonObject(data) ? data : {}), ...(old?.times?.keys() ?? [])]);
  if (isJsonObject(old?.data)) for (const name of Object.keys(old.data)) members.add(name);
  const times = new Map<string, Time>();
  for (const name of members) {
    const isSame = old !== undefined && equalJson(memberOf(data, name), memberOf(old.data, name));
    times.set(name, isSame ? timeOf(old, name) : time);
  }
  return { data, times, isImported, rest };
}

/** The body as JSON. Also the form in which changes are queued on this device. */
export const bodyToJson = ({ data, times, isImported, rest }: RecordBody): JsonObject => ({
  ...rest,
  data,
  ...(times && { times: Object.fromEntries(times) }),
  ...(isImported && { imported: true }),
});

/** The inverse of {@link bodyToJson}; undefined for another form. @param lamport bound of the times */
export function bodyFromJson(type: RecordType, json: unknown, lamport: number): RecordBody | undefined {
  const body = toJson(json, maxDepth);
  const data = memberOf(body, 'data');
  if (!isJsonObject(body) || data === undefined || (type === 'todo' && !isJsonObject(data))) return undefined;
  const rest = Object.fromEntries(Object.entries(body).filter(([name]) => !knownMembers.includes(name)));
  const times = type === 'todo' ? readTimes(memberOf(body, 'times'), lamport) : undefined;
  return { data, times, isImported: memberOf(body, 'imported') === true, rest };
}

function readTimes(times: RecordData | undefined, lamport: number): ReadonlyMap<string, Time> {
  const found = new Map<string, Time>();
  for (const [name, time] of Object.entries(isJsonObject(times) ? times : {})) {
    const [number, device] = isJsonArray(time) && time.length === 2 ? time : [];
    const isTime = typeof number === 'number' && Number.isSafeInteger(number) && number >= 0;
    // A time in the future would win for ever.
    if (isTime && typeof device === 'string' && isDeviceId(device))
      found.set(name, [Math.min(number, lamport), device]);
  }
  return found;
}

/** @throws DeviceVaultError record_too_large */
export function encodeBody(body: RecordBody): Bytes {
  const bytes = utf8Bytes(JSON.stringify(bodyToJson(body)));
  if (bytes.length <= maxBodyBytes) return bytes;
  bytes.fill(0);
  throw deviceError('record_too_large', { detail: `at most ${maxBodyBytes} bytes of JSON` });
}

/** The content of a version; undefined if this software cannot read it. */
export function readContent(type: RecordType, { live, mediaType: given, body, lamport }: RecordPlaintext) {
  if (!live) return 'deleted' as const;
  const text = given === mediaType && body.length <= maxBodyBytes ? decodeTextField(body) : undefined;
  body.fill(0);
  try {
    return text === undefined ? undefined : bodyFromJson(type, JSON.parse(text), lamport);
  } catch {
    return undefined;
  }
}
