/** Bars and lines over time or over names: a picture, the same as a table, and as CSV. */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { analyticsWords } from "#words/analytics.ts";
import { Button } from "../parts/buttons.tsx";
import { saveFile } from "../parts/files.ts";
import { navigate } from "../shell/router.tsx";
import { csvOf } from "./csv.ts";
import { labelled, ticksTo } from "./scale.ts";
import "./charts.css";

export interface Series {
  name: string;
  /** Decides the colour. */
  kind: "good" | "bad" | "calm" | "accent" | "warn";
}

export interface Point {
  /** Written at the axis. */
  label: string;
  /** In full. */
  title: string;
  /** One for each series; null is a gap in a line. */
  values: readonly (number | null)[];
  /** The page with what is behind it. */
  to?: string;
}

interface ChartProperties {
  /** What the chart is about. */
  name: string;
  /** What it shows, in a sentence. */
  finding: string;
  shape: "bars" | "lines";
  series: readonly Series[];
  points: readonly Point[];
  /** The name of the axis of points, for the table. */
  axis: string;
  format(value: number): string;
}

const HEIGHT = 220;
const BOTTOM = 26;
const TOP = 18;
const LEFT = 62;

/** A chart with a heading; its points are one stop of the Tab key, and arrow keys move in them. */
export function Chart(properties: ChartProperties) {
  const [table, setTable] = useState(false);
  const save = () => {
    const head = [properties.axis, ...properties.series.map((each) => each.name)];
    const rows = properties.points.map((each) => [
      each.title,
      ...each.values.map((value) => value ?? ""),
    ]);
    saveFile(`${properties.name}.csv`, csvOf(head, rows), "text/csv");
  };
  return (
    <figure className="chart panel">
      <figcaption>
        <h2>{properties.finding}</h2>
        <span className="faint">{properties.name}</span>
      </figcaption>
      {properties.series.length > 1 && (
        <ul className="legend plain-legend">
          {properties.series.map((each) => (
            <li key={each.name}>
              <span className={`swatch ${each.kind}`} aria-hidden="true" /> {each.name}
            </li>
          ))}
        </ul>
      )}
      <Picture {...properties} />
      <div className="row">
        <Button aria-expanded={table} onClick={() => setTable(!table)}>
          {analyticsWords.table}
        </Button>
        <Button onClick={save}>{analyticsWords.csv}</Button>
      </div>
      {table && <Figures {...properties} />}
    </figure>
  );
}

function Picture(properties: ChartProperties) {
  const { points, series, shape } = properties;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [at, setAt] = useState<number | null>(null);
  const focused = Math.min(at ?? points.length - 1, points.length - 1);
  const ticks = ticksTo(mostOf(properties));
  const top = ticks.at(-1) ?? 1;
  const inner = Math.max(1, width - LEFT - 8);
  const step = inner / Math.max(1, points.length);
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  // Few bars have room for their values.
  const isSparse = series.length === 1 && step >= 64;
  const hasLabel = labelled(points.length, inner / 64);
  const move = (event: KeyboardEvent) => {
    const places: Record<string, number> = {
      ArrowRight: focused + 1,
      ArrowLeft: focused - 1,
      Home: 0,
      End: points.length - 1,
    };
    const to = points[focused]?.to;
    if (event.key === "Enter" && to) navigate(to);
    const next = places[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const index = Math.min(points.length - 1, Math.max(0, next));
    setAt(index);
    box.current?.querySelector<SVGElement>(`[data-point="${index}"]`)?.focus();
  };
  return (
    <div ref={box} className="chart-box">
      {/* biome-ignore lint/a11y/useSemanticElements: a picture of points is no fieldset */}
      <svg width={width} height={HEIGHT} role="group" aria-label={properties.name}>
        {ticks.map((tick) => (
          // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it cannot have the focus
          <g key={tick} aria-hidden="true">
            <line className="grid" x1={LEFT} x2={width - 8} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {properties.format(tick)}
            </text>
          </g>
        ))}
        {shape === "lines" && <Lines {...properties} step={step} y={y} />}
        {points.map((point, index) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: its role is one of two
          <g
            key={point.title}
            className="point"
            data-point={index}
            role={point.to ? "link" : "img"}
            aria-label={spoken(properties, point)}
            tabIndex={index === focused ? 0 : -1}
            onKeyDown={move}
            onFocus={() => setAt(index)}
            onMouseEnter={() => setAt(index)}
            onMouseLeave={() => setAt(null)}
            onClick={() => point.to && navigate(point.to)}
          >
            <rect
              className="ground"
              x={LEFT + index * step}
              y={TOP}
              width={step}
              height={HEIGHT - TOP - BOTTOM}
            />
            {shape === "bars" ? (
              <>
                <Stack point={point} series={series} x={LEFT + index * step} step={step} y={y} />
                {isSparse && (
                  <text
                    className="tick"
                    x={LEFT + (index + 0.5) * step}
                    y={y(point.values[0] ?? 0) - 5}
                    textAnchor="middle"
                  >
                    {properties.format(point.values[0] ?? 0)}
                  </text>
                )}
              </>
            ) : (
              point.values.map(
                (value, of) =>
                  value !== null && (
                    <circle
                      key={series[of]?.name}
                      className={series[of]?.kind}
                      cx={LEFT + (index + 0.5) * step}
                      cy={y(value)}
                      r={at === index ? 5 : 3}
                    />
                  ),
              )
            )}
          </g>
        ))}
        {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: it cannot have the focus */}
        <g aria-hidden="true">
          {points.map(
            (point, index) =>
              hasLabel(index) && (
                <text
                  key={point.title}
                  className="tick"
                  x={LEFT + (index + 0.5) * step}
                  y={HEIGHT - 8}
                  // The last label would be cut off at the edge.
                  textAnchor={LEFT + (index + 0.5) * step > width - 24 ? "end" : "middle"}
                >
                  {point.label}
                </text>
              ),
          )}
        </g>
      </svg>
      <p className="chart-said" aria-hidden="true">
        {at !== null && points[at] ? spoken(properties, points[at]) : " "}
      </p>
    </div>
  );
}

function Stack(properties: {
  point: Point;
  series: readonly Series[];
  x: number;
  step: number;
  y(value: number): number;
}) {
  const { point, series, step, y } = properties;
  const width = Math.max(1, Math.min(48, step * 0.72));
  let below = 0;
  return point.values.map((value, index) => {
    const from = below;
    below += value ?? 0;
    if (!value) return null;
    const height = Math.max(1, y(from) - y(below));
    return (
      <rect
        key={series[index]?.name}
        className={`bar ${series[index]?.kind}`}
        x={properties.x + (step - width) / 2}
        y={y(from) - height}
        width={width}
        height={height}
        rx="2"
      />
    );
  });
}

function Lines(properties: ChartProperties & { step: number; y(value: number): number }) {
  const { points, series, step, y } = properties;
  return series.map((each, index) => {
    let isOpen = false;
    const path = points
      .map((point, at) => {
        const value = point.values[index];
        if (value === null || value === undefined) {
          isOpen = false;
          return "";
        }
        const command = isOpen ? "L" : "M";
        isOpen = true;
        return `${command}${LEFT + (at + 0.5) * step} ${y(value)}`;
      })
      .join("");
    return <path key={each.name} className={`line ${each.kind}`} d={path} />;
  });
}

function Figures(properties: ChartProperties) {
  return (
    <div className="scroll">
      <table className="list">
        <caption className="hidden">{properties.name}</caption>
        <thead>
          <tr>
            <th scope="col">{properties.axis}</th>
            {properties.series.map((each) => (
              <th key={each.name} scope="col" className="number">
                {each.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {properties.points.map((point) => (
            <tr key={point.title}>
              <td data-label={properties.axis}>{point.title}</td>
              {point.values.map((value, index) => (
                <td
                  key={properties.series[index]?.name}
                  data-label={properties.series[index]?.name}
                  className="number"
                >
                  {value === null ? "–" : properties.format(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function spoken({ series, format }: ChartProperties, point: Point): string {
  const values = point.values.flatMap((value, index) =>
    value === null ? [] : `${series[index]?.name}: ${format(value)}`,
  );
  return `${point.title}. ${values.join(", ")}`;
}

function mostOf({ points, shape }: ChartProperties): number {
  const sizes = points.map((point) => {
    const values = point.values.map((value) => value ?? 0);
    return shape === "bars" ? values.reduce((a, b) => a + b, 0) : Math.max(0, ...values);
  });
  return Math.max(0, ...sizes);
}

/** Return the width of an element, as it is and becomes. */
function useWidth(box: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const sized = new ResizeObserver(() => setWidth(element.clientWidth));
    sized.observe(element);
    return () => sized.disconnect();
  }, [box]);
  return width;
}
