/** Pages, orders and filters of Mastra's lists. */

import { notSentError } from '../shared/argument-validation.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';

export interface PageInput {
  readonly page?: number | undefined;
  readonly perPage?: number | false | undefined;
}

export interface Page {
  readonly page: number;
  /** As the caller reads it: false for all items. */
  readonly perPage: number | false;
  /** Number of items on the page. Infinite for all items. */
  readonly size: number;
  readonly offset: number;
}

/** @throws AnimaError invalid_argument */
export function readPage({ page = 0, perPage: wanted }: PageInput, defaultSize: number): Page {
  const perPage = wanted ?? defaultSize;
  const size = perPage === false ? Number.POSITIVE_INFINITY : perPage;
  const isNumber = (value: unknown) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  if (!isNumber(page) || !(perPage === false || isNumber(perPage)))
    throw notSentError('invalid_argument', 'page and perPage must be whole numbers, 0 or more; perPage can be false');
  const offset = page === 0 ? 0 : page * size;
  if (!Number.isSafeInteger(offset)) throw notSentError('invalid_argument', 'there is no page of this number');
  return { page, perPage, size, offset };
}

export interface OrderInput {
  readonly field?: string | undefined;
  readonly direction?: 'ASC' | 'DESC' | undefined;
}

/** Compares by times in the order that the caller wants. Equal times stay in their order. */
export function byTime<T>(orderBy: OrderInput | undefined, standard: 'ASC' | 'DESC', timeOf: (item: T) => number) {
  const direction = orderBy?.direction ?? standard;
  return (a: T, b: T): number => (direction === 'DESC' ? timeOf(b) - timeOf(a) : timeOf(a) - timeOf(b));
}

export interface DateRange {
  readonly start?: Date | string | undefined;
  readonly end?: Date | string | undefined;
  readonly startExclusive?: boolean | undefined;
  readonly endExclusive?: boolean | undefined;
}

/** @throws AnimaError invalid_argument */
export function readDateRange(range: DateRange | undefined): (time: number) => boolean {
  const { start, end, startExclusive, endExclusive } = range ?? {};
  const [from, to] = [timeOf(start, Number.NEGATIVE_INFINITY), timeOf(end, Number.POSITIVE_INFINITY)];
  return (time) => (startExclusive ? time > from : time >= from) && (endExclusive ? time < to : time <= to);
}

function timeOf(date: Date | string | undefined, missing: number): number {
  const time = date ? new Date(date).getTime() : missing;
  if (!Number.isNaN(time)) return time;
  throw notSentError('invalid_argument', 'the start and the end of dateRange must be times');
}

export type MetadataFilter = Readonly<Record<string, unknown>>;

const metadataKey = /^(?!__proto__$|prototype$|constructor$)[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/**
 * A filter by members of metadata. Undefined if it has no member.
 * @throws AnimaError invalid_argument
 */
export function readMetadataFilter(filter: unknown): MetadataFilter | undefined {
  if (filter === undefined) return undefined;
  if (!isPlainObject(filter) || !Object.keys(filter).every((key) => metadataKey.test(key)))
    throw notSentError(
      'invalid_argument',
      'filter.metadata must be an object; its keys are letters, digits and underscores, at most 128, no digit first',
    );
  return Object.keys(filter).length === 0 ? undefined : filter;
}

/** @throws AnimaError invalid_argument */
export function readScalarFilter(filter: unknown): MetadataFilter | undefined {
  const isScalar = (value: unknown) =>
    value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  const read = readMetadataFilter(filter);
  if (read === undefined || Object.values(read).every(isScalar)) return read;
  throw notSentError('invalid_argument', 'the values of filter.metadata must be texts, numbers, booleans or null');
}

/** Whether the metadata has all members of the filter, with equal values. */
export const hasMetadata = (metadata: unknown, filter: MetadataFilter): boolean =>
  isPlainObject(metadata) &&
  Object.entries(filter).every(([name, value]) =>
    isEqual(Object.hasOwn(metadata, name) ? metadata[name] : undefined, value),
  );

function isEqual(a: unknown, b: unknown): boolean {
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => isEqual(one, b[at]));
  if (!isPlainObject(a) || !isPlainObject(b)) return a === b;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isEqual(a[name], b[name]));
}
