import dagre from "@dagrejs/dagre";
import { z } from "zod";

import type { StateResource } from "../stack-state";
import { nameIn } from "../../contract/urn";

/** A component with its resources, or a resource without a component. */
export interface GraphNode {
  /** URN of the component, or of the resource. */
  readonly id: string;
  readonly name: string;
  /** E.g. `ApiFunction`, or a resource's type. */
  readonly kind: string;
  /** Centre and size, in pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly resources: readonly StateResource[];
  /** URNs of the components that it depends on. */
  readonly needs: readonly string[];
}

export interface Graph {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly GraphNode[];
  /** Points of each line, from a component to one that depends on it. */
  readonly edges: readonly { readonly points: readonly { readonly x: number; readonly y: number }[] }[];
}

const size = { width: 140, height: 46 };

/** The labels of a layout, for which the library has no types. */
const point = z.object({ x: z.number(), y: z.number() });
const laidOut = {
  graph: z.object({ width: z.number(), height: z.number() }),
  node: point,
  edge: z.object({ points: z.array(point).default([]) }),
};

/** The part of a type after its last colon. */
export const kindOf = (type: string) => type.split(":").at(-1) ?? type;

const isComponent = ({ type }: StateResource) => type.startsWith("multicloud:");

/**
 * The direct components of a stack's component, with dependencies above their dependents. Nested components and child
 * resources are part of the outer one.
 *
 * @param root URN of the component.
 */
export function graphOf(resources: readonly StateResource[], root: string): Graph {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  /** The direct child of the root that contains the resource; undefined outside of the root. */
  const owner = (resource: StateResource): string | undefined => {
    const parent = resource.parent === undefined ? undefined : byUrn.get(resource.parent);
    if (parent === undefined) return undefined;
    if (parent.urn === root) return resource.urn;
    return owner(parent);
  };
  const owners = new Map(
    resources.flatMap((resource) => {
      const found = owner(resource);
      return found === undefined ? [] : [[resource.urn, found] as const];
    }),
  );
  const nodes = new Map<string, { readonly resources: StateResource[]; readonly needs: Set<string> }>();
  for (const resource of resources) {
    const at = owners.get(resource.urn);
    if (at === undefined || isComponent(resource) || resource.type.startsWith("pulumi:")) continue;
    const node = nodes.get(at) ?? { resources: [], needs: new Set() };
    nodes.set(at, node);
    node.resources.push(resource);
    for (const needed of resource.dependencies) {
      const before = owners.get(needed);
      if (before !== undefined && before !== at) node.needs.add(before);
    }
  }

  const layout = new dagre.graphlib.Graph();
  layout.setGraph({ rankdir: "TB", nodesep: 14, ranksep: 28, marginx: 4, marginy: 4 });
  layout.setDefaultEdgeLabel(() => ({}));
  for (const [id] of nodes) layout.setNode(id, { ...size });
  const needsOf = (id: string) => [...(nodes.get(id)?.needs ?? [])].filter((before) => nodes.has(before));
  for (const id of nodes.keys()) {
    for (const before of withoutImplied(id, needsOf)) layout.setEdge(before, id);
  }
  dagre.layout(layout);
  const { width, height } = laidOut.graph.catch(size).parse(layout.graph());
  return {
    width,
    height,
    nodes: [...nodes].map(([id, node]) => {
      const { x, y } = laidOut.node.parse(layout.node(id));
      return {
        ...size,
        ...{ id, x, y, name: nameIn(id), kind: kindOf(byUrn.get(id)?.type ?? "") },
        resources: node.resources,
        needs: [...node.needs],
      };
    }),
    edges: layout.edges().map((edge) => laidOut.edge.parse(layout.edge(edge))),
  };
}

/** Direct dependencies, without those that another dependency implies. */
function withoutImplied(id: string, needsOf: (id: string) => readonly string[]): string[] {
  const needs = needsOf(id);
  const implied = new Set<string>();
  const pending = needs.flatMap(needsOf);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (implied.has(next)) continue;
    implied.add(next);
    pending.push(...needsOf(next));
  }
  // In a cycle, each dependency would imply the other.
  return needs.filter((before) => !implied.has(before) || implied.has(id));
}
