/** Calls the API of the server that these pages come from. */
import { session } from "./session.ts";

const BASE = "/api/v1";

/** The server refused a request, or cannot be reached (then `status` is 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: unknown;
  readonly requestId: string | null;

  constructor(status: number, code: string, message: string, details?: unknown, id?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
    this.requestId = id ?? null;
  }
}

export interface Options {
  /** Sent as JSON; a string is sent as it is, with `type`. */
  body?: unknown;
  type?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  query?: Query;
  /** The answer is a text, also if it is JSON. */
  isText?: boolean;
}

export type Query = Record<
  string,
  string | number | boolean | readonly string[] | null | undefined
>;

/** An answer with the tag of what it is about, for `If-Match`. */
export interface Tagged<T> {
  data: T;
  etag: string | null;
}

/** Return the answer to a request; raise ApiError if it is refused. */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  return (await callTagged<T>(method, path, options)).data;
}

export async function callTagged<T>(
  method: string,
  path: string,
  options: Options = {},
): Promise<Tagged<T>> {
  const response = await send(method, path, options);
  const data = options.isText ? await response.text() : await content(response);
  return { data: data as T, etag: response.headers.get("etag") };
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  call<T>("GET", path, { ...(query && { query }), ...(signal && { signal }) });

export const post = <T>(path: string, body?: unknown, options: Options = {}): Promise<T> =>
  call<T>("POST", path, { ...options, body });

/** Return the address of a resource, with its query. */
export function address(path: string, query: Query = {}): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    for (const each of Array.isArray(value) ? value : [value]) found.append(name, String(each));
  }
  const text = found.toString();
  // The API for clients of OpenAI, and the state of the server, have roots of their own.
  const base = path.startsWith("/v1/") || path === "/health" ? "" : BASE;
  return `${base}${path}${text ? `?${text}` : ""}`;
}

/** Return a part of a path, written so that it stays one part. */
export const part = (text: string): string => encodeURIComponent(text);

/** Return the response to a request, for who reads it piece by piece; raise ApiError. */
export async function send(method: string, path: string, options: Options): Promise<Response> {
  const headers: Record<string, string> = { ...options.headers };
  const isText = typeof options.body === "string" || options.body instanceof FormData;
  const body = isText || options.body === undefined ? options.body : JSON.stringify(options.body);
  if (options.type) headers["content-type"] = options.type;
  else if (body !== undefined && !isText) headers["content-type"] = "application/json";
  const token = session.get().csrfToken;
  if (token && method !== "GET") headers["x-csrf-token"] = token;
  const request: RequestInit = { method, headers, credentials: "same-origin" };
  if (body !== undefined) request.body = body as BodyInit;
  if (options.signal) request.signal = options.signal;
  const response = await fetch(address(path, options.query), request).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    session.set({ isAway: true });
    throw new ApiError(0, "unreachable", "The server cannot be reached.");
  });
  if (session.get().isAway) session.set({ isAway: false });
  if (!response.ok) throw await refused(response);
  return response;
}

async function content(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined;
  const type = response.headers.get("content-type") ?? "";
  return type.includes("json") ? response.json() : response.text();
}

async function refused(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const error = isObject(body) && isObject(body["error"]) ? body["error"] : {};
  const message = String(error["message"] ?? `The server answered ${response.status}.`);
  const id = response.headers.get("x-request-id") ?? undefined;
  if (response.status === 401) session.set({ state: "out" });
  return new ApiError(response.status, String(error["code"] ?? ""), message, error["details"], id);
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
