/**
 * Why a use of values was refused: the request does not have the documented form, the rules of a value do not allow it,
 * or a value cannot be used at its place.
 */
export type UseRefusalCode = 'invalid_request' | 'use_refused' | 'value_unusable';

/** A use of values that was refused. The message contains no value. Nothing was sent. */
export class UseRefusal extends Error {
  readonly code: UseRefusalCode;

  static {
    UseRefusal.prototype.name = 'UseRefusal';
  }

  constructor(message: string, code: UseRefusalCode = 'invalid_request') {
    super(message);
    this.code = code;
  }
}
