import { packageText } from '../../util/package-files.ts';
import type { Shell } from './shells.ts';

/** The shell's script, `@NAME@` in it replaced. */
export function filled(shell: Shell, parts: Readonly<Record<string, string>>): string {
  const template = packageText(`templates/completion/quantscope.${shell}`);
  return template.replaceAll(/@([A-Z]+)@/g, (mark, name: string) => parts[name] ?? mark);
}
