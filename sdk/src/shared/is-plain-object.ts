/** Whether `value` is an object whose fields may be looked at. Arrays are none. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
