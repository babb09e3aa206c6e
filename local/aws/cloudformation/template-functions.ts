/** The functions of the templates, their published versions and their aliases. */

import { LocalError } from '../shared/errors.ts';
import { formatFunctionArn, parseFunctionName } from '../shared/function-arn.ts';
import type { CloudAssembly } from './cloud-assembly.ts';
import type { Deployment, FunctionAliasSpec, FunctionSpec, FunctionTarget } from './deployment-spec.ts';
import { type AssemblyReferences, type CustomAttributes, createReferences } from './references.ts';
import { type Resource, readResource, readResources } from './template-resources.ts';

/** Finds a function by its name or ARN, with or without a qualifier; undefined if the template has no such target. */
export type FindFunction = (nameOrArn: string) => FunctionTarget | undefined;

export interface VersionPublisher {
  /** Publishes a version. If neither code nor configuration has changed, returns the newest version instead. */
  publish(latest: FunctionSpec): FunctionSpec;
  /** A published version that still exists. */
  get(functionName: string, version: string): FunctionSpec | undefined;
}

/** For code that reads a template without a data folder: each function has only its first version. */
export function firstVersions(): VersionPublisher {
  const published = new Map<string, FunctionSpec>();
  return {
    publish(latest) {
      const first = { ...latest, version: '1' };
      published.set(latest.functionName, first);
      return first;
    },
    get: (functionName, version) => (version === '1' ? published.get(functionName) : undefined),
  };
}

interface TemplateFunctions extends Pick<Deployment, 'functions' | 'functionVersions' | 'functionAliases'> {
  readonly references: AssemblyReferences;
  readonly findFunction: FindFunction;
}

export function readTemplateFunctions(
  assembly: CloudAssembly,
  keyIds: ReadonlyMap<string, string>,
  versions: VersionPublisher,
  customAttributes?: CustomAttributes,
): TemplateFunctions {
  const functionOf = memoize((id: string): FunctionSpec => {
    const resource = assembly.resources.get(id);
    if (resource === undefined) throw new LocalError(`The template has no function ${id}. Nothing was started.`);
    return toFunctionSpec(assembly, readResource(id, resource, 'function', references), references);
  });
  // A version is published when something refers to its number. Its configuration can contain references to versions
  // of other functions.
  const publish = memoize((versionId: string): FunctionSpec => {
    const resource = assembly.resources.get(versionId);
    if (resource === undefined) throw new LocalError(`The template has no version ${versionId}. Nothing was started.`);
    const { FunctionName } = readResource(versionId, resource, 'functionVersion', references);
    const { name } = parseFunctionName(FunctionName);
    const functionId = functionIds.find((id) => references.ref(id) === name);
    if (functionId === undefined) {
      throw new LocalError(`${versionId} is a version of ${name}, which is not in the template. Nothing was started.`);
    }
    return versions.publish(functionOf(functionId));
  });
  const references: AssemblyReferences = createReferences(
    assembly,
    keyIds,
    (id) => publish(id).version,
    customAttributes,
  );
  const idsOf = (type: string) => [...assembly.resources].flatMap(([id, { Type }]) => (Type === type ? [id] : []));
  const functionIds = idsOf('AWS::Lambda::Function');
  const functions = functionIds.map(functionOf);
  const published = idsOf('AWS::Lambda::Version').map(publish);
  const aliases = readResources(assembly, 'functionAlias', references, {}).map(toAliasSpec);
  const routed = aliases.flatMap(({ functionName, name, version, additional }) =>
    [version, additional?.version].flatMap((number) => {
      if (number === undefined || number === '$LATEST') return [];
      const found = versions.get(functionName, number);
      if (found !== undefined) return [found];
      throw new LocalError(
        `The alias ${name} of ${functionName} routes to version ${number}, which does not exist. Nothing was started.`,
      );
    }),
  );
  const findFunction: FindFunction = (nameOrArn) => {
    const { name, qualifier } = parseFunctionName(nameOrArn);
    const found = functions.find(({ functionName }) => functionName === name);
    if (found === undefined) return undefined;
    const exists =
      qualifier === undefined ||
      qualifier === '$LATEST' ||
      aliases.some((alias) => alias.functionName === name && alias.name === qualifier) ||
      versions.get(name, qualifier) !== undefined;
    return exists ? { function: found, targetArn: formatFunctionArn(name, qualifier) } : undefined;
  };
  return {
    references,
    functions,
    functionVersions: [...new Map([...published, ...routed].map((spec) => [keyOf(spec), spec])).values()],
    functionAliases: aliases,
    findFunction,
  };
}

const keyOf = ({ functionName, version }: FunctionSpec): string => `${functionName}:${version}`;

function toFunctionSpec(
  { assets }: CloudAssembly,
  resource: Resource<'function'>,
  references: AssemblyReferences,
): FunctionSpec {
  const { logicalId, Code } = resource;
  const codeFolder = assets.get(Code.S3Key);
  if (codeFolder === undefined) {
    throw new LocalError(
      `The code of ${logicalId} (${Code.S3Key}) is not among the assembly's assets. Nothing was started. Synthesize again.`,
    );
  }
  return {
    ...resource,
    functionName: references.ref(logicalId) ?? '',
    functionArn: references.attribute(logicalId, 'Arn'),
    version: '$LATEST',
    codeFolder,
  };
}

function toAliasSpec({
  FunctionName,
  Name,
  FunctionVersion,
  RoutingConfig,
}: Resource<'functionAlias'>): FunctionAliasSpec {
  const [additional] = RoutingConfig?.AdditionalVersionWeights ?? [];
  return {
    functionName: parseFunctionName(FunctionName).name,
    name: Name,
    version: FunctionVersion,
    additional: additional && { version: additional.FunctionVersion, weight: additional.FunctionWeight },
  };
}

/** Remembers results. @throws LocalError if a result depends on itself, which CloudFormation rejects */
function memoize<Result>(compute: (id: string) => Result): (id: string) => Result {
  const results = new Map<string, Result>();
  const running = new Set<string>();
  return (id) => {
    const known = results.get(id);
    if (known !== undefined) return known;
    if (running.has(id)) throw new LocalError(`The template has a circular reference to ${id}. Nothing was started.`);
    running.add(id);
    const result = compute(id);
    results.set(id, result);
    return result;
  };
}
