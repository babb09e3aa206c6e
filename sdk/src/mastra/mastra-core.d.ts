/**
 * The part of `@mastra/core` 1.71 that the adapter uses. The package and its dependencies are too large for the
 * project's own dependencies: 127 packages. `test/memory/mastra` installs the package, and compares it with these types.
 */

declare module '@mastra/core/memory' {
  export interface StorageThreadType {
    id: string;
    title?: string;
    resourceId: string;
    createdAt: Date;
    updatedAt: Date;
    metadata?: Record<string, unknown>;
  }

  export interface MastraDBMessage {
    id: string;
    role: 'user' | 'assistant' | 'system' | 'signal';
    createdAt: Date;
    threadId?: string;
    resourceId?: string;
    type?: string;
    content: { format: 2; parts: unknown[]; content?: string; metadata?: Record<string, unknown> };
  }
}

declare module '@mastra/core/storage' {
  import type { MastraDBMessage, StorageThreadType } from '@mastra/core/memory';

  interface PaginationInfo {
    total: number;
    page: number;
    perPage: number | false;
    hasMore: boolean;
  }

  interface StorageListMessagesOptions {
    include?: { id: string; threadId?: string; withPreviousMessages?: number; withNextMessages?: number }[];
    perPage?: number | false;
    page?: number;
    filter?: {
      dateRange?: { start?: Date; end?: Date; startExclusive?: boolean; endExclusive?: boolean };
      metadata?: Record<string, string | number | boolean | null>;
    };
    orderBy?: { field?: 'createdAt'; direction?: 'ASC' | 'DESC' };
    includeTotal?: boolean;
  }

  export type StorageListMessagesInput = StorageListMessagesOptions & {
    threadId: string | string[];
    resourceId?: string;
  };

  export type StorageListMessagesByResourceIdInput = StorageListMessagesOptions & { resourceId: string };

  export type StorageListMessagesOutput = PaginationInfo & { messages: MastraDBMessage[] };

  export interface StorageListThreadsInput {
    perPage?: number | false;
    page?: number;
    orderBy?: { field?: 'createdAt' | 'updatedAt'; direction?: 'ASC' | 'DESC' };
    filter?: { resourceId?: string; metadata?: Record<string, unknown> };
  }

  export type StorageListThreadsOutput = PaginationInfo & { threads: StorageThreadType[] };

  export interface StorageCloneThreadInput {
    sourceThreadId: string;
    newThreadId?: string;
    resourceId?: string;
    title?: string;
    metadata?: Record<string, unknown>;
    options?: {
      messageLimit?: number;
      messageFilter?: { startDate?: Date; endDate?: Date; messageIds?: string[] };
    };
  }

  export interface StorageCopyThreadOutput {
    thread: StorageThreadType;
    messageIdMap?: Record<string, string>;
  }

  export interface StorageResourceType {
    id: string;
    workingMemory?: string;
    metadata?: Record<string, unknown>;
    createdAt: Date;
    updatedAt: Date;
  }

  export abstract class MemoryStorage {
    readonly supportsPartialThreadUpdate?: boolean;
    constructor();
    abstract dangerouslyClearAll(): Promise<void>;
    abstract getThreadById(input: { threadId: string; resourceId?: string }): Promise<StorageThreadType | null>;
    abstract saveThread(input: { thread: StorageThreadType }): Promise<StorageThreadType>;
    abstract updateThread(input: {
      id: string;
      title?: string;
      metadata?: Record<string, unknown>;
    }): Promise<StorageThreadType>;
    updateThreadMetadata(input: {
      id: string;
      resourceId?: string;
      update: (thread: StorageThreadType) => Record<string, unknown> | undefined;
    }): Promise<StorageThreadType | null>;
    abstract deleteThread(input: { threadId: string }): Promise<void>;
    abstract listThreads(args: StorageListThreadsInput): Promise<StorageListThreadsOutput>;
    copyThread(args: StorageCloneThreadInput): Promise<StorageCopyThreadOutput>;
    abstract listMessages(args: StorageListMessagesInput): Promise<StorageListMessagesOutput>;
    listMessagesByResourceId(args: StorageListMessagesByResourceIdInput): Promise<StorageListMessagesOutput>;
    abstract listMessagesById(input: { messageIds: string[] }): Promise<{ messages: MastraDBMessage[] }>;
    abstract saveMessages(args: { messages: MastraDBMessage[] }): Promise<{ messages: MastraDBMessage[] }>;
    abstract updateMessages(args: {
      messages: (Partial<Omit<MastraDBMessage, 'createdAt'>> & {
        id: string;
        content?: { metadata?: Record<string, unknown>; content?: string };
      })[];
    }): Promise<MastraDBMessage[]>;
    deleteMessages(messageIds: string[]): Promise<void>;
    getResourceById(input: { resourceId: string }): Promise<StorageResourceType | null>;
    saveResource(input: { resource: StorageResourceType }): Promise<StorageResourceType>;
    updateResource(input: {
      resourceId: string;
      workingMemory?: string;
      metadata?: Record<string, unknown>;
    }): Promise<StorageResourceType>;
  }
}
