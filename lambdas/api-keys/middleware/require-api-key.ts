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
import type { Clock, StoredValue } from '../../shared/ports.ts';
import type { Caller } from '../api-key-ports.ts';
import {
  authenticateApiKey as authenticateKey,
  authorize,
  authorizeList,
  parseApiKeyHeader,
} from '../authorization.ts';
import type { LastUsedRecorder } from '../last-used-recorder.ts';
import { allowsName } from '../permissions.ts';
import type { RequestRecordStore } from '../request-record-ports.ts';

/**
 * Values that a route wants in the read that brings its key and keyring, and what of the request its caller must be
 * allowed: the name in the path and all `names` unless told otherwise.
 */
export interface RequiredData<Id extends RouteId> {
  valueNames?(input: RouteInput<Id>): readonly string[];
  includeHistory?(input: RouteInput<Id>): boolean;
  /** The rules authorize each of `names` by itself, since each has a result of its own. */
  readonly authorizesEachItem?: true;
  /** What the names of a list must begin with; `''` for all. */
  prefix?(input: RouteInput<Id>): string;
}

/** A request on a route for API keys. */
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
 * Reads API key, keyring and the route's values in one round trip, and lets only a key pass that is genuine,
 * neither revoked nor expired, and allowed this route and these names. Who may not call learns nothing of what was
 * wrong with the request.
 */
export function requireApiKey<Id extends RouteId>(
  id: Id,
  auth: ApiKeyAuth,
  required: RequiredData<Id>,
): MiddlewareObj<ApiKeyCall<Id>> {
  return {
    before: async ({ event }) => {
      const presented = parseApiKeyHeader(event.event.headers.authorization);
      const { names, history, targets, prefix } = resolveRequirements(event.input, required);
      const records = await auth.records.read({
        org: presented.org,
        keyId: presented.id,
        // A name that is not allowed is refused by the rules; the table would refuse the whole read for it.
        names: [...new Set(names)].filter((name) => nameProblem(name) === undefined),
        includeHistory: history,
      });
      const caller = authenticateKey(presented, records.apiKey, auth.clock());
      if (records.apiKey !== undefined) event.lastUsedUpdate = auth.lastUsedRecorder.record(records.apiKey);
      event.actor = { org: caller.org, principal: caller.keyId };
      const verb = requiredVerbOf(id);
      if (verb === undefined) throw new Error(`the route ${id} has no verb`);
      authorize(caller, verb, targets);
      if (prefix !== undefined) authorizeList(caller, prefix);
      const rereadKeyring = async () =>
        (await auth.records.read({ org: caller.org, keyId: caller.keyId, names: [], includeHistory: false })).keyring;
      const openKeyring = () => auth.keyringOpener.open(records.keyring, caller.org, rereadKeyring);
      const storedKeyring = () => parseStoredKeyring(records.keyring, caller.org);
      event.session = { caller, openKeyring, storedKeyring, values: filterAllowedValues(caller, records.values) };
    },
  };
}

/** What of a request is read along, and what its caller must be allowed: nothing of one that could not be parsed. */
function resolveRequirements<Id extends RouteId>(input: RequestState<Id>['input'], required: RequiredData<Id>) {
  if (input === undefined || input instanceof Error)
    return { names: [], history: false, targets: [], prefix: undefined };
  const names = required.valueNames?.(input) ?? [];
  return {
    names,
    history: required.includeHistory?.(input) ?? false,
    targets: [...namesInPath(input), ...(required.authorizesEachItem ? [] : names)],
    prefix: required.prefix?.(input),
  };
}

/** The name in the path, whether or not the route wants its value read. */
function namesInPath({ params }: { readonly params: object }): string[] {
  const name: unknown = Reflect.get(params, 'name');
  return typeof name === 'string' ? [name] : [];
}

/** What was read along and is not the caller's to see goes no further. */
function filterAllowedValues(caller: Caller, values: ApiKeySession['values']): ApiKeySession['values'] {
  return new Map([...values].filter(([name]) => allowsName(caller, name)));
}

/** What authentication found. */
export interface ApiKeySession {
  readonly caller: Caller;
  /** The caller's keyring, checked on first use: routes that touch no value need no DEK. */
  openKeyring(): Promise<OpenKeyring>;
  /** The caller's keyring or what is left of it, as stored: no key vouches for it yet. @throws DecryptionError */
  storedKeyring(): StoredKeyring;
  /** The values of the request that exist. */
  readonly values: ReadonlyMap<string, StoredValue>;
}
