import type { Command } from 'commander';
import { runDoctorChecks } from '../../doctor/doctor-checks.ts';
import type { Finding } from '../../doctor/finding.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';
import { escapeForLine, type StyledText, styled } from '../../shell/terminal-text.ts';

const help = `
Each line is ok, warn or fail, with a suggested fix. The command sends a few requests to the vault that read no values; the
audit records them. Exits with 1 if a check fails.

Examples:
  $ anima doctor
  $ anima doctor --profile prod --json`;

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('doctor')
    .description('check address, key, clock, permissions and files, and suggest fixes')
    .addHelpText('after', help)
    .action(async (_options: object, command: Command) => await doctor(shellOf(command)));
}

async function doctor(shell: Shell): Promise<void> {
  const found: Finding[] = [];
  for await (const finding of runDoctorChecks(shell)) {
    found.push(finding);
    if (!shell.json) shell.print(formatFinding(finding), undefined);
  }
  if (shell.json) shell.print('', found);
  const failed = found.filter(({ state }) => state === 'fail').length;
  if (failed === 0) return;
  throw new CommandError(`${failed} of ${found.length} checks failed`, {
    exit: exitCodes.failed,
    next: shell.json ? 'Each failed check has a suggested fix.' : 'The lines above suggest fixes.',
  });
}

function formatFinding({ check, state, detail, mend }: Finding): (string | StyledText)[] {
  const first = [styled(colours[state], state.padEnd(4)), `  ${check.padEnd(12)}  ${escapeForLine(detail)}`];
  return mend === undefined ? first : [...first, `\n                    → ${escapeForLine(mend)}`];
}
