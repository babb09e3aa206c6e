/** The open questions, and one of them with its answers. */
import { escapeHidden } from '../../../../core/encoding/hidden-characters.ts';
import type { Question } from '../../../../sdk/src/session/index.ts';
import type { App } from '../app.ts';
import { describeError } from '../device/errors.ts';
import { block, createElement, heading, paragraph, trouble } from '../ui/elements.ts';
import { timeLeft } from '../ui/times.ts';
import type { View } from '../ui/view.ts';
import { answerButtons } from './answer-buttons.ts';
import { questionParts } from './question-card.ts';

const noRight =
  'This device may not answer questions: it was admitted without this right. An admin gives it when a device is admitted: anima directory admit --can approve.';

export const questionsView: View = (app, place) => {
  const list = block('list');
  place.append(heading('Questions'), list);
  const show = () => list.replaceChildren(...listOf(app));
  show();
  void app.questions.look();
  return app.events.subscribe((change) => {
    if (change === 'questions' || change === 'directory') show();
  });
};

function listOf(app: App): HTMLElement[] {
  const { open, problem, canAnswer } = app.questions;
  if (!canAnswer) return [paragraph('empty', noRight)];
  const problems = problem === undefined ? [] : [trouble(problem)];
  if (open.length === 0)
    return [
      ...problems,
      paragraph('empty', 'No question is open. An agent asks here before it uses a value that needs you.'),
    ];
  return [...problems, ...open.map(rowOf)];
}

const rowOf = ({ id, host, method, agent, expires }: Question): HTMLElement =>
  createElement(
    'a',
    { className: 'row unread', href: `#/questions/${id}` },
    createElement('strong', { dir: 'ltr' }, escapeHidden(host)),
    createElement('span', { className: 'when' }, `${timeLeft(expires.getTime() - Date.now())} left`),
    createElement(
      'span',
      { className: 'preview' },
      `${escapeHidden(method)}, asked by ${agent === '' ? 'an agent' : escapeHidden(agent)}`,
    ),
  );

export const questionView: View = (app, place, id) => {
  const back = createElement('a', { href: '#/questions', className: 'back' }, '‹ Questions');
  const content = block('question card');
  place.append(back, content);
  let ended = false;
  const end = (text: string) => {
    ended = true;
    const title = heading(text);
    content.replaceChildren(title, createElement('a', { href: '#/questions', className: 'back' }, 'All questions'));
    place.querySelector('.decide')?.remove();
    title.focus();
  };
  const question = app.questions.open.find((one) => one.id === id);
  if (question === undefined) {
    end('This question is over');
    return () => undefined;
  }
  const left = paragraph('hint', '');
  const showTime = () => {
    const ms = question.expires.getTime() - Date.now();
    left.textContent = `Open for ${timeLeft(ms)}. No answer is no.`;
    if (ms <= 0 && !ended) end('Nobody answered in time. Nothing was allowed');
  };
  showTime();
  const say = (error: unknown) => {
    content.querySelector('.trouble')?.remove();
    content.append(trouble(describeError(error)));
  };
  const buttons = answerButtons(app, question, end, say);
  content.append(...questionParts(question), left, ...buttons.more);
  place.append(buttons.main);
  const timer = setInterval(showTime, 1_000);
  return () => clearInterval(timer);
};
