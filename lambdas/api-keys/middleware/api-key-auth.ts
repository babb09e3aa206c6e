import type { MiddlewareObj } from '@middy/core';
import type { RouteInput } from '../../../contract/route-schemas.ts';
import { type RouteId, requiredVerbOf } from '../../../contract/routes.ts';
import { nameProblem } from '../../../contract/shared/name-patterns.ts';
import type { Call } from '../../middleware/request-context.ts';
import { type Deks, type OpenKeyring, type StoredKeyring, storedKeyring } from '../../org-keys/keyring-opener.ts';
import type { Clock, StoredValue } from '../../shared/ports.ts';
import type { Caller } from '../api-key-ports.ts';
import { authenticate as authenticateKey, authorize, authorizeList, presentedKey } from '../authorization.ts';
import type { LastUse } from '../last-used-recorder.ts';
import { coversName } from '../permissions.ts';
import type { RecordStore } from '../request-record-ports.ts';

/**
 * Values that a route wants in the read that brings its key and keyring, and what of the request its caller must be
 * allowed: the name in the path and all `names` unless told otherwise.
 */
export interface Wanted<Id extends RouteId> {
  names?(input: RouteInput<Id>): readonly string[];
  history?(input: RouteInput<Id>): boolean;
  /** The rules authorize each of `names` by itself, since each has a result of its own. */
  readonly itemwise?: true;
  /** What the names of a list must begin with; `''` for all. */
  prefix?(input: RouteInput<Id>): string;
}

/** A request on a route for API keys. */
export interface ApiKeyCall<Id extends RouteId> extends Call<Id> {
  session?: Session;
}

export interface Gate {
  readonly records: RecordStore;
  readonly deks: Deks;
  readonly lastUse: LastUse;
  readonly clock: Clock;
}

/**
 * Reads API key, keyring and the route's values in one round trip, and lets only a key pass that is genuine,
 * neither revoked nor expired, and allowed this route and these names. Who may not call learns nothing of what was
 * wrong with the request.
 */
export function authenticate<Id extends RouteId>(
  id: Id,
  gate: Gate,
  wanted: Wanted<Id>,
): MiddlewareObj<ApiKeyCall<Id>> {
  return {
    before: async ({ event: call }) => {
      const presented = presentedKey(call.event.headers.authorization);
      const { names, history, targets, prefix } = asked(call.input, wanted);
      const records = await gate.records.read({
        org: presented.org,
        keyId: presented.id,
        // A name that is not allowed is refused by the rules; the table would refuse the whole read for it.
        names: [...new Set(names)].filter((name) => nameProblem(name) === undefined),
        history,
      });
      const caller = authenticateKey(presented, records.apiKey, gate.clock());
      if (records.apiKey !== undefined) call.noted = gate.lastUse.note(records.apiKey);
      call.actor = { org: caller.org, principal: caller.keyId };
      const verb = requiredVerbOf(id);
      if (verb === undefined) throw new Error(`the route ${id} has no verb`);
      authorize(caller, verb, targets);
      if (prefix !== undefined) authorizeList(caller, prefix);
      const reread = async () =>
        (await gate.records.read({ org: caller.org, keyId: caller.keyId, names: [], history: false })).keyring;
      const keys = () => gate.deks.open(records.keyring, caller.org, reread);
      const stored = () => storedKeyring(records.keyring, caller.org);
      call.session = { caller, keys, stored, values: allowedValues(caller, records.values) };
    },
  };
}

/** What of a request is read along, and what its caller must be allowed: nothing of one that could not be parsed. */
function asked<Id extends RouteId>(input: Call<Id>['input'], wanted: Wanted<Id>) {
  if (input === undefined || input instanceof Error)
    return { names: [], history: false, targets: [], prefix: undefined };
  const names = wanted.names?.(input) ?? [];
  return {
    names,
    history: wanted.history?.(input) ?? false,
    targets: [...pathName(input), ...(wanted.itemwise ? [] : names)],
    prefix: wanted.prefix?.(input),
  };
}

/** The name in the path, whether or not the route wants its value read. */
function pathName({ params }: { readonly params: object }): string[] {
  const name: unknown = Reflect.get(params, 'name');
  return typeof name === 'string' ? [name] : [];
}

/** What was read along and is not the caller's to see goes no further. */
function allowedValues(caller: Caller, values: Session['values']): Session['values'] {
  return new Map([...values].filter(([name]) => coversName(caller, name)));
}

/** What authentication found. */
export interface Session {
  readonly caller: Caller;
  /** The caller's keyring, checked on first use: routes that touch no value need no DEK. */
  keys(): Promise<OpenKeyring>;
  /** The caller's keyring or what is left of it, as stored: no key vouches for it yet. @throws DecryptionError */
  stored(): StoredKeyring;
  /** The values of the request that exist. */
  readonly values: ReadonlyMap<string, StoredValue>;
}
