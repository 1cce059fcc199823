/**
 * Whether Vault's Kubernetes auth method matches `subject` with `pattern`: `*` stands for any run of characters,
 * everything else for itself (https://developer.hashicorp.com/vault/docs/auth/kubernetes).
 */
export function globMatches(pattern: string, subject: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === subject;
  if (!subject.startsWith(first)) return false;
  let position = first.length;
  for (const part of rest) {
    const found = subject.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return subject.length - last.length >= position && subject.endsWith(last);
}
