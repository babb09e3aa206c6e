/** Verifies an answer of the log, and goes on at a checkpoint if the entries before it were pruned. */
import type { ReadDeviceLogResponse } from '../../../../contract/devices/wire.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import type { DeviceRequests } from '../device-requests.ts';
import type { SyncProgress } from '../device-types.ts';
import type { VerifiedCopy } from '../verified-copy.ts';
import { verifyPage } from '../verified-page.ts';
import { type Resumed, resume } from './resume.ts';

/** How often a log can be pruned to a later checkpoint while this device reads. */
const maxAttempts = 8;

/**
 * Stores the state of a bundle, once all of it was verified.
 * @returns entries that follow the state of the copy, to be committed, and the answer with the last of them
 * @throws DeviceVaultError bad_envelope, update_required; AnimaError of the requests
 */
export async function verifyOrResume(
  copy: VerifiedCopy,
  requests: DeviceRequests,
  first: ReadDeviceLogResponse,
  settings: CallSettings,
  onProgress?: (progress: SyncProgress) => void,
): Promise<Pick<Resumed, 'page' | 'applied'>> {
  let page = first;
  for (let attempt = 1; page.pruned !== undefined; attempt++) {
    const { seq } = copy.state.head;
    const announced = page.head;
    const onRecords = (records: number) => onProgress?.({ verified: seq, announced, records });
    try {
      const resumed = await resume(copy.state, page.pruned, requests, settings, onRecords);
      await copy.resume(resumed.bundle);
      return resumed;
    } catch (error) {
      const isReplaced = error instanceof AnimaError && error.code === 'bundle_replaced';
      if (!isReplaced || attempt === maxAttempts) throw error;
      page = await requests.readLog(seq, settings);
    }
  }
  return { page, applied: await verifyPage(copy.state, page) };
}
