export { indexedDbStorage } from '../device/storage/indexeddb-storage.ts';
export { memoryStorage } from '../device/storage/memory-storage.ts';
export type {
  DataBatch,
  DataStore,
  LocalKeyStore,
  SessionStorage,
  VaultData,
} from '../device/storage/storage-ports.ts';
export type { CallOptions } from '../shared/client-options.ts';
export { AnimaError, type AnimaErrorCode } from '../shared/errors.ts';
export type {
  AdmitOptions,
  CreatedInvite,
  DirectoryAdminOptions,
  InviteOptions,
  NewOrgKeys,
  RotateOptions,
  WaitingEnrollment,
} from './admin/admin-types.ts';
export { DirectoryAdmin } from './admin/directory-admin.ts';
export {
  type AllowedUse,
  exportDirectory,
  type ProofProblem,
  type ProofRecord,
  type VerifiedProofs,
  verifyApprovals,
} from './admin/directory-export.ts';
export type { DirectorySummary } from './admin/directory-summary.ts';
export { issueFleetCertificate, newFleetKey } from './admin/fleet-keys.ts';
export { type ApprovalCustodyOptions, approvalCustody } from './approvals/approval-custody.ts';
export type {
  Activity,
  ActivityOptions,
  ActivityPage,
  ActivityPageOptions,
  AnswerOptions,
  Question,
  TripwireActivity,
  UseActivity,
  WatchOptions,
} from './approvals/approval-types.ts';
export type { Approvals } from './approvals/approvals.ts';
export { personKeyRecoveryPage } from './approvals/person-key-recovery-page.ts';
export type {
  PersonKeyDevice,
  PersonKeyInfo,
  PersonKeyRecovery,
  RecoverPersonKeyOptions,
} from './approvals/person-key-types.ts';
export type { QuestionLine } from './approvals/question-lines.ts';
export type { ConversationProposal, ConversationSignature } from './conversations/conversation-book.ts';
export type { Conversations } from './conversations/conversations.ts';
export type { SocketConstructor, SocketLike } from './live/live-socket.ts';
export type { Target } from './messages/sender.ts';
export type { Push, PushEndpoint } from './push.ts';
export type { CountersignOptions, SendOptions, SentText, SessionClient } from './session-client.ts';
export type { SessionClock } from './session-clock.ts';
export { type OpenSessionOptions, SessionDevices } from './session-devices.ts';
export { SessionError, type SessionErrorCode } from './session-errors.ts';
export type {
  CertifyKeys,
  ConversationChanges,
  ConversationDevice,
  ConversationInfo,
  DeliveryState,
  DirectoryRole,
  EnrollOptions,
  EnrollProgress,
  FileData,
  JoinFleetOptions,
  MessageBody,
  Participants,
  ReadOptions,
  ReceivedFile,
  ReceivedMessage,
  SentMessage,
  SessionDeviceInfo,
  SessionDevicesOptions,
  SessionFile,
  SessionNotice,
  SyncResult,
  TransferProgress,
} from './session-types.ts';
