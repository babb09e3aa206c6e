/** The tool that shares a file: it is encrypted here, and anyone with the returned link can open it. */
import * as z from 'zod';
import { mediaTypeOf } from '../blobs/media-types.ts';
import { openSharedFile } from './shared-folder.ts';
import type { Tool } from './tool-definition.ts';
import { ToolRefusal } from './tool-refusal.ts';

const input = z.strictObject({
  path: z.string().min(1).max(4096).describe('Path of the file, relative to the shared folder'),
  expiresIn: z
    .string()
    .regex(/^[1-9]\d{0,5}[smhd]$/)
    .default('7d')
    .describe('Time until the link expires: 90s, 10m, 24h, 7d'),
  maxOpens: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('Maximum number of openings (default: no limit)'),
  burn: z.boolean().default(false).describe('Allow one opening, and destroy the file after it is read'),
  name: z.string().min(1).max(255).optional().describe('File name shown to recipients (default: name of the file)'),
  type: z.string().min(1).max(255).optional().describe('Media type (default: by file name)'),
});
const output = z.strictObject({
  link: z.string().describe('Anyone who has it can open the file. Give it only to the intended recipient'),
  id: z.string().describe('Id with which an admin can delete the file'),
  name: z.string(),
  type: z.string(),
  size: z.number().int(),
  expiresAt: z.string().optional(),
  burn: z.boolean(),
});

export const shareFile: Tool<typeof input, typeof output> = {
  name: 'share_file',
  title: 'Share a file',
  description:
    'Encrypts a file of the shared folder, uploads it, and returns a link that opens it in any browser. The link is a secret: it holds the key.',
  input,
  output,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  run: async ({ path, expiresIn, maxOpens, burn, ...told }, call, scope) => {
    const { share } = scope.settings;
    if (share === undefined) throw new ToolRefusal('This server shares no files');
    const client = await scope.client();
    const file = await openSharedFile(share, path);
    try {
      const { name = file.name } = told;
      const { type = mediaTypeOf(name) } = told;
      // The schema's pattern matches the client's type.
      const lasting = expiresIn as `${number}${'s' | 'm' | 'h' | 'd'}`;
      const options = { ...call, name, type, expiresIn: lasting, maxOpens, burn };
      const { url, id, size, expiresAt } = await client.blobs.put(file.pieces(), options);
      return { link: url, id, name, type, size, ...(expiresAt === undefined ? {} : { expiresAt }), burn };
    } finally {
      await file.close();
    }
  },
};
