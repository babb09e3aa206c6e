/** What was allowed and refused in the last days as bars, and the same as a table. */
import { createElement } from '../ui/elements.ts';

/** Numbers of uses that were allowed, and of refusals, on one day. */
export interface DayCount {
  readonly day: Date;
  readonly yes: number;
  readonly no: number;
}

export const shownDays = 14;
const height = 72;
const step = 24;
const barWidth = 16;

/** Counts per local day, oldest first. @param answers times in milliseconds */
export function countDays(
  answers: readonly { readonly time: number; readonly decision: 'yes' | 'no' }[],
  now: Date,
): readonly DayCount[] {
  return Array.from({ length: shownDays }, (_, at) => {
    // A day of a change of the clock has 23 or 25 hours, so days are counted by the calendar.
    const day = new Date(now.getFullYear(), now.getMonth(), now.getDate() - (shownDays - 1 - at));
    const of = answers.filter(({ time }) => new Date(time).toDateString() === day.toDateString());
    return {
      day,
      yes: of.filter((one) => one.decision === 'yes').length,
      no: of.filter((one) => one.decision === 'no').length,
    };
  });
}

const svg = (tag: string, attributes: Readonly<Record<string, string | number>>, ...children: Node[]): SVGElement => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
};

const dayText = (day: Date): string => day.toLocaleDateString([], { day: 'numeric', month: 'short' });

/** Bars: `no` is above `yes`, and has an outline only, so that colour is not needed. */
export function chartOf(days: readonly DayCount[]): HTMLElement {
  const most = Math.max(1, ...days.map(({ yes, no }) => yes + no));
  const sum = (of: (day: DayCount) => number) => days.reduce((total, day) => total + of(day), 0);
  const bars = days.flatMap(({ yes, no }, at) => {
    const x = at * step + (step - barWidth) / 2;
    const [yesHeight, noHeight] = [(yes / most) * height, (no / most) * height];
    const y = height - yesHeight;
    return [
      svg('rect', { class: 'yes', x, y, width: barWidth, height: yesHeight }),
      ...(no === 0
        ? []
        : [
            svg('rect', {
              class: 'no',
              x: x + 1,
              y: y - noHeight + 1,
              width: barWidth - 2,
              height: Math.max(0, noHeight - 2),
            }),
          ]),
    ];
  });
  const width = days.length * step;
  const base = svg('line', { x1: 0, x2: width, y1: height, y2: height });
  const drawing = svg(
    'svg',
    { viewBox: `0 -2 ${width} ${height + 4}`, role: 'img', preserveAspectRatio: 'none' },
    base,
    ...bars,
  );
  drawing.setAttribute(
    'aria-label',
    `Allowed and refused on each of the last ${days.length} days. The table has the numbers.`,
  );
  const [first, last] = [days[0], days.at(-1)];
  const axis = createElement(
    'div',
    { className: 'axis' },
    createElement('span', {}, first === undefined ? '' : dayText(first.day)),
    createElement('span', {}, `most on one day: ${most}`),
    createElement('span', {}, last === undefined ? '' : dayText(last.day)),
  );
  const key = createElement(
    'p',
    { className: 'key' },
    createElement('span', { className: 'yes' }, `Allowed ${sum(({ yes }) => yes)}`),
    createElement('span', { className: 'no' }, `Refused ${sum(({ no }) => no)}`),
  );
  return createElement('figure', {}, key, drawing, axis, tableOf(days));
}

function tableOf(days: readonly DayCount[]): HTMLElement {
  const head = ['Day', 'Allowed', 'Refused'].map((text) => createElement('th', { scope: 'col' }, text));
  const rows = days
    .toReversed()
    .map(({ day, yes, no }) =>
      createElement(
        'tr',
        {},
        createElement('th', { scope: 'row' }, dayText(day)),
        createElement('td', {}, String(yes)),
        createElement('td', {}, String(no)),
      ),
    );
  return createElement(
    'details',
    {},
    createElement('summary', {}, 'As a table'),
    createElement(
      'table',
      {},
      createElement('thead', {}, createElement('tr', {}, ...head)),
      createElement('tbody', {}, ...rows),
    ),
  );
}
