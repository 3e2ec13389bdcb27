/** Light or dark: as the system has it, or as the person chose. */

export type Theme = "system" | "light" | "dark";

const COOKIE = "flowc_theme";

export function chosenTheme(): Theme {
  const found = new RegExp(`(?:^|; )${COOKIE}=(light|dark)`).exec(document.cookie);
  return (found?.[1] as Theme | undefined) ?? "system";
}

/** Keep a choice for a year; the server writes it into the page, so that nothing flashes. */
export function chooseTheme(theme: Theme): void {
  const age = theme === "system" ? 0 : 31_536_000;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in Firefox yet
  document.cookie = `${COOKIE}=${theme}; path=/; max-age=${age}; samesite=strict`;
  const classes = document.documentElement.classList;
  classes.remove("light", "dark");
  if (theme !== "system") classes.add(theme);
}
