import { usageError } from './command-error.ts';

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * Seconds of a duration such as `90s`, `15m`, `12h`, `7d`, `2w`.
 * @param option the option it was given for, for the error
 * @throws CommandError usage
 */
export function parseDuration(option: string, text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  const factor = seconds[unit];
  if (factor === undefined || Number(count) === 0) {
    throw usageError(`${option} takes a duration above 0 such as 90s, 15m, 12h, 7d or 2w. Nothing was done`);
  }
  return Number(count) * factor;
}

/** A whole number. @throws CommandError usage */
export function parseWhole(option: string, text: string, least = 0): number {
  const number = Number(text);
  if (/^\d{1,15}$/.test(text) && number >= least) return number;
  throw usageError(`${option} takes a whole number, ${least} or more. Nothing was done`);
}

/** How long something took or is, for people: `40 s`, `5 min`, `3 h`, `2 days`. */
export function durationText(ms: number): string {
  const value = Math.max(0, Math.round(ms / 1000));
  if (value < 120) return `${value} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  if (value < 172_800) return `${Math.round(value / 3600)} h`;
  return `${Math.round(value / 86_400)} days`;
}
