/** The cases of a workflow, as they are stored and as they are changed here. */
import { caseWords } from "#words/cases.ts";
import { ApiError, call, callTagged, part, post } from "../api/client.ts";
import type {
  Case,
  CaseResultBody,
  CaseRunBody,
  CaseRunsBody,
  StoredCasesBody,
} from "../api/types.ts";
import { type WrittenCase, written } from "./written.ts";

export interface CasesState {
  items: WrittenCase[];
  results: Record<string, CaseResultBody | undefined>;
  etag: string | null;
  isDirty: boolean;
}

const path = (id: string): string => `/workflows/${part(id)}/cases`;

export async function readCases(id: string, signal?: AbortSignal): Promise<CasesState> {
  const found = await callTagged<StoredCasesBody>("GET", path(id), signal ? { signal } : {});
  return stateOf(found.data, found.etag);
}

/** Store all cases; raise ApiError with 412 if somebody else stored some meanwhile. */
export async function storeCases(
  id: string,
  cases: readonly Case[],
  etag: string | null,
): Promise<CasesState> {
  const stored = await callTagged<StoredCasesBody>("PUT", path(id), {
    body: { cases },
    headers: etag === null ? {} : { "if-match": etag },
  });
  return stateOf(stored.data, stored.etag);
}

/** Run stored cases; all of them without names. */
export const runCases = (id: string, names: string[] | null): Promise<CaseRunsBody> =>
  post(`${path(id)}/run`, { names });

/** Run a case that need not be stored. */
export async function tryCase(id: string, tried: Case): Promise<CaseRunBody> {
  const body = { cases: [{ ...tried, name: tried.name || "new" }] };
  const [done] = (await post<CaseRunsBody>(`${path(id)}/run`, body)).results;
  if (done === undefined) throw new Error(caseWords.notRun);
  return done;
}

/** Return the cases as the text of a file. */
export const caseFile = (id: string): Promise<string> =>
  call("GET", path(id), { query: { format: "yaml" }, isText: true });

export const isConflict = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 412;

function stateOf(found: StoredCasesBody, etag: string | null): CasesState {
  const results = found.cases.map((each) => [each.name, each.last_result ?? undefined]);
  return {
    items: found.cases.map(written),
    results: Object.fromEntries(results),
    etag,
    isDirty: false,
  };
}
