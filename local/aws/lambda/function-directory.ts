/**
 * Finds the version of a function that handles an invocation. An alias with weights chooses it at random for each
 * invocation. Source: Lambda developer guide, "Implement Lambda canary deployments using a weighted alias".
 */
import type { FunctionAliasSpec, FunctionSpec } from '../cloudformation/deployment-spec.ts';
import { ServiceError } from '../shared/errors.ts';
import { formatFunctionArn, parseFunctionName } from '../shared/function-arn.ts';
import type { InvocationOutcome } from './execution-environment.ts';

/** One version of a function. */
export interface Invocable {
  readonly spec: FunctionSpec;
  /** @param invokedArn the ARN in the context of the invocation, with the qualifier that the caller named */
  invoke(event: string, invokedArn: string): Promise<InvocationOutcome>;
}

export interface ResolvedFunction {
  readonly version: Invocable;
  /** With the qualifier that the caller named. */
  readonly invokedArn: string;
  readonly qualifier: string | undefined;
}

export class FunctionDirectory {
  readonly #versions = new Map<string, Invocable>();
  readonly #aliases: ReadonlyMap<string, FunctionAliasSpec>;
  readonly #random: () => number;

  /** @param random from 0 to 1, without 1 */
  constructor(aliases: readonly FunctionAliasSpec[], random: () => number = Math.random) {
    this.#aliases = new Map(aliases.map((alias) => [keyOf(alias.functionName, alias.name), alias]));
    this.#random = random;
  }

  /** Functions are added after the services that invoke them have been created. */
  add(versions: readonly Invocable[]): void {
    for (const one of versions) this.#versions.set(keyOf(one.spec.functionName, one.spec.version), one);
  }

  /** One version; undefined if it does not exist any more. */
  find(functionName: string, version: string): Invocable | undefined {
    return this.#versions.get(keyOf(functionName, version));
  }

  /**
   * Resolves a name, ARN or partial ARN, which can contain the qualifier.
   * @throws ServiceError `ResourceNotFoundException`, `InvalidParameterValueException`
   */
  resolve(nameOrArn: string, qualifierParameter?: string): ResolvedFunction {
    const { name, qualifier: own } = parseFunctionName(nameOrArn);
    if (own !== undefined && qualifierParameter !== undefined && own !== qualifierParameter) {
      throw new ServiceError(
        'InvalidParameterValueException',
        'The derived qualifier from the function name does not match the specified qualifier.',
      );
    }
    const qualifier = own ?? qualifierParameter;
    const invokedArn = formatFunctionArn(name, qualifier);
    const version = this.find(name, this.#versionOf(name, qualifier ?? '$LATEST'));
    if (version === undefined) {
      throw new ServiceError('ResourceNotFoundException', `Function not found: ${invokedArn}`, 404);
    }
    return { version, invokedArn, qualifier };
  }

  /** Invokes a function by its name or ARN. Never throws: errors are returned as an outcome. */
  async invoke(nameOrArn: string, event: string): Promise<InvocationOutcome> {
    try {
      const { version, invokedArn } = this.resolve(nameOrArn);
      return await version.invoke(event, invokedArn);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return { ok: false, type: error.type, message: error.message };
    }
  }

  #versionOf(functionName: string, qualifier: string): string {
    const alias = this.#aliases.get(keyOf(functionName, qualifier));
    if (alias === undefined) return qualifier;
    const { version, additional } = alias;
    return additional !== undefined && this.#random() < additional.weight ? additional.version : version;
  }
}

const keyOf = (functionName: string, qualifier: string): string => `${functionName}:${qualifier}`;
