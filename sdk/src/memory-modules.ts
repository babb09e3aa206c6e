/** The parts that only clients of user memory need, bundled as one module that is loaded on first use. */

export { addMany } from './memory/bulk-add.ts';
export { exportFernet } from './memory/fernet-export.ts';
export { importFernet } from './memory/fernet-import.ts';
export {
  addRecord as add,
  deleteRecord as remove,
  getRecord as get,
  listMessagesPage as messagePage,
  listRecordsPage as listPage,
  nearestRecordsPage as nearestPage,
  putRecord as put,
  replaceRecord as replace,
  searchRecordsPage as searchPage,
} from './memory/memory-requests.ts';
