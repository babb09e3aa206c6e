/** Keeps a refresh token current: stores what a provider issued as the next version of its value. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { planAuth, referenceOf, type TokenAuth } from '../../egress/auth/auth-plan.ts';
import { referenceKey } from '../../egress/references/secret-references.ts';
import { isMalformed } from '../shared/ports.ts';
import { decryptInfo } from '../values/value-encryption.ts';
import type { ValueReader } from '../values/value-reader.ts';
import type { ValueWriter } from '../values/value-writer.ts';
import { type LoadedValues, loadValues } from './loaded-values.ts';
import type { UseContext } from './use-context.ts';

export interface IssuedRefreshToken {
  /** Life and version of the value that was used to get it. */
  readonly basis: string;
  readonly refreshToken: string;
  /** The same for every attempt to store it. */
  readonly writeId: string;
}

/** Identifies a version of a value for the state of a credential. */
export const basisOf = (life: string, version: number): string => `${life}:${version}`;

export class RefreshedValue {
  readonly #reader: ValueReader;
  readonly #writer: ValueWriter;

  constructor(reader: ValueReader, writer: ValueWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  /** Whether a provider issued another refresh token than the one that was used. */
  isNew(auth: TokenAuth, loaded: LoadedValues, issued: string | undefined): boolean {
    if (auth.type !== 'oauth2-refresh-token' || issued === undefined) return false;
    return loaded.get(referenceKey(referenceOf(auth.refreshToken)))?.value !== issued;
  }

  /** The values of a scheme, with the refresh token read again. */
  async reload(context: UseContext, auth: TokenAuth, loaded: LoadedValues): Promise<LoadedValues> {
    if (auth.type !== 'oauth2-refresh-token') return loaded;
    const { name } = referenceOf(auth.refreshToken);
    const { keys, stored } = await context.reload(name);
    if (stored === undefined) throw new VaultError('value_not_found');
    const uses = planAuth(auth).uses.filter(({ reference }) => reference.name === name);
    const values = new Map([[name, stored]]);
    return new Map([...loaded, ...(await loadValues(this.#reader, keys, values, uses, context.onTripwire))]);
  }

  /**
   * Stores a refresh token, with the metadata and the expiry of the version that it replaces. A repeated call stores
   * nothing.
   * @returns the basis of the new version; undefined if somebody has set another version, which stays
   * @throws VaultError `unavailable`, `write_contention`
   */
  async store(
    context: UseContext,
    auth: TokenAuth,
    { basis, refreshToken, writeId }: IssuedRefreshToken,
  ): Promise<string | undefined> {
    if (auth.type !== 'oauth2-refresh-token') return undefined;
    const { name } = referenceOf(auth.refreshToken);
    const snapshot = await context.reload(name);
    const { stored, keys } = snapshot;
    const [life = '', version = ''] = basis.split(':');
    if (stored === undefined || isMalformed(stored) || stored.life !== life) return undefined;
    const { metadata, expiresAt } = await decryptInfo(keys, name, stored);
    try {
      const request = { value: refreshToken, metadata, expiresAt, ifVersion: Number(version), writeId };
      const info = await this.#writer.set(snapshot, (one) => context.reload(one), name, request);
      return basisOf(life, info.version);
    } catch (error) {
      const isReplaced = error instanceof VaultError && ['version_conflict', 'write_id_reused'].includes(error.code);
      if (isReplaced) return undefined;
      throw error;
    }
  }
}
