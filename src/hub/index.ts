export { type ResolvedFile, resolveRefs } from './resolve.ts';
