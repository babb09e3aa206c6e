/**
 * The permissions of functions according to the policies of the deployment. They are collected at synthesis
 * (lib/explain/iam-policy-report.ts), so that `explain` reports the deployed permissions and not the intended ones.
 */
import * as z from 'zod/mini';
import { itemReadingActions } from '../../contract/explain/item-reading-actions.ts';
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
const grantsSchema = z.record(z.string(), z.record(z.string(), z.string()));

export class IamGrants {
  readonly #byResource: Readonly<Record<string, Readonly<Record<string, string>>>>;

  /**
   * @param text JSON: functions, separated by spaces, by action (`kms:Decrypt`; without a service, of DynamoDB) by resource
   *   (`kek`)
   * @throws Error if it is malformed: a function without the policies must not start
   */
  constructor(text: string) {
    this.#byResource = z.parse(grantsSchema, JSON.parse(text));
  }

  /** Whether a role of the function allows one of these actions. */
  allows(name: FunctionName, resource: string, ...actions: readonly string[]): boolean {
    const granted = this.#byResource[resource] ?? {};
    return actions.some((action) =>
      [action, action.replace(/^dynamodb:/, '')].some((one) => granted[one]?.split(' ').includes(name) === true),
    );
  }

  allowsRead(
    name: FunctionName,
    table: 'value' | 'userKeyring' | 'userRecord' | 'deviceRoster' | 'deviceLog' | 'directory' | 'mailbox',
  ): boolean {
    return this.allows(name, table, ...itemReadingActions);
  }

  /** Whether messages are passed to a responder, which can be a function of this deployment or another one. */
  get hasResponder(): boolean {
    return this.#byResource.responder !== undefined;
  }

  /**
   * All functions of the deployment. A function that no policy names has none of the permissions that are evaluated
   * here.
   */
  get functionNames(): readonly FunctionName[] {
    return allFunctionNames.filter((name) => name !== 'responder' || this.hasResponder);
  }
}

/** Whether a function serves routes with this kind of authentication. */
export const servesAuth = (name: FunctionName, auth: (typeof routes)[RouteId]['auth']): boolean =>
  Object.values(routes).some((row) => row.group === name && row.auth === auth);
