/** The stacks of a synthesized assembly, read from its manifest. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface AssemblyStack {
  /** The construct path, by which `cdk` names the stack. */
  readonly id: string;
  readonly name: string;
  readonly template: Template;
}

export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
}

interface TemplateResource {
  readonly Type: string;
  readonly DeletionPolicy?: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

interface Artifact {
  readonly type: string;
  readonly displayName?: string;
  readonly dependencies?: readonly string[];
  readonly properties?: { readonly templateFile?: string; readonly stackName?: string };
}

/** Stacks in the order of their dependencies. */
export function readStacks(assembly: string): AssemblyStack[] {
  const manifest: { artifacts: Record<string, Artifact> } = JSON.parse(
    readFileSync(join(assembly, 'manifest.json'), 'utf8'),
  );
  const stacks = new Map<string, AssemblyStack>();
  const visit = (id: string) => {
    const artifact = manifest.artifacts[id];
    if (artifact?.type !== 'aws:cloudformation:stack' || stacks.has(id)) return;
    for (const dependency of artifact.dependencies ?? []) visit(dependency);
    const file = artifact.properties?.templateFile ?? '';
    stacks.set(id, {
      id: artifact.displayName ?? id,
      name: artifact.properties?.stackName ?? id,
      template: JSON.parse(readFileSync(join(assembly, file), 'utf8')),
    });
  };
  for (const id of Object.keys(manifest.artifacts)) visit(id);
  return [...stacks.values()];
}
