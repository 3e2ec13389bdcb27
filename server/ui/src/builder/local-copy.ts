/** What was typed and is not saved yet is kept in the browser, so that a crash loses nothing. */

export interface LocalCopy {
  id: string;
  text: string;
  /** The tag of the draft that it began with. */
  base: string | null;
  at: string;
}

const STORE = "texts";

/** Keep a text until it is saved. */
export async function keep(copy: LocalCopy): Promise<void> {
  await inStore("readwrite", (store) => store.put(copy));
}

/** Return the text that was kept for a workflow, or null. */
export async function kept(id: string): Promise<LocalCopy | null> {
  return ((await inStore("readonly", (store) => store.get(id))) as LocalCopy | undefined) ?? null;
}

/** Forget the text, as it is saved or not wanted. */
export async function forget(id: string): Promise<void> {
  await inStore("readwrite", (store) => store.delete(id));
}

async function inStore<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await opened();
  try {
    return await done(work(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open("flowc", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  return done(request);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
