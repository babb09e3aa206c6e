/**
 * The single error for every failure to decrypt. It has no cause and no detail, so that a caller cannot distinguish
 * between failures.
 */
export class DecryptionError extends Error {
  readonly code = 'decryption_failed';
  constructor() {
    super('could not be decrypted');
    this.name = 'DecryptionError';
  }
}
