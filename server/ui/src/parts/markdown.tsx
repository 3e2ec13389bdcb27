/** Markdown as elements: no markup of a text becomes markup of the page. */
import type { Nodes } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { Fragment, memo, type ReactNode } from "react";
import { Value } from "./values.tsx";

/** Draws the number of a passage that a text cites as `[1]`. */
export type Cite = (number: number) => ReactNode;

export const Markdown = memo(function Markdown({ text, cite }: { text: string; cite?: Cite }) {
  const root = fromMarkdown(text);
  const addresses = new Map<string, string>();
  for (const node of root.children) {
    if (node.type === "definition") addresses.set(node.identifier, node.url);
  }
  return <div className="markdown">{children(root, { addresses, cite })}</div>;
});

interface Around {
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
      return <p>{children(node, around)}</p>;
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
