import { type StructureCode, type StructureIssue, severityOf } from './structure-codes.ts';

/** Where an issue is, beside its byte offset. */
export interface IssuePlace {
  readonly offset: number;
  readonly key?: string;
  readonly tensor?: string;
  readonly hint?: string;
}

/** Thrown inside the parser where it cannot go on; the issue that says why is already logged. */
export class ParseStopped {}

/** What to do about most of them. */
export const AGAIN_HINT =
  'The file is probably cut short: compare its size with the source’s and download it again.';

/** Issues kept of one file: past that, more of them teach nothing and cost memory. */
const MAXIMUM_ISSUES = 1000;

/** Collects what is wrong with one header. */
export class IssueLog {
  readonly issues: StructureIssue[] = [];

  /** Notes a fault. */
  add(code: StructureCode, message: string, place: IssuePlace): void {
    const text = `${message} (byte ${place.offset})`;
    this.issues.push({ code, severity: severityOf(code), message: text, ...place });
  }

  /** Notes a fault after which parsing goes on, unless there are too many of them. */
  report(code: StructureCode, message: string, place: IssuePlace): void {
    this.add(code, message, place);
    if (this.issues.length >= MAXIMUM_ISSUES) throw new ParseStopped();
  }

  /** Notes a fault after which nothing that follows can be understood. */
  stop(code: StructureCode, message: string, place: IssuePlace): never {
    this.report(code, message, place);
    throw new ParseStopped();
  }

  /** The first issue of error severity. */
  firstError(): StructureIssue | undefined {
    return this.issues.find((issue) => issue.severity === 'error');
  }
}
