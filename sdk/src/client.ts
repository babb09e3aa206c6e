import { Audit } from './audit.ts';
import { Blobs } from './blobs.ts';
import { Keys } from './keys.ts';
import { type AnimaOptions, settingsOf } from './options.ts';
import { Org } from './org.ts';
import { Transport } from './transport.ts';
import { Vault } from './vault.ts';

/** What Node's `util.inspect`, and so `console.log`, asks an object for. */
const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/**
 * A client of one organization's vault.
 *
 *     const client = new Anima({ apiKey: process.env.ANIMA_KEY });
 *     await client.vault.set('stripe_secret', 'sk_live_…');
 *     const secret = await client.vault.get('stripe_secret');
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

  /** @throws AnimaError missing_api_key, invalid_api_key, insecure_url, invalid_argument */
  constructor(options: AnimaOptions = {}) {
    const transport = new Transport(settingsOf(options));
    this.baseURL = transport.baseURL;
    this.vault = new Vault(transport);
    this.blobs = new Blobs(transport);
    this.org = new Org(transport);
    this.keys = new Keys(transport);
    this.audit = new Audit(transport);
  }

  toJSON(): { baseURL: string } {
    return { baseURL: this.baseURL };
  }

  /** @internal */
  [inspect](): string {
    return `Anima { baseURL: '${this.baseURL}' }`;
  }
}
