/** The examples for GitHub Actions: their form, and that no expression can carry text into a command. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { clientEnv } from '../../contract/shared/environment-variables.ts';

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string>>;
}

const read = (name: string) => parse(readFileSync(new URL(`../../docs/examples/${name}`, import.meta.url), 'utf8'));
const action = read('anima-secrets/action.yml');
const workflow = read('deploy-workflow.yml');
const actionSteps: Step[] = action.runs.steps;
const workflowSteps: Step[] = workflow.jobs.deploy.steps;

const expressionsIn = (value: unknown): string[] =>
  [...JSON.stringify(value ?? '').matchAll(/\$\{\{(.*?)\}\}/g)].map(([, expression = '']) => expression.trim());

describe('the examples for GitHub Actions', () => {
  test('no command contains an expression', () => {
    for (const { run } of [...actionSteps, ...workflowSteps]) expect(expressionsIn(run)).toEqual([]);
  });

  test('every expression is an input of the action, or a variable of the repository; none is a secret', () => {
    const inputs = Object.keys(action.inputs).map((name) => `inputs.${name}`);
    expect(expressionsIn(action).sort()).toEqual(inputs.sort());
    expect(expressionsIn(workflow)).toEqual([`vars.${clientEnv.url}`, `vars.${clientEnv.login}`]);
  });

  test('the action is composite, has a shell for each command, and sets the variables of the client', () => {
    expect(action.runs.using).toBe('composite');
    for (const step of actionSteps) expect(step.shell).toBe('bash');
    expect(actionSteps[0]?.env).toMatchObject({
      [clientEnv.url]: '${{ inputs.url }}',
      [clientEnv.login]: '${{ inputs.login }}',
    });
  });

  test('the workflow may ask for an identity and for nothing else, and gives the action its inputs', () => {
    expect(workflow.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
    const use = workflowSteps.find(({ uses }) => uses?.endsWith('/anima-secrets') === true);
    expect(Object.keys(use?.with ?? {}).sort()).toEqual(Object.keys(action.inputs).sort());
  });
});
