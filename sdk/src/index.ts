export type { ClientErrorCode, ErrorCode } from '../../contract/errors.ts';
export type { Metadata, Value, ValueInfo, VersionInfo } from '../../contract/wire.ts';
export type { BatchItem, BatchResult, FailedItem } from './batch.ts';
export { Anima } from './client.ts';
export {
  AbortError,
  AnimaError,
  type AnimaErrorCode,
  AuthenticationError,
  ConflictError,
  ConnectionError,
  DecryptionError,
  type InputProblem,
  InvalidRequestError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  TimeoutError,
  UnavailableError,
  UnexpectedResponseError,
} from './errors.ts';
export type { ValueOptions } from './input.ts';
export type { Page, ValueList } from './list.ts';
export type { AnimaOptions, CallOptions, Fetch, Signal } from './options.ts';
export type { DeleteOptions, GetOptions, ListOptions, SetEntry, SetOptions, Vault } from './vault.ts';
export { version } from './version.ts';
