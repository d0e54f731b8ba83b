/**
 * What all writers put their text through, to the terminal, to a log and to a file: nothing that a file says may move
 * or reorder what a person reads, or be taken for a command by what reads a log.
 *
 * What is replaced becomes an escape of JSON, `\u202e`, which readers of JSON and YAML turn back and people see. None of
 * it stands outside of strings in any format that is written here.
 */

/** C1 controls, marks of direction, and line ends that only some readers know. */
const UNSEEN = /[\u0080-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g;

/**
 * Makes C1 controls and direction marks visible. A text of nothing but ASCII comes back as it is.
 * @param text of a whole document or a piece of one
 */
export function shownText(text: string): string {
  return text.replaceAll(UNSEEN, escaped);
}

/**
 * The beginnings of what runners of CI take out of a log as commands: GitHub's `::name ...::` and `##[name]`, which
 * may stand anywhere in a line, Azure's `##vso[`, TeamCity's `##teamcity[`, GitLab's `section_start:`.
 * The last character of each, in a group of its own, is what is replaced.
 */
const COMMAND = /(:):(?=[A-Za-z])|(#)#(?=\[|vso\[|teamcity\[)|(section_(?:start|end)):(?=\d)/gi;

/** {@link shownText}, with commands of CI runners broken up: `:\u003aerror`. */
export function withoutCommands(text: string): string {
  return shownText(text).replaceAll(COMMAND, (found) => found.slice(0, -1) + escaped(found.at(-1) ?? ''));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** GitHub Actions, Forgejo and Gitea, GitLab, Azure Pipelines, TeamCity, and what most others set. */
export const RUNNERS = ['GITHUB_ACTIONS', 'GITLAB_CI', 'TF_BUILD', 'TEAMCITY_VERSION', 'CI'] as const;

/** Whether a CI runner reads what is written. */
export function isReadByRunner(environment: NodeJS.ProcessEnv): boolean {
  return RUNNERS.some((name) => !['', 'false', undefined].includes(environment[name]));
}
