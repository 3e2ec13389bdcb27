/** What is shown where there is no page, or one that may not be seen, or that has a fault. */
import { oddWords } from "#words/odd-pages.ts";
import { Button } from "../parts/buttons.tsx";
import { Empty } from "../parts/notices.tsx";
import { HOME, Link } from "./router.tsx";
import { useTitle } from "./title.ts";

export default function NotFound() {
  useTitle(oddWords.notFound);
  return (
    <Empty title={oddWords.notFound} level={1}>
      <p>{oddWords.notFoundHint}</p>
      <Link to={HOME} className="button primary">
        {oddWords.home}
      </Link>
    </Empty>
  );
}

/** The person's key does not have the scope of a page. */
export function Forbidden({ scope }: { scope: string }) {
  return <Empty title={oddWords.forbidden(scope)} level={1} />;
}

/** The page has a fault. */
export function Broken({ error }: { error: unknown }) {
  return (
    <Empty title={oddWords.broken} level={1}>
      <p>{oddWords.brokenHint}</p>
      <pre>{String(error)}</pre>
      <Button kind="primary" onClick={() => location.reload()}>
        {oddWords.reload}
      </Button>
    </Empty>
  );
}
