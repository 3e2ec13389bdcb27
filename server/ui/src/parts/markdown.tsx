/** Markdown as elements: no markup of a text becomes markup of the page. */
import type { Nodes, Paragraph } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { Fragment, memo, type ReactNode } from "react";
import { words } from "#words/words.ts";
import { type TextTable, tableIn } from "./markdown-table.ts";
import { Value } from "./values.tsx";

/** Draws the number of a passage that a text cites as `[1]`. */
export type Cite = (number: number) => ReactNode;

export const Markdown = memo(function Markdown({ text, cite }: { text: string; cite?: Cite }) {
  const root = fromMarkdown(text);
  const addresses = new Map<string, string>();
  for (const node of root.children) {
    if (node.type === "definition") addresses.set(node.identifier, node.url);
  }
  return <div className="markdown">{children(root, { text, addresses, cite })}</div>;
});

interface Around {
  /** The text that the positions of nodes are in. */
  text: string;
  addresses: ReadonlyMap<string, string>;
  cite: Cite | undefined;
}

function children(node: { children: Nodes[] }, around: Around): ReactNode[] {
  // biome-ignore lint/suspicious/noArrayIndexKey: a text has nothing else to know its parts by
  return node.children.map((each, index) => <Fragment key={index}>{shown(each, around)}</Fragment>);
}

function shown(node: Nodes, around: Around): ReactNode {
  switch (node.type) {
    case "paragraph":
      return paragraph(node, around);
    case "heading":
      // Levels that a text skips would mislead those who move by headings.
      return <h3 className={`depth-${node.depth}`}>{children(node, around)}</h3>;
    case "text":
      return cited(node.value, around.cite);
    case "strong":
      return <strong>{children(node, around)}</strong>;
    case "emphasis":
      return <em>{children(node, around)}</em>;
    case "inlineCode":
      return <code>{node.value}</code>;
    case "code":
      return <Value value={node.value} />;
    case "list":
      return node.ordered ? (
        <ol start={node.start ?? 1}>{children(node, around)}</ol>
      ) : (
        <ul>{children(node, around)}</ul>
      );
    case "listItem":
      return <li>{children(node, around)}</li>;
    case "blockquote":
      return <blockquote>{children(node, around)}</blockquote>;
    case "break":
      return <br />;
    case "thematicBreak":
      return <hr />;
    case "link":
      return outside(node.url, children(node, around));
    case "linkReference":
      return outside(around.addresses.get(node.identifier) ?? "", children(node, around));
    case "image":
      return outside(node.url, node.alt || node.url);
    case "imageReference":
      return outside(around.addresses.get(node.identifier) ?? "", node.alt || node.identifier);
    case "html":
      return node.value;
    default:
      return null;
  }
}

function paragraph(node: Paragraph, around: Around): ReactNode {
  const { start, end } = node.position ?? {};
  const table = tableIn(around.text.slice(start?.offset, end?.offset));
  if (table === null) return <p>{children(node, around)}</p>;
  const cell = (text: string) => inline(text, around);
  return (
    <>
      {table.before && <p>{cell(table.before)}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <section className="text-table" tabIndex={0} aria-label={words.common.table}>
        <table>
          <thead>
            <tr>{cellsOf(table, table.head, cell, true)}</tr>
          </thead>
          <tbody>
            {table.rows.map((row, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a row has nothing else to be known by
              <tr key={at}>{cellsOf(table, row, cell, false)}</tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

function cellsOf(
  { aligns }: TextTable,
  row: string[],
  cell: (text: string) => ReactNode,
  isHead: boolean,
): ReactNode[] {
  return row.map((text, at) => {
    const style = { textAlign: aligns[at] ?? ("start" as const) };
    const name = `${at}`;
    return isHead ? (
      <th key={name} scope="col" style={style}>
        {cell(text)}
      </th>
    ) : (
      <td key={name} style={style}>
        {cell(text)}
      </td>
    );
  });
}

/** Return a part of a text that has lines but no blocks. */
function inline(text: string, around: Around): ReactNode {
  const [first, ...others] = fromMarkdown(text).children;
  // What would be a list or a heading elsewhere is only text in a cell.
  if (first?.type !== "paragraph" || others.length > 0) return cited(text, around.cite);
  return children(first, { ...around, text });
}

/** A link to another site; of any other kind of address, only the text is shown. */
function outside(url: string, content: ReactNode): ReactNode {
  if (!/^https?:\/\//i.test(url)) return content;
  return (
    <a href={url} rel="noopener noreferrer" target="_blank">
      {content}
    </a>
  );
}

function cited(text: string, cite: Cite | undefined): ReactNode {
  if (!cite) return text;
  return text.split(/(\[\d{1,3}\])/).map((each, index) => {
    const number = /^\[(\d{1,3})\]$/.exec(each)?.[1];
    // biome-ignore lint/suspicious/noArrayIndexKey: a text has nothing else to know its parts by
    return <Fragment key={index}>{number ? cite(Number(number)) : each}</Fragment>;
  });
}
