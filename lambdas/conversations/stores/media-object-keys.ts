/** Keys of the files of messages (docs/format.md, section 12, "Files of messages"). */
import { mediaKeyFolder } from '../../../contract/shared/environment-variables.ts';
import type { UserRef } from '../../../core/users/user-root-key.ts';

/** The folder of a user, or of all users of an org. */
export const mediaFolder = (org: string, user?: string): string =>
  `${org}/${mediaKeyFolder}/${user === undefined ? '' : `${user}/`}`;

/** The key of a file that the worker has not taken over yet. No user has the ID `received`. */
export const receivedMediaKey = (org: string, id: string): string => `${mediaFolder(org, 'received')}${id}.enc`;

/** The key of a file of a user. */
export const userMediaKey = ({ org, user }: UserRef, id: string): string => `${mediaFolder(org, user)}${id}.enc`;
