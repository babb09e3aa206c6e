/** The parts of the page. */
import { activityView } from './activity/activity-view.ts';
import { devicesView, pendingDevices } from './devices/devices-view.ts';
import { conversationsView } from './messages/conversations-view.ts';
import { threadView } from './messages/thread-view.ts';
import { questionsView, questionView } from './questions/questions-view.ts';
import type { Place } from './ui/shell.ts';

export const places: readonly Place[] = [
  {
    ...{ name: 'questions', label: 'Questions', view: questionsView, detail: questionView },
    count: async (app) => app.questions.open.length,
  },
  {
    ...{ name: 'messages', label: 'Messages', view: conversationsView, detail: threadView },
    count: async (app) => {
      const conversations = await app.client.conversations.list();
      return conversations.reduce((sum, { conversation }) => sum + app.book.unread(conversation), 0);
    },
  },
  {
    ...{ name: 'devices', label: 'Devices', view: devicesView },
    count: async (app) => pendingDevices(app).length,
  },
  {
    ...{ name: 'activity', label: 'Activity', view: activityView },
    count: async (app) => app.tripwires.unseen,
  },
];
