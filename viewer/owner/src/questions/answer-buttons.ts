/** Yes, no, and no with the suspension of an agent. */
import type { Question } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { chooseAgent } from '../devices/choose-agent.ts';
import { block, button } from '../ui/elements.ts';

/** What a question can be answered with. */
export interface AnswerButtons {
  /** No and yes, which stay in view. */
  readonly main: HTMLElement;
  /** At the end of the question. */
  readonly more: readonly HTMLElement[];
}

/**
 * @param end shows what became of the question
 * @param say shows why it was not answered
 */
export function answerButtons(
  app: App,
  question: Question,
  end: (text: string) => void,
  say: (error: unknown) => void,
): AnswerButtons {
  const answer = async (decision: 'yes' | 'no', text: string): Promise<boolean> => {
    try {
      await app.questions.answer(question, decision);
      end(text);
      return true;
    } catch (error) {
      say(error);
      return false;
    }
  };
  const agents = app.client
    .devices()
    .filter(({ role, status, person }) => role === 'agent' && status === 'active' && person === app.client.person);
  const main = block(
    'decide',
    button('No', 'quiet', async () => void (await answer('no', 'You said no'))),
    button('Yes, allow it', 'main', async () => void (await answer('yes', 'You said yes'))),
  );
  const suspend = button('No, and suspend an agent', 'danger', async () => {
    // The question names an API key, which the directory does not know: the person says which agent it is.
    const agent = await chooseAgent(app, agents);
    if (agent === undefined || !(await answer('no', 'You said no'))) return;
    try {
      await app.client.suspend(agent.device);
      app.events.emit('directory');
      end(`You said no, and suspended ${app.names.of(agent)}`);
    } catch (error) {
      say(error);
    }
  });
  return { main, more: agents.length === 0 ? [] : [block('actions', suspend)] };
}
