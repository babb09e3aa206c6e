/** The tools of the MCP server "memory", with the same names, inputs and outputs. */
import * as z from 'zod';
import type { KnowledgeGraph } from './knowledge-graph.ts';

/** The result of a tool: the text for the model, and the same as data. */
export interface MemoryToolResult {
  readonly text: string;
  readonly data: Record<string, unknown>;
}

export interface MemoryTool<I extends z.ZodRawShape = z.ZodRawShape> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: I;
  readonly output: z.ZodRawShape;
  readonly effect: 'reads' | 'adds' | 'deletes';
  run(graph: KnowledgeGraph, input: z.infer<z.ZodObject<I>>): Promise<MemoryToolResult>;
}

const entity = z.object({
  name: z.string().describe('The name of the entity'),
  entityType: z.string().describe('The type of the entity'),
  observations: z.array(z.string()).describe('An array of observation contents associated with the entity'),
});
const relation = z.object({
  from: z.string().describe('The name of the entity where the relation starts'),
  to: z.string().describe('The name of the entity where the relation ends'),
  relationType: z.string().describe('The type of the relation'),
});
const graphShape = { entities: z.array(entity), relations: z.array(relation) };
const doneShape = { success: z.boolean(), message: z.string() };

const jsonOf = (value: unknown): string => JSON.stringify(value, null, 2);
const listed = (name: string, items: unknown): MemoryToolResult => ({ text: jsonOf(items), data: { [name]: items } });
const whole = (graph: object): MemoryToolResult => ({ text: jsonOf(graph), data: { ...graph } });
const done = (message: string): MemoryToolResult => ({ text: message, data: { success: true, message } });

const toolOf = <I extends z.ZodRawShape>(tool: MemoryTool<I>): MemoryTool<I> => tool;

const createEntities = toolOf({
  name: 'create_entities',
  title: 'Create Entities',
  description: 'Create multiple new entities in the knowledge graph',
  input: { entities: z.array(entity) },
  output: { entities: z.array(entity) },
  effect: 'adds',
  run: async (graph, { entities }) => listed('entities', await graph.createEntities(entities)),
});

const createRelations = toolOf({
  name: 'create_relations',
  title: 'Create Relations',
  description:
    'Create multiple new relations between entities in the knowledge graph. Relations should be in active voice',
  input: { relations: z.array(relation) },
  output: { relations: z.array(relation) },
  effect: 'adds',
  run: async (graph, { relations }) => listed('relations', await graph.createRelations(relations)),
});

const addObservations = toolOf({
  name: 'add_observations',
  title: 'Add Observations',
  description: 'Add new observations to existing entities in the knowledge graph',
  input: {
    observations: z.array(
      z.object({
        entityName: z.string().describe('The name of the entity to add the observations to'),
        contents: z.array(z.string()).describe('An array of observation contents to add'),
      }),
    ),
  },
  output: { results: z.array(z.object({ entityName: z.string(), addedObservations: z.array(z.string()) })) },
  effect: 'adds',
  run: async (graph, { observations }) => listed('results', await graph.addObservations(observations)),
});

const deleteEntities = toolOf({
  name: 'delete_entities',
  title: 'Delete Entities',
  description: 'Delete multiple entities and their associated relations from the knowledge graph',
  input: { entityNames: z.array(z.string()).describe('An array of entity names to delete') },
  output: doneShape,
  effect: 'deletes',
  run: async (graph, { entityNames }) => {
    await graph.deleteEntities(entityNames);
    return done('Entities deleted successfully');
  },
});

const deleteObservations = toolOf({
  name: 'delete_observations',
  title: 'Delete Observations',
  description: 'Delete specific observations from entities in the knowledge graph',
  input: {
    deletions: z.array(
      z.object({
        entityName: z.string().describe('The name of the entity containing the observations'),
        observations: z.array(z.string()).describe('An array of observations to delete'),
      }),
    ),
  },
  output: doneShape,
  effect: 'deletes',
  run: async (graph, { deletions }) => {
    await graph.deleteObservations(deletions);
    return done('Observations deleted successfully');
  },
});

const deleteRelations = toolOf({
  name: 'delete_relations',
  title: 'Delete Relations',
  description: 'Delete multiple relations from the knowledge graph',
  input: { relations: z.array(relation).describe('An array of relations to delete') },
  output: doneShape,
  effect: 'deletes',
  run: async (graph, { relations }) => {
    await graph.deleteRelations(relations);
    return done('Relations deleted successfully');
  },
});

const readGraph = toolOf({
  name: 'read_graph',
  title: 'Read Graph',
  description: 'Read the entire knowledge graph',
  input: {},
  output: graphShape,
  effect: 'reads',
  run: async (graph) => whole(await graph.read()),
});

const searchNodes = toolOf({
  name: 'search_nodes',
  title: 'Search Nodes',
  description: 'Search for nodes in the knowledge graph based on a query',
  input: {
    query: z.string().describe('The search query to match against entity names, types, and observation content'),
  },
  output: graphShape,
  effect: 'reads',
  run: async (graph, { query }) => whole(await graph.search(query)),
});

const openNodes = toolOf({
  name: 'open_nodes',
  title: 'Open Nodes',
  description: 'Open specific nodes in the knowledge graph by their names',
  input: { names: z.array(z.string()).describe('An array of entity names to retrieve') },
  output: graphShape,
  effect: 'reads',
  run: async (graph, { names }) => whole(await graph.open(names)),
});

/** Calls a function with each tool. The type of the input of each is known there. */
export function forEachMemoryTool(add: <I extends z.ZodRawShape>(tool: MemoryTool<I>) => void): void {
  add(createEntities);
  add(createRelations);
  add(addObservations);
  add(deleteEntities);
  add(deleteObservations);
  add(deleteRelations);
  add(readGraph);
  add(searchNodes);
  add(openNodes);
}
