export interface DocBlock {
  readonly language: string;
  readonly text: string;
  readonly line: number;
  /** Why it is not run. */
  readonly notRun: string | null;
  readonly exitCode: number;
  /** A name in schema/. */
  readonly schema: string | null;
  /** The file that it is for the blocks below. */
  readonly file: string | null;
  readonly outputOf: string | null;
  /** Offsets of the text between the fences. */
  readonly start: number;
  readonly end: number;
}
export function docBlocks(markdown: string): DocBlock[];
export function docFolder(): Promise<{ folder: string; remove: () => Promise<void> }>;
export function runShell(
  script: string,
  folder: string,
): Promise<{ exitCode: number; stdout: string; stderr: string }>;
