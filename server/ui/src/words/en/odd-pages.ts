/** What is shown where there is no page, or one that may not be seen, or that has a fault. */

export const oddWords = {
  notFound: "There is no such page",
  notFoundHint: "The address may be mistyped, or what it showed was deleted.",
  home: "To the workflows",
  forbidden: (scope: string) => `This needs the scope ${scope}, which your key does not have.`,
  broken: "This page has a fault",
  brokenHint: "Nothing was lost. Load the page again; if it stays so, report what is below.",
  reload: "Load again",
};
