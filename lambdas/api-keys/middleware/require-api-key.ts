import type { MiddlewareObj } from '@middy/core';
import type { RouteInput } from '../../../contract/route-schemas.ts';
import { type RouteId, requiredVerbOf } from '../../../contract/routes.ts';
import { nameProblem } from '../../../contract/shared/name-patterns.ts';
import type { RequestState } from '../../middleware/request-state.ts';
import {
  type KeyringOpener,
  type OpenKeyring,
  parseStoredKeyring,
  type StoredKeyring,
} from '../../org-keys/keyring-opener.ts';
import type { Clock, ReadValue } from '../../shared/ports.ts';
import type { Caller } from '../api-key-ports.ts';
import { authenticateApiKey, authorize, authorizeList, parseApiKeyHeader } from '../authorization.ts';
import type { LastUsedRecorder } from '../last-used-recorder.ts';
import { allowsName } from '../permissions.ts';
import type { RequestRecordStore } from '../request-record-ports.ts';

/**
 * What a route needs from the combined read of key, keyring and values, and which names its caller must be authorized
 * for. By default these are the name in the path and all `valueNames`.
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
      const caller = authenticateApiKey(presented, records.apiKey, auth.clock());
      if (records.apiKey !== undefined) event.lastUsedUpdate = auth.lastUsedRecorder.record(records.apiKey);
      event.actor = { org: caller.org, principal: caller.keyId };
      const verb = requiredVerbOf(id);
      if (verb === undefined) throw new Error(`the route ${id} has no verb`);
      authorize(caller, verb, targets);
      if (prefix !== undefined) authorizeList(caller, prefix);
      const rereadKeyring = async () =>
        (await auth.records.read({ org: caller.org, keyId: caller.keyId, names: [] })).keyring;
      const openKeyring = () => auth.keyringOpener.open(records.keyring, caller.org, rereadKeyring);
      const storedKeyring = () => parseStoredKeyring(records.keyring, caller.org);
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
  /** The caller's keyring or tombstone as stored; its MAC is not verified. @throws DecryptionError */
  storedKeyring(): StoredKeyring;
  /** The requested values that exist and that the caller is permitted to read. */
  readonly values: ReadonlyMap<string, ReadValue>;
}
