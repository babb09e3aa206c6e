import type { ExplainResponse } from '../../contract/explain/wire.ts';
import { Keys } from './api-keys/api-keys-client.ts';
import { Audit } from './audit/audit-client.ts';
import { Blobs } from './blobs/blobs-client.ts';
import { type LoadLoginKeys, Transport } from './http/transport.ts';
import { Logins } from './logins/logins-client.ts';
import { Memory } from './memory/memory-client.ts';
import { Org } from './orgs/org-client.ts';
import { type AnimaOptions, type CallOptions, resolveClientSettings } from './shared/client-options.ts';
import { Account } from './users/account-client.ts';
import { Users } from './users/users-client.ts';
import { Vault } from './values/values-client.ts';

const loadLoginKeys: LoadLoginKeys = async (settings, target) =>
  new (await import('./login-modules.ts')).LoginKeySource(settings, target);

/** The method name that Node's `util.inspect`, and therefore `console.log`, looks for. */
const nodeInspect: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/**
 * A client for the vault of one organization or of one of its users.
 *
 *     const client = new Anima({ apiKey: process.env.ANIMA_KEY });
 *     await client.vault.set('stripe_secret', 'sk_live_…');
 *     const secret = await client.vault.get('stripe_secret');
 *
 * With `login` instead of `apiKey`, the client logs in with the identity that its platform gives it (GitHub Actions, GitLab,
 * Kubernetes, AWS), and renews its key by itself.
 *
 * `vault`, `blobs`, `org`, `keys`, `logins`, `audit` and `users` require an API key of the organization. `memory` and `account`
 * require a user key or a session. A call with the wrong kind of credential is rejected before anything is sent
 * (`wrong_key_kind`).
 *
 * The client keeps no connection open and does not need to be closed. Printing, copying or serializing it never shows
 * the key.
 */
export class Anima {
  /** Address of the vault. */
  readonly baseURL: string;
  /** Values by name. */
  readonly vault: Vault;
  /** Files encrypted with keys that only their links contain. */
  readonly blobs: Blobs;
  /** The organization: its state, key rotation and shredding. */
  readonly org: Org;
  /** Its API keys. */
  readonly keys: Keys;
  /** Its logins: identities of other systems that get short-lived API keys. */
  readonly logins: Logins;
  /** The organization's audit records. */
  readonly audit: Audit;
  /** The organization's users: creation, listing, deletion. */
  readonly users: Users;
  /** The user's records and messages. */
  readonly memory: Memory;
  /** The user's account: the credentials that unlock the memory. */
  readonly account: Account;
  readonly #transport: Transport;

  /** @throws AnimaError missing_api_key, invalid_api_key, missing_url, insecure_url, invalid_argument */
  constructor(options: AnimaOptions = {}) {
    const transport = new Transport(resolveClientSettings(options), loadLoginKeys);
    this.baseURL = transport.baseURL;
    this.vault = new Vault(transport);
    this.blobs = new Blobs(transport);
    this.org = new Org(transport);
    this.keys = new Keys(transport);
    this.logins = new Logins(transport);
    this.audit = new Audit(transport);
    this.users = new Users(transport);
    this.memory = new Memory(transport);
    this.account = new Account(transport);
    this.#transport = transport;
  }

  /**
   * Reports who can currently decrypt an item, with which credentials, and who cannot. The vault computes the answer
   * from slots, keys, rosters and policies. `ref` is `value:<name>`, `blob:<id>`, `memory:<user>/<id>`,
   * `message:<user>/<id>`, `user:<user>`, `device:<user>/<vault>`, `conversation:<id>`, `session-device:<id>` or
   * `login:<id>`. A user can query only their own items.
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
