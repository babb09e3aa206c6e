import type { Command } from 'commander';
import {
  describePosition,
  fillTemplate,
  findReferencePlaces,
  InvalidTemplateError,
  type ReferencePlace,
} from '../../../egress/references/reference-templates.ts';
import { referenceKey } from '../../../egress/references/secret-references.ts';
import { checkOutput, displayNameOf, type OutputOptions, readText, writeOutput } from '../../secrets/secret-files.ts';
import { SecretReader } from '../../secrets/secret-reader.ts';
import { unresolvedReferencesError } from '../../secrets/unresolved-references.ts';
import { usageError } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
A reference is written as {{ anima://path }} or bare, as anima://path. A bare reference extends over all following name
characters (A-Z a-z 0-9 . _ @ : - /) and ?version=N; if one of these characters follows directly, use braces. Braces around
other text are not changed. Values are inserted without quotes or escapes. If a value can’t be read, nothing is written.

Examples:
  $ anima inject -i config.tpl.yaml -o config.yaml
  $ echo "password: {{ anima://prod/db }}" | anima inject | app --config -
  $ anima inject -i .env.tpl -o .env -f          replaces .env`;

interface Options extends OutputOptions {
  readonly input: string;
  readonly cacheMaxAge?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('inject')
    .description('replace the references in a template with values')
    .option('-i, --input <file>', 'the template; - for standard input', '-')
    .option('-o, --output <file>', 'write a file of mode 0600; - for standard output')
    .option('-f, --force', 'replace an existing file')
    .option('--cache-max-age <duration>', 'if the vault can’t be reached, use values cached within 1h, 7d …')
    .addHelpText('after', help)
    .action(async (options: Options, command: Command) => await inject(shellOf(command), options));
}

async function inject(shell: Shell, options: Options): Promise<void> {
  checkOutput(shell, options);
  const template = await readText(options.input, shell.stdin);
  const places = placesIn(template, options.input);
  const reader = await SecretReader.open(shell, options.cacheMaxAge);
  const outcomes = await reader.readMany(places.map(({ reference }) => reference));
  const failed = places.flatMap(({ reference, start }) => {
    const outcome = outcomes.get(referenceKey(reference));
    return outcome === undefined || outcome.ok ? [] : [[describePosition(template, start), outcome] as const];
  });
  if (failed.length > 0) throw unresolvedReferencesError(failed, 'Nothing was written');
  const text = fillTemplate(template, places, (reference) => {
    const outcome = outcomes.get(referenceKey(reference));
    return outcome?.ok === true ? outcome.value.value : '';
  });
  await writeOutput(shell, text, options);
  const { output } = options;
  if (output === undefined || output === '-') return;
  shell.print(`Wrote ${output} with ${count(places.length)}.`, { file: output, references: places.length });
}

const count = (places: number): string => (places === 1 ? '1 reference replaced' : `${places} references replaced`);

function placesIn(template: string, input: string): ReferencePlace[] {
  try {
    return findReferencePlaces(template);
  } catch (error) {
    if (!(error instanceof InvalidTemplateError)) throw error;
    throw usageError(`${displayNameOf(input)}: ${error.message}. Nothing was written`);
  }
}
