/** The rows of the table with that head; code marks are taken off the cells. */
export function tableIn(markdown: string, head: readonly string[]): string[][] {
  const lines = markdown.split('\n');
  const first = lines.findIndex((line) => cellsOf(line).join() === head.join());
  if (first < 0) throw new Error(`there is no table with ${head.join(', ')}`);
  const end = lines.findIndex((line, index) => index > first && !line.startsWith('|'));
  return lines.slice(first + 2, end < 0 ? undefined : end).map(cellsOf);
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1'));
}
