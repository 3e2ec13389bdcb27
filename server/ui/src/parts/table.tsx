/** Lists of things in rows; on a narrow screen each row becomes a card. */
import type { ReactNode } from "react";

export interface Column<T> {
  name: string;
  /** The column needs no heading that can be seen, such as that of buttons. */
  isBare?: boolean;
  isNumber?: boolean;
  cell(item: T): ReactNode;
}

export function Table<T>(properties: {
  caption: string;
  columns: Column<T>[];
  items: readonly T[];
  keyOf(item: T): string;
}) {
  const { columns } = properties;
  return (
    <table className="list">
      <caption className="hidden">{properties.caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.name} scope="col" className={column.isNumber ? "number" : undefined}>
              <span className={column.isBare ? "hidden" : undefined}>{column.name}</span>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {properties.items.map((item) => (
          <tr key={properties.keyOf(item)}>
            {columns.map((column) => (
              <td
                key={column.name}
                data-label={column.isBare ? undefined : column.name}
                className={column.isNumber ? "number" : undefined}
              >
                {column.cell(item)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
