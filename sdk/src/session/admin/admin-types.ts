/** Types of {@link DirectoryAdmin}. */
import type { AnimaOptions, CallOptions } from '../../shared/client-options.ts';
import type { DirectoryRole } from '../session-types.ts';

export interface DirectoryAdminOptions extends AnimaOptions {
  readonly org: string;
  /** Seed of an authority key, 32 bytes. Only this machine has it. */
  readonly authority: Uint8Array;
  /**
   * The pin of the directory that this admin verified before, from `pin`. Without it, the directory that the service shows
   * first is believed, so keep the pin.
   */
  readonly pin?: string | undefined;
}

/** A new invite, and when it ends. The text is a secret: give it to the person by another channel than the service. */
export interface CreatedInvite {
  readonly invite: string;
  readonly id: string;
  readonly person: string;
  readonly role: DirectoryRole;
  /** The device must answer before, and the admin must admit it within a day after. */
  readonly expiresAt: Date;
}

export interface InviteOptions extends CallOptions {
  readonly person: string;
  readonly role: DirectoryRole;
}

/** A device that answered to an invite. */
export interface WaitingEnrollment {
  readonly id: string;
  readonly person: string;
  readonly role: DirectoryRole;
  /** Compare it with the one that the device shows, if people are on both sides. */
  readonly fingerprint: string;
}

export interface AdmitOptions extends CallOptions {
  /** As `invite` returned it. It proves keys, person and role of the invited device; the service is not asked. */
  readonly invite: CreatedInvite;
  readonly can?: readonly string[] | undefined;
  /** Default: never. */
  readonly expiresAt?: Date | undefined;
  /** A second authority, or nothing. Required together for a person who lost all devices. */
  readonly cosigner?: Uint8Array | undefined;
}

/** Seeds of new keys. Keep the recovery key offline. */
export interface NewOrgKeys {
  readonly authority: Uint8Array;
  readonly recovery: Uint8Array;
}

/** The authorities, and the recovery key, after `rotate`: seeds of 32 bytes, or public keys. */
export interface RotateOptions extends CallOptions {
  /** Public keys of the next authorities. */
  readonly authorities: readonly Uint8Array[];
  /** Seed of the next recovery key, to prove that it is at hand. */
  readonly recovery: Uint8Array;
  /** Seed of a second authority. Without it, `signer` must be the recovery key. */
  readonly cosigner?: Uint8Array | undefined;
  /** Seed of the key that signs. Default: the authority of this object. */
  readonly signer?: Uint8Array | undefined;
}
