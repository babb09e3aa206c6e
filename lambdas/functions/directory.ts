import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createDirectoryServices } from '../compose/sessions.ts';
import {
  claimBundle,
  getBundle,
  listConversations,
  putBundle,
  putConversation,
} from '../directory/handlers/device-handlers.ts';
import {
  appendDirectory,
  appendSessionEntry,
  readCheckpoint,
  readDirectory,
  readSessionEntries,
} from '../directory/handlers/directory-handlers.ts';
import {
  beginEnrollment,
  createInvite,
  deleteInvite,
  listInvites,
  putEnrollment,
  readInvitedDirectory,
} from '../directory/handlers/invite-handlers.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const functionLog = createFunctionLog();
const { apiKeyAuth, sessionAuth, reader, log, checkpoints, invites, bundles, conversations } =
  createDirectoryServices(functionLog);

export const handler = createLambdaHandler(functionLog, createAuditLog(), {
  appendDirectory: appendDirectory(apiKeyAuth, log),
  readDirectory: readDirectory(apiKeyAuth, log),
  appendSessionEntry: appendSessionEntry(sessionAuth, log),
  readSessionEntries: readSessionEntries(sessionAuth, log),
  readCheckpoint: readCheckpoint(sessionAuth, checkpoints),
  createInvite: createInvite(apiKeyAuth, invites),
  listInvites: listInvites(apiKeyAuth, invites),
  deleteInvite: deleteInvite(apiKeyAuth, invites),
  beginEnrollment: beginEnrollment(sessionAuth, invites),
  putEnrollment: putEnrollment(sessionAuth, invites),
  readInvitedDirectory: readInvitedDirectory(sessionAuth, invites, reader, log),
  putBundle: putBundle(sessionAuth, bundles),
  getBundle: getBundle(sessionAuth, bundles),
  claimBundle: claimBundle(sessionAuth, bundles),
  putConversation: putConversation(sessionAuth, conversations),
  listConversations: listConversations(sessionAuth, conversations),
});
