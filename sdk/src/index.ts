export type {
  BlobInfo,
  BlobState,
  ListBlobsResponse,
  LookAtLinkResponse,
  RelinkBlobResponse,
} from '../../contract/blob-wire.ts';
export type { ClientErrorCode, ErrorCode } from '../../contract/errors.ts';
export type { Role } from '../../contract/roles.ts';
export type { Verb } from '../../contract/routes.ts';
export type {
  AccountResponse,
  CreateUserResponse,
  DeletedResponse,
  ExplainParty,
  ExplainResponse,
  Json,
  ListMessagesResponse,
  ListUsersResponse,
  LogInResponse,
  Message,
  RecordInfo,
  SlotInfo,
  StartLinkResponse,
  UserInfo,
} from '../../contract/user-wire.ts';
export type {
  ApiKeyInfo,
  AuditRecord,
  CreateKeyResponse,
  DestroyValueResponse,
  Metadata,
  OrgResponse,
  RotateKeyResponse,
  Rotation,
  ShredResponse,
  Value,
  ValueInfo,
  VersionInfo,
} from '../../contract/wire.ts';
export type { Account } from './account.ts';
export type {
  ChangeKeyOptions,
  ConfirmedOptions,
  DeleteAccountOptions,
  LogInOptions,
  SetPasswordOptions,
} from './account-types.ts';
export type { Audit, AuditOptions } from './audit.ts';
export type { BatchItem, BatchResult, FailedItem } from './batch.ts';
export type { BlobFacts, OpenedBlob } from './blob-opened.ts';
export type {
  BlobContent,
  BlobProgress,
  BlobUploadState,
  ByteStream,
  GetBlobOptions,
  PlatformBlob,
  PutBlobOptions,
  PutBlobResult,
} from './blob-types.ts';
export type { BlobList, Blobs, ListBlobsOptions } from './blobs.ts';
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
  OrgStateError,
  PermissionError,
  RateLimitError,
  TimeoutError,
  UnavailableError,
  UnexpectedResponseError,
} from './errors.ts';
export type { ExpiryOptions, ValueOptions } from './input.ts';
export type { CreateKeyOptions, Keys, ListKeysOptions, RotateKeyOptions } from './keys.ts';
export type { AuditExport, AuditList, KeyList, List, Page, SealedRecords, ValueList } from './list.ts';
export type { Memory } from './memory.ts';
export type { MemoryList, MemoryPage, MemorySearch, MessageList, OpenedList, SearchPage } from './memory-lists.ts';
export type {
  AddedMemory,
  AddManyOptions,
  AddManyResult,
  AddMemoryOptions,
  DamagedOptions,
  ExportFernetOptions,
  FernetOptions,
  FernetRefusal,
  ImportedLine,
  ImportFernetOptions,
  ImportFernetResult,
  LineSource,
  ListMemoryOptions,
  MemoryRecord,
  NewMemory,
  ReplaceMemoryOptions,
  SearchMemoryOptions,
} from './memory-types.ts';
export { type OpenBlobOptions, openBlob } from './open-blob.ts';
export type { AnimaOptions, CallerIds, CallOptions, Fetch, Signal } from './options.ts';
export type { Org, ShredOptions } from './org.ts';
export type { ListUsersOptions, UserList, Users } from './users.ts';
export type { DeleteOptions, DestroyOptions, GetOptions, ListOptions, SetEntry, SetOptions, Vault } from './vault.ts';
export { version } from './version.ts';
