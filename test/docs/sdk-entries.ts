/** The sources of the entries of the SDK, for programs in documents. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { projectFolder } from '../shared/vault-process.ts';

const { exports } = JSON.parse(readFileSync(join(projectFolder, 'sdk/package.json'), 'utf8'));

/** The source file of an entry such as `@anima/sdk/session`. */
export function sourceOfEntry(name: string): string {
  const entry = exports[name.replace('@anima/sdk', '.')] ?? expect.fail(`there is no ${name}`);
  return join(projectFolder, 'sdk', entry.import.default.replace('./dist/sdk/', '').replace('.js', '.ts'));
}
