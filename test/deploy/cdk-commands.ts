/** Runs the CDK command against the emulator, as an operator runs it against AWS. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ministack } from './ministack.ts';
import { account, region } from './ministack.ts';
import { runProgram } from './run-program.ts';

const cdkCommand = fileURLToPath(new URL('../../node_modules/aws-cdk/bin/cdk', import.meta.url));
const quiet = ['--no-notices', '--no-color', '--ci'];

export interface Cdk {
  bootstrap(): Promise<string>;
  /** Deploys all stacks of an assembly in the order of their dependencies. Returns the file with their outputs. */
  deploy(assembly: string): Promise<string>;
  /** Deletes stacks of an assembly; all if none is named. */
  destroy(assembly: string, ...stacks: string[]): Promise<string>;
  /** Creates a stack from existing resources. @param mapping file with the identifiers by logical ID */
  import(assembly: string, stack: string, mapping: string): Promise<string>;
}

export function createCdk({ endpoint, env, scratch }: Ministack): Cdk {
  // `cdk` would synthesize the app of the current folder.
  const cwd = join(scratch, 'cdk');
  mkdirSync(cwd);
  const run = async (...args: string[]): Promise<string> => {
    const { code, output } = await runProgram(process.execPath, [cdkCommand, ...args, ...quiet], {
      cwd,
      env: { ...env, CDK_DISABLE_CLI_TELEMETRY: '1', CDK_DISABLE_VERSION_CHECK: '1' },
      timeoutMs: 840_000,
    });
    if (code !== 0) throw new Error(`cdk ${args.join(' ')} ended with ${code}:\n${output.slice(-5_000)}`);
    return output;
  };
  return {
    async bootstrap() {
      const shown = await runProgram(process.execPath, [cdkCommand, 'bootstrap', '--show-template'], { cwd, env });
      // `cdk import` addresses its template in this domain. The emulator reads the bucket from the path (known-gaps.ts).
      const address = `${new URL(endpoint).host}/\${StagingBucket}`;
      const template = join(scratch, 'bootstrap.yaml');
      writeFileSync(
        template,
        shown.stdout.replace('${StagingBucket.RegionalDomainName}', () => address),
      );
      return run('bootstrap', `aws://${account}/${region}`, '--template', template);
    },
    async deploy(assembly) {
      const outputs = join(scratch, 'outputs.json');
      await run('deploy', '--app', assembly, '--all', '--require-approval', 'never', '--outputs-file', outputs);
      return outputs;
    },
    destroy: (assembly, ...stacks) =>
      run('destroy', '--app', assembly, ...(stacks.length === 0 ? ['--all'] : stacks), '--force'),
    import: (assembly, stack, mapping) =>
      run('import', '--app', assembly, stack, '--resource-mapping', mapping, '--force'),
  };
}
