/** Requests that a device signs, over HTTP. */
import { sessionLimits } from '../../../../contract/sessions/limits.ts';
import { sessionRoutes } from '../../../../contract/sessions/routes.ts';
import type {
  AcknowledgeRequest,
  AppendDirectoryRequest,
  ClaimBundleRequest,
  PutBundleRequest,
  PutConversationRequest,
  SendMessagesRequest,
} from '../../../../contract/sessions/wire.ts';
import { type Bytes, toBase64 } from '../../../../core/encoding/bytes.ts';
import type { Transport } from '../../http/transport.ts';
import { AnimaError } from '../../shared/errors.ts';
import type { OwnDevice } from '../storage/own-device.ts';
import { pushRequests, socketRequests } from './live-requests.ts';
import { pageOf, rowOf, type SendSigned } from './request-rows.ts';
import { addSessionErrors } from './service-errors.ts';
import {
  bytesOf,
  decodeAcknowledged,
  decodeAppended,
  decodeCheckpoint,
  decodeClaimed,
  decodeEntries,
  decodeMailbox,
  decodePublished,
  decodeSent,
  decodeStatement,
  decodeStatements,
} from './session-decoders.ts';
import type { SessionRequests } from './session-requests.ts';
import { SessionSigner } from './session-signer.ts';

/** Loaded with the first attachment, and with the first look at questions. */
const loadAttachments = () => import('./attachment-requests.ts');

const loadApprovals = () => import('./approval-requests.ts');

/** Requests of one device. @param certificate of a member of a fleet */
export function deviceRequests(
  transport: Transport,
  own: OwnDevice,
  certificate: () => Bytes | undefined,
): SessionRequests {
  addSessionErrors();
  const signer = new SessionSigner(own, certificate);
  const send: SendSigned = (route, call, settings, decode) =>
    signer.clock.send(() => transport.request({ ...call, route, signer }, settings, decode));
  return {
    attachments: {
      put: async (...given) => await (await loadAttachments()).attachmentRequests(send, transport).put(...given),
      get: async (...given) => await (await loadAttachments()).attachmentRequests(send, transport).get(...given),
    },
    approvals: {
      putKey: async (...given) => await (await loadApprovals()).approvalRequests(send).putKey(...given),
      list: async (...given) => await (await loadApprovals()).approvalRequests(send).list(...given),
      personKey: async (...given) => await (await loadApprovals()).approvalRequests(send).personKey(...given),
      putPersonKey: async (...given) => await (await loadApprovals()).approvalRequests(send).putPersonKey(...given),
      answer: async (...given) => await (await loadApprovals()).approvalRequests(send).answer(...given),
      refuse: async (...given) => await (await loadApprovals()).approvalRequests(send).refuse(...given),
      activity: async (...given) => await (await loadApprovals()).approvalRequests(send).activity(...given),
    },
    sockets: socketRequests(send),
    push: pushRequests(send),
    entries: async (after, settings) =>
      pageOf(await send(rowOf(sessionRoutes.readSessionEntries), { query: { after } }, settings, decodeEntries)),
    checkpoint: (settings) =>
      readCheckpoint((query) => send(rowOf(sessionRoutes.readCheckpoint), { query }, settings, decodeCheckpoint)),
    appendEntry: async (signed, settings) => {
      await send(
        rowOf(sessionRoutes.appendSessionEntry),
        { body: { entry: toBase64(signed) } satisfies AppendDirectoryRequest },
        settings,
        decodeAppended,
      );
    },
    putBundle: async (bundle, oneTimePrekeys, settings) => {
      const body: PutBundleRequest = { bundle: toBase64(bundle), oneTimePrekeys: oneTimePrekeys.map(toBase64) };
      const answer = await send(rowOf(sessionRoutes.putBundle), { body }, settings, decodePublished);
      return { left: answer.oneTimePrekeys, highestId: answer.highestId };
    },
    claim: async (device, conversation, settings) => {
      const route = rowOf(sessionRoutes.claimBundle, { device });
      const found = await send(route, { body: { conversation } satisfies ClaimBundleRequest }, settings, decodeClaimed);
      return {
        bundle: bytesOf(found.bundle),
        oneTimePrekey: found.oneTimePrekey === undefined ? undefined : bytesOf(found.oneTimePrekey),
        certificate: found.certificate === undefined ? undefined : bytesOf(found.certificate),
      };
    },
    putConversation: async (conversation, signed, settings) => {
      const route = rowOf(sessionRoutes.putConversation, { conversation });
      await send(
        route,
        { body: { statement: toBase64(signed) } satisfies PutConversationRequest },
        settings,
        decodeStatement,
      );
    },
    conversations: async (settings) => {
      const statements: Bytes[] = [];
      let after: string | undefined;
      do {
        const page = await send(
          rowOf(sessionRoutes.listConversations),
          { query: { after } },
          settings,
          decodeStatements,
        );
        statements.push(...page.statements.map(bytesOf));
        // Ids ascend, so a service that does not end the list makes no loop.
        after = page.next !== undefined && page.next > (after ?? '') ? page.next : undefined;
      } while (after !== undefined);
      return statements;
    },
    send: async (messages, settings) => {
      const body: SendMessagesRequest = {
        messages: messages.map((one) => ({
          to: one.to,
          counter: one.counter,
          conversation: one.conversation,
          message: toBase64(one.message),
        })),
      };
      const answer = await send(rowOf(sessionRoutes.sendMessages), { body }, settings, decodeSent);
      return answer.messages.map((one) => ({ ...one, highest: one.highest }));
    },
    receive: async (after, settings) => {
      const query = { after, limit: sessionLimits.messagesPage };
      const page = await send(rowOf(sessionRoutes.readMailbox), { query }, settings, decodeMailbox);
      const messages = page.messages.map(({ name, message, certificate }) => ({
        name,
        message: bytesOf(message),
        certificate: certificate === undefined ? undefined : bytesOf(certificate),
      }));
      return { messages, next: page.next };
    },
    acknowledge: async (names, settings) => {
      await send(
        rowOf(sessionRoutes.acknowledgeMessages),
        { body: { names: [...names] } satisfies AcknowledgeRequest },
        settings,
        decodeAcknowledged,
      );
    },
  };
}

/** All parts of the newest checkpoint; undefined if there is none. */
async function readCheckpoint(
  read: (query: { after: number; part: number }) => Promise<NonNullable<ReturnType<typeof decodeCheckpoint>>>,
): ReturnType<SessionRequests['checkpoint']> {
  try {
    const first = await read({ after: 0, part: 0 });
    const leaves = first.leaves.map(bytesOf);
    for (let part = 1; part < first.parts; part++) {
      const next = await read({ after: 0, part });
      // A newer checkpoint was made meanwhile: the entries after the pin are read instead.
      if (next.seq !== first.seq) return undefined;
      leaves.push(...next.leaves.map(bytesOf));
    }
    return { seq: first.seq, checkpoint: bytesOf(first.checkpoint), subtrees: first.subtrees.map(bytesOf), leaves };
  } catch (error) {
    if (error instanceof AnimaError && error.code === 'checkpoint_not_found') return undefined;
    throw error;
  }
}
