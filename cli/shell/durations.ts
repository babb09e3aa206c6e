import { usageError } from './command-error.ts';

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * Parses a duration such as `90s`, `15m`, `12h`, `7d`, `2w` to seconds.
 * @param option the option's name, for the error
 * @throws CommandError usage
 */
export function parseDuration(option: string, text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  const factor = seconds[unit];
  if (factor === undefined || Number(count) === 0) {
    throw usageError(`${option} requires a duration above 0 such as 90s, 15m, 12h, 7d or 2w. Nothing was done`);
  }
  return Number(count) * factor;
}

/** Parses an RFC 3339 time, or an age such as `7d`. @throws CommandError usage */
export function parseTimeOption(option: string, text: string): string | Date;
export function parseTimeOption(option: string, text: string | undefined): string | Date | undefined;
export function parseTimeOption(option: string, text: string | undefined): string | Date | undefined {
  if (text === undefined || text.includes('T')) return text;
  return new Date(Date.now() - parseDuration(option, text) * 1000);
}

/** Parses a whole number. @throws CommandError usage */
export function parseWhole(option: string, text: string, least = 0): number {
  const number = Number(text);
  if (/^\d{1,15}$/.test(text) && number >= least) return number;
  throw usageError(`${option} requires a whole number, ${least} or more. Nothing was done`);
}

/** Formats a duration for people: `40 s`, `5 min`, `3 h`, `2 days`. */
export function durationText(ms: number): string {
  const value = Math.max(0, Math.round(ms / 1000));
  if (value < 120) return `${value} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  if (value < 172_800) return `${Math.round(value / 3600)} h`;
  return `${Math.round(value / 86_400)} days`;
}
