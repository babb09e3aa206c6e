/** What the person allowed on any device and what became of it, what they refused here, and tripwires that were read. */

import { escapeHidden } from '../../../../core/encoding/hidden-characters.ts';
import type { App } from '../app.ts';
import { describeError } from '../device/errors.ts';
import type { Decision } from '../questions/question-book.ts';
import { block, button, createElement, heading, paragraph, trouble } from '../ui/elements.ts';
import { shortTime } from '../ui/times.ts';
import type { View } from '../ui/view.ts';
import type { LoadedActivity, LoadedEntry } from './activity-book.ts';
import { chartOf, countDays } from './activity-chart.ts';

export const activityView: View = (app, place) => {
  const state = block('list');
  const content = block('list');
  place.append(
    heading('Activity'),
    paragraph(
      'hint',
      'What you allowed on any of your devices, what you refused on this one, and tripwires that somebody read: 90 days.',
    ),
    state,
    content,
  );
  let shown: LoadedActivity | undefined;
  let ended = false;
  const show = async (loaded: LoadedActivity | undefined) => {
    const decisions = await app.questions.decisions();
    if (ended) return;
    shown = loaded;
    const older = button('Look further back', 'quiet', () => run(async () => loaded && app.activity.more(loaded)));
    content.replaceChildren(...partsOf(app, loaded, decisions), ...(loaded?.cursor === undefined ? [] : [older]));
    if (loaded !== undefined) await app.tripwires.markSeen(loaded);
  };
  const isOffline = () => app.events.connection.state === 'offline';
  const showState = (...problems: HTMLElement[]) => {
    const offline = isOffline() ? [paragraph('hint', 'No connection.')] : problems;
    state.replaceChildren(...offline, ...(shown === undefined ? [] : notesOf(shown)));
  };
  /** Shows what a look finds. Without one, what is there stays. */
  const run = async (look: () => Promise<LoadedActivity | undefined>) => {
    try {
      await show(await look());
      showState();
    } catch (error) {
      showState(trouble(describeError(error)));
    }
  };
  // Without a connection, a request would be tried for a long time.
  const load = () => (app.questions.canAnswer && !isOffline() ? app.activity.load() : app.activity.kept());
  void run(() => app.activity.kept()).then(() => run(load));
  let wasOffline = isOffline();
  const end = app.events.subscribe((change) => {
    const isBack = wasOffline && !isOffline();
    if (change === 'connection') wasOffline = isOffline();
    const hasNew = change === 'tripwires' && app.tripwires.unseen > 0;
    if (change === 'questions' || hasNew || isBack) void run(load);
    else if (change === 'connection') showState();
  });
  return () => {
    ended = true;
    end();
  };
};

type LoadedUse = Extract<LoadedEntry, { kind: 'use' }>;

const notesOf = ({ loaded, unverified }: LoadedActivity): HTMLElement[] => [
  paragraph('hint', `As of ${shortTime(new Date(loaded))}.`),
  ...(unverified === 0 ? [] : [trouble(`${unverified} uses do not verify and are not shown. Tell an admin.`)]),
];

function partsOf(app: App, loaded: LoadedActivity | undefined, decisions: readonly Decision[]): HTMLElement[] {
  const entries = loaded?.entries ?? [];
  const uses = entries.filter((entry) => entry.kind === 'use');
  const known = new Set(uses.map(({ approval }) => approval));
  // A yes of this device is shown until the audit has what became of it.
  const others = decisions.filter(({ id, decision }) => decision === 'no' || !known.has(id));
  const items = [
    ...entries.map((entry) => ({
      time: new Date(entry.time),
      item: () => (entry.kind === 'use' ? useItem(app, entry) : tripwireItem(entry)),
    })),
    ...others.map((decision) => ({ time: new Date(decision.time), item: () => decisionItem(decision) })),
  ];
  if (items.length === 0) return [paragraph('empty', 'Nothing yet.')];
  const allowed = uses.map(({ time }) => ({ time: new Date(time).getTime(), decision: 'yes' as const }));
  const list = items.sort((a, b) => b.time.getTime() - a.time.getTime()).map(({ item }) => item());
  return [
    chartOf(countDays([...allowed, ...others], new Date())),
    createElement('ol', { className: 'timeline' }, ...list),
  ];
}

/** @param kind class of the title */
function itemOf(
  kind: string,
  title: string,
  what: string,
  at: Date | string | number,
  ...hints: string[]
): HTMLElement {
  const time = new Date(at);
  const when = createElement('time', { dateTime: time.toISOString() }, shortTime(time));
  const head = [createElement('strong', { className: kind }, title), createElement('span', { dir: 'ltr' }, what), when];
  return createElement('li', {}, block('head', ...head), ...hints.map((hint) => paragraph('hint', hint)));
}

const askerOf = ({ agent, keyId }: Pick<Decision, 'agent' | 'keyId'>): string =>
  agent === '' ? `key ${keyId}` : `agent ${escapeHidden(agent)} (key ${keyId})`;

function useItem(app: App, use: LoadedUse): HTMLElement {
  const { method, host, values, device, time } = use;
  const names = values.map(({ name, version }) => `${escapeHidden(name)}, version ${version}`).join('; ');
  const by = device === app.client.device ? 'this device' : app.names.of({ device, role: 'owner' });
  const [kind, title] = outcomeOf(use);
  const what = escapeHidden(`${method} ${host}`);
  return itemOf(kind, title, what, time, `${names}, for ${askerOf(use)}. Allowed on ${by}.`);
}

function outcomeOf({ result, upstream = '' }: LoadedUse): readonly [kind: string, title: string] {
  if (result === 'ok')
    return /^[23]/.test(upstream) ? ['yes', 'Used'] : ['no', `Used, and the host answered ${escapeHidden(upstream)}`];
  if (result === undefined || /^upstream_/.test(result)) return ['no', 'Used, outcome unknown'];
  return ['no', `Failed: ${escapeHidden(result)}`];
}

function tripwireItem({
  names,
  principal,
  sourceIp,
  agent,
  time,
}: Extract<LoadedEntry, { kind: 'tripwire' }>): HTMLElement {
  const who = `${principal}${agent === '' ? '' : `, agent ${agent}`}, from ${sourceIp}`;
  const hint = `By ${escapeHidden(who)}. Ask an admin to verify it.`;
  return itemOf('no', 'Tripwire was read', names.map(escapeHidden).join('; '), time, hint);
}

function decisionItem({ time, decision, host, method, values, uses, ...asker }: Decision): HTMLElement {
  const more = decision === 'yes' && uses > 1 ? `, up to ${uses} times` : '';
  const title = decision === 'yes' ? 'Yes, not used' : 'No';
  const hint = `${values.map(escapeHidden).join('; ')}, for ${askerOf(asker)}`;
  return itemOf(decision, title, `${escapeHidden(`${method} ${host}`)}${more}`, time, hint);
}
