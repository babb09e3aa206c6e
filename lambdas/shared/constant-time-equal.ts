import { timingSafeEqual } from 'node:crypto';

/** Compares two texts in a time that does not depend on where they differ. Undefined compares as the empty string. */
export function constantTimeEqual(a: string | undefined, b: string): boolean {
  const [left, right] = [Buffer.from(a ?? ''), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
