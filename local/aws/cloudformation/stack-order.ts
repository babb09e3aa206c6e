/** The order in which CloudFormation can deploy stacks. */
import { LocalError } from '../shared/errors.ts';

interface Artifact {
  readonly type: string;
  readonly dependencies: readonly string[];
}

/** The artifacts of a type, each after the ones it depends on. Otherwise in the order of the manifest. */
export function inDependencyOrder<One extends Artifact>(
  artifacts: Readonly<Record<string, One>>,
  type: string,
): [id: string, artifact: One][] {
  const ordered = new Map<string, One>();
  const visit = (id: string, path: readonly string[]): void => {
    const artifact = artifacts[id];
    if (artifact === undefined || ordered.has(id)) return;
    if (path.includes(id)) {
      throw new LocalError(`The stacks depend on each other: ${[...path, id].join(', ')}. Nothing was started.`);
    }
    for (const dependency of artifact.dependencies) visit(dependency, [...path, id]);
    ordered.set(id, artifact);
  };
  for (const id of Object.keys(artifacts)) visit(id, []);
  return [...ordered].filter(([, artifact]) => artifact.type === type);
}
