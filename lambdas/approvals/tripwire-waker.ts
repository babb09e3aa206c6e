/** Wakes the devices of people who decide about credentials after tripwires were hit (docs/approvals.md, section 9). */
import { approvalLimits } from '../../contract/approvals/limits.ts';
import { findApprover } from '../../core/approvals/approval-keys.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import type { DirectoryReader } from '../directory/directory-reader.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { InvokeNotifier } from '../shared/notifier-event.ts';
import type { Clock } from '../shared/ports.ts';
import type { TripwireEvent } from '../shared/tripwire-event.ts';

/** At most so many devices of one org are woken, so that the function ends in time. */
const maxDevices = 1024;
/** Devices of one event, as many as get a question: the notifier must end in time. */
const devicesPerEvent = approvalLimits.devices;
const concurrentEvents = 8;

/** A request of the HTTP API has neither member: clients do not choose the names of members. */
export const isTripwireEvent = (event: object): event is TripwireEvent =>
  'kind' in event &&
  event.kind === 'tripwires' &&
  'org' in event &&
  typeof event.org === 'string' &&
  isOpaqueId(event.org);

export interface TripwireWakerDeps {
  readonly directory: Pick<DirectoryReader, 'read'>;
  readonly invokeNotifier: InvokeNotifier;
  readonly clock: Clock;
}

export class TripwireWaker {
  readonly #deps: TripwireWakerDeps;

  constructor(deps: TripwireWakerDeps) {
    this.#deps = deps;
  }

  /**
   * Wakes the devices that may read the activity now, of all persons. Does nothing if the org has no directory.
   * @throws DecryptionError; VaultError `unavailable`, `key_unavailable`; ServiceError if the notifier could not be told
   */
  async wake(org: string): Promise<void> {
    const { directory, invokeNotifier, clock } = this.#deps;
    const { view } = await directory.read(org);
    if (view === undefined) return;
    const now = clock().getTime();
    const ids = [...view.state.devices.values()].map(({ id }) => id);
    const approving = ids.filter((id) => findApprover(view.state, id, now) !== undefined).slice(0, maxDevices);
    const groups = Array.from({ length: Math.ceil(approving.length / devicesPerEvent) }, (_, at) =>
      approving.slice(at * devicesPerEvent, (at + 1) * devicesPerEvent),
    );
    await mapConcurrent(groups, concurrentEvents, (devices) => invokeNotifier({ kind: 'wake', org, devices }));
  }
}
