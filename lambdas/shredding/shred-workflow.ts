/** What follows the request to shred an org: the waiting, the shredding, and the work until no user, no blob and no copy is left. */
import { functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import type { BlobErasing } from '../blobs/org-blob-purger.ts';
import type { Steps } from '../shared/workflow-ports.ts';
import type { UserErasing } from '../users/org-user-purger.ts';
import type { ShredReceipts } from './shred-receipt-service.ts';
import type { Shredding } from './shred-service.ts';

export interface ShredWork {
  readonly shredding: Shredding;
  readonly erasing: Pick<BlobErasing, 'erase'>;
  readonly users: Pick<UserErasing, 'erase'>;
  readonly receipts: ShredReceipts;
}

const daySeconds = 86_400;
/** Days for which copies are looked for: with the longest waiting period before, and retries, less than the workflow's own limit. */
const watchedDays = 300;

/** Lists of blobs that one step deletes, of 1000 objects each, and such steps in a row. What is left after them is left to the days. */
const listsInStep = 5;
/** Lists of users that one step deletes: a partition of DynamoDB takes about 1000 writes a second. */
const userListsInStep = 2;
const stepsInRow = 500;
/**
 * When no request or message that began before the shredding is running any more, by far, and nothing is uploaded any more: an address that was given just after the shredding, by a request that began before it, has ended,
 * and what was sent there last has arrived, even at 100 kbit/s.
 */
const lastUploadSeconds = functionTimeoutSeconds + limits.blobPresignedUrlSeconds + 1800;

/**
 * Runs one: `{org, requestedAt, waitSeconds}`. Each step bears to be run twice.
 * @throws Error for any other input; what a step throws for good
 */
export async function runShredWorkflow(
  { shredding, erasing, users, receipts }: ShredWork,
  input: unknown,
  steps: Steps,
): Promise<object> {
  const { org, requestedAt, waitSeconds } = checked(input);
  await steps.wait('waiting period', waitSeconds);
  const shredded = await steps.step('shred', () => shredding.execute(org, requestedAt));
  if (!shredded) return { result: 'cancelled' };
  const erase = (name: string, isLast: boolean) => steps.step(name, () => erasing.erase(org, isLast, listsInStep));
  const eraseUsers = (name: string) => steps.step(name, () => users.erase(org, userListsInStep));
  const eraseAll = async (name: string, isLast: boolean) => {
    const noUsers = await inRow((n) => eraseUsers(`users of ${name} ${n}`));
    const noBlobs = await inRow((n) => erase(`${name} ${n}`, isLast));
    return noUsers && noBlobs;
  };
  const issue = (name: string) => steps.step(name, async () => (await receipts.issue(org, true)).final);
  await eraseAll('blobs', false);
  await issue('first receipt');
  await steps.wait('last upload', lastUploadSeconds);
  let erased = await eraseAll('last blobs', true);
  for (let watched = 0; watched < watchedDays; watched++) {
    const final = await issue(`receipt ${watched}`);
    if (final && erased) return { result: 'final' };
    await steps.wait(`copies exist ${watched}`, daySeconds);
    erased ||= (await eraseUsers(`users of day ${watched}`)) && (await erase(`blobs of day ${watched}`, true));
  }
  return { result: erased ? 'copies exist' : 'users or blobs exist' };
}

/** Repeats a step until there is nothing more to do for it, or it was often enough. */
async function inRow(step: (n: number) => Promise<boolean>): Promise<boolean> {
  for (let n = 0; n < stepsInRow; n++) if (await step(n)) return true;
  return false;
}

function checked(input: unknown): { org: string; requestedAt: string; waitSeconds: number } {
  const fields: Record<string, unknown> = typeof input === 'object' && input !== null ? { ...input } : {};
  const { org, requestedAt, waitSeconds } = fields;
  if (typeof org !== 'string' || !isOpaqueId(org) || typeof requestedAt !== 'string')
    throw new Error('the input names no shredding');
  if (typeof waitSeconds !== 'number' || !Number.isSafeInteger(waitSeconds) || waitSeconds < 1) {
    throw new Error('the input has no waiting period');
  }
  return { org, requestedAt, waitSeconds };
}
