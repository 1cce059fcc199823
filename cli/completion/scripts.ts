/**
 * Scripts that let a shell ask the program itself, with the words up to the cursor. It answers with a line for each
 * candidate: the word, a tab, its description. Without an answer the shell offers files.
 */
export const SCRIPTS = {
  bash: `_vault_db_injector() {
  local IFS=$'\\n'
  COMPREPLY=($(vault-db-injector complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _vault_db_injector vault-db-injector`,

  zsh: `#compdef vault-db-injector
_vault_db_injector() {
  local -a found
  found=("\${(@f)$(vault-db-injector complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null | tr '\\t' ':')}")
  if [[ -n "$found" ]]; then _describe 'vault-db-injector' found; else _files; fi
}
compdef _vault_db_injector vault-db-injector`,

  fish: `complete --command vault-db-injector --arguments \\
  '(vault-db-injector complete -- (commandline --tokenize --current-process --cut-at-cursor)[2..] (commandline --current-token))'`,
} as const;
