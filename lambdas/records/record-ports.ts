/** Ports of the keys that authenticate records, and of the marks of orgs. */

/** The records key. */
export interface RecordsKey {
  /**
   * Computes the authentication key of an org: 32 bytes, which the caller zeroes.
   * @throws VaultError `unavailable`, `key_unavailable`
   */
  deriveAuthenticationKey(org: string): Promise<Uint8Array>;
}

/** The stored mark of an org, with the tag of its version. */
export interface StoredOrgMark {
  readonly text: string;
  readonly etag: string;
}

export interface OrgMarkStore {
  /** The mark as stored; undefined if there is none. @throws VaultError `unavailable` */
  read(org: string): Promise<StoredOrgMark | undefined>;
  /**
   * Stores a mark on condition that the stored one has this tag; undefined: that there is none. Returns the new tag, or
   * undefined and changes nothing if the condition fails. Also returns undefined if an earlier attempt of the same call
   * succeeded.
   * @throws VaultError `unavailable`
   */
  write(org: string, text: string, before: string | undefined): Promise<string | undefined>;
}
