import type { MiddlewareObj } from '@middy/core';
import { nameProblem } from '../../contract/names.ts';
import { type RouteId, verbOf } from '../../contract/routes.ts';
import type { RouteInput } from '../../contract/schemas.ts';
import { authenticate as authenticateKey, authorize, presentedKey } from '../domain/access.ts';
import type { Deks } from '../domain/deks.ts';
import type { RecordStore } from '../domain/ports.ts';
import type { Call } from './call.ts';

/** Values that a route wants in the read that brings its key and keyring. */
export interface Wanted<Id extends RouteId> {
  names?(input: RouteInput<Id>): readonly string[];
  history?(input: RouteInput<Id>): boolean;
}

export interface Gate {
  readonly records: RecordStore;
  readonly deks: Deks;
}

/**
 * Reads API key, keyring and the route's values in one round trip, and lets only a key pass that is genuine,
 * not revoked and allowed this route. Who may not call learns nothing of what was wrong with the request.
 */
export function authenticate<Id extends RouteId>(id: Id, gate: Gate, wanted: Wanted<Id>): MiddlewareObj<Call<Id>> {
  return {
    before: async ({ event: call }) => {
      const presented = presentedKey(call.event.headers.authorization);
      const { input } = call;
      const parsed = input === undefined || input instanceof Error ? undefined : input;
      // A name that is not allowed is refused by the rules; the table would refuse the whole read for it.
      const names =
        parsed === undefined ? [] : (wanted.names?.(parsed) ?? []).filter((name) => nameProblem(name) === undefined);
      const records = await gate.records.read({
        org: presented.org,
        keyId: presented.id,
        names: [...new Set(names)],
        history: parsed !== undefined && (wanted.history?.(parsed) ?? false),
      });
      const caller = authenticateKey(presented, records.apiKey);
      const verb = verbOf(id);
      if (verb === undefined) throw new Error(`the route ${id} has no verb`);
      authorize(caller, verb);
      const keys = () => gate.deks.open(records.keyring, caller.org);
      call.session = { caller, keys, values: records.values };
    },
  };
}
