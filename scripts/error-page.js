import { STRUCTURE_CODES } from '../src/gguf/structure-codes.ts';
import { ERROR_CODES } from '../src/util/error-codes.ts';

/** docs/error-codes.md, from the lists that the type of the codes is made from. */
export function errorPage() {
  const rows = Object.entries(ERROR_CODES).map(
    ([group, { about, codes }]) => `| ${about} | ${codes.map((code) => `\`${group}/${code}\``).join(', ')} |`,
  );
  const structure = Object.keys(STRUCTURE_CODES).map((code) => `\`${code}\``);
  return `# Codes of errors

An error has a stable \`code\`, a \`message\` and mostly a \`hint\`, which are for people. On the command line with \`--json\` they stand in [an object](../schema/error.json) where the document would; in [the library](library.md) every \`QuantscopeError\` has them, and \`ErrorCode\` is the type of the codes. \`internal\` is a fault of quantscope.

| about | codes |
| --- | --- |
${rows.join('\n')}

A file whose structure is broken is told by the rule that it breaks; \`quantscope validate --explain RULE\` says what that means: ${structure.join(', ')}.
`;
}
