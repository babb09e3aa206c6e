/** The one failure of opening. It has no cause and no detail: every way to fail looks the same to a caller. */
export class DecryptionError extends Error {
  readonly code = 'decryption_failed';
  constructor() {
    super('could not be opened');
    this.name = 'DecryptionError';
  }
}
