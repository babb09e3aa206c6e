/** What follows the request to shred an org: the waiting, the shredding, and the looking for copies until there is none. */
import { isId } from '../../core/ids.ts';
import type { ShredReceipts } from './shred-receipts.ts';
import type { Shredding } from './shredding.ts';
import type { Steps } from './steps.ts';

export interface ShredWork {
  readonly shredding: Shredding;
  readonly receipts: ShredReceipts;
}

const daySeconds = 86_400;
/** Days for which copies are looked for: with the longest waiting period before, and retries, less than the workflow's own limit. */
const watchedDays = 300;

/**
 * Runs one: `{org, requestedAt, waitSeconds}`. Each step bears to be run twice.
 * @throws Error for any other input; what a step throws for good
 */
export async function runShredWorkflow(
  { shredding, receipts }: ShredWork,
  input: unknown,
  steps: Steps,
): Promise<object> {
  const { org, requestedAt, waitSeconds } = checked(input);
  await steps.wait('waiting period', waitSeconds);
  const shredded = await steps.step('shred', () => shredding.execute(org, requestedAt));
  if (!shredded) return { result: 'cancelled' };
  for (let watched = 0; watched < watchedDays; watched++) {
    const final = await steps.step(`receipt ${watched}`, async () => (await receipts.issue(org, true)).final);
    if (final) return { result: 'final' };
    await steps.wait(`copies exist ${watched}`, daySeconds);
  }
  return { result: 'copies exist' };
}

function checked(input: unknown): { org: string; requestedAt: string; waitSeconds: number } {
  const fields: Record<string, unknown> = typeof input === 'object' && input !== null ? { ...input } : {};
  const { org, requestedAt, waitSeconds } = fields;
  if (typeof org !== 'string' || !isId(org) || typeof requestedAt !== 'string')
    throw new Error('the input names no shredding');
  if (typeof waitSeconds !== 'number' || !Number.isSafeInteger(waitSeconds) || waitSeconds < 1) {
    throw new Error('the input has no waiting period');
  }
  return { org, requestedAt, waitSeconds };
}
