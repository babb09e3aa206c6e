/** Requests of session custody, for docs/costs.md: a directory with two devices that write to each other. */
import { x25519 } from '@noble/curves/ed25519.js';
import { applyEntry } from '../../core/directory/apply-entry.ts';
import { encodeConversation, joinConversation, signConversation } from '../../core/directory/conversation.ts';
import { conversationIdOf, deviceIdOf, zeroHash } from '../../core/directory/directory-ids.ts';
import { initialDirectory } from '../../core/directory/directory-state.ts';
import type { EntryBody } from '../../core/directory/entry-bodies.ts';
import { signSessionRequest } from '../../core/directory/request-signature.ts';
import { generateSigningKey, type SigningKey } from '../../core/directory/signing-key.ts';
import { orgKeysBody, proveRecoveryKey, writeEntry } from '../../core/directory/write-entry.ts';
import { toBase64, utf8Bytes } from '../../core/encoding/bytes.ts';
import type { LocalVault } from '../../local/vault/local-vault.ts';

interface BenchDevice {
  readonly id: string;
  readonly ik: SigningKey;
}

export interface SessionRequests {
  /** Sends a message of 1 KB. */
  send(): Promise<void>;
  /** Reads the mailbox. */
  read(): Promise<void>;
  /** Asks for the ticket of a socket. */
  ticket(): Promise<void>;
  /** Acknowledges the oldest message. */
  acknowledge(): Promise<void>;
}

/** Begins a directory in the org of the local vault. */
export async function beginSessions(vault: LocalVault): Promise<SessionRequests> {
  const { org } = vault;
  const authority = generateSigningKey();
  const recovery = generateSigningKey();
  const persons = ['annannannannanna', 'bobbobbobbobbobb'] as const;
  let state = initialDirectory(org);

  const call = async (method: string, path: string, headers: Record<string, string>, body?: string) => {
    const answer = await fetch(new URL(path, vault.url), {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return await answer.json();
  };
  const append = async (body: EntryBody): Promise<void> => {
    const signed = writeEntry(state, body, Date.now(), authority);
    const outcome = applyEntry(state, signed);
    if (outcome.result !== 'accept') throw new Error('The entry has no effect. Nothing was counted.');
    state = outcome.state;
    const headers = { authorization: `Bearer ${vault.adminKey}` };
    await call('POST', '/v1/session/directory', headers, JSON.stringify({ entry: toBase64(signed) }));
  };
  const admit = async (person: string): Promise<BenchDevice> => {
    const ik = generateSigningKey();
    const dh = new Uint8Array(x25519.keygen().publicKey);
    const facts = {
      person,
      role: 'owner',
      can: [],
      ik: ik.publicKey,
      dh,
      expires: 0,
      name: zeroHash,
      invite: '',
    } as const;
    await append({ op: 'admit', device: facts });
    return { id: deviceIdOf(org, { ik: ik.publicKey, dh }), ik };
  };
  const ask = async ({ id, ik }: BenchDevice, method: string, path: string, body?: object) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const target = { method, authority: new URL(vault.url).host, path, query: '' };
    const signer = { org, device: id, created: Math.floor(Date.now() / 1000) };
    const headers = await signSessionRequest(ik, signer, target, utf8Bytes(text));
    return await call(method, path, headers, body === undefined ? undefined : text);
  };

  const keys = { authorities: [authority.publicKey], recovery: recovery.publicKey };
  await append(orgKeysBody('genesis', keys, proveRecoveryKey(org, recovery)));
  const [from, to] = [await admit(persons[0]), await admit(persons[1])];
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const facts = { host: persons[0], nonce, version: 1, persons, agents: [], time: Date.now(), head: state.head };
  const statement = encodeConversation(org, facts);
  const signed = joinConversation(statement, [{ device: from.id, signature: signConversation(statement, from.ik) }]);
  const conversation = conversationIdOf(org, persons[0], nonce);
  await ask(from, 'PUT', `/v1/session/conversations/${conversation}`, { statement: toBase64(signed) });

  let counter = 0;
  let acknowledged = 0;
  const send = async () => {
    counter += 1;
    const message = { to: to.id, counter, conversation, message: toBase64(new Uint8Array(1024)) };
    await ask(from, 'POST', '/v1/session/messages', { messages: [message] });
  };
  const read = async () => void (await ask(to, 'GET', '/v1/session/messages'));
  const acknowledge = async () => {
    acknowledged += 1;
    await ask(to, 'POST', '/v1/session/acks', { names: [`${from.id}/${acknowledged}`] });
  };
  const ticket = async () => void (await ask(to, 'POST', '/v1/session/tickets'));
  return { send, read, ticket, acknowledge };
}
