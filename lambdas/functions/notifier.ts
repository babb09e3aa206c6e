import { createFunctionLog } from '../compose/common.ts';
import { createNotifierServices } from '../compose/notifier.ts';
import { notify } from '../relay/handlers/notify.ts';

const { notifier } = createNotifierServices();

export const handler = notify(createFunctionLog(), notifier);
