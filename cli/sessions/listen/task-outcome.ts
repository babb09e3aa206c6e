/** The answer that an outcome contains, and what people are told of it. */
import type { TaskOutcome } from './task-process.ts';

type Failure = Exclude<TaskOutcome, { kind: 'answer' }>;

/** Text if it is text, without one final line end; undefined if there is nothing to send. */
export function answerOf(output: Uint8Array): string | Uint8Array<ArrayBuffer> | undefined {
  if (output.length === 0) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(output).replace(/\r?\n$/, '');
    return text === '' ? undefined : text;
  } catch {
    return new Uint8Array(output);
  }
}

export function describeOutcome(outcome: TaskOutcome): string {
  if (outcome.kind !== 'answer') return noteOf(outcome);
  return outcome.output.length === 0 ? 'The command printed no answer' : `Answered with ${outcome.output.length} bytes`;
}

/** What the sender gets in place of an answer. */
export function noteOf(outcome: Failure): string {
  if (outcome.kind === 'exit') return `The command failed with the exit code ${outcome.code}. Its output was not sent`;
  if (outcome.kind === 'signal') return `The command was ended by ${outcome.signal}. Its output was not sent`;
  if (outcome.kind === 'not-started') return `The command could not be started (${outcome.code})`;
  return texts[outcome.kind];
}

const texts: Readonly<Record<Exclude<Failure['kind'], 'exit' | 'signal' | 'not-started'>, string>> = {
  timeout: 'The command took too long, and was ended. Its output was not sent',
  'too-long': 'The output of the command was too long. The command was ended, and nothing was sent',
  stopped: 'Stopped. The output of the command was not sent',
};
