/** What a pairing needs from the outside. */
import type { DeviceKeys } from '../../../../core/devices/device-keys.ts';
import type { VaultScope } from '../../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { VaultEngine } from '../vault-engine-types.ts';

/** A pairing as the service answers it. Nothing in it is verified. */
export interface PairingPlace {
  readonly pairing: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  /** The messages of each side, in their order. */
  readonly new: readonly Bytes[];
  readonly approver: readonly Bytes[];
}

/** Number of a message of the new device. */
export type PairingStep = 1 | 2;

/** Requests of a new device, with the user's credential. @throws AnimaError of the request */
export interface NewDeviceRequests {
  put(pairing: string, step: PairingStep, message: Bytes, settings: CallSettings): Promise<PairingPlace>;
  /** @throws AnimaError pairing_not_found */
  get(pairing: string, settings: CallSettings): Promise<PairingPlace>;
}

/** Requests of the approving device, with its own signature. @throws AnimaError of the request */
export interface ApproverRequests {
  list(settings: CallSettings): Promise<readonly PairingPlace[]>;
  /** By code. By QR code, the message goes with the entry `add`. */
  put(pairing: string, message: Bytes, settings: CallSettings): Promise<PairingPlace>;
  delete(pairing: string, settings: CallSettings): Promise<void>;
}

/** A device that is not a member yet. Nothing of it is stored before `keep`. */
export interface CandidateDevice {
  readonly scope: VaultScope;
  readonly keys: DeviceKeys;
  /** Reads the log with the signature of the new keys. Its state is in memory only. */
  readonly engine: VaultEngine;
}

/** The time, replaced by tests. */
export interface PairingClock {
  now(): number;
  /** @throws AnimaError aborted */
  wait(ms: number, settings: CallSettings): Promise<void>;
}

/** A clock, and the time at which a pairing ends by it. */
export interface PairingTime {
  readonly clock: PairingClock;
  readonly deadline: number;
}
