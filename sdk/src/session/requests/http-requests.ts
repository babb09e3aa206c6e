/** The requests of session custody over HTTP. */
import { sessionLimits } from '../../../../contract/sessions/limits.ts';
import { sessionRoutes } from '../../../../contract/sessions/routes.ts';
import type {
  AcknowledgeRequest,
  AppendDirectoryRequest,
  BeginEnrollmentRequest,
  ClaimBundleRequest,
  CreateInviteRequest,
  PutBundleRequest,
  PutConversationRequest,
  PutEnrollmentRequest,
  ReadInvitedDirectoryRequest,
  SendMessagesRequest,
} from '../../../../contract/sessions/wire.ts';
import type { Invite } from '../../../../core/directory/invite.ts';
import { signSessionRequest } from '../../../../core/directory/request-signature.ts';
import { type Bytes, toBase64, utf8Bytes } from '../../../../core/encoding/bytes.ts';
import { routeRow } from '../../http/route-row.ts';
import { ServiceClock } from '../../http/service-clock.ts';
import type { ApiCall, RequestSigner, Transport } from '../../http/transport.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import type { Decoder } from '../../shared/json-decoders.ts';
import type { RequestRow } from '../../shared/url.ts';
import type { OwnDevice } from '../storage/own-device.ts';
import { addSessionErrors } from './service-errors.ts';
import {
  bytesOf,
  decodeAcknowledged,
  decodeAppended,
  decodeBegun,
  decodeCheckpoint,
  decodeClaimed,
  decodeEnrolled,
  decodeEntries,
  decodeInviteCreated,
  decodeInviteDeleted,
  decodeInvites,
  decodeMailbox,
  decodePublished,
  decodeSent,
  decodeStatement,
  decodeStatements,
} from './session-decoders.ts';
import type { AdminRequests, EnrollmentRequests, EntriesPage, SessionRequests } from './session-requests.ts';

type SessionRoute = (typeof sessionRoutes)[keyof typeof sessionRoutes];
type Parts = Readonly<Record<string, string | number>>;
type Call = Pick<ApiCall, 'body' | 'query'>;

/** A row for the transport, which knows the credentials of API keys only. The others are in the signature or the body. */
const rowOf = (row: SessionRoute, parts: Parts = {}): RequestRow => ({
  ...routeRow(row, parts),
  auth: row.auth === 'api-key' ? 'api-key' : 'none',
});

const pageOf = (page: { entries: string[]; head: number; more: boolean }): EntriesPage => ({
  ...page,
  entries: page.entries.map(bytesOf),
});

class SessionSigner implements RequestSigner {
  readonly #own: OwnDevice;
  readonly #certificate: () => Bytes | undefined;
  readonly clock = new ServiceClock();

  constructor(own: OwnDevice, certificate: () => Bytes | undefined) {
    this.#own = own;
    this.#certificate = certificate;
  }

  async sign(method: string, url: string, body: string | undefined): Promise<Readonly<Record<string, string>>> {
    const { host, pathname, search } = new URL(url);
    const target = { method, authority: host, path: pathname, query: search.replace(/^\?/, '') };
    const { org, ik, device } = this.#own;
    const certificate = this.#certificate();
    const signer = { org, device: device.id, created: this.clock.seconds() };
    const more = certificate === undefined ? {} : { certificate: toBase64(certificate) };
    return { ...(await signSessionRequest(ik, { ...signer, ...more }, target, utf8Bytes(body ?? ''))) };
  }

  observeDate(date: string | null): void {
    this.clock.observeDate(date);
  }
}

/** Requests of one device. @param certificate of a member of a fleet */
export function deviceRequests(
  transport: Transport,
  own: OwnDevice,
  certificate: () => Bytes | undefined,
): SessionRequests {
  addSessionErrors();
  const signer = new SessionSigner(own, certificate);
  const send = <T>(route: RequestRow, call: Call, settings: CallSettings, decode: Decoder<T>): Promise<T> =>
    signer.clock.send(() => transport.request({ ...call, route, signer }, settings, decode));
  return {
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

/** Requests with the lookup value of one invite. */
export function enrollmentRequests(transport: Transport, { org, id }: Pick<Invite, 'org' | 'id'>): EnrollmentRequests {
  addSessionErrors();
  const parts = { org, invite: id };
  return {
    begin: async (lookup, settings) => {
      const call = {
        route: rowOf(sessionRoutes.beginEnrollment, parts),
        body: { lookup: toBase64(lookup) } satisfies BeginEnrollmentRequest,
      };
      const { person, role, challenge } = await transport.request(call, settings, decodeBegun);
      return { person, role, challenge: bytesOf(challenge) };
    },
    put: async (lookup, { ik, dh, proof, possession }, settings) => {
      const keys = { ik: toBase64(ik), dh: toBase64(dh), proof: toBase64(proof), possession: toBase64(possession) };
      const call = {
        route: rowOf(sessionRoutes.putEnrollment, parts),
        body: { lookup: toBase64(lookup), ...keys } satisfies PutEnrollmentRequest,
      };
      await transport.request(call, settings, decodeEnrolled);
    },
    entries: async (lookup, after, settings) => {
      const body: ReadInvitedDirectoryRequest = { lookup: toBase64(lookup), after };
      const call = { route: rowOf(sessionRoutes.readInvitedDirectory, parts), body };
      return pageOf(await transport.request(call, settings, decodeEntries));
    },
  };
}

/** Requests of an admin, with an API key of the org. */
export function adminRequests(transport: Transport): AdminRequests {
  addSessionErrors();
  return {
    entries: async (after, settings) =>
      pageOf(
        await transport.request(
          { route: rowOf(sessionRoutes.readDirectory), query: { after } },
          settings,
          decodeEntries,
        ),
      ),
    append: async (signed, settings) => {
      const call = {
        route: rowOf(sessionRoutes.appendDirectory),
        body: { entry: toBase64(signed) } satisfies AppendDirectoryRequest,
      };
      await transport.request(call, settings, decodeAppended);
    },
    createInvite: async ({ invite, person, role, stored }, settings) => {
      const body: CreateInviteRequest = { invite, person, role, stored: toBase64(stored) };
      await transport.request({ route: rowOf(sessionRoutes.createInvite), body }, settings, decodeInviteCreated);
    },
    invites: async (settings) => {
      const { invites } = await transport.request({ route: rowOf(sessionRoutes.listInvites) }, settings, decodeInvites);
      return invites.map(({ invite, person, role, challenge, enrollment }) => ({
        ...{ invite, person, role, challenge: bytesOf(challenge) },
        enrollment: enrollment && {
          ...{ ik: bytesOf(enrollment.ik), dh: bytesOf(enrollment.dh) },
          ...{ proof: bytesOf(enrollment.proof), possession: bytesOf(enrollment.possession) },
        },
      }));
    },
    deleteInvite: async (invite, settings) => {
      const route = rowOf(sessionRoutes.deleteInvite, { invite });
      return (await transport.request({ route }, settings, decodeInviteDeleted)).deleted;
    },
  };
}
