/** What this device answered. The audit of the organization has every use; an admin reads it. */

import { escapeHidden } from '../../../../core/encoding/hidden-characters.ts';
import type { App } from '../app.ts';
import { describeError } from '../device/errors.ts';
import type { Decision } from '../questions/question-book.ts';
import { block, createElement, heading, paragraph, trouble } from '../ui/elements.ts';
import { shortTime } from '../ui/times.ts';
import type { View } from '../ui/view.ts';
import { chartOf, countDays } from './activity-chart.ts';

export const activityView: View = (app, place) => {
  const content = block('list');
  place.append(
    heading('Activity'),
    paragraph(
      'hint',
      'Questions that you answered on this device, for 90 days. Answers of your other devices, and uses that need no answer, are only in the audit of your organization.',
    ),
    content,
  );
  const show = () =>
    void fill(app, content).catch((error: unknown) => content.replaceChildren(trouble(describeError(error))));
  show();
  return app.events.subscribe((change) => {
    if (change === 'questions') show();
  });
};

async function fill(app: App, content: HTMLElement): Promise<void> {
  const decisions = await app.questions.decisions();
  if (decisions.length === 0) {
    content.replaceChildren(paragraph('empty', 'You answered no question on this device yet.'));
    return;
  }
  const list = createElement('ol', { className: 'timeline' }, ...decisions.map(entryOf));
  content.replaceChildren(chartOf(countDays(decisions, new Date())), list);
}

function entryOf({ time, decision, host, method, values, agent, keyId, uses }: Decision): HTMLElement {
  const when = createElement('time', { dateTime: new Date(time).toISOString() }, shortTime(new Date(time)));
  const what = createElement('strong', { className: decision }, decision === 'yes' ? 'Yes' : 'No');
  const who = agent === '' ? `key ${keyId}` : `agent ${escapeHidden(agent)} (key ${keyId})`;
  const more = decision === 'yes' && uses > 1 ? `, up to ${uses} times` : '';
  return createElement(
    'li',
    {},
    block(
      'head',
      what,
      createElement('span', { dir: 'ltr' }, `${escapeHidden(method)} ${escapeHidden(host)}${more}`),
      when,
    ),
    paragraph('hint', `${values.map(escapeHidden).join('; ')}, for ${who}`),
  );
}
