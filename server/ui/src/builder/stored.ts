/** Reads and stores the text of a workflow: its draft, or the version that is published. */
import { ApiError, call, callTagged, part } from "../api/client.ts";
import type { DraftBody, PublishedWorkflow, StoredDraft } from "../api/types.ts";

export type Format = "yaml" | "json";

export interface StoredText {
  text: string;
  format: Format;
  /** The tag of the draft; null if there is none. */
  etag: string | null;
  /** The version that the draft began with; null for a workflow that is not published yet. */
  version: number | null;
  author: string | null;
}

const path = (id: string): string => `/workflows/${part(id)}`;

/** Return a workflow's draft, else its active version; raise ApiError if there is neither. */
export async function readStored(id: string, signal?: AbortSignal): Promise<StoredText> {
  const options = signal ? { signal } : {};
  const draft = await orNull(callTagged<DraftBody>("GET", `${path(id)}/draft`, options));
  if (draft !== null) {
    const { source, format = "yaml", base_version, author } = draft.data;
    return { text: source, format, etag: draft.etag, version: base_version ?? null, author };
  }
  return readVersion(id, null, signal);
}

/** Return the text of a version; of the active one without a number. */
export async function readVersion(
  id: string,
  version: number | null,
  signal?: AbortSignal,
): Promise<StoredText> {
  const options = { query: { version }, ...(signal && { signal }) };
  const found = await call<{ version: number; author: string | null }>("GET", path(id), options);
  const query = { version: found.version };
  const text = await call<string>("GET", `${path(id)}/source`, { ...options, query, isText: true });
  const format = text.trimStart().startsWith("{") ? "json" : "yaml";
  return { text, format, etag: null, version: found.version, author: found.author };
}

/** Store a draft; raise ApiError with 412 if somebody else stored one meanwhile. */
export async function storeDraft(
  id: string,
  { text, format, etag, version }: StoredText,
): Promise<{ etag: string | null; draft: StoredDraft }> {
  const stored = await callTagged<StoredDraft>("PUT", `${path(id)}/draft`, {
    body: { source: text, format, base_version: version },
    headers: etag === null ? { "if-none-match": "*" } : { "if-match": etag },
  });
  return { etag: stored.etag, draft: stored.data };
}

/** Make the draft the active version. */
export function publishDraft(
  id: string,
  etag: string | null,
  message: string,
): Promise<PublishedWorkflow> {
  return call("POST", `${path(id)}/publish`, {
    query: { message },
    headers: etag === null ? {} : { "if-match": etag },
  });
}

async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
