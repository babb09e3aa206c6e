/** Tells devices that there is something to look at, without content (docs/session-service.md, sections 8 and 9). */
import type { InvokeNotifier } from '../shared/notifier-event.ts';
import type { WakeDevices } from './approval-ports.ts';

/** @param onFailure called with the error if the notifier could not be told: devices poll too */
export const wakeDevices =
  (invoke: InvokeNotifier, onFailure: (org: string, error: unknown) => void): WakeDevices =>
  async (org, devices) => {
    try {
      await invoke({ kind: 'wake', org, devices });
    } catch (error) {
      onFailure(org, error);
    }
  };
