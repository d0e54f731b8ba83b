import type { Checks } from './rule.ts';

/** The group file: whether it can be read, and what it is. */
export const FILE_RULES: Checks = {
  // A file that cannot be read has no header to look at: the command itself reports it.
  'file/unreadable': () => [],
  *'file/kind'({ header, identity, shards, joinedAt }) {
    const { kind, what, use } = identity;
    if (header === null || kind === 'model' || kind === 'ollama') return;
    // The rules about shards say what is wrong with a set; a sound one stands for its model.
    if (kind === 'shard' && (shards !== null || joinedAt !== null)) return;
    yield use === null ? { message: `this is ${what}` } : { message: `this is ${what}`, hint: use };
  },
  *'file/layout'({ header, identity }) {
    const { kind, what, use } = identity;
    if (header === null || kind !== 'ollama') return;
    yield use === null ? { message: `this is ${what}` } : { message: `this is ${what}`, hint: use };
  },
  *'file/joined'({ joinedAt }) {
    if (joinedAt === null) return;
    yield {
      message: `another GGUF header follows at byte ${joinedAt}: shards joined with cat`,
      offset: joinedAt,
    };
  },
};
