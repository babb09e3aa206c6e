export type { ApiKeyInfo, CreateKeyResponse, RotateKeyResponse } from '../../contract/api-keys/wire.ts';
export type { AuditRecord } from '../../contract/audit/wire.ts';
export type {
  BlobInfo,
  BlobState,
  ListBlobsResponse,
  LookAtLinkResponse,
  RelinkBlobResponse,
} from '../../contract/blobs/wire.ts';
export type { UsageRules } from '../../contract/broker/usage-rules.ts';
export type { FetchAuth } from '../../contract/broker/wire.ts';
export type { ListMessagesResponse, Message, MessageMedia } from '../../contract/conversations/wire.ts';
export type { ExplainParty, ExplainResponse } from '../../contract/explain/wire.ts';
export type {
  AwsIdentity,
  DeleteLoginResponse,
  IssuerKey,
  LoginInfo,
  OidcIdentity,
} from '../../contract/logins/wire.ts';
export type { Json, RecordInfo } from '../../contract/memory/wire.ts';
export type { OrgResponse } from '../../contract/orgs/wire.ts';
export type { Rotation } from '../../contract/rotation/wire.ts';
export type { ClientErrorCode } from '../../contract/shared/common-error-codes.ts';
export type { ErrorCode } from '../../contract/shared/error-codes.ts';
export type { Role } from '../../contract/shared/roles.ts';
export type { Verb } from '../../contract/shared/verbs.ts';
export type { DestroyValueResponse, ShredResponse } from '../../contract/shredding/wire.ts';
export type {
  AccountResponse,
  CreateUserResponse,
  DeletedResponse,
  ListUsersResponse,
  LogInResponse,
  SlotInfo,
  StartLinkResponse,
  UserInfo,
} from '../../contract/users/wire.ts';
export type { Metadata, Value, ValueInfo, VersionInfo } from '../../contract/values/wire.ts';
export type { Keys } from './api-keys/api-keys-client.ts';
export type { CreateKeyOptions, ListKeysOptions, RotateKeyOptions } from './api-keys/key-types.ts';
export type { Audit, AuditOptions } from './audit/audit-client.ts';
export type {
  BlobContent,
  BlobFile,
  BlobFiles,
  BlobProgress,
  BlobUploadState,
  ByteStream,
  GetBlobOptions,
  PlatformBlob,
  PutBlobOptions,
  PutBlobResult,
} from './blobs/blob-types.ts';
export type { BlobList, Blobs, ListBlobsOptions } from './blobs/blobs-client.ts';
export { type OpenBlobOptions, openBlob } from './blobs/open-blob.ts';
export type { BlobFacts, FileFacts, OpenedBlob, OpenedFile } from './blobs/opened-blob.ts';
export { Anima } from './client.ts';
export type { BatchItem, BatchResult, FailedItem } from './http/batch-runner.ts';
export type { UnsealedVersion, ValueCustody } from './http/value-custody.ts';
export type { CreateLoginOptions, ListLoginsOptions, LoginList } from './logins/login-types.ts';
export type { Logins } from './logins/logins-client.ts';
export type { Memory } from './memory/memory-client.ts';
export type {
  MemoryList,
  MemoryPage,
  MemorySearch,
  MessageList,
  SearchPage,
} from './memory/memory-lists.ts';
export type { MemoryNamespace } from './memory/memory-namespace.ts';
export type {
  AddedMemory,
  AddManyOptions,
  AddManyResult,
  AddMemoryOptions,
  DamagedOptions,
  ExportFernetOptions,
  FernetOptions,
  FernetRefusal,
  FindMemoryOptions,
  ImportedLine,
  ImportFernetOptions,
  ImportFernetResult,
  LineSource,
  ListMemoryOptions,
  MemoryRecord,
  NearOptions,
  NewMemory,
  PutMemoryOptions,
  ReplaceMemoryOptions,
  SearchMemoryOptions,
  Vector,
} from './memory/memory-types.ts';
export type { Org } from './orgs/org-client.ts';
export type { ShredOptions } from './orgs/org-types.ts';
export type { ExpiryOptions, ValueOptions } from './shared/argument-validation.ts';
export type { AnimaOptions, CallerIds, CallOptions, Fetch, Signal } from './shared/client-options.ts';
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
} from './shared/errors.ts';
export type {
  AwsCredentials,
  AwsProvider,
  IdentityName,
  IdentityProvider,
  TokenProvider,
} from './shared/identity-types.ts';
export type { OpenedList } from './shared/opened-list.ts';
export type { AuditExport, AuditList, KeyList, List, Page, SealedRecords } from './shared/paginated-list.ts';
export type { Account } from './users/account-client.ts';
export type {
  ChangeKeyOptions,
  ConfirmedOptions,
  DeleteAccountOptions,
  LogInOptions,
  SetPasswordOptions,
} from './users/account-types.ts';
export type { ListUsersOptions, UserList, Users } from './users/users-client.ts';
export type { ApprovalNeeded, ApprovalTicket, ApprovalWait } from './values/approval-ticket.ts';
export type {
  FilledOptions,
  RequestOptions,
  SecretRequest,
  SecretRequestHandle,
} from './values/secret-requests.ts';
export type {
  DeleteOptions,
  DestroyOptions,
  GetOptions,
  ListOptions,
  SetEntry,
  SetOptions,
  ValueList,
  VersionsOptions,
} from './values/value-types.ts';
export type { Vault } from './values/values-client.ts';
export type { PlatformResponse, VaultFetchInit } from './values/vault-fetch.ts';
export { version } from './version.ts';
