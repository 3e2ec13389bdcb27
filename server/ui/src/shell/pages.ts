/** The pages, by their addresses; each is loaded when it is first shown. */
import type { ComponentType } from "react";
import type { words as Words } from "#words/words.ts";
import type { ApiScope } from "../api/types.ts";
import { later } from "../parts/later.tsx";
import { Loading } from "../parts/loading.tsx";

export interface Page {
  path: string;
  /** Where in the navigation the page belongs. */
  nav?: keyof (typeof Words)["nav"];
  /** Without it, the page says what it needs. */
  scope?: ApiScope;
  page: ComponentType<Record<string, string>>;
}

const page = (load: Parameters<typeof later<Record<string, string>>>[0]) => later(load, Loading);

export const PAGES: Page[] = [
  {
    path: "/ui/workflows",
    nav: "workflows",
    scope: "workflows:read",
    page: page(() => import("../pages/workflows/workflows-page.tsx")),
  },
  {
    path: "/ui/workflows/:id",
    nav: "workflows",
    scope: "workflows:read",
    page: page(() => import("../pages/workflow/workflow-page.tsx")),
  },
  {
    path: "/ui/runs",
    nav: "runs",
    scope: "runs:read",
    page: page(() => import("../pages/runs/runs-page.tsx")),
  },
  {
    path: "/ui/runs/:id",
    nav: "runs",
    scope: "runs:read",
    page: page(() => import("../pages/run/run-page.tsx")),
  },
  {
    path: "/ui/analytics",
    nav: "analytics",
    scope: "analytics:read",
    page: page(() => import("../pages/analytics/analytics-page.tsx")),
  },
  {
    path: "/ui/tasks",
    nav: "tasks",
    scope: "runs:read",
    page: page(() => import("../pages/tasks/tasks-page.tsx")),
  },
  {
    path: "/ui/tasks/:id",
    nav: "tasks",
    scope: "runs:read",
    page: page(() => import("../pages/tasks/task-page.tsx")),
  },
  {
    path: "/ui/chat",
    nav: "chat",
    scope: "runs:execute",
    page: page(() => import("../pages/chat/chat-page.tsx")),
  },
  {
    path: "/ui/chat/:workflow",
    nav: "chat",
    scope: "runs:execute",
    page: page(() => import("../pages/chat/chat-page.tsx")),
  },
  {
    path: "/ui/documents",
    nav: "documents",
    scope: "knowledge:read",
    page: page(() => import("../pages/documents/documents-page.tsx")),
  },
  {
    path: "/ui/documents/:collection",
    nav: "documents",
    scope: "knowledge:read",
    page: page(() => import("../pages/documents/collection-page.tsx")),
  },
  {
    path: "/ui/triggers",
    nav: "triggers",
    scope: "triggers:read",
    page: page(() => import("../pages/triggers/triggers-page.tsx")),
  },
  {
    path: "/ui/settings",
    nav: "settings",
    page: page(() => import("../pages/settings/settings-page.tsx")),
  },
];

/** What the navigation shows, in this order, to those who may see it. */
export const NAVIGATION: {
  name: keyof (typeof Words)["nav"];
  to: string;
  scope: ApiScope;
  /** Shown beside the name. */
  beside?: ComponentType;
}[] = [
  { name: "workflows", to: "/ui/workflows", scope: "workflows:read" },
  { name: "runs", to: "/ui/runs", scope: "runs:read" },
  {
    name: "tasks",
    to: "/ui/tasks",
    scope: "runs:read",
    beside: later(() => import("./task-count.tsx")),
  },
  { name: "chat", to: "/ui/chat", scope: "runs:execute" },
  { name: "documents", to: "/ui/documents", scope: "knowledge:read" },
  { name: "triggers", to: "/ui/triggers", scope: "triggers:read" },
  { name: "analytics", to: "/ui/analytics", scope: "analytics:read" },
  { name: "settings", to: "/ui/settings", scope: "workflows:read" },
];
