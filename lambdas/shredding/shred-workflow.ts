/** The shredding workflow: waiting period, shredding, and cleanup until no users, blobs or backups are left. */
import { functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import type { OrgBlobPurger } from '../blobs/org-blob-purger.ts';
import type { Clock } from '../shared/ports.ts';
import type { WorkflowSteps } from '../shared/workflow-ports.ts';
import type { OrgUserPurger } from '../users/org-user-purger.ts';
import type { ShredReceiptService } from './shred-receipt-service.ts';
import type { ShredService } from './shred-service.ts';

export interface ShredWorkflowServices {
  readonly shredService: ShredService;
  readonly blobPurger: Pick<OrgBlobPurger, 'purge'>;
  readonly userPurger: Pick<OrgUserPurger, 'purge'>;
  readonly receiptService: ShredReceiptService;
  readonly clock: Clock;
}

const daySeconds = 86_400;
/**
 * Number of days on which the workflow searches for backups. The sum of these days, the longest waiting period and
 * the retries is less than the maximum duration of a workflow.
 */
const maxWatchDays = 300;

/**
 * Number of lists that one step deletes, with 1000 objects each. At most `maxConsecutiveSteps` such steps follow each
 * other. The daily steps delete the remaining objects.
 */
const blobListsPerStep = 5;
/** Number of lists of users that one step deletes. A DynamoDB partition accepts about 1000 writes per second. */
const userListsPerStep = 2;
const maxConsecutiveSteps = 500;
/**
 * Delay after which no request or message from before the shredding is still running, and no upload is in progress.
 * Such a request can issue an upload URL just after the shredding. The delay covers that URL and the last data sent to
 * it, even at 100 kbit/s.
 */
const lastUploadDelaySeconds = functionTimeoutSeconds + limits.blobPresignedUrlSeconds + 1800;

/**
 * Runs a shredding workflow. Input: `ShredWorkflowInput`. Every step can be run twice.
 * @throws Error for any other input; the error of a step that failed permanently
 */
export async function runShredWorkflow(
  { shredService, blobPurger, userPurger, receiptService, clock }: ShredWorkflowServices,
  input: unknown,
  steps: WorkflowSteps,
): Promise<object> {
  const { org, requestedAt, waitUntil } = parseWorkflowInput(input);
  // An execution that replaces a failed one waits only for the rest of the period.
  const waitSeconds = await steps.step('remaining time', async () =>
    Math.max(1, Math.ceil((waitUntil - clock().getTime()) / 1000)),
  );
  await steps.wait('waiting period', waitSeconds);
  const shredded = await steps.step('shred', () => shredService.shredIfLocked(org, requestedAt));
  if (!shredded) return { result: 'cancelled' };
  const purgeBlobs = (name: string, isLast: boolean) =>
    steps.step(name, () => blobPurger.purge(org, isLast, blobListsPerStep));
  const purgeUsers = (name: string) => steps.step(name, () => userPurger.purge(org, userListsPerStep));
  const purgeAll = async (name: string, isLast: boolean) => {
    const noUsers = await repeatUntilDone((n) => purgeUsers(`users of ${name} ${n}`));
    const noBlobs = await repeatUntilDone((n) => purgeBlobs(`${name} ${n}`, isLast));
    return noUsers && noBlobs;
  };
  const issue = (name: string) => steps.step(name, async () => (await receiptService.issue(org, true)).final);
  await purgeAll('blobs', false);
  await issue('first receipt');
  await steps.wait('last upload', lastUploadDelaySeconds);
  let isPurged = await purgeAll('last blobs', true);
  for (let watched = 0; watched < maxWatchDays; watched++) {
    const final = await issue(`receipt ${watched}`);
    if (final && isPurged) return { result: 'final' };
    await steps.wait(`copies exist ${watched}`, daySeconds);
    isPurged ||= (await purgeUsers(`users of day ${watched}`)) && (await purgeBlobs(`blobs of day ${watched}`, true));
  }
  return { result: isPurged ? 'copies exist' : 'users or blobs exist' };
}

/** Repeats a step until it reports that nothing is left, at most `maxConsecutiveSteps` times. */
async function repeatUntilDone(step: (n: number) => Promise<boolean>): Promise<boolean> {
  for (let n = 0; n < maxConsecutiveSteps; n++) if (await step(n)) return true;
  return false;
}

function parseWorkflowInput(input: unknown): { org: string; requestedAt: string; waitUntil: number } {
  const fields: Record<string, unknown> = typeof input === 'object' && input !== null ? { ...input } : {};
  const { org, requestedAt } = fields;
  if (typeof org !== 'string' || !isOpaqueId(org) || typeof requestedAt !== 'string')
    throw new Error('the input names no shredding');
  const waitUntil = typeof fields.waitUntil === 'string' ? Date.parse(fields.waitUntil) : Number.NaN;
  if (Number.isNaN(waitUntil)) throw new Error('the input has no waiting period');
  return { org, requestedAt, waitUntil };
}
