/** What recovery needs from the outside. */
import type { DeviceKeys } from '../../../../core/devices/device-keys.ts';
import type { VaultScope } from '../../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { VaultEngine } from '../vault-engine-types.ts';

export interface RecoveryDevice {
  readonly scope: VaultScope;
  /** The recovery box, with the user's credential. @throws AnimaError recovery_not_found */
  box(settings: CallSettings): Promise<Bytes>;
  /** An engine in memory that reads and signs as the recovery member. */
  engineOf(recovery: DeviceKeys): Promise<VaultEngine>;
  /**
   * Stores the keys of this device together with what the recovery member verified, and keeps them from now on. The entry
   * `recover` is sent after it, so a device that loses power in between still has the keys of the only member.
   */
  prepare(verified: VaultEngine): Promise<DeviceKeys>;
  /** The engine of this device on what `prepare` stored. */
  open(): Promise<VaultEngine>;
}
