/** Of a pod's Secret, from the first of its grants: nobody else's can have it. */
export function secretNameOf(uuid: string): string {
  return `db-creds-${uuid}`;
}
