import type { ExplainResponse } from '../../contract/explain/wire.ts';
import { Keys } from './api-keys/api-keys-client.ts';
import { Audit } from './audit/audit-client.ts';
import { Blobs } from './blobs/blobs-client.ts';
import { Transport } from './http/transport.ts';
import { Memory } from './memory/memory-client.ts';
import { Org } from './orgs/org-client.ts';
import { type AnimaOptions, type CallOptions, resolveClientSettings } from './shared/client-options.ts';
import { Account } from './users/account-client.ts';
import { Users } from './users/users-client.ts';
import { Vault } from './values/values-client.ts';

/** What Node's `util.inspect`, and so `console.log`, asks an object for. */
const nodeInspect: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/**
 * A client of one organization's vault, or of one of its users.
 *
 *     const client = new Anima({ apiKey: process.env.ANIMA_KEY });
 *     await client.vault.set('stripe_secret', 'sk_live_…');
 *     const secret = await client.vault.get('stripe_secret');
 *
 * `vault`, `blobs`, `org`, `keys`, `audit` and `users` take an API key of the organization; `memory` and `account` a user key or a session. A
 * call that takes the other kind is refused before anything is sent (`wrong_key_kind`).
 *
 * It holds no connection and needs no closing. Nothing that prints, copies or serialises it shows the key.
 */
export class Anima {
  /** Address of the vault. */
  readonly baseURL: string;
  /** Values by name. */
  readonly vault: Vault;
  /** Files under keys that only their links carry. */
  readonly blobs: Blobs;
  /** The organization: its state, the rotation of its key, its shredding. */
  readonly org: Org;
  /** Its API keys. */
  readonly keys: Keys;
  /** What was done in it, by whom. */
  readonly audit: Audit;
  /** Its users, as the organization sees them. */
  readonly users: Users;
  /** What a user keeps. */
  readonly memory: Memory;
  /** A user's own account: what opens the memory. */
  readonly account: Account;
  readonly #transport: Transport;

  /** @throws AnimaError missing_api_key, invalid_api_key, insecure_url, invalid_argument */
  constructor(options: AnimaOptions = {}) {
    const transport = new Transport(resolveClientSettings(options));
    this.baseURL = transport.baseURL;
    this.vault = new Vault(transport);
    this.blobs = new Blobs(transport);
    this.org = new Org(transport);
    this.keys = new Keys(transport);
    this.audit = new Audit(transport);
    this.users = new Users(transport);
    this.memory = new Memory(transport);
    this.account = new Account(transport);
    this.#transport = transport;
  }

  /**
   * Who can open something now, with what, and who can't: computed by the vault from slots, keys and policies. `ref` is `value:<name>`,
   * `blob:<id>`, `memory:<user>/<id>`, `message:<user>/<id>` or `user:<user>`; a user can ask for the own ones alone.
   * @throws NotFoundError record_not_found; PermissionError forbidden
   */
  async explain(ref: string, options: CallOptions = {}): Promise<ExplainResponse> {
    return (await import('./lazy-modules.ts')).explain(this.#transport, ref, options);
  }

  toJSON(): { baseURL: string } {
    return { baseURL: this.baseURL };
  }

  /** @internal */
  [nodeInspect](): string {
    return `Anima { baseURL: '${this.baseURL}' }`;
  }
}
