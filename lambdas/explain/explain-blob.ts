/** Who can open a blob: link custody. The key is in the link alone, so the answer follows from the blob's record. */

import type { ExplainParty } from '../../contract/explain/wire.ts';
import type { StoredBlob } from '../blobs/blob-ports.ts';
import { effectiveState, unlessTtlPassed } from '../blobs/blob-state.ts';
import type { StoredKeyring } from '../org-keys/keyring-opener.ts';
import { words } from './explain-messages.ts';
import { type Explained, gone } from './explain-value.ts';
import type { Grants } from './iam-grants.ts';

export interface BlobFacts {
  readonly keyring: StoredKeyring;
  readonly blob: StoredBlob | undefined;
  readonly grants: Grants;
  readonly now: Date;
}

export function explainBlob({ keyring, blob, grants, now }: BlobFacts): Explained {
  if (keyring.state === 'shredded') return gone('link', words.whyGone.shredded);
  const found = unlessTtlPassed(blob, now);
  if (found === undefined) return gone('link', words.whyGone.blob);
  const state = effectiveState(found, now);
  if (state !== 'ready' && state !== 'uploading') {
    return { ...gone('link', words.whyGone[state]), cannotOpen: [refused(words.whyGone[state], found)] };
  }
  const cannot: ExplainParty[] = [
    { kind: 'api-key', ...words.keysNoLink() },
    { kind: 'function', ...words.functionsNoLink(grants.all) },
    { kind: 'operator', ...words.operatorNoLink() },
  ];
  const locked = keyring.lock === undefined ? undefined : words.locked(keyring.lock.shredAt);
  const shut = locked ?? (state === 'uploading' ? words.whyGone.uploading : undefined);
  return {
    custody: 'link',
    state: locked === undefined ? 'stored' : 'locked',
    canOpen: shut === undefined ? [opens(found)] : [],
    cannotOpen: shut === undefined ? cannot : [refused(shut, found), ...cannot],
  };
}

/** Who opened it has what he got, whatever became of the blob. */
const copies = ({ openings }: StoredBlob): string => (openings === 0 ? '' : words.copies(openings));

const refused = (why: string, blob: StoredBlob): ExplainParty => ({
  kind: 'link',
  ...words.linkRefused(`${why}${copies(blob)}`),
});

function opens(blob: StoredBlob): ExplainParty {
  const { expiresAt, openings, maxOpens, burn } = blob;
  const left = maxOpens === undefined ? '' : words.openingsLeft(maxOpens - openings, maxOpens);
  const until = expiresAt === undefined ? {} : { until: expiresAt };
  return { kind: 'link', ...words.linkOpens(`${left}${burn ? words.burnable : ''}${copies(blob)}`), ...until };
}
