/** Times and codes for people. */

/** Local time; with the date unless it is of today. */
export function shortTime(time: Date, now = new Date()): string {
  const clock = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  if (time.toDateString() === now.toDateString()) return clock;
  return `${time.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${clock}`;
}

/** `4 min 05 s` */
export function timeLeft(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** The beginning of an id of a device, for people who do not compare it. */
export const shortId = (id: string): string => id.slice(0, 8);
