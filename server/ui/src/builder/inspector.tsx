/** A form for the selected node, made from the schema of its type. */
import { type ReactNode, useMemo, useState } from "react";
import { builderWords } from "#words/builder.ts";
import { get } from "../api/client.ts";
import { may } from "../api/session.ts";
import type { GraphNodeBody, ModelAliasBody } from "../api/types.ts";
import { nodesOf } from "../canvas/drawn.ts";
import { iconOf } from "../canvas/graph-box.tsx";
import { Button, IconButton } from "../parts/buttons.tsx";
import { SelectField } from "../parts/fields.tsx";
import { later } from "../parts/later.tsx";
import { useLoad, useSettled } from "../state/load.ts";
import { useStore } from "../state/store.ts";
import { pathOf, valueAt } from "../text/changes.ts";
import { dataOf } from "../text/edits.ts";
import { nodeType, nodeTypes } from "./completion.ts";
import { type FieldSchema, fieldsOf } from "./config-fields.ts";
import { configPath, disconnected, nodeAt, withField, withOption } from "./gestures.ts";
import type { Builder } from "./model.ts";
import { NodeField } from "./node-field.tsx";
import { WithSecrets } from "./with-secrets.tsx";

const LastOutput = later(() => import("./last-output.tsx"));

const OPTIONS: Record<string, FieldSchema["kind"]> = {
  name: "line",
  description: "text",
  join: "choice",
  timeout: "line",
  disabled: "boolean",
  on_error: "yaml",
  retry: "yaml",
  cache: "yaml",
  concurrency: "yaml",
};
// Fields that are shown before the others are asked for.
const FIRST = 6;

interface InspectorProperties {
  builder: Builder;
  onRename(path: string): void;
  onConnect(path: string): void;
}

export function Inspector({ builder, onRename, onConnect }: InspectorProperties) {
  const selection = useStore(builder.store, (state) => state.selection);
  const graph = useStore(builder.store, (state) => state.graph);
  const path = selection.at(-1);
  const node = path !== undefined && graph ? nodeAt(graph, path) : null;
  return (
    <section className="inspector" aria-label={builderWords.inspector} id="inspector">
      <h2>{builderWords.inspector}</h2>
      {selection.length > 1 && <p className="hint">{builderWords.several(selection.length)}</p>}
      {node ? (
        <NodeForm key={node.path} {...{ builder, node, onRename, onConnect }} />
      ) : (
        <p className="hint">{builderWords.nothingSelected}</p>
      )}
    </section>
  );
}

function NodeForm({
  builder,
  node,
  onRename,
  onConnect,
}: InspectorProperties & { node: GraphNodeBody }) {
  const latest = useStore(builder.store, (state) => state.text);
  // Reading a long text takes longer than a key may: while one types it, the form waits.
  const settled = useSettled(latest, 200);
  const text = document.activeElement?.matches(".text-pane *, .text-pane") ? settled : latest;
  const check = useStore(builder.store, (state) => state.check);
  const details = useLoad(node.type, () => nodeType(node.type));
  const types = useLoad("types", () => nodeTypes());
  const data = useMemo(() => {
    try {
      return dataOf(text);
    } catch {
      return null;
    }
  }, [text]);
  if (data === null) return <p className="hint">{builderWords.yamlBroken}</p>;
  const config = (valueAt(data, configPath(data, node)) ?? {}) as Record<string, unknown>;
  const written = (valueAt(data, pathOf(node.pointer)) ?? {}) as Record<string, unknown>;
  const problems = check?.diagnostics.filter((each) => isWithin(each.pointer, node.pointer)) ?? [];
  const errorAt = (pointer: string) =>
    problems.find((each) => isWithin(each.pointer, pointer) && each.severity !== "info")?.message;
  const configPointer = `/${configPath(data, node).join("/")}`;
  const fields = details.data ? fieldsOf(details.data.config_schema) : [];
  const isShown = ([name, field]: [string, FieldSchema], index: number) =>
    index < FIRST || field.isRequired || name in config;
  const shown = fields.filter(isShown);
  const rest = fields.filter((each, index) => !isShown(each, index));
  const field = ([name, each]: [string, FieldSchema]) => (
    <ConfigField
      key={name}
      {...{ builder, node, name }}
      field={each}
      value={config[name]}
      error={errorAt(`${configPointer}/${name}`)}
    />
  );
  return (
    <div className="stack">
      <div className="row">
        <span aria-hidden="true">{iconOf(node.group)}</span>
        <strong>{node.id}</strong>
        <IconButton label={builderWords.rename} onClick={() => onRename(node.path)}>
          ✎
        </IconButton>
      </div>
      <SelectField
        label={builderWords.type}
        value={node.type}
        error={node.group === null ? errorAt(node.pointer) : undefined}
        hint={details.data?.summary}
        onChange={(event) =>
          builder.act((now) => withOption(now, node, "type", event.target.value))
        }
      >
        {!types.data?.some((each) => each.type === node.type) && <option>{node.type}</option>}
        {types.data?.map((each) => (
          <option key={each.type}>{each.type}</option>
        ))}
      </SelectField>
      {details.data && fields.length === 0 && <p className="hint">{builderWords.noFields}</p>}
      {shown.map(field)}
      {rest.length > 0 && (
        <details>
          <summary>{`${builderWords.configuration} (${rest.length})`}</summary>
          <div className="stack">{rest.map(field)}</div>
        </details>
      )}
      <Edges {...{ builder, node, onConnect }} />
      <Folded title={builderWords.lastOutput}>
        <LastOutput id={builder.id} path={node.path} />
      </Folded>
      <details>
        <summary>{builderWords.more}</summary>
        <div className="stack">
          {Object.entries(OPTIONS).map(([name, kind]) => (
            <NodeField
              key={name}
              name={name}
              field={optionField(kind)}
              value={written[name]}
              error={errorAt(`${node.pointer}/${name}`)}
              onChange={(value) => builder.act((now) => withOption(now, node, name, value))}
            />
          ))}
        </div>
      </details>
    </div>
  );
}

/** Something that is loaded once it is asked for. */
function Folded({ title, children }: { title: string; children: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen && children}
    </details>
  );
}

const optionField = (kind: FieldSchema["kind"]): FieldSchema => ({
  kind,
  choices: kind === "choice" ? ["any", "all", "first"] : [],
  description: "",
  shown: "",
  isRequired: false,
  takesText: kind === "line" || kind === "text",
  format: "",
});

function ConfigField(properties: {
  builder: Builder;
  node: GraphNodeBody;
  name: string;
  field: FieldSchema;
  value: unknown;
  error: string | undefined;
}) {
  const { builder, node, name, field, value, error } = properties;
  const suggestions = useSuggestions(builder, field.format);
  const form = (
    <NodeField
      {...{ name, field, value, error, suggestions }}
      onChange={(changed) => builder.act((now) => withField(now, node, name, changed))}
    />
  );
  return field.takesSecrets && may("secrets:manage") ? (
    <WithSecrets name={name}>{form}</WithSecrets>
  ) : (
    form
  );
}

/** Return the names that a field can take: of models, nodes, collections, workflows. */
function useSuggestions(builder: Builder, format: string): string[] {
  const graph = useStore(builder.store, (state) => state.graph);
  const loaded = useLoad(`names ${format}`, async (signal) => {
    switch (format) {
      case "model":
        return (await get<ModelAliasBody[]>("/models", {}, signal)).map((each) => each.name);
      case "workflow":
        return (
          await get<{ items: { id: string }[] }>("/workflows", { fields: "id", limit: 200 }, signal)
        ).items.map((each) => each.id);
      case "collection":
        return (await get<{ name: string }[]>("/knowledge/collections", {}, signal)).map(
          (each) => each.name,
        );
      default:
        return [];
    }
  });
  if (format === "node") return graph ? [...nodesOf(graph)].map((each) => each.id) : [];
  return loaded.data ?? [];
}

/** The edges at a node, which can be taken out here. */
function Edges({
  builder,
  node,
  onConnect,
}: {
  builder: Builder;
  node: GraphNodeBody;
  onConnect(path: string): void;
}) {
  const graph = useStore(builder.store, (state) => state.graph);
  if (!graph) return null;
  const prefix = node.path.slice(0, node.path.length - node.id.length);
  const around = prefix === "" ? graph : nodeAt(graph, prefix.slice(0, -1))?.body;
  const out = around?.edges.filter((edge) => edge.source === node.id) ?? [];
  return (
    <div className="stack">
      <div className="row">
        <h3>{builderWords.edgesOut}</h3>
        <Button onClick={() => onConnect(node.path)}>{builderWords.connect}</Button>
      </div>
      <ul className="edges">
        {out.flatMap((edge) =>
          (edge.branches ?? [null]).map((branch) => (
            <li key={`${edge.target}${branch}`} className="row">
              {branch !== null && <span className="tag">{branch}</span>}
              <button
                type="button"
                className="link"
                onClick={() => builder.select([prefix + edge.target])}
              >
                {edge.target}
              </button>
              <IconButton
                label={builderWords.disconnect(edge.target)}
                onClick={() => {
                  const wire = { source: node.path, target: prefix + edge.target, branch };
                  builder.act((now, read) => ({ text: disconnected(now, read, wire) }));
                }}
              >
                ✕
              </IconButton>
            </li>
          )),
        )}
      </ul>
    </div>
  );
}

/** Return whether a place is another one, or inside of it. */
function isWithin(pointer: string, around: string): boolean {
  return pointer === around || pointer.startsWith(`${around}/`);
}
