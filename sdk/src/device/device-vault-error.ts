/** The error of device vaults, without its messages: sessions use the storages too, and have messages of their own. */
import type { StopReason, VoidReason } from '../../../core/devices/chain-state.ts';
import type { DeviceErrorCode } from './device-error-messages.ts';

/** Why an answer of the service was refused, besides the reasons of single entries. */
export type AnswerReason =
  | 'older_log'
  | 'missing_entries'
  | 'other_wraps'
  | 'older_checkpoint'
  | 'bad_bundle'
  | 'other_genesis'
  | 'bad_inclusion'
  | 'unacknowledged';

export type DeviceErrorReason = StopReason | VoidReason | AnswerReason;

export interface DeviceErrorFields {
  /** For `bad_envelope`, `update_required` and `change_refused`. */
  readonly reason?: DeviceErrorReason | undefined;
  /** For people: which entry, record or folder. Never content, never a key. */
  readonly detail?: string | undefined;
}

/** A failure of a device vault. Switch on `code`. No field contains a key, a code or content. */
export class DeviceVaultError extends Error {
  static {
    DeviceVaultError.prototype.name = 'DeviceVaultError';
  }

  readonly code: DeviceErrorCode;
  readonly reason: DeviceErrorReason | undefined;
  readonly detail: string | undefined;

  /** @internal */
  constructor(code: DeviceErrorCode, message: string, { reason, detail }: DeviceErrorFields = {}) {
    const more = [reason, detail].filter((part) => part !== undefined);
    super(more.length === 0 ? message : `${message} (${more.join('; ')})`);
    this.code = code;
    this.reason = reason;
    this.detail = detail;
  }

  /** For structured logs: `name` and `message` are not enumerable and would be lost. */
  toJSON(): object {
    return { ...this, name: this.name, message: this.message };
  }
}
