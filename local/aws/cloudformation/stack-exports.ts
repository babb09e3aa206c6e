/**
 * Exports of stacks. As in CloudFormation, a stack can import only what an earlier stack exports, and the name of an
 * export is unique within the account and region.
 */
import { LocalError } from '../shared/errors.ts';
import type { Json } from '../shared/json.ts';
import type { StackTemplate } from './cloud-assembly.ts';
import { type References, resolveIntrinsics } from './intrinsics.ts';

interface StackExports {
  /** @throws LocalError if no stack before `stackName` has this export */
  import(exportName: string, stackName: string): Json;
}

export function readExports(
  stacks: readonly StackTemplate[],
  ofStack: (stackName: string) => References,
): StackExports {
  const exported = new Map<string, { readonly position: number; readonly value: () => Json }>();
  for (const [position, { stackName, template }] of stacks.entries()) {
    for (const [output, { Value, Export }] of Object.entries(template.Outputs)) {
      if (Export === undefined) continue;
      const name = String(resolveIntrinsics(Export.Name, ofStack(stackName)));
      if (exported.has(name)) {
        throw new LocalError(`Two stacks export ${name}, which CloudFormation rejects. Nothing was started.`);
      }
      const value = (): Json => {
        const resolved = resolveIntrinsics(Value, ofStack(stackName));
        if (resolved !== undefined) return resolved;
        throw new LocalError(`The output ${output} of ${stackName} has no value. Nothing was started.`);
      };
      exported.set(name, { position, value });
    }
  }
  const positions = new Map(stacks.map(({ stackName }, position) => [stackName, position]));
  return {
    import(exportName, stackName) {
      const found = exported.get(exportName);
      if (found === undefined || found.position >= (positions.get(stackName) ?? 0)) {
        throw new LocalError(
          `${stackName} imports ${exportName}, but no stack that is deployed before it exports this name. Nothing was started.`,
        );
      }
      return found.value();
    },
  };
}
