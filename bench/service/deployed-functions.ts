/** The functions of a synthesized assembly: their bundles and the environment with which they run. */
import { join } from 'node:path';
import { readCloudAssembly } from '../../local/aws/cloudformation/cloud-assembly.ts';
import { kmsKeyLogicalIds, readDeployment } from '../../local/aws/cloudformation/read-deployment.ts';
import { functionEnvironmentVariables } from '../../local/aws/lambda/function-host.ts';
import { localCustomResources } from '../../local/vault/custom-resources.ts';

export interface DeployedFunction {
  /** Such as `Reader`. */
  readonly name: string;
  readonly bundle: string;
  /** @param url of the server that answers all AWS calls */
  environment(url: string): Record<string, string>;
}

/** Any credentials do: the server of the benchmark checks no signature. */
export const benchCredentials = { accessKeyId: 'AKIABENCHBENCHBENCH0', secretAccessKey: 'x'.repeat(40) };

/** @param resources physical names by logical ID (LocalVault.resources) */
export function deployedFunctions(
  assemblyFolder: string,
  resources: Readonly<Record<string, string>>,
): DeployedFunction[] {
  const assembly = readCloudAssembly(assemblyFolder);
  const keyIds = new Map(kmsKeyLogicalIds(assembly).map((id) => [id, resources[id] ?? '']));
  const { functions } = readDeployment(assembly, keyIds, localCustomResources);
  return functions.map((spec) => ({
    name: spec.logicalId.replace(/(?:Function)?[0-9A-F]{8}$/, ''),
    bundle: join(spec.codeFolder, 'index.mjs'),
    environment: (url) => functionEnvironmentVariables(spec, benchCredentials, { signedServices: url, s3: url }),
  }));
}

/** The function with this name. @throws Error if the template has none */
export function functionNamed(functions: readonly DeployedFunction[], name: string): DeployedFunction {
  const found = functions.find((one) => one.name === name);
  if (found === undefined) throw new Error(`The template has no function ${name}. Nothing was measured.`);
  return found;
}
