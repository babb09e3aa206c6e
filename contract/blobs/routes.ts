/** The routes of blobs and of their links; a part of the one table in routes.ts. */

export const blobVerbs = ['blobs.read', 'blobs.list', 'blobs.write', 'blobs.delete'] as const;

/** What is recorded of whoever proves to know the key of a link. */
export const blobRecordedVerbs = ['links.open', 'links.burn'] as const;

export const blobRoutes = {
  createBlob: {
    method: 'POST',
    path: '/v1/blobs',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.write',
    status: 201,
  },
  listBlobs: {
    method: 'GET',
    path: '/v1/blobs',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.list',
    status: 200,
  },
  getBlob: {
    method: 'GET',
    path: '/v1/blobs/{id}',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.read',
    status: 200,
  },
  deleteBlob: {
    method: 'DELETE',
    path: '/v1/blobs/{id}',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.delete',
    status: 200,
  },
  listParts: {
    method: 'GET',
    path: '/v1/blobs/{id}/parts',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.write',
    status: 200,
  },
  grantParts: {
    method: 'POST',
    path: '/v1/blobs/{id}/parts',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.write',
    status: 200,
  },
  completeBlob: {
    method: 'POST',
    path: '/v1/blobs/{id}/completion',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.write',
    status: 200,
  },
  relinkBlob: {
    method: 'POST',
    path: '/v1/blobs/{id}/link',
    group: 'blobs',
    auth: 'api-key',
    verb: 'blobs.delete',
    status: 200,
  },
  lookAtLink: {
    method: 'GET',
    path: '/v1/links/{link}',
    group: 'links',
    auth: 'none',
    status: 200,
  },
  openLink: {
    method: 'POST',
    path: '/v1/links/{link}/opening',
    group: 'links',
    auth: 'none',
    verb: 'links.open',
    status: 200,
  },
  burnLink: {
    method: 'POST',
    path: '/v1/links/{link}/burning',
    group: 'links',
    auth: 'none',
    verb: 'links.burn',
    status: 200,
  },
} as const;
