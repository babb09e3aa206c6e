import type { MiddlewareObj } from '@middy/core';
import type { RouteInput } from '../../../contract/route-schemas.ts';
import { type RouteId, requiredVerbOf } from '../../../contract/routes.ts';
import { nameProblem } from '../../../contract/shared/name-patterns.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { RequestState } from '../../middleware/request-state.ts';
import type { KeyringOpener, OpenKeyring } from '../../org-keys/keyring-opener.ts';
import type { StoredKeyring } from '../../org-keys/keyring-verifier.ts';
import type { Clock, ReadValue } from '../../shared/ports.ts';
import type { Caller } from '../api-key-ports.ts';
import type { ApiKeyVerifier } from '../api-key-verifier.ts';
import { authorize, authorizeList, callerOf, parseApiKeyHeader, verifyApiKey } from '../authorization.ts';
import type { LastUsedRecorder } from '../last-used-recorder.ts';
import { allowsName } from '../permissions.ts';
import type { RequestRecordStore } from '../request-record-ports.ts';

/**
 * The data that a route needs from the combined read of key, keyring and values, and the names that its caller must be
 * authorized for. By default, these names are the name in the path and all `valueNames`.
 */
export interface RequiredData<Id extends RouteId> {
  valueNames?(input: RouteInput<Id>): readonly string[];
  /** The route authorizes each name separately, because each has its own result. */
  readonly authorizesEachItem?: true;
  /** Prefix of the names to list; `''` for all names. */
  prefix?(input: RouteInput<Id>): string;
}

/** State of a request on an API-key route. */
export interface ApiKeyCall<Id extends RouteId> extends RequestState<Id> {
  session?: ApiKeySession;
}

export interface ApiKeyAuth {
  readonly records: RequestRecordStore;
  readonly apiKeyVerifier: ApiKeyVerifier;
  readonly keyringOpener: KeyringOpener;
  readonly lastUsedRecorder: LastUsedRecorder;
  readonly clock: Clock;
}

/**
 * Reads the API key, the keyring and the route's values in one round trip, then authenticates and authorizes the
 * caller. A caller that fails this check gets no details about parsing errors in the request.
 */
export function requireApiKey<Id extends RouteId>(
  id: Id,
  auth: ApiKeyAuth,
  required: RequiredData<Id>,
): MiddlewareObj<ApiKeyCall<Id>> {
  return {
    before: async ({ event }) => {
      const presented = parseApiKeyHeader(event.event.headers.authorization);
      const { names, targets, prefix } = resolveRequirements(event.input, required);
      const records = await auth.records.read({
        org: presented.org,
        keyId: presented.id,
        // Malformed names are left out here, because DynamoDB would reject the whole read. Authorization rejects them
        // later.
        names: [...new Set(names)].filter((name) => nameProblem(name) === undefined),
      });
      // The secret is compared first, so that a caller without it causes no call to KMS or S3.
      const matched = verifyApiKey(presented, records.apiKey);
      const stored = await auth.apiKeyVerifier.verifyOrUndefined(matched);
      if (stored === undefined) throw new VaultError('invalid_api_key');
      // Set before the check whether the key has ended: the refused use of a genuine key is recorded. A caller without
      // its secret cannot cause a record.
      event.actor = { org: stored.org, principal: stored.id, ...stored.origin };
      const caller = callerOf(stored, auth.clock());
      event.lastUsedUpdate = auth.lastUsedRecorder.record(stored);
      const verb = requiredVerbOf(id);
      if (verb === undefined) throw new Error(`the route ${id} has no verb`);
      authorize(caller, verb, targets);
      if (prefix !== undefined) authorizeList(caller, prefix);
      const rereadKeyring = async () =>
        (await auth.records.read({ org: caller.org, keyId: caller.keyId, names: [] })).keyring;
      const openKeyring = () => auth.keyringOpener.open(records.keyring, caller.org, rereadKeyring);
      const storedKeyring = () => auth.keyringOpener.verifier.verify(records.keyring, caller.org, rereadKeyring);
      event.session = { caller, openKeyring, storedKeyring, values: filterAllowedValues(caller, records.values) };
    },
  };
}

/** The data a request needs and the names it must be authorized for; empty if the request could not be parsed. */
function resolveRequirements<Id extends RouteId>(input: RequestState<Id>['input'], required: RequiredData<Id>) {
  if (input === undefined || input instanceof Error) return { names: [], targets: [], prefix: undefined };
  const names = required.valueNames?.(input) ?? [];
  return {
    names,
    targets: [...namesInPath(input), ...(required.authorizesEachItem ? [] : names)],
    prefix: required.prefix?.(input),
  };
}

/** The name in the path, even if the route does not read its value. */
function namesInPath({ params }: { readonly params: object }): string[] {
  const name: unknown = Reflect.get(params, 'name');
  return typeof name === 'string' ? [name] : [];
}

/** Drops values that the caller is not permitted to read. */
function filterAllowedValues(caller: Caller, values: ApiKeySession['values']): ApiKeySession['values'] {
  return new Map([...values].filter(([name]) => allowsName(caller, name)));
}

/** The result of authentication. */
export interface ApiKeySession {
  readonly caller: Caller;
  /** Verifies and unwraps the caller's keyring. Lazy, because routes that do not touch values need no DEK. */
  openKeyring(): Promise<OpenKeyring>;
  /** Verifies the caller's keyring or tombstone without unwrapping a DEK. @throws DecryptionError */
  storedKeyring(): Promise<StoredKeyring>;
  /** The requested values that exist and that the caller is permitted to read. */
  readonly values: ReadonlyMap<string, ReadValue>;
}
