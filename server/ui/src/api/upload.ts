/** Uploads a file, and says how much of it is sent. */
import { ApiError, address, isObject } from "./client.ts";
import { session } from "./session.ts";
import type { FileBody } from "./types.ts";

/** Return the file as the server has it; raise ApiError. `onProgress` gets parts from 0 to 1. */
export function upload(file: File, onProgress: (part: number) => void): Promise<FileBody> {
  const request = new XMLHttpRequest();
  request.open("POST", address("/knowledge/files"));
  request.setRequestHeader("x-csrf-token", session.get().csrfToken ?? "");
  request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
  const form = new FormData();
  form.append("file", file);
  return new Promise((resolve, reject) => {
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status < 300) resolve(body as unknown as FileBody);
      else reject(refused(request.status, body));
    };
    request.onerror = () => reject(new ApiError(0, "unreachable", "The server cannot be reached."));
    request.send(form);
  });
}

function refused(status: number, body: Record<string, unknown>): ApiError {
  const error = isObject(body["error"]) ? body["error"] : {};
  const message = String(error["message"] ?? `The server answered ${status}.`);
  if (status === 401) session.set({ state: "out" });
  return new ApiError(status, String(error["code"] ?? ""), message, error["details"]);
}

function parsed(text: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(text);
    return isObject(found) ? found : {};
  } catch {
    return {};
  }
}
