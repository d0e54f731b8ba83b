/**
 * Which C library this system is built on. Programs for glibc do not load where there is musl, as on Alpine.
 * Node's report is slow (it looks at every network interface), so this is for what has failed already.
 */
export function cLibrary(platform = process.platform): 'glibc' | 'musl' | 'other' {
  if (platform !== 'linux') return 'other';
  const report: unknown = process.report.getReport();
  const header = (report as { readonly header?: { readonly glibcVersionRuntime?: string } }).header;
  return header?.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}
