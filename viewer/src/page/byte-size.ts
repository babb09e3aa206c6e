/** Formats sizes for people. */

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** Formats a byte count for people: `940 bytes`, `3.2 MB`. */
export function formatByteSize(bytes: number): string {
  if (bytes === 1) return '1 byte';
  let value = bytes;
  let unit = 0;
  // 999.95 would be rounded to 1000.0.
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
