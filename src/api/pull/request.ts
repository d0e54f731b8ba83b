import type { Host } from '../host.ts';

/** How files are downloaded. */
export interface PullRequest extends Host {
  /** Whether it is only said what would be downloaded. Default: false. */
  readonly dryRun?: boolean;
  /** Files at once. Default: {@link PULL_DEFAULTS}. */
  readonly files?: number;
  /** Connections for each file; `auto` adds some as long as that is faster. Default: {@link PULL_DEFAULTS}. */
  readonly connections?: number | 'auto';
  /** Seconds of silence after which a server is asked again. Default: {@link PULL_DEFAULTS}. */
  readonly timeout?: number;
}

export const PULL_DEFAULTS = {
  files: 2,
  connections: 'auto',
  timeout: 30,
} as const satisfies PullRequest;
