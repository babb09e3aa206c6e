/**
 * Explains who can open a blob (link custody). Only the link contains the key, so the answer follows from the record of
 * the blob.
 */

import type { ExplainParty } from '../../contract/explain/wire.ts';
import type { StoredBlob } from '../blobs/blob-ports.ts';
import { effectiveState, unlessTtlPassed } from '../blobs/blob-state.ts';
import type { StoredKeyring } from '../org-keys/keyring-verifier.ts';
import { explainMessages } from './explain-messages.ts';
import { type AccessExplanation, nobodyCanOpen } from './explain-value.ts';
import type { IamGrants } from './iam-grants.ts';

export interface ExplainBlobInput {
  readonly keyring: StoredKeyring;
  readonly blob: StoredBlob | undefined;
  readonly grants: IamGrants;
  readonly now: Date;
}

export function explainBlob({ keyring, blob, grants, now }: ExplainBlobInput): AccessExplanation {
  if (keyring.state === 'shredded') return nobodyCanOpen('link', explainMessages.goneReasons.shredded);
  const existing = unlessTtlPassed(blob, now);
  if (existing === undefined) return nobodyCanOpen('link', explainMessages.goneReasons.blob);
  const state = effectiveState(existing, now);
  if (state !== 'ready' && state !== 'uploading') {
    return {
      ...nobodyCanOpen('link', explainMessages.goneReasons[state]),
      cannotOpen: [deniedLinkParty(explainMessages.goneReasons[state], existing)],
    };
  }
  const cannotOpen: ExplainParty[] = [
    { kind: 'api-key', ...explainMessages.keysNoLink() },
    { kind: 'function', ...explainMessages.functionsNoLink(grants.functionNames) },
    { kind: 'operator', ...explainMessages.operatorNoLink() },
  ];
  const lockedReason = keyring.lock === undefined ? undefined : explainMessages.orgLocked(keyring.lock.shredAt);
  const unavailableReason = lockedReason ?? (state === 'uploading' ? explainMessages.goneReasons.uploading : undefined);
  return {
    custody: 'link',
    state: lockedReason === undefined ? 'stored' : 'locked',
    canOpen: unavailableReason === undefined ? [allowedLinkParty(existing)] : [],
    cannotOpen:
      unavailableReason === undefined ? cannotOpen : [deniedLinkParty(unavailableReason, existing), ...cannotOpen],
  };
}

/** Anyone who opened the blob might have kept a copy, whatever happened to the blob afterwards. */
const copiesNote = ({ openings }: StoredBlob): string =>
  openings === 0 ? '' : explainMessages.copiesMayExist(openings);

const deniedLinkParty = (why: string, blob: StoredBlob): ExplainParty => ({
  kind: 'link',
  ...explainMessages.linkDenied(`${why}${copiesNote(blob)}`),
});

function allowedLinkParty(blob: StoredBlob): ExplainParty {
  const { expiresAt, openings, maxOpens, burn } = blob;
  const left = maxOpens === undefined ? '' : explainMessages.openingsLeft(maxOpens - openings, maxOpens);
  const until = expiresAt === undefined ? {} : { until: expiresAt };
  return {
    kind: 'link',
    ...explainMessages.linkOpens(`${left}${burn ? explainMessages.burnable : ''}${copiesNote(blob)}`),
    ...until,
  };
}
