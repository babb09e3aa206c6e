/** Rules about paths, hours and numbers (docs/broker.md, section 3). */
import { usageRuleKeys } from '../../contract/broker/usage-rules.ts';
import { InvalidUsageRuleError } from './invalid-usage-rule.ts';

/** One entry of `allowed_paths`. */
export interface PathRule {
  /** Segments without slashes; `*` stands for one segment. */
  readonly segments: readonly string[];
  /** Whether any rest may follow. */
  readonly matchesRest: boolean;
}

/** When a value may be used, UTC. */
export interface HoursRule {
  /** 0 is Sunday. */
  readonly days: readonly number[];
  /** Minutes of the day; the end is exclusive. If it is not after the begin, it is on the next day. */
  readonly from: number;
  readonly to: number;
}

const pathPattern = /^(?:\/(?:\*|[A-Za-z0-9._~!$&'()+=:@%-]+))*(?:\/\*\*|\/)?$/;

/** @throws InvalidUsageRuleError */
export function parsePaths(text: string | undefined, key: string = usageRuleKeys.paths): PathRule[] | undefined {
  return text?.split(',').map((word, i) => {
    const path = word.trim();
    if (path === '' || !pathPattern.test(path) || isAmbiguousPath(path)) {
      throw new InvalidUsageRuleError(
        `entry ${i + 1} of ${key} is not a path such as /v1/charges, /v1/*/refunds or /v1/**`,
      );
    }
    const matchesRest = path.endsWith('/**');
    return { segments: (matchesRest ? path.slice(0, -3) : path).split('/').slice(1), matchesRest };
  });
}

/** Whether servers could read a path differently: empty and dot segments, encoded separators, parameters. */
const isAmbiguousPath = (path: string): boolean =>
  /\/\/|%2e|%2f|%5c|\\|;/i.test(path) || path.split('/').some((segment) => segment === '.' || segment === '..');

/** Whether a rule allows the path of a parsed URL. */
export function allowsPath(rules: readonly PathRule[], pathname: string): boolean {
  if (isAmbiguousPath(pathname)) return false;
  const segments = pathname.split('/').slice(1);
  return rules.some(
    (rule) =>
      (rule.matchesRest ? segments.length > rule.segments.length : segments.length === rule.segments.length) &&
      rule.segments.every((segment, i) => (segment === '*' ? segments[i] !== '' : segment === segments[i])),
  );
}

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const hoursPattern =
  /^(?:(sun|mon|tue|wed|thu|fri|sat)(?:-(sun|mon|tue|wed|thu|fri|sat))? )?([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$/;

/** @throws InvalidUsageRuleError */
export function parseHours(text: string | undefined): HoursRule | undefined {
  if (text === undefined) return undefined;
  const match = hoursPattern.exec(text.trim().toLowerCase());
  const [, first, last = first, fromHour, fromMinute, toHour, toMinute] = match ?? [];
  const from = 60 * Number(fromHour) + Number(fromMinute);
  const to = 60 * Number(toHour) + Number(toMinute);
  if (match === null || to > 1440 || from === to) {
    throw new InvalidUsageRuleError(`${usageRuleKeys.hours} is not 08:00-18:00 or mon-fri 08:00-18:00 (UTC)`);
  }
  const begin = first === undefined ? 0 : dayNames.indexOf(first);
  const count = first === undefined ? 7 : ((dayNames.indexOf(last ?? first) - begin + 7) % 7) + 1;
  return { days: Array.from({ length: count }, (_, i) => (begin + i) % 7), from, to };
}

/** Whether a time is within the hours. After midnight, the day on which the hours began counts. */
export function isWithinHours({ days, from, to }: HoursRule, now: Date): boolean {
  const minute = 60 * now.getUTCHours() + now.getUTCMinutes();
  const today = now.getUTCDay();
  if (from < to) return days.includes(today) && minute >= from && minute < to;
  return (days.includes(today) && minute >= from) || (days.includes((today + 6) % 7) && minute < to);
}

/** @throws InvalidUsageRuleError */
export function parseLimit(text: string | undefined, key: string, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = /^[1-9]\d{0,8}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (number <= most) return number;
  throw new InvalidUsageRuleError(`${key} is not a whole number from 1 to ${most}`);
}
