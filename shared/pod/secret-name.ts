/** Name of a pod's Secret, derived from its first grant so that it is unique. */
export function secretNameOf(uuid: string): string {
  return `db-creds-${uuid}`;
}
