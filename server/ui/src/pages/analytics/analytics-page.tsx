/** Figures of all runs. */
import { analyticsWords } from "#words/analytics.ts";
import { useTitle } from "../../shell/title.ts";
import { Analytics } from "./analytics.tsx";

export default function AnalyticsPage() {
  useTitle(analyticsWords.title);
  return (
    <div className="page">
      <h1>{analyticsWords.title}</h1>
      <Analytics />
    </div>
  );
}
