/**
 * Which function may do what, as the policies of the deployment say it: made of them at synthesis (lib/explain/iam-policy-report.ts), so that `explain`
 * tells what is deployed and not what was meant.
 */
import * as z from 'zod/mini';
import {
  type BackgroundFunction,
  backgroundFunctions,
  type RouteGroup,
  type RouteId,
  routeGroups,
  routes,
} from '../../contract/routes.ts';

export type FunctionName = RouteGroup | BackgroundFunction;

const allFunctionNames: readonly FunctionName[] = [...routeGroups, ...backgroundFunctions];
const grantsSchema = z.record(z.string(), z.record(z.string(), z.array(z.string())));

/** What gives the content of items; an action that only writes does not. */
const readingActions = ['GetItem', 'BatchGetItem', 'Query', 'Scan'].map((action) => `dynamodb:${action}`);

export class IamGrants {
  readonly #byResource: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

  /**
   * @param text JSON: functions by action (`kms:Decrypt`) by resource (`kek`)
   * @throws Error when it has another form: a function that can't tell must not start
   */
  constructor(text: string) {
    this.#byResource = z.parse(grantsSchema, JSON.parse(text));
  }

  /** Whether a role of the function allows one of these actions. */
  allows(name: FunctionName, resource: string, ...actions: readonly string[]): boolean {
    const granted = this.#byResource[resource] ?? {};
    return actions.some((action) => granted[action]?.includes(name) === true);
  }

  allowsRead(name: FunctionName, table: 'value' | 'userKeyring' | 'userRecord'): boolean {
    return this.allows(name, table, ...readingActions);
  }

  /** Whether messages are handed to a function to be answered, be it one of this deployment or another. */
  get hasResponder(): boolean {
    return this.#byResource.responder !== undefined;
  }

  /** All functions of the deployment: one that no policy names may do nothing of what is asked here. */
  get functionNames(): readonly FunctionName[] {
    return allFunctionNames.filter((name) => name !== 'responder' || this.hasResponder);
  }
}

/** Whether a function answers requests with this kind of proof. */
export const servesAuth = (name: FunctionName, auth: (typeof routes)[RouteId]['auth']): boolean =>
  Object.values(routes).some((row) => row.group === name && row.auth === auth);
